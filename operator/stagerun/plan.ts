import { Reason } from '../api/conditions.ts';
import type { StageRunStatus } from '../api/stagerun.ts';
import type { ChildRefusal, LookUp, Plan } from '../kube/reconcile/plan.ts';
import { done, wait, type Result } from '../kube/types.ts';
import { because, type Cause } from './build/causes.ts';
import { jobEnd, type JobObject } from './build/jobstate.ts';
import { deadlineOf, podStarting, withAdvice } from './build/reasons.ts';
import { childrenOf, type JobFate } from './children.ts';
import type { Build } from './log/archives.ts';
import { buildOf, statusLog, unansweredRequest } from './logrequest.ts';
import { notesOf } from './notes.ts';
import { jobOf, owning, succeededOf, type Observed } from './observed.ts';
import { platformToRecord, type Recorded } from './platform.ts';
import type { Query, Situation } from './situation.ts';
import { evidenceOf, situationOf } from './situationof.ts';
import {
  statusActive,
  statusBuilt,
  statusCancelled,
  statusFailed,
  statusQueued,
  statusSeen,
  statusWaiting,
  worthTelling,
} from './status.ts';

/**
 * Slot is what becomes of a run's slot in the queue: acquire, a Job builds; stall, the Job is there and its pod does not start;
 * keep what it has, for a while; release it to others.
 */
export type Slot = 'acquire' | 'stall' | 'keep' | 'release';

/** RunPlan is a plan that also says what becomes of the run's slot. */
export interface RunPlan extends Plan<StageRunStatus> {
  readonly slot: Slot;
  /** What the log of the build is archived from. */
  readonly build: Build;
}

/** Decision is a plan before it is spelled out: each one says what becomes of the Job. */
interface Decision {
  readonly job: JobFate;
  readonly status?: StageRunStatus;
  readonly slot: Slot;
  readonly next: Result;
}

type In<T extends Situation['type']> = Extract<Situation, { type: T }>;

/**
 * keepJobMs is how long an ended Job stays for people to look at its pod. The operator deletes it then; a TTL in the Job
 * could fire before the result is recorded, and setting one afterwards would be one more write.
 */
export const keepJobMs = 3_600_000;

/** keepLogMs is how long it stays where its pod is in the way: as long as the end of its log may take to be read. */
export const keepLogMs = 30_000;

/** idleMs is how long a Job may be there without a step that runs, before others may build in its place. */
export const idleMs = 60_000;

/** unwatchedLookMs is how often is looked at what no watch tells of. */
const unwatchedLookMs = 10_000;

const queueLookMs = 5_000;
const farQueueLookMs = 30_000;

const kept: JobFate = { type: 'keep' };
const removed: JobFate = { type: 'remove' };

/** planRun decides what to do about a run: pure, total. */
export const planRun = (observed: Observed): RunPlan | LookUp<Query> => {
  const situation = situationOf(observed);
  if (situation.type === 'lookUp') return situation;
  const [refusal] = observed.refusals;
  const { job, status, slot, next } =
    refusal === undefined ? decide(observed, situation) : decideRefused(observed, refusal);
  const notes = status === undefined ? [] : notesOf(observed.run, status);
  return { type: 'act', ...childrenOf(observed, job), status, notes, slot, build: buildOf(observed), next };
};

const decide = (observed: Observed, situation: Situation): Decision => {
  switch (situation.type) {
    case 'going':
      return { job: ofRunThatStops(observed), slot: 'release', next: done() };
    case 'recorded':
      return decideRecorded(observed);
    case 'cancelled': {
      const status = statusCancelled(observed, recordOf(observed));
      return { job: ofRunThatStops(observed), status, slot: 'release', next: done() };
    }
    case 'occupied':
      return decideOccupied(observed, situation);
    case 'unwanted':
      return { job: kept, status: statusWaiting(observed, situation.summary), slot: 'release', next: done() };
    case 'queued':
      return decideQueued(observed, situation);
    case 'waiting':
      return decideWaiting(observed, situation);
    case 'startable':
      return decideStart(observed, situation);
    case 'active':
      return decideActive(observed, situation);
    case 'unconfirmed':
      return decideUnconfirmed(observed, situation);
    case 'built': {
      const status = statusBuilt(observed, situation.image, recordOf(observed));
      return { job: kept, status, slot: 'release', next: done() };
    }
    case 'failed':
      return decideFailed(observed, situation.cause, situation.logTail);
  }
};

