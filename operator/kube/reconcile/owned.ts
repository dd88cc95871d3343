import { isOurs } from '../apply/apply.ts';
import { keyOf, type KubeObject, type Resource } from '../resource.ts';
import type { Cache } from '../types.ts';
import type { Owned } from './plan.ts';

/** OwnedKind is a kind of children. */
export interface OwnedKind {
  readonly resource: Resource;
  /** Under this name a child counts too that lost its owner and bears our mark (`kubectl delete --cascade=orphan`). */
  readonly name?: string;
  /** The same of further names. */
  readonly moreNames?: readonly string[];
}

/**
 * maxOwned is how many of a kind are looked at at once. An owner reference is anybody's word, and what is owned and not planned is
 * removed, which wakes the owner: then it is the turn of the next.
 */
export const maxOwned = 100;

/** ownedBy lists what belongs to an object, from the caches; those of the names in any case. */
export const ownedBy = (cache: Cache, owner: KubeObject, kinds: readonly OwnedKind[]): Owned[] =>
  kinds.flatMap(({ resource, name, moreNames = [] }) => {
    const owned = cache.ownedBy(resource, owner, maxOwned);
    const known = new Set(owned.map((object) => object.metadata?.name));
    const orphans = [...(name === undefined ? [] : [name]), ...moreNames]
      .filter((wanted) => !known.has(wanted))
      .flatMap((wanted) => cache.get(resource, { ...keyOf(owner), name: wanted }) ?? [])
      .filter((object) => isOurs(object, owner));
    return [...owned, ...orphans].map((object) => ({ resource, object }));
  });

/** ofKind picks the objects of one kind. */
export const ofKind = <T extends KubeObject>(owned: readonly Owned[], resource: Resource<T>): T[] =>
  owned.flatMap((o) => (o.resource === resource ? [o.object as T] : []));
