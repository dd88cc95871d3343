import type { Pod, ObjectOf } from '../kube/resource.ts';

/** PodObject is the build pod as the API has it. */
export type PodObject = ObjectOf<typeof Pod>;
type Statuses = NonNullable<NonNullable<PodObject['status']>['containerStatuses']>;
/** ContainerStatus is what the kubelet says about one container. */
export type ContainerStatus = Statuses[number];
/** Terminated is how a container ended. */
export type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/** stepNames are the containers of build pods in the order in which they run; a rebase is one of its own, and has no other. */
export const stepNames = ['fetch', 'analyze', 'detect', 'restore', 'build', 'export', 'rebase'] as const;
/** StepName is one of them. */
export type StepName = (typeof stepNames)[number];

/** registrySteps talk to the registry with the run's credential. */
export const registrySteps: ReadonlySet<StepName> = new Set(['analyze', 'restore', 'export', 'rebase']);

/** pushSteps are the last ones: they leave the image in the registry, and say which it is. */
export const pushSteps: ReadonlySet<string> = new Set<StepName>(['export', 'rebase']);

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

/** lacks tells whether a pod has no container for a step: kubelets tell of all containers at once. */
export const lacks = (pod: PodObject | undefined, step: StepName): boolean => {
  const states = pod === undefined ? [] : stepStates(pod);
  return states.length > 0 && !states.some(({ name }) => name === step);
};
