import { meanings, Reason } from '../../api/conditions.ts';
import type { Step } from '../../api/stagerun.ts';
import { isTooLittleMemory } from '../../kube/containers.ts';
import { because, causeOfExit, placeOf, tooSmall, type Cause } from './causes.ts';
import { pushSteps, registrySteps, stepStates, type PodObject, type StepName } from '../../api/steps.ts';
import { begun, currentStep, didBegin, isCreateFailure, isPullFailure } from './steps.ts';
import { hindranceOf, jobEnd, type JobObject } from './jobstate.ts';

/** Limits are how long a run may take, in seconds. */
export interface Limits {
  /** From the start of the pod to its end. */
  readonly build: number;
  /** Until the pod has started. */
  readonly start: number;
  /** The installation allows less than the App asks for. */
  readonly cut: boolean;
}

/** Active is a build that goes on. Every reason but Running means that nothing of it runs. */
export interface Active {
  readonly type: 'active';
  readonly reason: Reason;
  readonly message: string;
}

/** Judgement is what the Job and its pod say about a run. */
export type Judgement =
  | Active
  /** report is the termination message of export. */
  | { readonly type: 'built'; readonly report: string | undefined }
  | { readonly type: 'failed'; readonly cause: Cause };

/** Evidence is all that a judgement rests on. */
export interface Evidence {
  readonly job: JobObject;
  readonly pod: PodObject | undefined;
  /** status.steps of the run so far: dates of pull failures. */
  readonly steps: readonly Step[];
  /** What the run's condition said before: kept when Kubernetes deletes the pod with all that it knew. */
  readonly before?: { readonly reason: string; readonly message: string } | undefined;
  /** When the run began. The deadlines count from here: those in the Job may be changed by whoever may edit Jobs. */
  readonly since: Date;
  readonly limits: Limits;
  readonly now: Date;
}

/** pullPatienceMs is how long a pull may fail before the run does: a registry that restarts is waited for. */
export const pullPatienceMs = 120_000;

/** podStarting is said of a run whose Job is made and whose pod does nothing yet. */
export const podStarting = 'The pod of the build is starting.';

const failed = (cause: Cause): Judgement => ({ type: 'failed', cause });
const active = (reason: Reason, message: string = meanings[reason]): Active => ({ type: 'active', reason, message });

/** judge says how a run stands; one that goes on beyond its deadlines has failed, whatever Kubernetes says of its Job. */
export const judge = (seen: Evidence): Judgement => {
  const judgement = judgeObjects(seen);
  const late = judgement.type === 'active' ? overdue(seen, judgement) : undefined;
  return late ? failed(late) : judgement;
};

/** graceSeconds is how long Kubernetes has for its own deadlines, which leave more behind than ours. */
const graceSeconds = 60;

/** deadlineOf is when a run that goes on like this has failed. */
export const deadlineOf = ({
  pod,
  steps,
  since,
  limits,
}: Evidence): { readonly of: 'start' | 'end'; readonly at: number } => {
  const started = (pod !== undefined && begun(pod)) || didBegin(steps);
  const seconds = started ? limits.start + limits.build + graceSeconds : limits.start;
  return { of: started ? 'end' : 'start', at: since.getTime() + seconds * 1000 };
};

const overdue = (seen: Evidence, { reason, message }: Active): Cause | undefined => {
  const { pod, now, limits, before } = seen;
  const deadline = deadlineOf(seen);
  if (now.getTime() < deadline.at) return undefined;
  if (deadline.of === 'start') {
    const told = reason === Reason.Pending && isRefusal(before?.reason) ? before : undefined;
    const why = (told?.reason ?? (reason === Reason.Pending ? Reason.PodNotStarted : reason)) as Reason;
    return { ...because(why), message: `${told?.message ?? message} It had not started after ${limits.start} s.` };
  }
  const step = pod && currentStep(pod)?.name;
  return because(Reason.DeadlineExceeded, { ...(step && { step }), detail: allowed(limits) });
};

