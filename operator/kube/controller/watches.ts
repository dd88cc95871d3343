import { controllerOf, groupOf } from '../owners.ts';
import type { Key, KubeObject, Resource } from '../resource.ts';
import type { Cache, Change, Controller, Watch } from '../types.ts';

/** controller declares a Controller; it only helps the compiler infer the kind. */
export const controller = <T extends KubeObject>(c: Controller<T>): Controller<T> => c;

/** owned wakes the controller owner (by ownerReference) of a changed object. */
export const owned = <T extends KubeObject>(
  r: Resource<T>,
  ownerKind: Resource,
  changed?: (change: Change<T>) => boolean,
): Watch<T> => ({
  resource: r,
  map: (object) => ownerKeys(object, ownerKind),
  ...(changed && { changed }),
});

/** refers wakes whatever `map` finds to refer to a changed object. */
export const refers = <T extends KubeObject>(
  r: Resource<T>,
  map: (object: T, cache: Cache) => Iterable<Key>,
  changed?: (change: Change<T>) => boolean,
): Watch<T> => ({ resource: r, map, ...(changed && { changed }) });

/** specChanged lets through what a person or controller asked for: not status, not other people's labels. */
export const specChanged = <T extends KubeObject>({ before, after }: Change<T>): boolean =>
  before === undefined ||
  after === undefined ||
  before.metadata?.uid !== after.metadata?.uid ||
  before.metadata?.generation !== after.metadata?.generation ||
  before.metadata?.deletionTimestamp !== after.metadata?.deletionTimestamp;

const ownerKeys = (object: KubeObject, ownerKind: Resource): Key[] => {
  const ref = controllerOf(object);
  if (ref === undefined || ref.kind !== ownerKind.kind || groupOf(ref.apiVersion) !== ownerKind.group) return [];
  return [{ namespace: ownerKind.namespaced ? (object.metadata?.namespace ?? '') : '', name: ref.name }];
};
