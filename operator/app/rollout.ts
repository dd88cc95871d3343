import { Reason } from '../api/conditions.ts';
import { containerName } from './resources/container.ts';
import type { DeploymentObject, Need, PodObject } from './seen.ts';

/** Trouble is why a pod does not become ready, in one word and one sentence that stay the same while it lasts. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
  /** Where the log is that tells more. */
  readonly log: Extract<Need, { type: 'log' }> | undefined;
}

/** Rollout is how far a Deployment is with what it was last told. */
export type Rollout =
  | { readonly type: 'complete' }
  | { readonly type: 'progressing'; readonly message: string }
  | { readonly type: 'failing'; readonly trouble: Trouble; readonly givenUp: boolean };

/** rolloutOf reads the Deployment's status as `kubectl rollout status` does, and its pods for the reason of a delay. */
export const rolloutOf = (deployment: DeploymentObject, pods: readonly PodObject[]): Rollout => {
  const { wanted, ready, isDone, isKnown } = countsOf(deployment);
  const starting: Rollout = { type: 'progressing', message: `${ready} of ${wanted} new pods are ready.` };
  if (!isKnown) return starting;
  if (isDone) return { type: 'complete' };
  if (wanted === 0) return starting;
  const conditions = deployment.status?.conditions ?? [];
  const refused = conditions.find((c) => c.type === 'ReplicaFailure' && c.status === 'True');
  if (refused !== undefined) return { type: 'failing', trouble: notCreated(refused.message ?? ''), givenUp: false };
  const givenUp = conditions.some((c) => c.type === 'Progressing' && c.reason === 'ProgressDeadlineExceeded');
  const trouble = newestPods(pods)
    .map(troubleOf)
    .find((t) => t !== undefined);
  if (givenUp) return { type: 'failing', trouble: trouble ?? neverReady(pods), givenUp };
  return trouble === undefined ? starting : { type: 'failing', trouble, givenUp };
};

/** isKnown: the numbers are about what the Deployment was last told; isDone: all pods, and only they, are of it and ready. */
const countsOf = ({ status = {}, spec, metadata }: DeploymentObject) => {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const wanted = spec?.replicas ?? 1;
  const ready = Math.min(availableReplicas, updatedReplicas);
  return {
    wanted,
    ready,
    isKnown: (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0),
    isDone: replicas === wanted && updatedReplicas === wanted && ready === wanted,
  };
};

const notCreated = (message: string): Trouble => ({
  reason: /exceeded quota/.test(message) ? Reason.QuotaExceeded : Reason.AdmissionDenied,
  message: `Kubernetes makes no pod: ${message}`,
  log: undefined,
});

const neverReady = (pods: readonly PodObject[]): Trouble => ({
  reason: Reason.RolloutFailed,
  message: 'The new pods run but do not become ready: check the port and the readiness probe.',
  log: logOf(newestPods(pods)[0], false),
});

/** Only pods of the newest template tell about it; those of older ones are on their way out. */
const newestPods = (pods: readonly PodObject[]): PodObject[] => {
  const living = pods.filter((p) => p.metadata?.deletionTimestamp === undefined).toSorted(byAge);
  const hash = templateHash(living[0]);
  return living.filter((p) => templateHash(p) === hash);
};

/** Of two pods of one second the newer is the one that is not ready yet. */
const byAge = (a: PodObject, b: PodObject): number =>
  (b.metadata?.creationTimestamp ?? '').localeCompare(a.metadata?.creationTimestamp ?? '') ||
  Number(isReady(a)) - Number(isReady(b));

const isReady = (pod: PodObject): boolean => pod.status?.containerStatuses?.every((c) => c.ready) === true;

const templateHash = (pod: PodObject | undefined): string | undefined => pod?.metadata?.labels?.['pod-template-hash'];

const logOf = (pod: PodObject | undefined, previous: boolean): Trouble['log'] =>
  pod?.metadata?.name === undefined
    ? undefined
    : { type: 'log', pod: pod.metadata.name, container: containerName, previous };

/** Kubernetes has several words for one thing, and changes between them while it lasts. */
const waitingReasons: Readonly<Record<string, Reason>> = {
  ErrImagePull: Reason.ImagePullBackOff,
  ImagePullBackOff: Reason.ImagePullBackOff,
  ErrImageNeverPull: Reason.ImagePullBackOff,
  InvalidImageName: Reason.ImagePullBackOff,
  CreateContainerConfigError: Reason.CreateContainerConfigError,
  CreateContainerError: Reason.CreateContainerConfigError,
  RunContainerError: Reason.CreateContainerConfigError,
};

const troubleOf = (pod: PodObject): Trouble | undefined => {
  const status = pod.status?.containerStatuses?.find((c) => c.name === containerName);
  if (status?.ready === true) return undefined;
  const waiting = status?.state?.waiting;
  const reason = waitingReasons[waiting?.reason ?? ''];
  if (reason !== undefined) return { reason, message: waiting?.message ?? String(waiting?.reason), log: undefined };
  const now = status?.state?.terminated;
  const end = now ?? status?.lastState?.terminated;
  if (end !== undefined) return crash(end, logOf(pod, now === undefined));
  return unschedulable(pod);
};

const crash = (end: { exitCode: number; reason?: string }, log: Trouble['log']): Trouble => {
  if (end.reason === 'OOMKilled')
    return {
      reason: Reason.OutOfMemory,
      message: 'The app needed more memory than its limit: raise spec.resources.',
      log,
    };
  return {
    reason: Reason.CrashLoopBackOff,
    message:
      end.exitCode === 0 ? 'The app ends by itself, with exit code 0.' : `The app ends with exit code ${end.exitCode}.`,
    log,
  };
};

const unschedulable = (pod: PodObject): Trouble | undefined => {
  const scheduled = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
  return scheduled?.status === 'False' && scheduled.reason === 'Unschedulable'
    ? { reason: Reason.Unschedulable, message: scheduled.message ?? 'No node can take the pod.', log: undefined }
    : undefined;
};

/** runningImage is the digest of what ready pods run, as the node resolved it. */
export const runningImage = (pods: readonly PodObject[]): string | undefined => {
  const status = newestPods(pods)
    .flatMap((p) => p.status?.containerStatuses ?? [])
    .find((c) => c.name === containerName && c.ready);
  // An image that the node knows by its own id alone has no name to pull it by.
  return status?.imageID.includes('@sha256:') === true ? status.imageID.replace(/^[a-z-]+:\/\//, '') : undefined;
};