const allowed = ({ build, cut }: Limits): string =>
  `It may take ${build} s${cut ? ', the most that this installation allows' : ''}.`;

const refusals: ReadonlySet<string> = new Set<Reason>(['NameTaken', 'QuotaExceeded', 'AdmissionDenied', 'Forbidden']);

/** isRefusal: the API server would not take what the pod needs, which nothing but the run's own words shows. */
const isRefusal = (reason: string | undefined): boolean => reason !== undefined && refusals.has(reason);

/** judgeObjects asks the pod first: the Job controller knows the end seconds later, and less of it. */
const judgeObjects = (seen: Evidence): Judgement => {
  const { pod } = seen;
  if (!pod) return judgeWithoutPod(seen);
  const pushed = stepStates(pod).find(({ name }) => pushSteps.has(name))?.state.terminated;
  if (pushed?.exitCode === 0) return { type: 'built', report: pushed.message };
  const end = jobEnd(seen.job);
  if (pod.status?.phase === 'Failed' || end?.type === 'failed') return failed(causeOfPod(pod, seen, end?.reason));
  if (pod.metadata?.deletionTimestamp && disrupted(pod)) return failed(causeOfPod(pod, seen, end?.reason));
  return judgeActive(pod, seen);
};

const judgeWithoutPod = ({ job, before, limits }: Evidence): Judgement => {
  const end = jobEnd(job);
  if (end?.type === 'complete') return { type: 'built', report: undefined };
  const hindrance = hindranceOf(job);
  if (!end) return hindrance === undefined ? active(Reason.Pending, podStarting) : podNotCreated(hindrance);
  if (end.reason !== 'DeadlineExceeded') return failed(because(Reason.PodDeleted));
  if (hindrance !== undefined) return failed(because(Reason.PodNotCreated, { detail: hindrance }));
  const stuck = (stuckReasons as readonly string[]).includes(before?.reason ?? '') ? before : undefined;
  return failed(
    stuck
      ? { ...because(stuck.reason as Reason), message: stuck.message }
      : because(Reason.DeadlineExceeded, { detail: allowed(limits) }),
  );
};

/** withAdvice adds what can be done where Kubernetes says only what is wrong. */
export const withAdvice = (reason: Reason, words: string): string => {
  const text = /[.!?]$/.test(words) ? words : `${words}.`;
  if (reason === Reason.PodUnschedulable)
    return `No node can take the build pod: ${text} Lower spec.build.resources.requests of the App, or add a node that fits.`;
  if (/exceeded quota.*(cpu|memory|storage)/.test(words))
    return `${text} Raise the quota of the namespace, or lower spec.build.resources of the App.`;
  if (/exceeded quota/.test(words)) return `${text} Raise the quota of the namespace, or delete what is not needed.`;
  if (/(minimum|maximum) \S+ usage per|limit to request ratio/.test(words))
    return `${text} Change spec.build.resources of the App to what the LimitRange of the namespace allows.`;
  return text;
};

/** stuckReasons are states in which a pod can sit until the Job's deadline deletes it. */
const stuckReasons = [
  Reason.PodNotCreated,
  Reason.PodNotStarted,
  Reason.PodUnschedulable,
  Reason.BuilderImagePullFailed,
] as const;

const judgeActive = (pod: PodObject, seen: Evidence): Judgement => {
  const current = currentStep(pod);
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status === 'False') {
    const words = scheduled.message || 'the scheduler does not say why';
    return active(Reason.PodUnschedulable, withAdvice(Reason.PodUnschedulable, words));
  }
  const waiting = current?.state.waiting;
  if (current && isPullFailure(waiting?.reason)) return judgePull(current.name, waiting ?? {}, seen);
  if (current && isCreateFailure(waiting?.reason)) return judgeCreate(current.name, waiting ?? {});
  if (current?.state.running) return active(Reason.Running, `The step ${current.name} is running.`);
  if (current && begun(pod)) return active(Reason.Running, `The step ${current.name} is starting.`);
  return active(Reason.Pending, podStarting);
};

