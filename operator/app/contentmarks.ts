import { annotations } from '../api/names.ts';
import type { Contents, Known } from '../platform/contents.ts';
import type { DeploymentObject } from './observed.ts';

/** ContentMarks are what a Deployment and its pod template bear of the contents that their pods use. */
export interface ContentMarks {
  readonly deployment: Record<string, string>;
  readonly template: Record<string, string>;
}

/** noMarks are those of pods that use no such contents. */
export const noMarks: ContentMarks = { deployment: {}, template: {} };

/** knownOf is what a Deployment says was seen last. */
export const knownOf = (deployment: DeploymentObject | undefined): Known | undefined => {
  const [hash, versions] = deployment?.metadata?.annotations?.[annotations.content]?.split(' ') ?? [];
  return hash === undefined || versions === undefined ? undefined : { hash, versions };
};

/** keptMarks are those of a Deployment whose pods are not to be replaced now: what changed meanwhile is not seen yet. */
export const keptMarks = (deployment: DeploymentObject | undefined): ContentMarks => {
  const seen = deployment?.metadata?.annotations?.[annotations.content];
  return seen === undefined ? noMarks : { deployment: { [annotations.content]: seen }, template: {} };
};

const keyIdOf = (hash: string): string => hash.slice(0, hash.indexOf('.'));

/** isChange: the content is known to be another one; hashes of another key, or none, say nothing. */
const isChange = (before: Known | undefined, hash: string): boolean =>
  before !== undefined && keyIdOf(before.hash) === keyIdOf(hash) && before.hash !== hash;

/**
 * contentMarks rolls the pods, by a new mark on their template, when the content is known to have changed, and only then: neither
 * an operator that looks at a Deployment of an earlier one, nor an exchanged key, nor a new version of what is still the same does.
 */
export const contentMarks = (there: DeploymentObject | undefined, { hash, versions = '' }: Contents): ContentMarks => {
  if (hash === undefined) return noMarks;
  const before = knownOf(there);
  const rolled = there?.spec?.template.metadata?.annotations?.[annotations.content];
  const mark = there === undefined || isChange(before, hash) ? hash : rolled;
  const seen = before?.hash === hash ? before : { hash, versions };
  return {
    deployment: { [annotations.content]: `${seen.hash} ${seen.versions}` },
    template: mark === undefined ? {} : { [annotations.content]: mark },
  };
};
