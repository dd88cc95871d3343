import { labels } from '../api/names.ts';
import { refusalOfName, type Refusal } from '../kube/apply/refusal.ts';
import { jobEnd, type JobObject } from '../kube/job.ts';
import { isControlledBy } from '../kube/owners.ts';
import { ofKind } from '../kube/reconcile/owned.ts';
import { Job, type KubeObject } from '../kube/resource.ts';
import type { Observed, PodObject } from './observed.ts';
import { appContainer, podCondition } from './pods.ts';
import { releaseFailure, type ReleaseFailure } from './releasefailure.ts';
import { releaseHindrance, type Hindrance } from './releasehindrance.ts';
import type { Runtime } from './resources/deployment.ts';
import { isOwnedBy } from './resources/meta.ts';
import { buildReleaseJob, releaseInputs, releaseJobName, releaseLabel, releaseOf } from './resources/release.ts';

/** Of names the inputs and the Job of a release. */
interface Of {
  readonly inputs: string;
  readonly job: string;
}

/** Release is how far the command is that runs before an image serves. */
export type Release =
  /** Nothing has to run: none is wanted, nothing is to serve, or there is no new image. */
  | { readonly type: 'none' }
  /** It has run for this image, this command and this restart. */
  | ({ readonly type: 'done' } & Of)
  /** It runs next. */
  | ({ readonly type: 'due'; readonly object: KubeObject } & Of)
  /** It is under way; trouble: why it does not begin. */
  | ({ readonly type: 'running'; readonly unseen: boolean } & Hindrance & Of)
  /** An earlier one is under way: two at once would be in each other's way. */
  | { readonly type: 'waiting'; readonly until: string }
  | ({ readonly type: 'failed'; readonly failure: ReleaseFailure } & Of)
  /** Its name is not to be had. */
  | { readonly type: 'refused'; readonly refusal: Refusal };

/** mayServe: pods of the wanted image may be started. */
export const mayServe = ({ type }: Release): boolean => type === 'none' || type === 'done';

/** releaseNow is how far the release of the wanted image is. */
export const releaseNow = (observed: Observed, runtime: Runtime): Release => {
  const { app } = observed;
  const process = releaseOf(app);
  // Where no pod serves the command can wait; it runs before the first one does.
  if (process === undefined || app.spec.replicas === 0) return { type: 'none' };
  const inputs = releaseInputs(app, runtime.image);
  const of = { inputs, job: releaseJobName(app, inputs) };
  if (app.status?.release?.released?.includes(inputs) === true) return { type: 'done', ...of };
  const jobs = jobsOf(observed, of);
  const judged = jobs.map((job) => judge(observed, of, job));
  const found =
    judged.find(({ type }) => type === 'done') ??
    judged.find(({ type }) => type === 'running') ??
    // One that failed with another environment has nothing to say of this one.
    judged.find((one) => one.type === 'failed' && one.job === of.job);
  if (found !== undefined) return found;
  const until = atWork(observed);
  if (until !== undefined) return { type: 'waiting', until };
  const refusal = refusalOf(observed, of.job);
  if (refusal !== undefined) return { type: 'refused', refusal };
  return { type: 'due', ...of, object: buildReleaseJob(app, process, runtime) };
};

/** isActive: the command of the Job goes on, and is left to end: half a migration is of no use to anybody. */
export const isActive = (observed: Observed, job: JobObject): boolean => {
  const pod = podOf(observed, job);
  return jobEnd(job) === undefined && (pod === undefined || isAlive(pod));
};

/** A pod whose Job is deleted may still be at work. */
const isAlive = (pod: PodObject): boolean =>
  pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed' && endOf(pod) === undefined;

/** endOf is how the command ended; a pod that is taken away tells nothing about it. */
const endOf = (pod: PodObject) => {
  const { deletionTimestamp } = pod.metadata ?? {};
  if (podCondition(pod, 'DisruptionTarget')?.status === 'True') return undefined;
  const ended = appContainer(pod)?.state?.terminated;
  // Programs end well when they are told to stop, whatever is left to do.
  return ended?.exitCode === 0 && deletionTimestamp !== undefined ? undefined : ended;
};

const atWork = (observed: Observed): string | undefined => {
  const job = ofKind(observed.owned, Job).find((one) => isActive(observed, one));
  if (job !== undefined) return `Job "${job.metadata?.name}"`;
  const pod = observed.releasePods.find(isAlive);
  return pod && `Pod "${pod.metadata?.name}"`;
};

/** A Job that lost its labels or its owner is found when it is to be made again. */
const met = ({ there }: Observed, name: string): JobObject | undefined =>
  there?.kind === Job.kind && there.metadata?.name === name ? (there as JobObject) : undefined;

/** jobsOf are the Jobs of a release that are there: one may have been made when the environment was another. */
const jobsOf = (observed: Observed, { inputs, job: name }: Of): JobObject[] => {
  const unseen = met(observed, name);
  const known = ofKind(observed.owned, Job);
  return [...known, ...(unseen !== undefined && isOwnedBy(observed.app, unseen) ? [unseen] : [])].filter(
    ({ metadata }) =>
      metadata?.deletionTimestamp === undefined &&
      (metadata?.name === name || metadata?.labels?.[labels.release] === releaseLabel(inputs)),
  );
};

const refusalOf = (observed: Observed, name: string): Refusal | undefined => {
  const { app, owned } = observed;
  const job = ofKind(owned, Job).find(({ metadata }) => metadata?.name === name) ?? met(observed, name);
  if (job === undefined) return undefined;
  return isOwnedBy(app, job)
    ? { reason: 'AwaitingDeletion', message: `The Job "${name}" is still being deleted; then it is made anew.` }
    : refusalOfName('nameTaken', { object: `Job "${name}"`, owner: 'App' });
};

type Judged = Extract<Release, { readonly type: 'done' | 'running' | 'failed' }>;

/** judge asks the pod first: a sidecar may outlive the command, and the Job with it. */
const judge = (observed: Observed, { inputs }: Of, job: JobObject): Judged => {
  const of = { inputs, job: job.metadata?.name ?? '' };
  const end = jobEnd(job);
  const pod = podOf(observed, job);
  const ended = pod && endOf(pod);
  // A pod or a Job that ran out of time has failed, also where the command ends well when it is told to stop.
  const isWell = ended?.exitCode === 0 && pod?.status?.phase !== 'Failed' && end?.type !== 'failed';
  if (end?.type === 'complete' || isWell) return { type: 'done', ...of };
  if (end === undefined && ended === undefined)
    return { type: 'running', ...of, unseen: observed.there === job, ...releaseHindrance(observed, job, pod) };
  return { type: 'failed', ...of, failure: releaseFailure(observed, { inputs, job, pod }) };
};

/** podOf is the newest pod of the Job: after a disruption there is another one. */
const podOf = ({ releasePods }: Observed, job: JobObject): PodObject | undefined =>
  releasePods
    .filter((pod) => isControlledBy(pod, job))
    .toSorted((a, b) => (b.metadata?.creationTimestamp ?? '').localeCompare(a.metadata?.creationTimestamp ?? ''))[0];
