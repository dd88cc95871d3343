import { isControlledBy } from '../../kube/owners.ts';
import { Pod } from '../../kube/resource.ts';
import type { Context } from '../../kube/types.ts';
import type { PodObject } from '../../api/steps.ts';
import { jobEnd, type JobObject } from './jobstate.ts';

/** A pod is in the cache this long after its Job was made, if it is there and has its labels. */
const podMs = 5_000;

const createdAt = ({ metadata }: PodObject): number => Date.parse(metadata?.creationTimestamp ?? '');

/** newestOf the pods of a Job: the only one, unless somebody meddled. */
export const newestOf = (pods: readonly PodObject[]): PodObject | undefined =>
  pods.toSorted((a, b) => createdAt(a) - createdAt(b)).at(-1);

/** mayHavePod: the cache shows no pod of the Job, and there may be one all the same. */
export const mayHavePod = (job: JobObject, unwatched: boolean, now: Date): boolean => {
  const age = now.getTime() - Date.parse(job.metadata?.creationTimestamp ?? '');
  const { active = 0, terminating = 0 } = job.status ?? {};
  return age >= podMs && (unwatched || active + terminating > 0 || jobEnd(job) !== undefined);
};

/** readPod reads the pod of a Job from the API server. */
export const readPod = async (
  { kube, signal }: Pick<Context, 'kube' | 'signal'>,
  job: JobObject,
): Promise<PodObject | undefined> => {
  const { items } = await kube.list(Pod, {
    namespace: job.metadata?.namespace ?? '',
    labelSelector: `batch.kubernetes.io/controller-uid=${job.metadata?.uid ?? ''}`,
    limit: 20,
    signal,
  });
  return newestOf(items.filter((pod) => isControlledBy(pod, job)));
};
