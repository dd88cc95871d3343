import type { WantedSource } from './intent.ts';
import type { Place } from './owners.ts';

/** sourcePlace is where an App has its source. */
export const sourcePlace: Place = ['spec', 'source'];

/** LiveSource is spec.source as the API server returns it. */
export type LiveSource = WantedSource | undefined;

/** kindsOf tells of which kinds a source is: one, or none. */
export const kindsOf = (source: LiveSource): string[] => Object.keys(source ?? {});

const contains = (live: unknown, wanted: unknown): boolean =>
  typeof wanted === 'object' && wanted !== null
    ? typeof live === 'object' &&
      live !== null &&
      Object.entries(wanted).every(([key, value]) => contains((live as Record<string, unknown>)[key], value))
    : live === wanted;

/** isSame: the App runs from what was pushed; defaults that the API server added do not count. */
export const isSame = (live: LiveSource, wanted: WantedSource): boolean =>
  kindsOf(live).join() === kindsOf(wanted).join() && contains(live, wanted);

/** describeSource names a source for people. */
export const describeSource = (source: LiveSource): string => {
  if (source?.blob !== undefined) return `the archive ${source.blob.sha256.slice(0, 12)}…`;
  if (source?.image !== undefined) return `the image ${source.image}`;
  if (source?.git !== undefined) return `${source.git.url}${source.git.revision ? ` at ${source.git.revision}` : ''}`;
  return 'no source';
};
