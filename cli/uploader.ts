import { App } from '../operator/api/app.ts';
import { annotations } from '../operator/api/names.ts';
import { UserError } from './errors.ts';
import type { Tools } from './follow.ts';
import type { Mine } from './judge.ts';
import { bytes } from './output.ts';
import { createPace } from './pace.ts';
import type { Archive } from './pack.ts';
import { createRate } from './rate.ts';
import type { Relay } from './relay.ts';
import { upload, UploadFailure, type Upload } from './upload.ts';

/** Uploader brings the archive to where it is awaited. */
export interface Uploader {
  /** offer is called whenever the archive is awaited; it does what is to be done now, which may be nothing. */
  offer(to: Upload, why: string | undefined): Promise<void>;
  /** isDone tells whether the archive was sent and may be expected to arrive. */
  isDone(): boolean;
  /** tookMs is how long all uploads took together. */
  tookMs(): number;
}

/** How often a broken upload is tried again; where not even a connection is to be had, less often. */
const attempts = { broken: 8, unreachable: 3 } as const;
const waitMs = (failures: number): number => Math.min(1000 * 2 ** (failures - 1), 15_000);
/** The operator looks every second at first. */
const arrivesWithinMs = 20_000;
/** How often the archive is sent whole before it is given up, and how often another address is asked for. */
const most = { uploads: 3, requests: 3 } as const;

/** Servers that this machine does not reach, as far as this process has seen: another push of it need not try again. */
const unreached = new Set<string>();

/** throughPod says of a connection that broke off what to look at, where a pod made it. */
export const throughPod = (failure: UploadFailure, endpoint: string): UploadFailure =>
  failure.kind === 'broken' && failure.cause !== undefined
    ? new UploadFailure(
        failure.kind,
        failure.message,
        `see whether a NetworkPolicy keeps pods with the label app.kubernetes.io/component=relay from ${endpoint}`,
        failure.cause,
      )
    : failure;

/** createUploader sends an archive, again where that broke off, and asks for another address where one is no longer valid. */
export const createUploader = (tools: Tools, mine: Mine, archive: Archive): Uploader => {
  const { kube, config, output, signal, now } = tools;
  let failures = 0;
  let uploads = 0;
  let requests = 0;
  let took = 0;
  /** An address that is not to be used for a while. */
  let rest: { readonly url: string; readonly until: number } | undefined;

  const renew = async (failure: UploadFailure, url: string): Promise<void> => {
    if (++requests > most.requests) throw failure;
    output.step('The upload address is not valid any more; asking for another one');
    const asked = { metadata: { annotations: { [annotations.requestUpload]: new Date().toISOString() } } };
    await kube.mergePatch(App, mine.key, asked, { signal });
    rest = { url, until: Infinity };
  };

  const fail = async (failure: UploadFailure, { url, relay }: Upload): Promise<void> => {
    if (failure.kind === 'final') throw failure;
    if (failure.kind === 'stale') return renew(failure, url);
    const { host } = new URL(url);
    if (failure.kind === 'unreachable' && !unreached.has(host) && relay !== undefined && config !== undefined) {
      unreached.add(host);
      return output.step(`${failure.message}: uploading through the cluster instead`);
    }
    failures += 1;
    if (failures >= attempts[failure.kind]) throw failure;
    rest = { url, until: now() + waitMs(failures) };
    output.step(`The upload failed: ${failure.message}; trying again in ${waitMs(failures) / 1000} s`);
  };

  const relayFor = async ({ url, relay }: Upload): Promise<Relay | undefined> => {
    if (!unreached.has(new URL(url).host) || relay === undefined || config === undefined) return undefined;
    const { namespace } = mine.key;
    output.step(`Starting a pod in namespace ${namespace} that leads to the storage; it goes after the upload`);
    const tell = (text: string): void => output.step(text);
    // Most pushes need none of it.
    const { openRelay } = await import('./relay.ts');
    return openRelay({ kube, config, signal, tell }, { ...mine.key, uid: mine.uid }, relay);
  };

  const send = async (to: Upload): Promise<void> => {
    await archive.make?.();
    const startedAt = now();
    let byPod: string | undefined;
    try {
      await using relay = await relayFor(to);
      byPod = relay && to.relay?.endpoint;
      const where = relay === undefined ? new URL(to.url).host : `${byPod}, through the cluster`;
      output.step(`Uploading ${bytes(archive.size)} to ${where}`);
      const rate = createRate(archive.size, now);
      const isDue = createPace(now);
      const onProgress = (sent: number): void => {
        if (isDue()) output.progress(`Uploading: ${rate(sent)}`);
      };
      await upload(to, archive, { onProgress, signal, via: relay });
      uploads += 1;
      failures = 0;
      rest = { url: to.url, until: now() + arrivesWithinMs };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UploadFailure)) throw error;
      await fail(byPod === undefined ? error : throughPod(error, byPod), to);
    } finally {
      took += now() - startedAt;
    }
  };

  return {
    offer: async (to, why) => {
      if (to.url === rest?.url && now() < rest.until) return;
      if (uploads >= most.uploads)
        throw new UserError(
          `the archive was uploaded ${uploads} times and is still awaited${why === undefined ? '' : `: ${why}`}`,
          'see the log of the operator: it looks for the archive in the storage',
        );
      if (why !== undefined) output.step(why);
      await send(to);
    },
    isDone: () => uploads > 0 && failures === 0,
    tookMs: () => took,
  };
};
