import type { Clock } from './clock.ts';
import { namespaceOf } from './resource.ts';

/** Backoff says how the wait grows with the number of failures. */
export interface Backoff {
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** backoffMs is the wait after the n-th failure (n from 0), without jitter. */
export const backoffMs = (b: Backoff, n: number): number => Math.min(b.maxMs, b.baseMs * b.factor ** Math.min(n, 64));

/** jittered adds up to `part` of ms at random, so that what failed together does not come back together. */
export const jittered = (ms: number, part = 0.1, random: () => number = Math.random): number =>
  ms * (1 + part * random());

/**
 * retryBackoff of a key that failed: client-go's 5 ms · 2ⁿ, but at most 5 minutes where client-go has 1000 s: somebody who
 * repaired the cause outside of the cluster should not wait for a quarter of an hour.
 */
export const retryBackoff: Backoff = { baseMs: 5, factor: 2, maxMs: 300_000 };

/** Bucket is a token bucket for reservations: take() says how long to wait until the token it gave is valid. */
export interface Bucket {
  take(): number;
}

/** bucket fills with perSecond tokens up to burst; a taken token that is not there yet is reserved, and the wait returned. */
export const bucket = (clock: Clock, perSecond: number, burst: number): Bucket => {
  let tokens = burst;
  let filledAt = clock.monotonic();
  return {
    take() {
      const now = clock.monotonic();
      tokens = Math.min(burst, tokens + ((now - filledAt) / 1000) * perSecond) - 1;
      filledAt = now;
      return tokens >= 0 ? 0 : (-tokens / perSecond) * 1000;
    },
  };
};

/** RateLimiter says when a key that failed may be tried again. */
export interface RateLimiter {
  /** when counts one more failure of key and returns the wait in ms. */
  when(key: string): number;
  /** forget ends the series of failures. */
  forget(key: string): void;
  failures(key: string): number;
}

/** Failing is what one namespace has of keys that fail. */
interface Failing {
  readonly bucket: Bucket;
  keys: number;
}

/**
 * rateLimiter is client-go's default, but that each namespace has a bucket of its own: exponential per key, and a bucket (10/s,
 * burst 100) over all keys of a namespace, so that a thousand of them that fail delay nobody else's. The longer wait holds.
 */
export const rateLimiter = (
  clock: Clock,
  backoff: Backoff = retryBackoff,
  fill: () => Bucket = () => bucket(clock, 10, 100),
): RateLimiter => {
  const failures = new Map<string, number>();
  const failing = new Map<string, Failing>();
  const failingOf = (namespace: string): Failing => {
    const known = failing.get(namespace) ?? { bucket: fill(), keys: 0 };
    failing.set(namespace, known);
    return known;
  };
  return {
    when(key) {
      const n = failures.get(key) ?? 0;
      failures.set(key, n + 1);
      const mine = failingOf(namespaceOf(key));
      if (n === 0) mine.keys++;
      return Math.max(backoffMs(backoff, n), mine.bucket.take());
    },
    forget(key) {
      if (!failures.delete(key)) return;
      const namespace = namespaceOf(key);
      const mine = failingOf(namespace);
      mine.keys--;
      if (mine.keys === 0) failing.delete(namespace);
    },
    failures: (key) => failures.get(key) ?? 0,
  };
};
