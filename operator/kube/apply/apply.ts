import { hash as digest } from 'node:crypto';
import { isConflict } from '../errors.ts';
import { intrusions, placeText } from './intrusions.ts';
import { overwrite } from './overwrite.ts';
import { controllerOf, groupOf, isControlledBy } from '../owners.ts';
import { resourceId } from '../paths.ts';
import { keyOf, keyString, type Key, type KubeObject, type Resource } from '../resource.ts';
import { canonical } from '../canonical.ts';
import { differences, pruned, type Difference } from './subset.ts';
import type { Cache, Context, Intent } from '../types.ts';

/** appliedAnnotation holds the hash of the intent that was applied last: a restarted operator knows by it what it wrote. */
export const appliedAnnotation = 'epinio.io/applied';

/** Writing is the part of a reconcile's Context that writing needs. */
export type Writing = Pick<Context, 'cache' | 'kube' | 'signal' | 'log'>;

/**
 * Applied tells what applyIfChanged did; object is the live one, as cached or as answered. nameTaken: it is a stranger's;
 * predecessor: it belongs to a deleted owner of our owner's kind and name, and Kubernetes' garbage collector is about to
 * delete it.
 */
export interface Applied<T extends KubeObject> {
  readonly type: 'unchanged' | 'applied' | 'nameTaken' | 'predecessor';
  readonly object: T;
}

/** Memo is what the server makes of an intent that it does not keep as it is written. */
interface Memo {
  readonly hash: string;
  /** The differences that stayed after the apply: the server's way of writing our values. */
  readonly accepted: string;
  /** Version whose content is as wanted, where only metadata is cached. */
  readonly version: string | undefined;
}

// Kept beside the cache it is about: as long-lived, and another cache (a test's, a restarted manager's) starts anew.
const memos = new WeakMap<Cache, Map<string, Memo>>();

/** memosOf gives the memory of a cache. */
const memosOf = (cache: Cache): Map<string, Memo> => {
  const known = memos.get(cache) ?? new Map<string, Memo>();
  memos.set(cache, known);
  return known;
};

/** hashOf is the short hash of an intent. */
export const hashOf = (intent: unknown): string => digest('sha256', canonical(intent)).slice(0, 16);

const ownerReference = (owner: KubeObject): Record<string, unknown> => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata?.name,
  uid: owner.metadata?.uid,
  controller: true,
  blockOwnerDeletion: true,
});

/** Stamped is an intent as it is sent, and the hash of it. */
interface Stamped {
  readonly wanted: Intent;
  readonly hash: string;
}

// A plan asks about an intent before it is applied, some of them several times.
const stamps = new WeakMap<Intent, Stamped & { readonly owner: string | undefined }>();

/** stamped is the intent as it is sent: without what an apply cannot say, with its owner and its own hash. */
export const stamped = (intent: Intent, owner?: KubeObject): Stamped => {
  const known = stamps.get(intent);
  if (known !== undefined && known.owner === owner?.metadata?.uid) return known;
  const plain = pruned(intent);
  const metadata = { ...plain.metadata, ...(owner && { ownerReferences: [ownerReference(owner)] }) };
  const hash = hashOf({ ...plain, metadata });
  const annotations = { ...metadata.annotations, [appliedAnnotation]: hash };
  const made = { wanted: { ...plain, metadata: { ...metadata, annotations } } as Intent, hash };
  stamps.set(intent, { ...made, owner: owner?.metadata?.uid });
  return made;
};

/**
 * isOurs: the object's controller is the owner, or it has no controller and carries our mark: what we made once and
 * somebody stripped of its owner, or orphaned (`kubectl delete --cascade=orphan`) to take it over with a new App.
 */
export const isOurs = (object: KubeObject, owner?: KubeObject): boolean => {
  if (controllerOf(object) !== undefined) return owner !== undefined && isControlledBy(object, owner);
  return object.metadata?.annotations?.[appliedAnnotation] !== undefined;
};

/** notOurs tells a stranger's object from one of the owner's predecessor: deleted, and at once made anew. */
const notOurs = <T extends KubeObject>(object: T, owner?: KubeObject): Applied<T> => {
  const ref = controllerOf(object);
  const same =
    ref !== undefined &&
    ref.kind === owner?.kind &&
    ref.name === owner.metadata?.name &&
    groupOf(ref.apiVersion) === groupOf(owner.apiVersion ?? '');
  return { type: same ? 'predecessor' : 'nameTaken', object };
};

/** drift is what of the intent the live object does not have, or has beside others' in its place, as far as the cache can tell. */
const drift = ({ r, wanted }: Target, live: KubeObject, metadataOnly: boolean): Difference[] => {
  if (metadataOnly) return differences({ metadata: wanted.metadata }, live);
  const displaced = intrusions(r, wanted, live);
  const missing = differences(wanted, live);
  if (displaced.length === 0) return missing;
  return [...missing, ...displaced.map(({ place, found }) => ({ path: placeText(place), wanted: undefined, found }))];
};

interface Target<T extends KubeObject = KubeObject> {
  readonly r: Resource<T>;
  readonly wanted: Intent;
}

const isInSync = (
  target: Target,
  live: KubeObject,
  hash: string,
  memo: Memo | undefined,
  metadataOnly: boolean,
): boolean => {
  if (!isSameIntent(live, hash)) return false;
  const known = memo?.hash === hash ? memo : undefined;
  // What changed since, or while no operator ran, only the content tells: untouched reads it.
  if (metadataOnly && known?.version !== live.metadata?.resourceVersion) return false;
  const found = drift(target, live, metadataOnly);
  return found.length === 0 || known?.accepted === canonical(found);
};

