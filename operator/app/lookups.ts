import { App } from '../api/app.ts';
import { blobKey, blobValue, byBlob } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { listWarnings } from '../kube/client/warnings.ts';
import { isApiError } from '../kube/errors.ts';
import { keyOf } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import { tidyLog } from '../telemetry/logtail.ts';
import type { AppDeps, AppTools } from './deps.ts';
import type { Observed, Query } from './observed.ts';
import { urlSeconds } from './upload.ts';
import type { Room } from './usage.ts';

/** lookUp answers what a plan cannot do without; undefined while the storage is asked, which wakes the App. */
export const lookUp = async (
  tools: AppTools,
  observed: Observed,
  query: Query,
  ctx: Context,
): Promise<Observed | undefined> => {
  switch (query.type) {
    case 'blob': {
      const blob = tools.archives.look(keyOf(observed.app), blobKeyOf(tools, observed.app));
      return blob && { ...observed, blob, otherSizes: blob.type === 'present' ? otherSizes(ctx, observed) : [] };
    }
    case 'room': {
      const room = claimRoom(tools, ctx, observed);
      return room && { ...observed, room };
    }
    case 'signed':
      return sign(tools, observed);
    case 'log':
      return { ...observed, podLog: await readLog(ctx, observed, query) };
    case 'warnings':
      return { ...observed, warnings: await readWarnings(ctx, observed, query) };
  }
};

/** blobKeyOf is where the archive of the App's source lies in the bucket. */
export const blobKeyOf = ({ config }: AppDeps, { metadata, spec }: App): string =>
  blobKey(config.s3.prefix, metadata.namespace, spec.source?.blob?.sha256 ?? '');

/** They are of one namespace: who makes more of them harms nobody else's archives. */
const maxOthers = 100;

const otherSizes = ({ cache }: Context, { app }: Observed): number[] => {
  const { namespace, uid } = app.metadata;
  const value = blobValue(namespace, app.spec.source?.blob?.sha256 ?? '');
  const apps = cache.byIndex(App, byBlob, value, maxOthers).filter(({ metadata }) => metadata.uid !== uid);
  const runs = cache.byIndex(StageRun, byBlob, value, maxOthers);
  return [...apps, ...runs].flatMap(({ spec }) => spec.source?.blob?.size ?? []);
};

const claimRoom = ({ usage }: AppTools, { cache }: Context, { app, blob }: Observed): Room | undefined => {
  const archive = app.spec.source?.blob;
  const { sha256 = '', size = 0 } = archive ?? {};
  // What is fetched from elsewhere takes no room for an archive.
  const present = archive === undefined || blob.type === 'present';
  return usage.claim(cache, { app: keyOf(app), sha256, size, present });
};

const sign = (tools: AppTools, observed: Observed): Observed | undefined => {
  const blob = observed.app.spec.source?.blob;
  if (blob === undefined) throw new Error('only an archive is uploaded');
  const key = blobKeyOf(tools, observed.app);
  const request = { key, sha256: blob.sha256, size: blob.size, expiresSeconds: urlSeconds };
  const signed = tools.archives.sign(keyOf(observed.app), request, observed.s3ChangedAt);
  if (signed === undefined) return undefined;
  return 'type' in signed ? { ...observed, blob: signed } : { ...observed, signed };
};

/** A node that does not answer must not hold a worker for long: the reason alone tells enough. */
const podMs = 5_000;

const readWarnings = ({ kube, signal }: Context, { app }: Observed, query: Extract<Query, { type: 'warnings' }>) =>
  listWarnings(
    kube,
    { metadata: { namespace: app.metadata.namespace, name: query.pod, uid: query.uid } },
    { timeoutMs: podMs, signal },
  );

const logLines = 40;
const logBytes = 16 * 1024;

const readLog = async (ctx: Context, { app }: Observed, query: Extract<Query, { type: 'log' }>): Promise<string> => {
  const { pod, container, previous, from } = query;
  try {
    const text = await ctx.kube.logs(
      { namespace: app.metadata.namespace, name: pod },
      {
        container,
        previous,
        ...(from === 'end' && { tailLines: logLines }),
        limitBytes: logBytes,
        timeoutMs: podMs,
        signal: ctx.signal,
      },
    );
    return tidyLog(text, logBytes);
  } catch (error) {
    // The container may be gone by now; the reason alone tells enough.
    if (isApiError(error)) return '';
    throw error;
  }
};
