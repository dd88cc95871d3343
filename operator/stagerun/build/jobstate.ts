import { hindranceOf as hindranceOfJob, type JobObject } from '../../kube/job.ts';

export { jobEnd, type JobEnd, type JobObject } from '../../kube/job.ts';

/** hindranceOf says why Kubernetes makes no pod for the Job of a build. */
export const hindranceOf = (job: JobObject): string | undefined =>
  hindranceOfJob(job, 'or delete the StageRun to build anew.');