/** isSameIntent: the intent is the one that was applied last, so that only somebody else can have changed the content. */
const isSameIntent = (live: KubeObject, hash: string): boolean =>
  live.metadata?.annotations?.[appliedAnnotation] === hash;

/** untouched reads an object of which the cache has metadata only; undefined where it is not as it was applied. */
const untouched = async <T extends KubeObject>(
  { kube, signal }: Writing,
  target: Target<T>,
  hash: string,
): Promise<T | undefined> => {
  const read = await kube.get(target.r, keyOf(target.wanted), { signal });
  const isSame = read !== undefined && isSameIntent(read, hash) && drift(target, read, false).length === 0;
  return isSame ? read : undefined;
};

interface Seen<T> {
  readonly live: T | undefined;
  readonly metadataOnly: boolean;
  /** The API server itself said so, just now. */
  readonly certain: boolean;
}

/** see looks at the object of the intent: in the cache, or live where the cache cannot know that there is none. */
const see = async <T extends KubeObject>(ctx: Writing, r: Resource<T>, key: Key): Promise<Seen<T>> => {
  const { cache, kube, signal } = ctx;
  const coverage = cache.coverage(r, key.namespace);
  if (coverage === undefined) return { live: await kube.get(r, key, { signal }), metadataOnly: false, certain: true };
  const live = cache.get(r, key);
  if (live !== undefined || coverage.complete) return { live, metadataOnly: coverage.metadataOnly, certain: false };
  return { live: (await kube.getMetadata(r, key, { signal })) as T | undefined, metadataOnly: true, certain: true };
};

/** sendCautiously applies without force what the cache does not hold: it may be a moment behind, and an object it has not seen yet must not be overrun. */
const sendCautiously = async <T extends KubeObject>(
  ctx: Writing,
  r: Resource<T>,
  wanted: Intent,
  owner: KubeObject | undefined,
): Promise<Applied<T>> => {
  const { kube, signal } = ctx;
  try {
    return { type: 'applied', object: await kube.apply(r, wanted, { force: false, signal }) };
  } catch (e) {
    if (!isConflict(e)) throw e;
    const there = await kube.getMetadata(r, keyOf(wanted), { signal });
    if (there !== undefined && !isOurs(there, owner)) return notOurs(there as unknown as T, owner);
    return { type: 'applied', object: await kube.apply(r, wanted, { signal }) };
  }
};

/**
 * applyIfChanged makes the live object contain the intent, and sends nothing where it does: same hash of what was applied
 * last, and no drift in it. Fields of others stay. An object of that name that is not ours is never touched.
 */
export const applyIfChanged = async <T extends KubeObject>(
  ctx: Writing,
  r: Resource<T>,
  intent: Intent,
  o: { readonly owner?: KubeObject } = {},
): Promise<Applied<T>> => {
  const { wanted, hash } = stamped(intent, o.owner);
  const key = keyOf(wanted);
  const { live, metadataOnly, certain } = await see(ctx, r, key);
  const known = memosOf(ctx.cache);
  const id = `${resourceId(r)} ${keyString(key)}`;

  if (live !== undefined) {
    if (!isOurs(live, o.owner)) return notOurs(live, o.owner);
    // What is going cannot be made right; its DELETED event wakes the owner, who makes a new one.
    if (live.metadata?.deletionTimestamp !== undefined) return { type: 'unchanged', object: live };
    if (isInSync({ r, wanted }, live, hash, known.get(id), metadataOnly)) return { type: 'unchanged', object: live };
  }

  if (live !== undefined && metadataOnly && isSameIntent(live, hash)) {
    const same = await untouched(ctx, { r, wanted }, hash);
    if (same !== undefined) {
      known.set(id, { hash, accepted: canonical([]), version: same.metadata?.resourceVersion });
      return { type: 'unchanged', object: same };
    }
  }

  const applied: Applied<T> =
    live !== undefined || certain
      ? { type: 'applied', object: await overwrite(ctx, { r, wanted }, metadataOnly ? undefined : live) }
      : await sendCautiously(ctx, r, wanted, o.owner);
  if (applied.type !== 'applied') return applied;

  const left = drift({ r, wanted }, applied.object, false);
  if (left.length === 0 && !metadataOnly) known.delete(id);
  else known.set(id, { hash, accepted: canonical(left), version: applied.object.metadata?.resourceVersion });
  ctx.log.info({ kind: r.kind, object: keyString(key), ...reason({ r, wanted }, live, hash, metadataOnly) }, 'applied');
  return applied;
};

/** isApplied tells, from the cache alone, whether applyIfChanged would find nothing to send. */
export const isApplied = (
  cache: Cache,
  r: Resource,
  intent: Intent,
  o: { readonly owner?: KubeObject } = {},
): boolean => {
  const { wanted, hash } = stamped(intent, o.owner);
  const key = keyOf(wanted);
  const live = cache.get(r, key);
  if (live === undefined || !isOurs(live, o.owner) || live.metadata?.deletionTimestamp !== undefined) return false;
  const memo = memosOf(cache).get(`${resourceId(r)} ${keyString(key)}`);
  return isInSync({ r, wanted }, live, hash, memo, cache.coverage(r, key.namespace)?.metadataOnly === true);
};

/** reason says for the log why an apply was sent; paths only, because values may be secret. */
const reason = (target: Target, live: KubeObject | undefined, hash: string, metadataOnly: boolean): object => {
  if (live === undefined) return { why: 'absent' };
  if (live.metadata?.annotations?.[appliedAnnotation] !== hash) return { why: 'changed' };
  return { why: 'drifted', paths: drift(target, live, metadataOnly).map((d) => d.path) };
};
