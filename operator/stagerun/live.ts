import { isControlledBy } from '../kube/owners.ts';
import { Job, keyOf, Pod } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import { jobEnd, type JobObject } from './jobstate.ts';
import { byAge, withJob, type Seen } from './observe.ts';
import { isRecorded } from './result.ts';

/** A pod is in the cache this long after its Job was made, if it is there and has its labels. */
const podMs = 5_000;

/**
 * lookLive reads from the API server what the caches do not show. They select by labels, and whoever may edit Jobs and pods may
 * take those off; a run that believed its caches then would wait for ever. At most one read of a Job and one of its pods, and
 * nothing as long as all is in order.
 */
export const lookLive = async (ctx: Context, seen: Seen): Promise<Seen> =>
  isRecorded(seen.run) ? seen : findPod(ctx, await findJob(ctx, seen));

const findJob = async ({ kube, cache, signal }: Context, seen: Seen): Promise<Seen> => {
  const { run, job, otherJob } = seen;
  if (!run.status?.jobName || job || otherJob) return seen;
  const live = await kube.get(Job, keyOf(run), { signal });
  return live ? { ...withJob(seen, cache, live), unwatched: true } : seen;
};

const findPod = async (ctx: Context, seen: Seen): Promise<Seen> => {
  const { kube, signal } = ctx;
  const { job, pod } = seen;
  if (!job || pod || !mayHavePod(seen, job, ctx.now())) return seen;
  const uid = job.metadata?.uid ?? '';
  const { items } = await kube.list(Pod, {
    namespace: seen.run.metadata.namespace,
    labelSelector: `batch.kubernetes.io/controller-uid=${uid}`,
    limit: 20,
    signal,
  });
  const found = items
    .filter((one) => isControlledBy(one, job))
    .toSorted(byAge)
    .at(-1);
  return found ? { ...seen, pod: found, unwatched: true } : seen;
};

const mayHavePod = ({ unwatched }: Seen, job: JobObject, now: Date): boolean => {
  const age = now.getTime() - Date.parse(job.metadata?.creationTimestamp ?? '');
  const { active = 0, terminating = 0 } = job.status ?? {};
  return age >= podMs && (unwatched || active + terminating > 0 || jobEnd(job) !== undefined);
};