/** recordOf is what the run began with, or would begin with. */
const recordOf = (observed: Observed): Recorded => platformToRecord(observed.settings.config, observed.run, observed);

/** A Job that still builds goes; one that has ended is left to whoever looks at its pod. */
const ofRunThatStops = (observed: Observed): JobFate => {
  const job = jobOf(observed);
  return job && jobEnd(job) ? kept : removed;
};

/** soonMs is how long it usually takes at most until a deleted Job is gone. */
const soonMs = 10_000;

const decideOccupied = (observed: Observed, { earlier }: In<'occupied'>): Decision => {
  const { name, deletionTimestamp, finalizers = [] } = earlier.metadata ?? {};
  const why = 'the Job of an earlier run is going';
  if (!deletionTimestamp) return { job: { type: 'makeRoom', earlier }, slot: 'release', next: wait(1_000, why) };
  const age = observed.now.getTime() - Date.parse(deletionTimestamp);
  const next = wait(Math.min(Math.max(age / 2, 1_000), 30_000), why);
  if (age < soonMs) return { job: kept, slot: 'release', next };
  const by = finalizers.length > 0 ? `, kept by its finalizers (${finalizers.join(', ')})` : '';
  const message = `The Job ${name} of an earlier run is still being deleted${by}; the build begins when it is gone.`;
  const status = statusWaiting(observed, { reason: Reason.AwaitingDeletion, message });
  return { job: kept, status, slot: 'release', next };
};

const decideRecorded = (observed: Observed): Decision => {
  const { run, log } = observed;
  const decision = decideEnded(observed);
  const request = unansweredRequest(run);
  if (log !== undefined && request !== undefined)
    return { ...decision, status: { ...statusSeen(run), log: statusLog(request, log) } };
  return run.status?.observedGeneration === run.metadata.generation
    ? decision
    : { ...decision, status: statusSeen(run) };
};

const decideEnded = (observed: Observed): Decision => {
  const { run, pod, now, volumeGoes } = observed;
  const job = jobOf(observed);
  if (!job || job.metadata?.deletionTimestamp) return { job: kept, slot: 'release', next: done() };
  const failed = succeededOf(run)?.status === 'False';
  const podEnded = pod?.status?.phase === 'Failed' || pod?.status?.phase === 'Succeeded';
  // Judged before Kubernetes did (a pull that fails, a lost node, a cancelled run): nothing of it may go on.
  if (failed && !jobEnd(job) && !podEnded) return { job: removed, slot: 'release', next: done() };
  const keepMs = volumeGoes ? keepLogMs : keepJobMs;
  const left = Date.parse(run.status?.completionTime ?? '') + keepMs - now.getTime();
  if (left > 0) return { job: kept, slot: 'release', next: wait(left, 'the ended Job is kept for its logs') };
  return { job: removed, slot: 'release', next: done() };
};

/** What a run was told when it had its turn; that it is in line again says less, and would be told in vain each time. */
const askedReasons: ReadonlySet<string> = new Set<Reason>([
  Reason.SecretNotFound,
  Reason.RegistryFull,
  Reason.RegistryUnauthorized,
  Reason.RegistryUnreachable,
  Reason.StorageUnavailable,
  Reason.QuotaExceeded,
  Reason.AdmissionDenied,
  Reason.Forbidden,
]);

