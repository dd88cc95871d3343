import { isUserFailure, meanings, Reason } from '../api/conditions.ts';
import type { Step } from '../api/stagerun.ts';
import { reasonOfExit } from '../fetch/exits.ts';
import { parseReport } from '../fetch/report.ts';
import {
  begun,
  currentStep,
  isPullFailure,
  registrySteps,
  stepStates,
  type PodObject,
  type StepName,
  type Terminated,
} from './steps.ts';
import { jobEnd, type JobObject } from './jobstate.ts';

/** Cause is why a run failed, told from container states, exit codes and Kubernetes' own words; never from logs. */
export interface Cause {
  readonly step?: StepName;
  readonly exitCode?: number;
  readonly reason: Reason;
  readonly message: string;
  /** class says who can do something about it. */
  readonly class: 'User' | 'Infrastructure';
  /** askRegistry: the exit code alone cannot tell the registry's fault from the builder's; a probe must. */
  readonly askRegistry?: true;
  /** What the kubelet kept of the log: all there is once the pod is gone. */
  readonly tail?: string;
}

/** Judgement is what the Job and its pod say about a run. */
export type Judgement =
  | { readonly type: 'active'; readonly reason: Reason; readonly message: string; readonly podless: boolean }
  /** report is the termination message of export. */
  | { readonly type: 'built'; readonly report: string | undefined }
  | { readonly type: 'failed'; readonly cause: Cause };

/** Evidence is all that a judgement rests on. */
export interface Evidence {
  readonly job: JobObject;
  readonly pod: PodObject | undefined;
  /** Newest warning event of the Job (no pod) or of the pod (not begun), where one was looked for. */
  readonly warning?: string | undefined;
  /** status.steps of the run so far: dates of pull failures. */
  readonly steps: readonly Step[];
  /** What the run's condition said before: kept when Kubernetes deletes the pod with all that it knew. */
  readonly before?: { readonly reason: string; readonly message: string } | undefined;
  readonly now: Date;
}

/** pullPatienceMs is how long a pull may fail before the run does: a registry that restarts is waited for. */
export const pullPatienceMs = 120_000;

/** podStarting is said of a run whose Job is made and whose pod does nothing yet. */
export const podStarting = 'The pod of the build is starting.';

/** because builds a Cause: the general meaning of its reason, and what is special about this case. */
export const because = (
  reason: Reason,
  rest: Omit<Cause, 'reason' | 'message' | 'class'> & { detail?: string } = {},
): Cause => {
  const { detail, ...cause } = rest;
  const message = detail ? `${meanings[reason]} ${detail}` : meanings[reason];
  return { ...cause, reason, message, class: isUserFailure(reason) ? 'User' : 'Infrastructure' };
};

const failed = (cause: Cause): Judgement => ({ type: 'failed', cause });
const active = (reason: Reason, message: string = meanings[reason], podless = false): Judgement => ({
  type: 'active',
  reason,
  message,
  podless,
});

/** judge says how a run stands. It asks the pod first: the Job controller knows the end seconds later, and less of it. */
export const judge = (seen: Evidence): Judgement => {
  const { pod } = seen;
  if (!pod) return judgeWithoutPod(seen);
  const exported = stepStates(pod).find((step) => step.name === 'export')?.state.terminated;
  if (exported?.exitCode === 0) return { type: 'built', report: exported.message };
  const end = jobEnd(seen.job);
  if (pod.status?.phase === 'Failed' || end?.type === 'failed') return failed(causeOfPod(pod, end?.reason));
  if (pod.metadata?.deletionTimestamp && disrupted(pod)) return failed(causeOfPod(pod, end?.reason));
  return judgeActive(pod, seen);
};

const judgeWithoutPod = ({ job, warning, before }: Evidence): Judgement => {
  const end = jobEnd(job);
  if (end?.type === 'complete') return { type: 'built', report: undefined };
  if (!end) {
    return warning === undefined
      ? active(Reason.Pending, podStarting, true)
      : active(Reason.PodNotCreated, warning, true);
  }
  if (end.reason !== 'DeadlineExceeded') return failed(because(Reason.PodDeleted));
  if (warning !== undefined) return failed(because(Reason.PodNotCreated, { detail: warning }));
  const stuck = (stuckReasons as readonly string[]).includes(before?.reason ?? '') ? before : undefined;
  return failed(
    stuck ? { ...because(stuck.reason as Reason), message: stuck.message } : because(Reason.DeadlineExceeded),
  );
};

/** stuckReasons are states in which a pod can sit until the Job's deadline deletes it. */
const stuckReasons = [Reason.PodNotCreated, Reason.PodUnschedulable, Reason.BuilderImagePullFailed] as const;

const judgeActive = (pod: PodObject, seen: Evidence): Judgement => {
  const current = currentStep(pod);
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status === 'False') {
    return active(Reason.PodUnschedulable, scheduled.message || meanings.PodUnschedulable);
  }
  const waiting = current?.state.waiting;
  if (current && isPullFailure(waiting?.reason)) return judgePull(current.name, waiting ?? {}, seen);
  if (current?.state.running) return active(Reason.Running, `The step ${current.name} is running.`);
  if (current && begun(pod)) return active(Reason.Running, `The step ${current.name} is starting.`);
  const hindrance = waiting?.reason === 'CreateContainerConfigError' ? waiting.message : seen.warning;
  return hindrance ? active(Reason.PodNotStarted, hindrance) : active(Reason.Pending, podStarting);
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

