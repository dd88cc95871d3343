import { isUserFailure, meanings, Reason } from '../../api/conditions.ts';
import { reasonOfExit } from '../../api/fetchresult.ts';
import { parseReport } from '../../api/fetchresult.ts';
import type { Room } from '../../registry/index.ts';
import { isStartFailure, isTooLittleMemory } from '../../kube/containers.ts';
import type { StepName, Terminated } from '../../api/steps.ts';

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

/** because builds a Cause: the general meaning of its reason, and what is special about this case. */
export const because = (
  reason: Reason,
  rest: Omit<Cause, 'reason' | 'message' | 'class'> & { detail?: string } = {},
): Cause => {
  const { detail, ...cause } = rest;
  const message = detail ? `${meanings[reason]} ${detail}` : meanings[reason];
  return { ...cause, reason, message, class: isUserFailure(reason) ? 'User' : 'Infrastructure' };
};

/** placeOf says where a pod ended. */
export const placeOf = (
  step: StepName | undefined,
  t: Terminated | undefined,
): Pick<Cause, 'step' | 'exitCode' | 'tail'> => ({
  ...(step && { step }),
  ...(t && { exitCode: t.exitCode }),
  ...(t?.message && { tail: t.message }),
});

/** tooSmall is said of a memory limit in which a step cannot even start. */
export const tooSmall = (step: StepName): string =>
  `The step ${step} could not even start: raise spec.build.resources.limits.memory of the App.`;

/** causeOfExit reads how one container ended. Exit codes: the lifecycle's platform/exit.go, fetch's own table. */
export const causeOfExit = (step: StepName, t: Terminated): Cause => {
  const at = placeOf(step, t);
  if (isTooLittleMemory(t.reason, t.message)) {
    return because(Reason.OutOfMemory, { ...at, detail: tooSmall(step) });
  }
  if (t.reason === 'OOMKilled') return because(Reason.OutOfMemory, { ...at, detail: `It was the step ${step}.` });
  if (t.reason === 'ContainerStatusUnknown') return because(Reason.Evicted, at);
  if (t.exitCode === 137 || t.exitCode === 143) {
    return because(Reason.Evicted, { ...at, detail: `The step ${step} was killed (exit code ${t.exitCode}).` });
  }
  const detail = `The step ${step} ended with exit code ${t.exitCode}.`;
  if (step === 'fetch') {
    return because(reasonOfExit(t.exitCode), { ...at, detail: parseReport(t.message ?? '')?.message ?? detail });
  }
  if (t.exitCode === 11 || t.exitCode === 12 || isStartFailure(t.reason)) {
    return because(Reason.BuilderIncompatible, { ...at, detail });
  }
  if (step === 'detect') return because(detectReason(t.exitCode), { ...at, detail });
  if (step === 'build')
    return because(t.exitCode === 51 ? Reason.BuildFailed : Reason.BuilderFailed, { ...at, detail });
  return causeOfRegistryStep(step, t.exitCode, { ...at, detail });
};

const detectReason = (exitCode: number): Reason =>
  exitCode === 20 || exitCode === 21 ? Reason.NoBuildpackDetected : Reason.DetectFailed;

const askable = new Set([1, 32, 42, 62, 72]);

type RegistryStep = Exclude<StepName, 'fetch' | 'detect' | 'build'>;
const ownReason: Record<RegistryStep, Reason> = {
  analyze: Reason.AnalyzeFailed,
  restore: Reason.RestoreFailed,
  export: Reason.ExportFailed,
  rebase: Reason.RebaseFailed,
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
export type Probed = Exclude<Room, { readonly type: 'room' }>;

const probedReasons = {
  full: Reason.RegistryFull,
  unauthorized: Reason.RegistryUnauthorized,
  unreachable: Reason.RegistryUnreachable,
} as const satisfies Record<Probed['type'], Reason>;

/** afterProbe corrects a cause by what the registry said. */
export const afterProbe = (cause: Cause, probed: Probed | undefined): Cause => {
  if (!cause.askRegistry || !probed) return cause;
  const { message: _, reason: __, class: ___, ...at } = cause;
  return because(probedReasons[probed.type], { ...at, detail: probed.message });
};
