/** Image is a tag of a repository and the manifest that it names. */
export interface TaggedImage {
  readonly tag: string;
  readonly digest: string;
}

/** Wanted is what must stay of the images of one namespace. */
export interface Wanted {
  /** Apps that are there: their caches stay. */
  readonly apps: ReadonlySet<string>;
  /** Apps with a run under way, which may be reading the cache or replacing it. */
  readonly building: ReadonlySet<string>;
  /** Digests that a kept StageRun, Deployment or ReplicaSet has, or an App names itself. */
  readonly digests: ReadonlySet<string>;
  /** Tags that must stay: a StageRun's name is the tag that it pushes, or has pushed and not recorded yet. */
  readonly tags: ReadonlySet<string>;
}

/** Place is a repository that this installation made: an App's images, or its cache. */
export interface Place {
  readonly namespace: string;
  readonly app: string;
  readonly cache: boolean;
}

/** placeOf reads a repository's path; undefined for one that this installation did not make. */
export const placeOf = (repository: string, prefix: string): Place | undefined => {
  const root = prefix === '' ? '' : `${prefix}/`;
  if (!repository.startsWith(root)) return undefined;
  const [namespace = '', app = '', cache, ...more] = repository.slice(root.length).split('/');
  if (namespace === '' || app === '' || more.length > 0 || (cache !== undefined && cache !== 'cache')) return undefined;
  return { namespace, app, cache: cache === 'cache' };
};

/** The tag that builds read their cache by, and move; each build leaves its own tag on what it made, so that it can be found. */
const cacheTag = 'latest';

const replacedCaches = ({ app }: Place, images: readonly TaggedImage[], { apps, building }: Wanted): string[] => {
  if (building.has(app)) return [];
  if (!apps.has(app)) return images.map(({ digest }) => digest);
  const current = images.find(({ tag }) => tag === cacheTag)?.digest;
  return current === undefined ? [] : images.map(({ digest }) => digest).filter((digest) => digest !== current);
};

/**
 * unreferenced tells which manifests of a repository nobody needs. A digest that one kept tag names stays, whatever else names
 * it; deleting a manifest takes all its tags along.
 */
export const unreferenced = (place: Place, images: readonly TaggedImage[], wanted: Wanted): string[] => {
  if (place.cache) return [...new Set(replacedCaches(place, images, wanted))];
  const kept = new Set(images.filter(({ tag }) => wanted.tags.has(tag)).map(({ digest }) => digest));
  const spare = images.map(({ digest }) => digest).filter((d) => !kept.has(d) && !wanted.digests.has(d));
  return [...new Set(spare)];
};
