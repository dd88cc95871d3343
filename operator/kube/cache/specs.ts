import type { CacheSpec } from './cache.ts';
import { resourceId } from '../paths.ts';

/** In what two controllers that watch one kind must agree: what is fetched. */
const same = (a: CacheSpec, b: CacheSpec): boolean =>
  a.labelSelector === b.labelSelector &&
  a.fieldSelector === b.fieldSelector &&
  (a.metadataOnly ?? false) === (b.metadataOnly ?? false) &&
  (a.optional ?? false) === (b.optional ?? false);

const merge = (a: CacheSpec, b: CacheSpec): CacheSpec => {
  if (!same(a, b)) throw new Error(`${resourceId(a.resource)} is wanted with two different selections`);
  // What one drops the other may read; and without any, whoever writes much fills the memory.
  if (a.trim !== b.trim) throw new Error(`${resourceId(a.resource)} is wanted with two different trims`);
  return { ...a, ...b, indexes: { ...a.indexes, ...b.indexes } };
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
