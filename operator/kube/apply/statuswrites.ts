import { isNotFound } from '../errors.ts';
import { resourceId } from '../paths.ts';
import { apiVersionOf, keyOf, keyString, type KubeObject, type Resource } from '../resource.ts';
import { isOurs, type Writing } from './apply.ts';
import { canonical } from '../canonical.ts';
import { differences, pruned } from './subset.ts';
import type { Cache } from '../types.ts';

export { applyIfChanged, type Applied, type Writing } from './apply.ts';

/** StatusApplied tells what applyStatusIfChanged did; gone: the object was deleted. */
export type StatusApplied = 'unchanged' | 'applied' | 'gone';

type WithStatus = KubeObject & { readonly status?: unknown };

// What the server made of a status that it does not keep as written, so that it is not sent for ever.
const accepted = new WeakMap<Cache, Map<string, string>>();

const acceptedOf = (cache: Cache): Map<string, string> => {
  const known = accepted.get(cache) ?? new Map<string, string>();
  accepted.set(cache, known);
  return known;
};

/** bothWays: a field too many is a difference too, because the status is ours as a whole. */
const bothWays = (wanted: unknown, found: unknown): string => {
  const missing = differences(wanted, found);
  const extra = differences(found, wanted);
  return missing.length === 0 && extra.length === 0 ? '' : canonical([wanted, missing, extra]);
};

/**
 * sendStatus applies a status to the very version that was read: an apply to /status takes no uid for a precondition, and what
 * was concluded from an older version may be wrong by now. A conflict is the caller's: it looks again.
 */
const sendStatus = async <T extends WithStatus>(
  { kube, signal }: Writing,
  r: Resource<T>,
  object: KubeObject,
  status: unknown,
): Promise<T | undefined> => {
  const { name, namespace, resourceVersion } = object.metadata ?? {};
  const metadata = { name: name ?? '', ...(namespace && { namespace }), ...(resourceVersion && { resourceVersion }) };
  try {
    const intent = { apiVersion: apiVersionOf(r), kind: r.kind, metadata, status };
    return await kube.apply(r, intent, { subresource: 'status', signal });
  } catch (e) {
    if (isNotFound(e)) return undefined;
    throw e;
  }
};

/**
 * applyStatusIfChanged makes the object's status exactly `status` (the whole of it: a field that is left out goes) by
 * one server-side apply, and sends nothing where the cached object says so already. Throws a conflict where the object is not
 * what it was when it was read.
 */
export const applyStatusIfChanged = async <T extends WithStatus>(
  ctx: Writing,
  r: Resource<T>,
  object: T,
  status: NonNullable<T['status']>,
): Promise<StatusApplied> => {
  const wanted: unknown = pruned(status);
  const known = acceptedOf(ctx.cache);
  const id = `${resourceId(r)} ${object.metadata?.uid}`;
  const found = bothWays(wanted, object.status);
  if (found === '' || known.get(id) === found) return 'unchanged';
  const answer = await sendStatus(ctx, r, object, wanted);
  if (answer === undefined) return 'gone';
  const left = bothWays(wanted, answer.status);
  if (left === '') known.delete(id);
  else known.set(id, left);
  ctx.log.info({ kind: r.kind, object: keyString(keyOf(object)) }, 'status applied');
  return 'applied';
};

/** removeIfOwned deletes a child by its uid; false where it is not ours, is going already, or was gone. */
export const removeIfOwned = async (
  ctx: Writing,
  r: Resource,
  object: KubeObject,
  o: { readonly owner?: KubeObject; readonly propagation?: 'Background' | 'Foreground' } = {},
): Promise<boolean> => {
  const { uid, deletionTimestamp } = object.metadata ?? {};
  if (uid === undefined || deletionTimestamp !== undefined || !isOurs(object, o.owner)) return false;
  const { propagation } = o;
  const removed = await ctx.kube.remove(r, keyOf(object), {
    uid,
    signal: ctx.signal,
    ...(propagation && { propagation }),
  });
  if (removed) ctx.log.info({ kind: r.kind, object: keyString(keyOf(object)) }, 'removed');
  return removed;
};
