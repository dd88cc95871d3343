import { Reason } from '../api/conditions.ts';
import type { StageRunStatus } from '../api/stagerun.ts';
import { done, wait, type Result } from '../kube/types.ts';
import type { Answer } from './ask.ts';
import type { Start } from './start.ts';
import { jobEnd, type JobObject } from './jobstate.ts';
import type { Seen } from './observe.ts';
import { aliveAt, evidenceOf, type Phase } from './phase.ts';
import { succeededOf } from './result.ts';
import type { BuildPlatform } from './platform.ts';
import { afterProbe, because, type Cause } from './causes.ts';
import { deadlineOf, judge, podStarting, withAdvice } from './reasons.ts';
import type { Material } from './resources/secret.ts';
import {
  type Recorded,
  statusActive,
  statusBuilt,
  statusCancelled,
  statusFailed,
  statusQueued,
  statusSeen,
  statusWaiting,
  type Word,
  worthTelling,
} from './status.ts';

/** RunPlan is what one reconcile does: data, carried out in the order of its fields. */
export interface RunPlan {
  /** Make the Job, and the Secret that it owns. */
  readonly start?: { readonly platform: BuildPlatform; readonly material: Material };
  /** Make only the Secret: the Job is there. */
  readonly complete?: { readonly job: JobObject; readonly material: Material };
  readonly status?: StageRunStatus;
  readonly remove?: JobObject;
  /**
   * What becomes of the run's slot: hold it, a Job builds; stall, the Job is there and its pod does not start; keep what it
   * has, for a while; leave it to others.
   */
  readonly slot: 'hold' | 'stall' | 'keep' | 'leave';
  readonly next: Result;
}

/** PlanInput is all that a plan rests on. */
export interface PlanInput {
  readonly seen: Seen;
  readonly phase: Phase;
  readonly answer: Answer;
  /** What the run began with, or would begin with. */
  readonly platform: Recorded;
  readonly now: Date;
}

/**
 * keepJobMs is how long an ended Job stays for people to look at its pod. The operator deletes it then; a TTL in the Job
 * could fire before the result is recorded, and setting one afterwards would be one more write.
 */
export const keepJobMs = 3_600_000;

/** idleMs is how long a Job may be there without a step that runs, before others may build in its place. */
export const idleMs = 60_000;

/** unwatchedLookMs is how often is looked at what no watch tells of. */
const unwatchedLookMs = 10_000;

const queueLookMs = 5_000;
const farQueueLookMs = 30_000;

/** planRun decides what to do about a run: pure, total. */
export const planRun = (input: PlanInput): RunPlan => {
  const { seen, phase, answer, platform, now } = input;
  switch (phase.type) {
    case 'going':
      return { ...removal(seen), slot: 'leave', next: done() };
    case 'recorded':
      return planRecorded(seen, now);
    case 'cancelled':
      return {
        status: statusCancelled(seen, platform, now),
        ...removal(seen),
        slot: 'leave',
        next: done(),
      };
    case 'occupied':
      return planOccupied(seen, phase.job, now);
    case 'blocked':
      return planBlocked(seen, phase, platform, now);
    case 'queued':
      return planQueued(seen, phase, now);
    case 'ready':
      return answer.type === 'start' ? planStart(seen, answer.start, platform, now) : again;
    case 'building':
      return planBuilding(input, phase.job);
    case 'lost':
      return planLost(input);
  }
};

/** removal of a Job that still builds. */
const removal = ({ job }: Seen): Pick<RunPlan, 'remove'> =>
  job && !jobEnd(job) && !job.metadata?.deletionTimestamp ? { remove: job } : {};

/** soonMs is how long it usually takes at most until a deleted Job is gone. */
const soonMs = 10_000;