const podNotCreated = (words: string): Active => active(Reason.PodNotCreated, withAdvice(Reason.PodNotCreated, words));

/**
 * withWarning is what a build that has not begun says for itself once its events were read: the newest warning of the pod, or
 * of the Job where there is none.
 */
export const withWarning = (judgement: Active, warning: string | undefined, pod: PodObject | undefined): Active => {
  if (warning === undefined || judgement.reason !== Reason.Pending) return judgement;
  return pod === undefined ? podNotCreated(warning) : active(Reason.PodNotStarted, warning);
};

const judgeCreate = (step: StepName, waiting: { reason?: string; message?: string }): Judgement => {
  if (isTooLittleMemory(waiting.reason, waiting.message))
    return failed(because(Reason.OutOfMemory, { step, detail: tooSmall(step) }));
  return active(
    Reason.PodNotStarted,
    `The container of the step ${step} cannot be made: ${waiting.message ?? 'no reason is given'}`,
  );
};

const judgePull = (
  step: StepName,
  waiting: { reason?: string; message?: string },
  { steps, now }: Evidence,
): Judgement => {
  const cause = causeOfPull(step, waiting.message);
  // A name that can be no image stays one; for the rest, patience counts from when the failure was first written down.
  const since = Date.parse(steps.find(({ name }) => name === step)?.startedAt ?? now.toISOString());
  const patient = waiting.reason !== 'InvalidImageName' && now.getTime() - since < pullPatienceMs;
  return patient ? active(cause.reason, cause.message) : failed(cause);
};

const causeOfPull = (step: StepName, message: string | undefined): Cause =>
  because(step === 'fetch' ? Reason.FetchImagePullFailed : Reason.BuilderImagePullFailed, {
    step,
    ...(message && { detail: message }),
  });

const condition = (pod: PodObject, type: string) => pod.status?.conditions?.find((c) => c.type === type);

/** disrupted: Kubernetes took the pod away, by eviction, preemption, drain or loss of its node (KEP-3329). */
const disrupted = (pod: PodObject): boolean => condition(pod, 'DisruptionTarget')?.status === 'True';

const causeOfPod = (pod: PodObject, { limits }: Evidence, jobReason: string | undefined): Cause => {
  const current = currentStep(pod);
  const at = placeOf(current?.name, current?.state.terminated);
  const { reason, message } = pod.status ?? {};
  if (reason === 'DeadlineExceeded' || jobReason === 'DeadlineExceeded') return causeOfDeadline(pod, limits);
  if (disrupted(pod))
    return because(Reason.Evicted, { ...at, detail: condition(pod, 'DisruptionTarget')?.message ?? '' });
  // The kubelet marks evictions for the node's sake as disruptions (above); without the mark the pod broke its own limit.
  if (reason === 'Evicted') return because(Reason.OutOfDisk, { ...at, ...(message && { detail: message }) });
  if (pod.metadata?.deletionTimestamp) return because(Reason.PodDeleted, at);
  if (current?.state.terminated) return causeOfExit(current.name, current.state.terminated);
  return because(Reason.Evicted, { ...at, detail: [reason, message].filter(Boolean).join(': ') });
};

const causeOfDeadline = (pod: PodObject, limits: Limits): Cause => {
  const current = currentStep(pod);
  if (!current) return because(Reason.DeadlineExceeded, { detail: allowed(limits) });
  if (isPullFailure(current.state.waiting?.reason)) return causeOfPull(current.name, current.state.waiting?.message);
  const cause = because(Reason.DeadlineExceeded, {
    ...placeOf(current.name, current.state.terminated),
    detail: `${allowed(limits)} It was at the step ${current.name}.`,
  });
  // A registry that swallows packets looks like a slow step: analyze alone waits 407 s for it.
  return registrySteps.has(current.name) ? { ...cause, askRegistry: true } : cause;
};
