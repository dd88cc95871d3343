import type { Pod, ObjectOf } from '../kube/resource.ts';

/** PodObject is the build pod as the API has it. */
export type PodObject = ObjectOf<typeof Pod>;
type Statuses = NonNullable<NonNullable<PodObject['status']>['containerStatuses']>;
/** ContainerStatus is what the kubelet says about one container. */
export type ContainerStatus = Statuses[number];
/** Terminated is how a container ended. */
export type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/** stepNames are the containers of the build pod in the order in which they run. */
export const stepNames = ['fetch', 'analyze', 'detect', 'restore', 'build', 'export'] as const;
/** StepName is one of them. */
export type StepName = (typeof stepNames)[number];

/** registrySteps talk to the registry with the run's credential. */
export const registrySteps: ReadonlySet<StepName> = new Set(['analyze', 'restore', 'export']);

/** tenantSteps run code of buildpacks and of the user. */
export const tenantSteps: ReadonlySet<StepName> = new Set(['detect', 'build']);

/** StepState is one step with the kubelet's words about it; only our containers, so an injected sidecar does not count. */
export interface StepState {
  readonly name: StepName;
  readonly state: NonNullable<ContainerStatus['state']>;
}

/** stepStates lists our containers of a pod in order. */
export const stepStates = (pod: PodObject): StepState[] => {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  return stepNames.flatMap((name) => {
    const state = all.find((status) => status.name === name)?.state;
    return state ? [{ name, state }] : [];
  });
};
