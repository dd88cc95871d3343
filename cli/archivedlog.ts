import { randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { annotations } from '../operator/api/names.ts';
import { StageRun, type RunLog } from '../operator/api/stagerun.ts';
import { isApiError } from '../operator/kube/errors.ts';
import { splitLines } from '../operator/kube/loglines.ts';
import type { Key } from '../operator/kube/resource.ts';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { resolve } from './upload.ts';

interface Tools {
  readonly kube: KubeClient;
  readonly signal: AbortSignal;
}

/** Archived is the log of a build that has ended, as it is kept in the bucket, or why it cannot be had. */
export type Archived =
  | { readonly type: 'lines'; readonly lines: AsyncIterable<ArchivedLine> }
  | { readonly type: 'none'; readonly why: string };

/** ArchivedLine is a line of it; what Epinio says about the log itself has no time. */
export interface ArchivedLine {
  readonly at?: Date;
  readonly text: string;
}

const lookMs = 250;
/** The operator answers within a second; a build that has only just ended may still be written. */
const patienceMs = 60_000;
/** A server that sends nothing for so long is given up. */
const idleMs = 30_000;

const none = (why: string): Archived => ({ type: 'none', why });

/** askFor asks the operator for a URL of the log; undefined where it does not answer. */
const askFor = async ({ kube, signal }: Tools, key: Key): Promise<RunLog | undefined> => {
  const request = randomUUID();
  await kube.mergePatch(
    StageRun,
    key,
    { metadata: { annotations: { [annotations.requestLog]: request } } },
    { signal },
  );
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    const log = (await kube.get(StageRun, key, { signal }))?.status?.log;
    if (log?.request === request) return log;
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  return undefined;
};

/** get opens a URL. node:http, because names below .localhost are loopback, which fetch does not know. */
const get = (url: URL, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((ok, fail) => {
    const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = open(url, { lookup: resolve, timeout: idleMs, agent: false, signal }, ok);
    request.on('timeout', () => request.destroy(new Error(`no answer for ${idleMs / 1000} s`)));
    request.on('error', fail).end();
  });

const stamped = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (\[[a-z]+\] .*)$/s;

async function* linesOf(response: IncomingMessage): AsyncGenerator<ArchivedLine> {
  for await (const { text } of splitLines(response as AsyncIterable<Buffer>)) {
    const [, at, rest] = stamped.exec(text) ?? [];
    yield at === undefined || rest === undefined ? { text } : { at: new Date(at), text: rest };
  }
}

/** archivedLog reads the log of a build whose pod is gone. */
export const archivedLog = async (tools: Tools, key: Key): Promise<Archived> => {
  let log: RunLog | undefined;
  try {
    log = await askFor(tools, key);
  } catch (error) {
    if (isApiError(error, 403))
      return none('asking for it takes the right to patch stageruns, as the role edit has it');
    throw error;
  }
  if (log === undefined) return none('the operator does not answer');
  const url = URL.parse(log.url ?? '');
  if (url === null) return none(log.message ?? 'the operator gives no address for it');
  try {
    const response = await get(url, tools.signal);
    if (response.statusCode === 200) return { type: 'lines', lines: linesOf(response) };
    response.resume();
    return none(`the S3 server at ${url.host} answers HTTP ${response.statusCode}`);
  } catch (error) {
    tools.signal.throwIfAborted();
    return none(`the S3 server at ${url.host} cannot be asked: ${(error as Error).message}`);
  }
};
