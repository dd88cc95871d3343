import { keyString, type Key, type KubeObject, type Resource } from '../resource.ts';
import { resourceId } from '../paths.ts';
import { notOlder } from '../resourceversion.ts';
import type { Kube, WatchedCache } from '../types.ts';

/**
 * WriteTracker is the own-write guard: it remembers what each reconcile wrote, so that the next one of the same key does
 * not act on a cache that has not seen it. `by` names who wrote: the controller and its key, as one string.
 *
 * A write counts as seen when the cache holds the object at that resourceVersion or a newer one, when the object's kind
 * has been seen up to there (another object's event, a bookmark: so it was deleted since), or when the kind is not cached.
 * "Newer" compares integers. Kubernetes promises that from 1.35 on (KEP-5504); below, it is how every kube-apiserver on
 * etcd has behaved since 1.9 yet no promise, so nothing depends on it for good: each wait has an end, after which the
 * reconcile runs as it would without a guard, and the next event of the object runs it again.
 */
export interface WriteTracker {
  /** wrote remembers the resourceVersion that a create, apply or patch answered. */
  wrote(by: string, r: Resource, key: Key, resourceVersion: string): void;
  /** removed remembers a delete; seen when the cache has lost that uid or holds it as terminating. */
  removed(by: string, r: Resource, key: Key, uid: string): void;
  /** isStale is true while the cache has not seen every write of `by`. */
  isStale(by: string): boolean;
  /** caughtUp resolves true as soon as the cache has seen all writes of `by`, false at the timeout (then they are forgotten); rejects on abort. */
  caughtUp(by: string, o: { readonly signal?: AbortSignal; readonly timeoutMs: number }): Promise<boolean>;
  /** forget drops what is remembered of `by`: its object is gone. */
  forget(by: string): void;
  /** close unsubscribes from the cache. */
  close(): void;
}

type Write = {
  readonly resource: Resource;
  readonly key: Key;
  readonly resourceVersion?: string;
  readonly removedUid?: string;
};

const isSeen = (cache: WatchedCache, w: Write): boolean => {
  if (cache.coverage(w.resource, w.key.namespace) === undefined) return true;
  if (w.removedUid !== undefined) {
    const held = cache.get(w.resource, w.key);
    return held?.metadata?.uid !== w.removedUid || held.metadata.deletionTimestamp !== undefined;
  }
  const wanted = w.resourceVersion ?? '';
  return (
    notOlder(cache.resourceVersion(w.resource, w.key), wanted) ||
    notOlder(cache.progress(w.resource, w.key.namespace), wanted)
  );
};

/** trackWrites makes the WriteTracker of a cache. */
export const trackWrites = (cache: WatchedCache): WriteTracker => {
  const writes = new Map<string, Map<string, Write>>();
  const waiting = new Map<string, Set<() => void>>();
  const subscriptions = new Map<string, () => void>();
  const writersOf = new Map<string, Set<string>>();

  const drop = (by: string, id: string): void => {
    const mine = writes.get(by);
    mine?.delete(id);
    if (mine?.size === 0) writes.delete(by);
    const writers = writersOf.get(id);
    writers?.delete(by);
    if (writers?.size === 0) writersOf.delete(id);
  };
  const isStale = (by: string): boolean => {
    for (const [id, w] of writes.get(by) ?? []) if (isSeen(cache, w)) drop(by, id);
    return writes.has(by);
  };
  /** Nothing of a write's own object need come: it may be gone since, and only the progress of its kind tells so. */
  const wakeBySeen = (by: string): (() => void)[] =>
    [...(writes.get(by)?.values() ?? [])].flatMap(({ resource, key, resourceVersion }) =>
      resourceVersion === undefined
        ? []
        : [cache.whenSeen(resource, key.namespace, resourceVersion, () => wakeIfCaughtUp(by))],
    );
  const wakeIfCaughtUp = (by: string): void => {
    if (!isStale(by)) for (const wake of waiting.get(by) ?? []) wake();
  };
  const follow = (r: Resource): void => {
    const kind = resourceId(r);
    if (subscriptions.has(kind)) return;
    subscriptions.set(
      kind,
      cache.subscribe(r, ({ before, after }) => {
        const meta = (after ?? before)?.metadata;
        const id = `${kind} ${keyString({ namespace: meta?.namespace ?? '', name: meta?.name ?? '' })}`;
        for (const by of [...(writersOf.get(id) ?? [])]) wakeIfCaughtUp(by);
      }),
    );
  };
  const remember = (by: string, w: Write): void => {
    if (isSeen(cache, w)) return;
    const id = `${resourceId(w.resource)} ${keyString(w.key)}`;
    (writes.get(by) ?? writes.set(by, new Map()).get(by))?.set(id, w);
    (writersOf.get(id) ?? writersOf.set(id, new Set()).get(id))?.add(by);
    follow(w.resource);
  };
  const forget = (by: string): void => {
    for (const id of [...(writes.get(by)?.keys() ?? [])]) drop(by, id);
  };

  return {
    wrote: (by, resource, key, resourceVersion) => remember(by, { resource, key, resourceVersion }),
    removed: (by, resource, key, removedUid) => remember(by, { resource, key, removedUid }),
    isStale,
    forget,
    caughtUp: (by, { signal, timeoutMs }) =>
      new Promise<boolean>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        if (!isStale(by)) return resolve(true);
        const end = (settle: () => void): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          for (const cancel of cancels) cancel();
          const set = waiting.get(by);
          set?.delete(wake);
          if (set?.size === 0) waiting.delete(by);
          settle();
        };
        const wake = (): void => end(() => resolve(true));
        const abort = (): void => end(() => reject(signal?.reason as Error));
        const expire = (): void => {
          const late = isStale(by);
          forget(by);
          end(() => resolve(!late));
        };
        const timer = setTimeout(expire, timeoutMs);
        const cancels = wakeBySeen(by);
        signal?.addEventListener('abort', abort, { once: true });
        (waiting.get(by) ?? waiting.set(by, new Set()).get(by))?.add(wake);
      }),
    close: () => {
      for (const unsubscribe of subscriptions.values()) unsubscribe();
      subscriptions.clear();
    },
  };
};

/** tracked wraps a client so that every write it makes is remembered under `by`. */
export const tracked = (kube: Kube, tracker: WriteTracker, by: string): Kube => {
  const remember = <T extends KubeObject>(r: Resource, o: T): T => {
    const { namespace = '', name = '', resourceVersion } = o.metadata ?? {};
    if (resourceVersion !== undefined) tracker.wrote(by, r, { namespace, name }, resourceVersion);
    return o;
  };
  return {
    get: (r, key, o) => kube.get(r, key, o),
    getMetadata: (r, key, o) => kube.getMetadata(r, key, o),
    list: (r, o) => kube.list(r, o),
    logs: (key, o) => kube.logs(key, o),
    create: async (r, object, o) => remember(r, await kube.create(r, object, o)),
    apply: async (r, intent, o) => {
      const answer = await kube.apply(r, intent, o);
      return o?.dryRun === true ? answer : remember(r, answer);
    },
    mergePatch: async (r, key, patch, o) => remember(r, await kube.mergePatch(r, key, patch, o)),
    remove: async (r, key, o) => {
      const removed = await kube.remove(r, key, o);
      if (removed) tracker.removed(by, r, key, o.uid);
      return removed;
    },
  };
};