const planOccupied = (seen: Seen, job: JobObject, now: Date): RunPlan => {
  const { name, deletionTimestamp, finalizers = [] } = job.metadata ?? {};
  if (!deletionTimestamp)
    return { remove: job, slot: 'leave', next: wait(1_000, 'the Job of an earlier run is going') };
  const age = now.getTime() - Date.parse(deletionTimestamp);
  const next = wait(Math.min(Math.max(age / 2, 1_000), 30_000), 'the Job of an earlier run is going');
  if (age < soonMs) return { slot: 'leave', next };
  const kept = finalizers.length > 0 ? `, kept by its finalizers (${finalizers.join(', ')})` : '';
  const message = `The Job ${name} of an earlier run is still being deleted${kept}; the build begins when it is gone.`;
  return { status: statusWaiting(seen, { reason: Reason.AwaitingDeletion, message }, now), slot: 'leave', next };
};

/** again is for answers that do not fit their phase, which the types cannot rule out. */
const again: RunPlan = { slot: 'keep', next: wait(1_000, 'looking again') };

const planRecorded = (seen: Seen, now: Date): RunPlan => {
  const { metadata, status } = seen.run;
  const plan = planEnded(seen, now);
  return status?.observedGeneration === metadata.generation ? plan : { ...plan, status: statusSeen(seen.run) };
};

const planEnded = ({ run, job, pod }: Seen, now: Date): RunPlan => {
  if (!job || job.metadata?.deletionTimestamp) return { slot: 'leave', next: done() };
  const failed = succeededOf(run)?.status === 'False';
  const podEnded = pod?.status?.phase === 'Failed' || pod?.status?.phase === 'Succeeded';
  // Judged before Kubernetes did (a pull that fails, a lost node, a cancelled run): nothing of it may go on.
  if (failed && !jobEnd(job) && !podEnded) return { remove: job, slot: 'leave', next: done() };
  const left = Date.parse(run.status?.completionTime ?? '') + keepJobMs - now.getTime();
  if (left > 0) return { slot: 'leave', next: wait(left, 'the ended Job is kept for its logs') };
  return { remove: job, slot: 'leave', next: done() };
};

const planBlocked = (
  seen: Seen,
  { reason, message, failed }: Phase & { type: 'blocked' },
  platform: Recorded,
  now: Date,
): RunPlan => ({
  status: failed
    ? statusFailed(seen, because(reason, { detail: message }), { platform, now })
    : statusWaiting(seen, { reason, message }, now),
  slot: 'leave',
  next: done(),
});

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

const planQueued = (seen: Seen, { ahead, mayTell }: Phase & { type: 'queued' }, now: Date): RunPlan => {
  const { run } = seen;
  const first = run.status?.queuePosition === undefined && !askedReasons.has(succeededOf(run)?.reason ?? '');
  return {
    ...((first || mayTell) && { status: statusQueued(seen, ahead, now) }),
    slot: 'keep',
    next: wait(ahead < 10 ? queueLookMs : farQueueLookMs, 'queued'),
  };
};

const planStart = (seen: Seen, start: Start, platform: Recorded, now: Date): RunPlan => {
  switch (start.type) {
    case 'found':
      return { status: statusBuilt(seen, start.image, start.platform.status, now), slot: 'leave', next: done() };
    case 'wait':
      return {
        status: statusWaiting(seen, { reason: start.reason, message: start.message }, now),
        slot: start.everybody ? 'keep' : 'leave',
        next: wait(start.afterMs, start.reason),
      };
    case 'fail':
      return { status: statusFailed(seen, start.cause, { platform, now }), slot: 'leave', next: done() };
    case 'go': {
      const word = { reason: Reason.Pending, message: podStarting };
      return {
        start: { platform: start.platform, material: start.material },
        status: statusActive(seen, word, start.platform.status, now),
        slot: 'hold',
        next: wait(3_000, 'the pod is awaited'),
      };
    }
  }
};

const planBuilding = (input: PlanInput, job: JobObject): RunPlan => {
  const { seen, answer, platform, now } = input;
  switch (answer.type) {
    case 'active':
      return planActive(input, job, answer);
    case 'built':
      return planBuilt(input, job, answer);
    case 'failed': {
      const judgement = judge(evidenceOf(seen, job, now));
      if (judgement.type !== 'failed') return again;
      if (answer.image) return built(seen, answer.image, platform, now);
      return failed(input, afterProbe(judgement.cause, answer.probed), answer.logTail);
    }
    case 'none':
    case 'start':
    case 'lost':
      return again;
  }
};

