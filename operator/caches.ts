import type { CacheSpec } from './kube/cache.ts';
import { resourceId } from './kube/paths.ts';

/** In what two controllers that watch one kind must agree: what is fetched. */
const same = (a: CacheSpec, b: CacheSpec): boolean =>
  a.labelSelector === b.labelSelector &&
  a.fieldSelector === b.fieldSelector &&
  (a.metadataOnly ?? false) === (b.metadataOnly ?? false);

const merge = (a: CacheSpec, b: CacheSpec): CacheSpec => {
  if (!same(a, b)) throw new Error(`${resourceId(a.resource)} is wanted with two different selections`);
  // Only the object as both leave it is kept: trims drop what their own controller does not read, so two would drop too much.
  const { trim: _a, ...first } = a;
  const { trim: _b, ...second } = b;
  const trim = a.trim !== undefined && a.trim === b.trim ? a.trim : undefined;
  return {
    ...first,
    ...second,
    indexes: { ...a.indexes, ...b.indexes },
    ...(trim !== undefined && { trim }),
  };
};

/** mergeCacheSpecs makes one list of what the controllers want cached: each kind once, with everybody's indexes. */
export const mergeCacheSpecs = (
  lists: readonly (readonly CacheSpec[])[],
  namespaces: readonly string[],
): readonly CacheSpec[] => {
  const merged = new Map<string, CacheSpec>();
  for (const spec of lists.flat()) {
    const id = resourceId(spec.resource);
    const before = merged.get(id);
    merged.set(id, before === undefined ? spec : merge(before, spec));
  }
  const limited = namespaces.length === 0 ? undefined : namespaces;
  return [...merged.values()].map((spec) =>
    spec.resource.namespaced && spec.namespaces === undefined && limited !== undefined
      ? { ...spec, namespaces: limited }
      : spec,
  );
};
