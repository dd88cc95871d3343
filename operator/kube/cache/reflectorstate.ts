import { backoffMs, jittered, type Backoff } from '../backoff.ts';
import { ApiError, isApiError, isExpired, isFromTheFuture } from '../errors.ts';
import type { Resource } from '../resource.ts';
import type { CallOptions, KubeReader } from '../types.ts';

/** Timing of a reflector; tests shorten it. */
export interface Timing {
  readonly backoff: Backoff;
  /** A watch that lived this long ends a series of failures. */
  readonly healthyMs: number;
  /** The server is asked to end a watch after a random time between the two. */
  readonly watchSeconds: readonly [number, number];
  /** Silence after which a watch counts as dead; more than the minute between the server's bookmarks. */
  readonly readDeadlineMs: number;
  /** A page of a list, or the head of a watch's answer, may take this long. */
  readonly requestTimeoutMs: number;
  /** Objects per page of a list. */
  readonly pageSize: number;
}

/**
 * defaultTiming: backoff 0.8 s → 30 s with jitter 1.0, watches of 5 to 10 minutes. Failures are forgotten after 30 s, where
 * client-go takes 2 minutes: behind a balancer that cuts each connection after one, the wait would grow to 30 s of each 90.
 */
export const defaultTiming: Timing = {
  backoff: { baseMs: 800, factor: 2, maxMs: 30_000 },
  healthyMs: 30_000,
  watchSeconds: [300, 600],
  readDeadlineMs: 100_000,
  requestTimeoutMs: 60_000,
  pageSize: 500,
};

/** ReflectorState: what a reflector knows, and so what it does next. */
export type ReflectorState =
  /** Nothing that could be resumed: LIST. `restored`: versions may come a second time; `deaf`: the watch is not believed. */
  | { readonly type: 'empty'; readonly why?: 'restored' | 'deaf' }
  /** The store is the API's state as of this version: WATCH from there. */
  | { readonly type: 'watching'; readonly version: string }
  /** The same, but the server may have gone back meanwhile, or nothing was heard for long: ask how far it is. */
  | { readonly type: 'doubtful'; readonly version: string; readonly silent: boolean }
  /** The API server does not serve the kind, which is optional: LIST when there is reason to, or now and then. */
  | { readonly type: 'absent' }
  /** Something failed: wait, then go on. */
  | { readonly type: 'waiting'; readonly ms: number; readonly then: ReflectorState }
  | { readonly type: 'stopped' };

const wentBackReason = 'WentBack';

/** wentBack is the error of a watch that begins with what is older than the version that was asked for. */
export const wentBack = (from: string, version: string): ApiError =>
  new ApiError({
    code: 0,
    reason: wentBackReason,
    message: `the watch from version ${from} began with version ${version}`,
  });

/** Ended is what a watch was like that has ended: whether the server had answered it, and whether it was silent too long. */
export interface Ended {
  readonly opened: boolean;
  readonly silent: boolean;
}

/** resumption is where a reflector that knew `version` goes on after a watch failed: what the server cannot resume is listed anew. */
export const resumption = (error: unknown, version: string, { opened, silent }: Ended): ReflectorState => {
  if (isExpired(error)) return { type: 'empty' };
  if (isFromTheFuture(error) || (isApiError(error) && error.reason === wentBackReason))
    return { type: 'empty', why: 'restored' };
  // A server that could not be reached may be another one now, with a restored backup.
  const away = !opened && isApiError(error) && (error.code === 0 || error.code >= 500);
  return silent || away ? { type: 'doubtful', version, silent } : { type: 'watching', version };
};

// No object and no namespace can have this name: what is asked for it is answered from one key, with the server's version.
const nobody = '-';

/** currentVersion asks how far the server is, with the right to list that a reflector has, and without reading an object. */
export const currentVersion = async (
  client: Pick<KubeReader, 'list'>,
  r: Resource,
  namespace: string | undefined,
  o: CallOptions,
): Promise<string> => {
  const place = namespace ?? (r.namespaced ? nobody : undefined);
  const fieldSelector = `metadata.name=${nobody}`;
  const { metadata } = await client.list(r, {
    ...o,
    fieldSelector,
    ...(place === undefined ? {} : { namespace: place }),
  });
  return metadata.resourceVersion ?? '';
};

/** retryDelay is the wait after the n-th failure in a row (from 0): backoff with jitter, or what the server asks for if that is longer. */
export const retryDelay = (backoff: Backoff, n: number, error: unknown, random: () => number): number => {
  const told = isApiError(error) ? (error.retryAfter ?? 0) * 1000 : 0;
  return Math.max(jittered(backoffMs(backoff, n), 1, random), told);
};
