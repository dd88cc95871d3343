import type { Job, ObjectOf } from './resource.ts';

/** JobObject is a Job as the API has it. */
export type JobObject = ObjectOf<typeof Job>;

/** JobEnd is how a Job ended. */
export interface JobEnd {
  readonly type: 'complete' | 'failed';
  readonly reason: string;
  readonly message: string;
}

/** jobEnd reads the end of a Job; undefined while it goes on. FailureTarget and SuccessCriteriaMet come first and are final. */
export const jobEnd = (job: JobObject): JobEnd | undefined => {
  for (const type of ['Complete', 'SuccessCriteriaMet', 'Failed', 'FailureTarget']) {
    const found = job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
    if (!found) continue;
    const ok = type === 'Complete' || type === 'SuccessCriteriaMet';
    return { type: ok ? 'complete' : 'failed', reason: found.reason ?? '', message: found.message ?? '' };
  }
  return undefined;
};

/** hindranceOf says why Kubernetes makes no pod for a Job, where the Job itself shows it: somebody changed it. anew: how else it goes on. */
export const hindranceOf = ({ metadata, spec }: JobObject, anew: string): string | undefined => {
  const job = `The Job ${metadata?.name}`;
  if (spec?.suspend) return `${job} is suspended: set its spec.suspend to false, ${anew}`;
  if (spec?.parallelism === 0) return `${job} has spec.parallelism 0: set it to 1, ${anew}`;
  if (spec?.managedBy) {
    return `${job} has spec.managedBy "${spec.managedBy}", so Kubernetes leaves it alone: delete it, ${anew}`;
  }
  return undefined;
};
