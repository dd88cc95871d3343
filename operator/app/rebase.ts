import { Reason } from '../api/conditions.ts';
import { stageRunName } from '../api/names.ts';
import { rebaseInputs } from '../api/runid.ts';
import type { StageRun } from '../api/stagerun.ts';
import { endedAt, failureOf, isFailed, isSucceeded, wasSuperseded } from './runs.ts';
import type { Observed } from './observed.ts';

/** Rebase is what is to become of an image that lies upon a run image which is not the newest any more. */
export type Rebase =
  /** A run is to be made that puts it upon the newest. */
  | { readonly type: 'start'; readonly of: StageRun; readonly runImage: string }
  | { readonly type: 'underWay'; readonly run: StageRun }
  /** It failed, and stays as it is; until a time, where it may go well by then. */
  | { readonly type: 'failed'; readonly run: StageRun; readonly at?: Date }
  /** A run that says nothing any more goes, to be made again. */
  | { readonly type: 'discard'; readonly run: StageRun };

/** Rebased is the run whose image is to be deployed: that which built it, or one that put it upon a newer run image. */
export interface Rebased {
  readonly run: StageRun;
  readonly rebase?: Rebase;
}

const retryMs = 3_600_000;

/** isRebaseOf tells whether a run puts what another one built upon another run image. */
const isRebaseOf = ({ spec }: StageRun, built: string | undefined): boolean =>
  built !== undefined && spec.rebase?.stageRun === built;

/** isWantedRebase: the run puts what the App wants built upon the run image that is the newest now, for all that is known. */
export const isWantedRebase = (
  { runImage }: Pick<Observed, 'runImage'>,
  run: StageRun,
  desired: string | undefined,
): boolean => {
  const newest = runImage();
  const { rebase } = run.spec;
  return newest !== undefined && isRebaseOf(run, desired) && (newest.digest ?? rebase?.runImage) === rebase?.runImage;
};

/** rebased finds the newest image of what a run has built. An image is never put back upon an older run image by itself. */
export const rebased = (observed: Observed, built: StageRun): Rebased => {
  const { runs, app } = observed;
  const wanted = observed.runImage()?.digest;
  if (wanted !== undefined && wanted === built.status?.base) return { run: built };
  const upon = runs.find(
    ({ metadata }) => wanted !== undefined && metadata.name === rebaseName(app.metadata.name, built, wanted),
  );
  if (upon !== undefined && isSucceeded(upon)) return { run: upon };
  const done = runs.filter((run) => isRebaseOf(run, built.metadata.name) && isSucceeded(run));
  const run = done.toSorted((a, b) => endedAt(b) - endedAt(a))[0] ?? built;
  if (wanted === undefined || built.status?.base === undefined) return { run };
  return { run, rebase: upon === undefined ? { type: 'start', of: built, runImage: wanted } : fate(observed, upon) };
};

/** rebaseName is the name of the run that puts what a run built upon a run image. */
export const rebaseName = (app: string, built: StageRun, runImage: string): string =>
  stageRunName(app, rebaseInputs(built.spec.inputs, runImage));

const fate = ({ now, platformHash }: Observed, run: StageRun): Rebase => {
  if (run.metadata.deletionTimestamp !== undefined || !isFailed(run)) return { type: 'underWay', run };
  if (wasSuperseded(run)) return { type: 'discard', run };
  const { reason } = failureOf(run);
  if (reason === Reason.Cancelled) return { type: 'failed', run };
  // A builder without the program gets none by waiting.
  if (reason === Reason.BuilderIncompatible && run.status?.platform?.hash === platformHash())
    return { type: 'failed', run };
  const at = new Date(endedAt(run) + retryMs);
  return at <= now ? { type: 'discard', run } : { type: 'failed', run, at };
};
