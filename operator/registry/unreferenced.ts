/** Image is a tag of a repository and the manifest that it names. */
export interface TaggedImage {
  readonly tag: string;
  readonly digest: string;
}

/** Recorded is what StageRuns of a namespace stand for. */
export interface Recorded {
  readonly apps: ReadonlySet<string>;
  readonly digests: ReadonlySet<string>;
  readonly tags: ReadonlySet<string>;
}

/** Wanted is what must stay of the images of one namespace. */
export interface Wanted {
  /** Apps that are there, and the tag under which their next build looks for its cache: that cache stays. */
  readonly apps: ReadonlyMap<string, string>;
  /** Apps with a run under way, which may be reading the cache, or replacing it, or pushing what is there already. */
  readonly building: ReadonlySet<string>;
  /** Digests that a kept StageRun or a workload has, or an App names itself. */
  readonly digests: ReadonlySet<string>;
  /** Tags that must stay: a StageRun's name is the tag that it pushes, or has pushed and not recorded yet. */
  readonly tags: ReadonlySet<string>;
  /** What StageRuns have recorded with its size, or are about to. */
  readonly recorded: Recorded;
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

/** keeps tells whether what a tag names stays because of the tag. */
export const keeps = ({ cache, app }: Place, { apps, tags }: Wanted, tag: string): boolean =>
  cache ? tag === apps.get(app) : tags.has(tag);

/**
 * isSpare tells whether nobody needs a manifest of a repository, of which all images are given whose tags keep them. A digest
 * that one such tag names stays, whatever else names it: deleting a manifest takes all its tags along.
 */
export const isSpare = (place: Place, kept: readonly TaggedImage[], wanted: Wanted): ((digest: string) => boolean) => {
  const { app, cache } = place;
  // A build may give a manifest that is old a tag that is new: the same source makes the same bytes.
  if (wanted.building.has(app)) return () => false;
  const digests = new Set(kept.filter(({ tag }) => keeps(place, wanted, tag)).map(({ digest }) => digest));
  if (cache) return (digest) => !digests.has(digest) && (digests.size > 0 || !wanted.apps.has(app));
  return (digest) => !digests.has(digest) && !wanted.digests.has(digest);
};

/** unreferenced tells which manifests of a repository nobody needs. */
export const unreferenced = (place: Place, images: readonly TaggedImage[], wanted: Wanted): string[] => {
  const spare = isSpare(place, images, wanted);
  return [...new Set(images.map(({ digest }) => digest))].filter(spare);
};

/** unrecorded tells which manifests of a repository no StageRun stands for, needed or not: nothing else counts them. */
export const unrecorded = (place: Place, images: readonly TaggedImage[], { apps, recorded }: Wanted): string[] => {
  const isRecorded = place.cache
    ? ({ tag }: TaggedImage): boolean => tag === apps.get(place.app) && recorded.apps.has(place.app)
    : ({ tag, digest }: TaggedImage): boolean => recorded.tags.has(tag) || recorded.digests.has(digest);
  const known = new Set(images.filter(isRecorded).map(({ digest }) => digest));
  return [...new Set(images.map(({ digest }) => digest).filter((digest) => !known.has(digest)))];
};
