import { containerName } from '../api/names.ts';
import type { PodObject } from './observed.ts';

type ContainerStatus = NonNullable<NonNullable<PodObject['status']>['containerStatuses']>[number];

/** appContainer is what the kubelet says of the app itself; an injected sidecar does not count. */
export const appContainer = (pod: PodObject): ContainerStatus | undefined =>
  pod.status?.containerStatuses?.find((c) => c.name === containerName);

/** podCondition is one condition of a pod. */
export const podCondition = (pod: PodObject, type: string) => pod.status?.conditions?.find((c) => c.type === type);

const isReady = (pod: PodObject): boolean => pod.status?.containerStatuses?.every((c) => c.ready) === true;

const templateHash = (pod: PodObject): string => pod.metadata?.labels?.['pod-template-hash'] ?? '';

/** Of two pods of one second the newer is the one that is not ready yet. */
const byAge = (a: PodObject, b: PodObject): number =>
  (b.metadata?.creationTimestamp ?? '').localeCompare(a.metadata?.creationTimestamp ?? '') ||
  Number(isReady(a)) - Number(isReady(b));

/**
 * newPods are those of the template that the Deployment has now; those of older ones are on their way out. The Deployment tells
 * how many they are, not which: they are the youngest ones, unless it went back to an earlier template.
 */
export const newPods = (pods: readonly PodObject[], updated: number): PodObject[] => {
  const living = pods.filter((p) => p.metadata?.deletionTimestamp === undefined).toSorted(byAge);
  const groups = [...Map.groupBy(living, templateHash).values()];
  return groups.find((group) => group.length === updated) ?? groups[0] ?? [];
};

/** readyPods are those that get requests. */
export const readyPods = (pods: readonly PodObject[]): PodObject[] => pods.filter(isReady);

/** runningImage is the digest of what ready pods run, as the node resolved it. */
export const runningImage = (pods: readonly PodObject[], updated: number): string | undefined => {
  const status = newPods(pods, updated)
    .map(appContainer)
    .find((c) => c?.ready === true);
  // An image that the node knows by its own id alone has no name to pull it by.
  return status?.imageID.includes('@sha256:') === true ? status.imageID.replace(/^[a-z-]+:\/\//, '') : undefined;
};