const built = (
  seen: Seen,
  image: NonNullable<(Answer & { type: 'built' })['image']>,
  platform: Recorded,
  now: Date,
): RunPlan => ({
  status: statusBuilt(seen, image, platform, now),
  slot: 'leave',
  next: done(),
});

const failed = ({ seen, platform, now }: PlanInput, cause: Cause, logTail?: string): RunPlan => ({
  status: statusFailed(seen, cause, { platform, now, ...(logTail && { logTail }) }),
  slot: 'leave',
  next: done(),
});

const planActive = (
  { seen, platform, now }: PlanInput,
  job: JobObject,
  answer: Answer & { type: 'active' },
): RunPlan => {
  const evidence = evidenceOf(seen, job, now, answer.warning);
  const judgement = judge(evidence);
  if (judgement.type !== 'active') return again;
  const next = statusActive(seen, judgement, platform, now);
  const tell = worthTelling(seen.run, next, now);
  const idle = judgement.reason === Reason.Running ? undefined : now.getTime() - aliveAt(seen, job);
  // A running step wakes us by its end; what keeps a pod from running may not, nor does what is not watched.
  const looks = [
    deadlineOf(evidence).at - now.getTime(),
    ...(typeof tell === 'object' ? [tell.afterMs] : []),
    ...(idle === undefined ? [] : [idle < 15_000 ? 3_000 : 10_000]),
    ...(seen.unwatched ? [unwatchedLookMs] : []),
  ];
  return {
    ...(answer.material && { complete: { job, material: answer.material } }),
    ...(tell === true && { status: next }),
    slot: idle !== undefined && idle >= idleMs ? 'stall' : 'hold',
    next: wait(Math.max(1, Math.min(...looks)), 'building'),
  };
};

const planBuilt = (input: PlanInput, job: JobObject, { image, unknown }: Answer & { type: 'built' }): RunPlan => {
  const { seen, platform, now } = input;
  if (image) return built(seen, image, platform, now);
  if (unknown) return planSilent(input, job, unknown);
  const detail = 'The Job succeeded, yet its image is not in the registry.';
  return failed(input, because(Reason.ExportFailed, { step: 'export', detail }));
};

/** planSilent waits for a registry that does not say what it got; not beyond the end that every run has. */
const planSilent = (input: PlanInput, job: JobObject, unknown: Word): RunPlan => {
  const { seen, platform, now } = input;
  if (now.getTime() >= deadlineOf(evidenceOf(seen, job, now)).at) {
    return failed(input, because(unknown.reason, { step: 'export', detail: unknown.message }));
  }
  const next = statusActive(seen, unknown, platform, now);
  const tell = unknown.reason !== Reason.Running && worthTelling(seen.run, next, now) === true;
  return { ...(tell && { status: next }), slot: 'leave', next: wait(5_000, unknown.reason) };
};

const planLost = (input: PlanInput): RunPlan => {
  const { seen, answer, platform, now } = input;
  if (answer.type !== 'lost') return again;
  if (answer.image) return built(seen, answer.image, platform, now);
  return failed(input, because(Reason.PodDeleted, { detail: whatHappened(seen) }));
};

const whatHappened = ({ job, otherJob }: Seen): string => {
  if (otherJob) return `Somebody made the Job ${otherJob.metadata?.name} one that does not belong to this run.`;
  return job ? 'Its Job is being deleted as well.' : 'Its Job is gone as well.';
};

/** planRefused is for a Job, or the Secret of one, that the API server would not take. */
export const planRefused = (
  seen: Seen,
  refusal: { readonly reason: Reason; readonly message: string; readonly job?: JobObject },
  platform: Recorded,
  now: Date,
): RunPlan => {
  if (refusal.reason === Reason.Invalid) {
    const cause = because(Reason.Invalid, { detail: refusal.message });
    return { status: statusFailed(seen, cause, { platform, now }), slot: 'leave', next: done() };
  }
  const { job, reason } = refusal;
  const word = { reason, message: withAdvice(reason, refusal.message) };
  const status = job ? statusActive({ ...seen, job }, word, platform, now) : statusWaiting(seen, word, now);
  return { status, slot: job ? 'stall' : 'leave', next: wait(30_000, reason) };
};
