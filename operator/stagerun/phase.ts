import { controllerOf } from '../kube/owners.ts';
import { Reason } from '../api/conditions.ts';
import type { StageRun } from '../api/stagerun.ts';
import { jobEnd, type JobObject } from './jobstate.ts';
import type { Seen } from './observe.ts';
import { judge, type Evidence, type Judgement } from './reasons.ts';
import { isRecorded, succeededOf } from './result.ts';
import { whyUnwanted } from './wanted.ts';

/** Phase is where a run stands; it decides what is asked of the outside and then what is done. */
export type Phase =
  /** The run is being deleted, and something keeps it. */
  | { readonly type: 'going' }
  /** The result is in the status: only the Job is left to be cleaned up. */
  | { readonly type: 'recorded' }
  | { readonly type: 'cancelled' }
  | { readonly type: 'building'; readonly job: JobObject; readonly judgement: Judgement }
  /** The Job was made, and is not there any more, or goes and has no pod. */
  | { readonly type: 'lost' }
  /** A Job of an earlier run of the same name is still there. */
  | { readonly type: 'occupied'; readonly job: JobObject }
  | { readonly type: 'blocked'; readonly reason: Reason; readonly message: string; readonly failed: boolean }
  | { readonly type: 'ready' }
  | { readonly type: 'queued'; readonly ahead: number; readonly mayTell: boolean };

/** phaseOf finds the phase of a run. Pure: the queue (which turns ready into queued) is asked afterwards. */
export const phaseOf = (seen: Seen, now: Date): Phase => {
  const { run, app, job, otherJob } = seen;
  if (run.metadata.deletionTimestamp) return { type: 'going' };
  if (isRecorded(run)) return { type: 'recorded' };
  if (run.spec.cancelled) return { type: 'cancelled' };
  const podless = job?.metadata?.deletionTimestamp && !seen.pod && !jobEnd(job);
  if (job && !podless) return { type: 'building', job, judgement: judge(evidenceOf(seen, job, now)) };
  if (job || run.status?.jobName) return { type: 'lost' };
  if (otherJob) return occupiedBy(otherJob, run);
  const unwanted = whyUnwanted(run, app);
  return unwanted ? { type: 'blocked', failed: false, ...unwanted } : { type: 'ready' };
};

/** evidenceOf is what the Job of a run is judged by; warning: what events say where they were asked. */
export const evidenceOf = (seen: Seen, job: JobObject, now: Date, warning?: string): Evidence => ({
  job,
  pod: seen.pod,
  warning,
  steps: seen.run.status?.steps ?? [],
  before: succeededOf(seen.run),
  since: new Date(seen.run.status?.startTime ?? job.metadata?.creationTimestamp ?? now),
  limits: seen.limits,
  now,
});

/** aliveAt is when the build last did something: its Job was made, or a step began or ended. */
export const aliveAt = ({ run }: Seen, job: JobObject): number => {
  const times = (run.status?.steps ?? []).flatMap(({ startedAt, finishedAt }) => [startedAt, finishedAt]);
  const known = [job.metadata?.creationTimestamp, ...times].flatMap((time) => (time ? [Date.parse(time)] : []));
  return Math.max(...known);
};

const occupiedBy = (job: JobObject, run: StageRun): Phase => {
  const owner = controllerOf(job);
  if (owner?.kind === 'StageRun' && owner.name === run.metadata.name) return { type: 'occupied', job };
  const message = `A Job ${run.metadata.name} exists and is not of this run; rename or delete it, then delete this run.`;
  return { type: 'blocked', reason: Reason.NameTaken, message, failed: true };
};
