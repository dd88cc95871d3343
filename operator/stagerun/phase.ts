import { controllerOf } from '../kube/owners.ts';
import { Reason } from '../api/conditions.ts';
import type { StageRun } from '../api/stagerun.ts';
import type { JobObject } from './jobstate.ts';
import type { Seen } from './observe.ts';
import { judge, type Judgement } from './reasons.ts';
import { isRecorded, succeededOf } from './result.ts';
import { whyUnwanted } from './wanted.ts';

/** Phase is where a run stands; it decides what is asked of the outside and then what is done. */
export type Phase =
  /** The result is in the status: only the Job is left to be cleaned up. */
  | { readonly type: 'recorded' }
  | { readonly type: 'cancelled' }
  | { readonly type: 'building'; readonly job: JobObject; readonly judgement: Judgement }
  /** The Job was made, and is not in the cache any more. */
  | { readonly type: 'lost' }
  /** A Job of an earlier run of the same name is still there. */
  | { readonly type: 'occupied'; readonly job: JobObject }
  | { readonly type: 'blocked'; readonly reason: Reason; readonly message: string; readonly failed: boolean }
  | { readonly type: 'ready' }
  | { readonly type: 'queued'; readonly ahead: number; readonly mayTell: boolean };

/** phaseOf finds the phase of a run. Pure: the queue (which turns ready into queued) is asked afterwards. */
export const phaseOf = (seen: Seen, now: Date): Phase => {
  const { run, app, job, otherJob } = seen;
  if (isRecorded(run)) return { type: 'recorded' };
  if (run.spec.cancelled) return { type: 'cancelled' };
  if (job) return { type: 'building', job, judgement: judgeSeen(seen, job, now) };
  if (run.status?.jobName) return { type: 'lost' };
  if (otherJob) return occupiedBy(otherJob, run);
  const unwanted = whyUnwanted(run, app);
  return unwanted ? { type: 'blocked', failed: false, ...unwanted } : { type: 'ready' };
};

/** judgeSeen judges the Job of a run; warning: what events say where they were asked. */
export const judgeSeen = (seen: Seen, job: JobObject, now: Date, warning?: string): Judgement =>
  judge({
    job,
    pod: seen.pod,
    warning,
    steps: seen.run.status?.steps ?? [],
    before: succeededOf(seen.run),
    now,
  });

const occupiedBy = (job: JobObject, run: StageRun): Phase => {
  const owner = controllerOf(job);
  if (owner?.kind === 'StageRun' && owner.name === run.metadata.name) return { type: 'occupied', job };
  const message = `A Job ${run.metadata.name} exists and is not of this run; rename or delete it, then delete this run.`;
  return { type: 'blocked', reason: Reason.NameTaken, message, failed: true };
};
