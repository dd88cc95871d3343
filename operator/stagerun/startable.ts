import { inputs, rebaseInputs } from '../api/runid.ts';
import { canonical } from '../kube/canonical.ts';
import { Reason } from '../api/conditions.ts';
import type { App } from '../api/app.ts';
import { stageRunName } from '../api/names.ts';
import { isBuilt } from '../api/source.ts';
import type { StageRun } from '../api/stagerun.ts';
import type { Summary } from './situation.ts';

/** Rebasing is what a run that puts an image upon another run image is judged by. */
export interface Rebasing {
  readonly mode?: 'Auto' | 'Off' | undefined;
  /** The image that its run has built. */
  readonly image?: string | undefined;
  /** Digest of the run image as it is now, where that is known. */
  readonly newest?: string | undefined;
}

/**
 * whyNotStartable compares a run with its App. A run is code with the platform's push right, so nothing in it is taken on trust:
 * a run written by hand, or one whose App has moved on, does nothing. undefined: it may start.
 */
export const whyNotStartable = (run: StageRun, app: App | undefined, rebasing?: Rebasing): Summary | undefined => {
  const unwanted = (message: string): Summary => ({ reason: Reason.NotWanted, message });
  if (!app) return unwanted(`This run is not of the App ${run.spec.appRef.name} that exists now.`);
  if (app.metadata.deletionTimestamp) return unwanted('The App is being deleted.');
  if (app.spec.paused) return { reason: Reason.Paused, message: 'The App is paused; nothing new is built.' };
  if (app.spec.stageRun) return unwanted('The App is pinned to an earlier run; nothing is built.');
  const { source } = app.spec;
  if (source === undefined || !isBuilt(source)) return unwanted('The App has no source to build.');
  const wanted = inputsOf(run, app);
  if (run.spec.inputs !== wanted || run.metadata.name !== stageRunName(app.metadata.name, wanted)) {
    return unwanted('The App wants something else to be built.');
  }
  if (canonical(wordsOf(run.spec)) !== canonical(wordsOf({ source, ...app.spec.build }))) {
    return unwanted('This run differs from what its App says, though it claims its inputs.');
  }
  const why = run.spec.rebase && whyNotRebased(run.spec.rebase, app, rebasing);
  return why === undefined ? undefined : unwanted(why);
};

type Rebase = NonNullable<StageRun['spec']['rebase']>;

/** Inputs of the App as it is, or of what it has built, upon the run image that the run names. */
const inputsOf = ({ spec: { rebase } }: StageRun, app: App): string => {
  const built = inputs(app.spec);
  return rebase === undefined ? built : rebaseInputs(built, rebase.runImage);
};

const whyNotRebased = (rebase: Rebase, app: App, { mode, image, newest }: Rebasing = {}): string | undefined => {
  if (mode !== 'Auto') return 'The App wants nothing to be put upon another run image.';
  if (rebase.stageRun !== stageRunName(app.metadata.name, inputs(app.spec)) || image === undefined)
    return `StageRun "${rebase.stageRun}" has no image of what the App wants.`;
  return newest === undefined || newest === rebase.runImage ? undefined : 'There is a newer run image.';
};

type Words = Pick<StageRun['spec'], 'source' | 'builder' | 'env' | 'bindings'>;

/** wordsOf is what a run repeats of its App, in an order that does not depend on who wrote it. */
const wordsOf = ({ source, builder, env, bindings }: Words) => ({
  blob: source.blob?.sha256,
  git: source.git,
  builder,
  env: (env ?? [])
    .map(({ name, value, valueFrom }) => ({ name, value: value ?? '', ref: valueFrom?.secretKeyRef }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  bindings: (bindings ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
});