const decideQueued = (observed: Observed, { ahead, mayTell }: In<'queued'>): Decision => {
  const { run } = observed;
  const first = run.status?.queuePosition === undefined && !askedReasons.has(succeededOf(run)?.reason ?? '');
  return {
    job: kept,
    ...((first || mayTell) && { status: statusQueued(observed, ahead) }),
    slot: 'keep',
    next: wait(ahead < 10 ? queueLookMs : farQueueLookMs, 'queued'),
  };
};

const decideWaiting = (observed: Observed, { summary, afterMs, everybody }: In<'waiting'>): Decision => ({
  job: kept,
  status: statusWaiting(observed, summary),
  slot: everybody ? 'keep' : 'release',
  next: wait(afterMs, summary.reason),
});

const decideStart = (observed: Observed, { platform, data }: In<'startable'>): Decision => ({
  job: { type: 'make', platform, data },
  status: statusActive(observed, { reason: Reason.Pending, message: podStarting }, platform.status),
  slot: 'acquire',
  next: wait(3_000, 'the pod is awaited'),
});

const decideActive = (observed: Observed, { job, summary, missing }: In<'active'>): Decision => {
  const { run, unwatched, now } = observed;
  const status = statusActive(observed, summary, recordOf(observed));
  const tell = worthTelling(run, status, now);
  const idle = summary.reason === Reason.Running ? undefined : now.getTime() - aliveAt(observed, job);
  // A running step wakes us by its end; what keeps a pod from running may not, nor does what is not watched.
  const looks = [
    deadlineOf(evidenceOf(observed, job)).at - now.getTime(),
    ...(typeof tell === 'object' ? [tell.afterMs] : []),
    ...(idle === undefined ? [] : [idle < 15_000 ? 3_000 : 10_000]),
    ...(unwatched ? [unwatchedLookMs] : []),
  ];
  return {
    job: missing === undefined ? kept : { type: 'complete', job, data: missing },
    ...(tell === true && { status }),
    slot: idle !== undefined && idle >= idleMs ? 'stall' : 'acquire',
    next: wait(Math.max(1, Math.min(...looks)), 'building'),
  };
};

/** aliveAt is when the build last did something: its Job was made, or a step began or ended. */
const aliveAt = ({ run }: Observed, job: JobObject): number => {
  const times = (run.status?.steps ?? []).flatMap(({ startedAt, finishedAt }) => [startedAt, finishedAt]);
  const known = [job.metadata?.creationTimestamp, ...times].flatMap((time) => (time ? [Date.parse(time)] : []));
  return Math.max(...known);
};

/** decideUnconfirmed waits for a registry that does not say what it got; not beyond the end that every run has. */
const decideUnconfirmed = (observed: Observed, { job, summary }: In<'unconfirmed'>): Decision => {
  const { reason, message } = summary;
  if (observed.now.getTime() >= deadlineOf(evidenceOf(observed, job)).at)
    return decideFailed(observed, because(reason, { step: 'export', detail: message }));
  const status = statusActive(observed, summary, recordOf(observed));
  const tell = reason !== Reason.Running && worthTelling(observed.run, status, observed.now) === true;
  return { job: kept, ...(tell && { status }), slot: 'release', next: wait(5_000, reason) };
};

/** A Job that goes on all the same is removed once the failure is in the status. */
const decideFailed = (observed: Observed, cause: Cause, logTail?: string): Decision => ({
  job: kept,
  status: statusFailed(observed, cause, { platform: recordOf(observed), logTail }),
  slot: 'release',
  next: done(),
});

/** decideRefused is for a Job, or the Secret of one, that the API server would not take. */
const decideRefused = (before: Observed, { owner, reason, message }: ChildRefusal): Decision => {
  const observed = owner === undefined ? before : { ...before, owned: owning(owner) };
  if (reason === Reason.Invalid) return decideFailed(observed, because(reason, { detail: message }));
  const summary = { reason, message: withAdvice(reason, message) };
  const status = owner ? statusActive(observed, summary, recordOf(observed)) : statusWaiting(observed, summary);
  return { job: kept, status, slot: owner ? 'stall' : 'release', next: wait(30_000, reason) };
};
