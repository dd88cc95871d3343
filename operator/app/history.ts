import type { StageRun } from '../api/stagerun.ts';
import { deployedRunName } from './image.ts';
import { endedAt, isFailed, isFinished, isSucceeded } from './runs.ts';
import type { Observed } from './observed.ts';
import { desiredRunName } from './staging.ts';

/** How many runs are kept where an App does not say. */
const usual = { succeeded: 3, failed: 1 } as const;

/** prunedRuns are runs that nobody needs: never the deployed, the wanted, the newest, or one that has not ended. */
export const prunedRuns = (observed: Observed): StageRun[] => {
  const needed = new Set([
    deployedRunName(observed.deployment),
    observed.app.status?.stageRun?.deployed,
    desiredRunName(observed),
    newest(observed.runs)?.metadata.name,
  ]);
  const spare = observed.runs
    .filter((run) => isFinished(run) && run.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => endedAt(b) - endedAt(a) || a.metadata.name.localeCompare(b.metadata.name));
  const kept = { ...usual, ...observed.app.spec.build?.history };
  // The needed ones count too: three images are kept in all, not three besides the running one.
  const rest = [...spare.filter(isSucceeded).slice(kept.succeeded), ...spare.filter(isFailed).slice(kept.failed)];
  return rest.filter((run) => !needed.has(run.metadata.name));
};

const newest = (runs: readonly StageRun[]): StageRun | undefined =>
  runs.toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))[0];
