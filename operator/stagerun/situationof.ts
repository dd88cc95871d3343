import { Reason } from '../api/conditions.ts';
import { controllerOf } from '../kube/owners.ts';
import type { LookUp } from '../kube/reconcile/plan.ts';
import { because } from './build/causes.ts';
import { jobEnd, type JobObject } from './build/jobstate.ts';
import { judge, type Evidence } from './build/reasons.ts';
import { isRecorded, jobOf, succeededOf, type Observed } from './observed.ts';
import { unansweredRequest } from './logrequest.ts';
import { limitsOf } from './platform.ts';
import type { Query, Situation } from './situation.ts';
import { rebaseMode, rebaseRunImage } from './platform.ts';
import { whyNotStartable, type Rebasing } from './startable.ts';

const ask = (query: Query): LookUp<Query> => ({ type: 'lookUp', query });

/** situationOf says where a run stands, or what has to be looked up before that is clear. Pure, total. */
export const situationOf = (observed: Observed): Situation | LookUp<Query> => {
  const { run, app, pod, otherJob, admitted, situation } = observed;
  if (situation) return situation;
  if (run.metadata.deletionTimestamp) return { type: 'going' };
  if (isRecorded(run)) return logAwaited(observed) ?? { type: 'recorded' };
  if (run.spec.cancelled) return { type: 'cancelled' };
  const job = jobOf(observed);
  const goesWithoutPod = job?.metadata?.deletionTimestamp && !pod && !jobEnd(job);
  if (job && !goesWithoutPod) return ask(questionOf(observed, job));
  if (job || run.status?.jobName) return ask({ type: 'lost', message: whatHappened(job, otherJob) });
  if (otherJob) return occupiedBy(otherJob, run.metadata.name);
  const summary = whyNotStartable(run, app, rebasingOf(observed));
  if (summary) return { type: 'unwanted', summary };
  return ask({ type: admitted ? 'start' : 'turn' });
};

const rebasingOf = ({ run, app, deployed, runImage, settings: { config } }: Observed): Rebasing => {
  const image = rebaseRunImage(config, run);
  return { mode: app && rebaseMode(config, app), image: deployed, newest: image && runImage(image) };
};

/** A log is complete once its run has ended; until then it is read from the pod. */
const logAwaited = ({ run, log }: Observed): LookUp<Query> | undefined => {
  const request = unansweredRequest(run);
  return request === undefined || log !== undefined ? undefined : ask({ type: 'log', request });
};

const questionOf = (observed: Observed, job: JobObject): Query => {
  const judgement = judge(evidenceOf(observed, job));
  switch (judgement.type) {
    case 'active':
      return { type: 'active', job, judgement };
    case 'built':
      return { type: 'built', job, report: judgement.report };
    case 'failed':
      return { type: 'failed', cause: judgement.cause };
  }
};

/** evidenceOf is what the Job of a run is judged by. */
export const evidenceOf = ({ run, pod, settings, now }: Observed, job: JobObject): Evidence => ({
  job,
  pod,
  steps: run.status?.steps ?? [],
  before: succeededOf(run),
  since: new Date(run.status?.startTime ?? job.metadata?.creationTimestamp ?? now),
  limits: limitsOf(settings.config, run),
  now,
});

const whatHappened = (job: JobObject | undefined, otherJob: JobObject | undefined): string => {
  if (otherJob) return `Somebody made the Job ${otherJob.metadata?.name} one that does not belong to this run.`;
  return job ? 'Its Job is being deleted as well.' : 'Its Job is gone as well.';
};

const occupiedBy = (job: JobObject, name: string): Situation | LookUp<Query> => {
  const owner = controllerOf(job);
  if (owner?.kind === 'StageRun' && owner.name === name)
    return job.metadata?.deletionTimestamp ? { type: 'occupied', earlier: job } : ask({ type: 'earlier', job });
  const detail = `A Job ${name} exists and is not of this run; rename or delete it, then delete this run.`;
  return { type: 'failed', cause: because(Reason.NameTaken, { detail }) };
};