const causeOfPod = (pod: PodObject, jobReason: string | undefined): Cause => {
  const current = currentStep(pod);
  const at = placeOf(current?.name, current?.state.terminated);
  const { reason, message } = pod.status ?? {};
  if (reason === 'DeadlineExceeded' || jobReason === 'DeadlineExceeded') return causeOfDeadline(pod);
  if (disrupted(pod))
    return because(Reason.Evicted, { ...at, detail: condition(pod, 'DisruptionTarget')?.message ?? '' });
  // The kubelet marks evictions for the node's sake as disruptions (above); without the mark the pod broke its own limit.
  if (reason === 'Evicted') return because(Reason.OutOfDisk, { ...at, ...(message && { detail: message }) });
  if (pod.metadata?.deletionTimestamp) return because(Reason.PodDeleted, at);
  if (current?.state.terminated) return causeOfExit(current.name, current.state.terminated);
  return because(Reason.Evicted, { ...at, detail: [reason, message].filter(Boolean).join(': ') });
};

const placeOf = (step: StepName | undefined, t: Terminated | undefined): Pick<Cause, 'step' | 'exitCode' | 'tail'> => ({
  ...(step && { step }),
  ...(t && { exitCode: t.exitCode }),
  ...(t?.message && { tail: t.message }),
});

const causeOfDeadline = (pod: PodObject): Cause => {
  const current = currentStep(pod);
  if (!current) return because(Reason.DeadlineExceeded);
  if (isPullFailure(current.state.waiting?.reason)) return causeOfPull(current.name, current.state.waiting?.message);
  const cause = because(Reason.DeadlineExceeded, {
    ...placeOf(current.name, current.state.terminated),
    detail: `It was at the step ${current.name}.`,
  });
  // A registry that swallows packets looks like a slow step: analyze alone waits 407 s for it.
  return registrySteps.has(current.name) ? { ...cause, askRegistry: true } : cause;
};

/** causeOfExit reads how one container ended. Exit codes: the lifecycle's platform/exit.go, fetch's own table. */
export const causeOfExit = (step: StepName, t: Terminated): Cause => {
  const at = placeOf(step, t);
  if (t.reason === 'OOMKilled') return because(Reason.OutOfMemory, { ...at, detail: `It was the step ${step}.` });
  if (t.reason === 'ContainerStatusUnknown') return because(Reason.Evicted, at);
  if (t.exitCode === 137 || t.exitCode === 143) {
    return because(Reason.Evicted, { ...at, detail: `The step ${step} was killed (exit code ${t.exitCode}).` });
  }
  const detail = `The step ${step} ended with exit code ${t.exitCode}.`;
  if (step === 'fetch') {
    return because(reasonOfExit(t.exitCode), { ...at, detail: parseReport(t.message ?? '')?.message ?? detail });
  }
  if (t.exitCode === 11 || t.exitCode === 12 || t.reason === 'StartError' || t.reason === 'ContainerCannotRun') {
    return because(Reason.BuilderIncompatible, { ...at, detail });
  }
  if (step === 'detect') return because(detectReason(t.exitCode), { ...at, detail });
  if (step === 'build')
    return because(t.exitCode === 51 ? Reason.BuildFailed : Reason.BuilderFailed, { ...at, detail });
  return causeOfRegistryStep(step, t.exitCode, { ...at, detail });
};

const detectReason = (exitCode: number): Reason =>
  exitCode === 20 || exitCode === 21 ? Reason.NoBuildpackDetected : Reason.DetectFailed;

const askable = new Set([1, 32, 42, 62]);

type RegistryStep = Exclude<StepName, 'fetch' | 'detect' | 'build'>;
const ownReason: Record<RegistryStep, Reason> = {
  analyze: Reason.AnalyzeFailed,
  restore: Reason.RestoreFailed,
  export: Reason.ExportFailed,
};

const causeOfRegistryStep = (
  step: RegistryStep,
  exitCode: number,
  at: Omit<Cause, 'reason' | 'message' | 'class'> & { detail: string },
): Cause => {
  // Our arguments are always the same, so 3 of export means the one input that can be wrong: analyze found no run image.
  if (step === 'export' && exitCode === 3) return because(Reason.RunImageUnavailable, at);
  const cause = because(ownReason[step], at);
  return askable.has(exitCode) ? { ...cause, askRegistry: true } : cause;
};

/** Probed is what the registry said when asked with the run's own credential. */
export type Probed = { readonly type: 'unauthorized' | 'unreachable'; readonly message: string };

/** afterProbe corrects a cause by what the registry said. */
export const afterProbe = (cause: Cause, probed: Probed | undefined): Cause => {
  if (!cause.askRegistry || !probed) return cause;
  const reason = probed.type === 'unauthorized' ? Reason.RegistryUnauthorized : Reason.RegistryUnreachable;
  const { message: _, reason: __, class: ___, ...at } = cause;
  return because(reason, { ...at, detail: probed.message });
};
