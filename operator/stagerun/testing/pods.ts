import type { JobObject } from '../build/jobstate.ts';
import {
  pushSteps,
  stepNames,
  type ContainerStatus,
  type PodObject,
  type StepName,
  type Terminated,
} from '../../api/steps.ts';

/** State of one container as the kubelet would write it. */
export type State = NonNullable<ContainerStatus['state']>;

/** at is a time of day of the tests, in seconds after their beginning. */
export const at = (seconds: number): string => `2026-11-21T04:00:${String(seconds).padStart(2, '0')}Z`;

/** exited is a container that ended. */
export const exited = (exitCode: number, more: Partial<Terminated> = {}): State => ({
  terminated: {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAt: at(1),
    finishedAt: at(2),
    ...more,
  },
});

const waiting: State = { waiting: { reason: 'PodInitializing' } };

/** podWith makes the build pod: steps before `step` ended well, the later ones wait, `step` is as given. */
export const podWith = (
  step: StepName,
  state: State,
  status: Partial<NonNullable<PodObject['status']>> = {},
): PodObject => {
  const steps = stepNames.filter((name) => (name === 'rebase') === (step === 'rebase'));
  const place = steps.indexOf(step);
  const statuses = steps.map(
    (name, i) =>
      ({ name, state: i < place ? exited(0) : i === place ? state : waiting, ready: false }) as ContainerStatus,
  );
  const over = (state.terminated && state.terminated.exitCode !== 0) || status.reason !== undefined;
  return {
    metadata: { name: 'run-abc', namespace: 'team', uid: 'pod-uid' },
    status: {
      phase: over ? 'Failed' : pushSteps.has(step) ? 'Running' : 'Pending',
      initContainerStatuses: statuses.slice(0, -1),
      containerStatuses: statuses.slice(-1),
      ...status,
    },
  };
};

/** aJob makes a build Job; `end` is its final condition. */
export const aJob = (end?: { readonly type: string; readonly reason: string }): JobObject => ({
  metadata: { name: 'run', namespace: 'team', uid: 'job-uid', creationTimestamp: at(0) },
  status: end
    ? { conditions: [{ ...end, status: 'True', lastTransitionTime: at(3), lastProbeTime: at(3), message: '' }] }
    : { active: 1 },
});
