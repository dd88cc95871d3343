import { StringDecoder } from 'node:string_decoder';
import { ApiError, errorOfStatus } from '../errors.ts';
import type { KubeObject } from '../resource.ts';

/** WatchEvent is one event of a watch; an ERROR event is thrown as ApiError instead. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: KubeObject };

/** Bytes is what a watch reads: the body of an HTTP answer. */
export type Bytes = AsyncIterable<Buffer> & { destroy(error?: Error): void };

const malformed = (line: string, cause?: unknown): ApiError =>
  new ApiError({
    code: 0,
    reason: 'Malformed',
    message: `the watch sent a broken line of ${line.length} characters`,
    cause,
  });

const types = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

const eventOf = <T>(line: string): WatchEvent<T> => {
  let event: { type: string; object: object };
  try {
    event = JSON.parse(line) as typeof event;
  } catch (e) {
    throw malformed(line, e);
  }
  if (event?.type === 'ERROR') throw errorOfStatus(event.object ?? {});
  if (!types.has(event?.type) || typeof event.object !== 'object' || event.object === null) throw malformed(line);
  return event as WatchEvent<T>;
};

/** watchdog destroys the bytes when none came for ms: a half-open socket says nothing, for ever. */
const watchdog = (bytes: Bytes, ms: number): { fed(): void; end(): void } => {
  const bite = (): void =>
    bytes.destroy(new ApiError({ code: 0, reason: 'Silent', message: `the watch said nothing for ${ms} ms` }));
  const timer = setTimeout(bite, ms);
  return { fed: () => void timer.refresh(), end: () => clearTimeout(timer) };
};

const brokenOff = (e: unknown): ApiError => {
  const message = `the watch broke off: ${e instanceof Error ? e.message : String(e)}`;
  return new ApiError({ code: 0, reason: 'ConnectionFailed', message, cause: e });
};

/**
 * readEvents yields the events of a watch stream until the server ends it cleanly. It throws an ApiError for an ERROR
 * event, a broken or cut line, a lost connection, or silence longer than deadlineMs; the signal's reason when that fires.
 */
export async function* readEvents<T>(
  bytes: Bytes,
  o: { readonly deadlineMs: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const { signal } = o;
  const decoder = new StringDecoder('utf8');
  const dog = watchdog(bytes, o.deadlineMs);
  const abort = (): void => bytes.destroy();
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  let rest = '';
  try {
    for await (const chunk of bytes) {
      dog.fed();
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield eventOf<T>(line);
    }
    if (rest !== '' && signal?.aborted !== true) throw malformed(rest);
  } catch (e) {
    signal?.throwIfAborted();
    throw e instanceof ApiError ? e : brokenOff(e);
  } finally {
    dog.end();
    signal?.removeEventListener('abort', abort);
    bytes.destroy();
  }
  signal?.throwIfAborted();
}
