import type { Step } from '../../api/stagerun.ts';
import { stepStates, type PodObject, type StepName, type StepState, type Terminated } from '../../api/steps.ts';
import { oneLine } from '../../telemetry/oneline.ts';

/** currentStep is the step that the pod is at: the first that has not ended well; undefined before the pod has statuses. */
export const currentStep = (pod: PodObject): StepState | undefined =>
  stepStates(pod).find(({ state }) => state.terminated?.exitCode !== 0);

/** begun tells whether any of our containers ever ran. */
export const begun = (pod: PodObject): boolean =>
  stepStates(pod).some(({ state }) => state.running !== undefined || state.terminated !== undefined);

const pullReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/** isPullFailure tells whether a waiting reason means that the image cannot be had. */
export const isPullFailure = (reason: string | undefined): boolean => reason !== undefined && pullReasons.has(reason);

/** The kubelet alternates between two reasons while it retries; told as one, they do not make a write each time. */
const pullFailed = 'ErrImagePull';

/** didBegin tells from what was written down whether a step ever ran: its pod may be gone. */
export const didBegin = (steps: readonly Step[]): boolean => steps.some(({ reason }) => reason !== pullFailed);

const createReasons = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

/** isCreateFailure tells whether a waiting reason means that the node cannot make the container. */
export const isCreateFailure = (reason: string | undefined): boolean =>
  reason !== undefined && createReasons.has(reason);

/**
 * observeSteps turns container states into status.steps: those that began, and one that waits for an image that cannot be
 * pulled, dated with the time it was first seen so (the kubelet gives none).
 */
export const observeSteps = (pod: PodObject, before: readonly Step[], now: string): Step[] =>
  stepStates(pod).flatMap(({ name, state }): Step[] => {
    const { running, terminated, waiting } = state;
    if (terminated) return [ended(name, terminated)];
    if (running) return [{ name, startedAt: running.startedAt ?? now }];
    if (!isPullFailure(waiting?.reason)) return [];
    const seen = before.find((step) => step.name === name && step.reason === pullFailed);
    return [seen ?? { name, startedAt: now, reason: pullFailed }];
  });

const ended = (name: StepName, t: Terminated): Step => {
  const finishedAt = t.finishedAt;
  // StartError has 1970 as its start, which would make an absurd duration.
  const startedAt = t.startedAt?.startsWith('1970') ? finishedAt : t.startedAt;
  return {
    name,
    ...(startedAt && { startedAt }),
    ...(finishedAt && { finishedAt }),
    exitCode: t.exitCode,
    ...(t.reason && { reason: oneLine(t.reason, 256) }),
  };
};
