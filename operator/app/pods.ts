import { containerName } from '../api/names.ts';
import type { PodObject } from './observed.ts';

type ContainerStatus = NonNullable<NonNullable<PodObject['status']>['containerStatuses']>[number];

/** appContainer is what the kubelet says of the app itself; an injected sidecar does not count. */
export const appContainer = (pod: PodObject): ContainerStatus | undefined =>
  pod.status?.containerStatuses?.find((c) => c.name === containerName);

/** podCondition is one condition of a pod. */
export const podCondition = (pod: PodObject, type: string) => pod.status?.conditions?.find((c) => c.type === type);

/** isReady: the pod gets requests. */
export const isReady = (pod: PodObject): boolean => pod.status?.containerStatuses?.every((c) => c.ready) === true;

/** PodEntry is what of a pod tells whose template it is of, and how it fares. */
export interface PodEntry {
  readonly name: string;
  readonly template: string;
  readonly created: number;
  readonly ready: boolean;
}

/** NewPods are the pods of the template that a Deployment has now. */
export interface NewPods {
  /** How many of them get requests. */
  readonly ready: number;
  /** The ones to read, the newest first: those that are not ready, as far as they are few, and one that is. */
  readonly some: readonly PodObject[];
}

/** Of two pods of one moment the newer is the one that is not ready yet. */
const isNewer = (a: PodEntry, b: PodEntry): boolean =>
  a.created === b.created ? !a.ready && b.ready : a.created > b.created;

/**
 * newestTemplate are the pods of the template that the Deployment has now; those of older ones are on their way out. The
 * Deployment tells how many they are, not which: they are the youngest ones, unless it went back to an earlier template.
 */
export const newestTemplate = (entries: Iterable<PodEntry>, updated: number): readonly PodEntry[] => {
  const templates = [...Map.groupBy(entries, ({ template }) => template).values()].map((pods) => ({
    pods,
    newest: pods.reduce((newest, pod) => (isNewer(pod, newest) ? pod : newest)),
  }));
  const counted = templates.filter(({ pods }) => pods.length === updated);
  const candidates = counted.length > 0 ? counted : templates;
  if (candidates.length === 0) return [];
  return candidates.reduce((best, one) => (isNewer(one.newest, best.newest) ? one : best)).pods;
};

/** runningImage is the digest of what ready pods run, as the node resolved it. */
export const runningImage = ({ some }: NewPods): string | undefined => {
  const status = some.map(appContainer).find((c) => c?.ready === true);
  // An image that the node knows by its own id alone has no name to pull it by.
  return status?.imageID.includes('@sha256:') === true ? status.imageID.replace(/^[a-z-]+:\/\//, '') : undefined;
};
