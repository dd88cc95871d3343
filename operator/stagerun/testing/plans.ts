import { expect } from 'vitest';
import type { StageRun, StageRunStatus } from '../../api/stagerun.ts';
import { batchConditions } from '../../kube/conditions.ts';
import { unplanned } from '../../kube/reconcile/plan.ts';
import { Job, type KubeObject } from '../../kube/resource.ts';
import { checkConditions } from '../../testing/conditionscheck.ts';
import type { JobObject } from '../build/jobstate.ts';
import { jobOf, owning, type Observed } from '../observed.ts';
import { planRun, type RunPlan } from '../plan.ts';
import { resolvePlatform } from '../platform.ts';
import type { Query, Situation } from '../situation.ts';
import { situationOf } from '../situationof.ts';
import { anApp, aRun, settings } from './objects.ts';
import { at } from './pods.ts';

export const app = anApp();
export const platform = resolvePlatform(settings(), aRun(app))!;
export const now = new Date(at(30));
export const later = (ms: number): Date => new Date(now.getTime() + ms);
export const image = { digest: `sha256:${'e'.repeat(64)}` };
export const data = { url: 'http://s3/a', keyring: {}, ca: undefined };

/** conditions are what a run says of itself. */
export const conditions = (status: 'True' | 'False' | 'Unknown', reason: string, message = 'A sentence.') =>
  batchConditions({ previous: undefined, generation: 1, now: new Date(at(0)) }, { status, reason, message });

/** begun is the status of a run whose Job was made. */
export const begun: StageRunStatus = {
  observedGeneration: 1,
  conditions: conditions('Unknown', 'Pending', 'The pod of the build is starting.'),
  jobName: aRun(app).metadata.name,
  startTime: at(0),
};

/** ended is the status of a run with a result. */
export const ended = (status: 'True' | 'False', reason: string): StageRunStatus => ({
  ...begun,
  conditions: conditions(status, reason),
  completionTime: at(20),
});

/** Given is what is special about an observation. */
export type Given = Partial<Observed> & { readonly job?: JobObject | undefined };

/** observed makes an observation of a run. */
export const observed = ({ job, ...given }: Given = {}, status?: StageRunStatus): Observed => ({
  run: aRun(app, {}, status),
  app,
  owned: job === undefined ? [] : owning(job),
  otherJob: undefined,
  pod: undefined,
  deployed: undefined,
  runImage: () => undefined,
  secretVersions: {},
  othersAtWork: false,
  volumeGoes: false,
  unwatched: false,
  settings: { config: settings(), fetch: { image: 'example.org/operator:1', command: ['node'] } },
  admitted: false,
  situation: undefined,
  log: undefined,
  refusals: [],
  now,
  ...given,
});

/** plan makes the plan of an observation, whose situation is clear or given. */
export const plan = (facts: Observed, situation = facts.situation): RunPlan => {
  const made = planRun({ ...facts, situation });
  if (made.type === 'lookUp') throw new Error(`asks for ${made.query.type}`);
  // Every status that any plan wants to write obeys the rules that kstatus and Argo CD rely on.
  if (made.status) expect(checkConditions({ metadata: facts.run.metadata, status: made.status })).toEqual([]);
  return made;
};

/** queryOf is what has to be looked up before an observation can be planned for. */
export const queryOf = (facts: Observed): Query | undefined => {
  const found = situationOf(facts);
  return found.type === 'lookUp' ? found.query : undefined;
};

/** failing is the situation of a run that is found to have failed, before anything else is asked about it. */
export const failing = (facts: Observed): Situation => {
  const query = queryOf(facts);
  if (query?.type !== 'failed') throw new Error(`has not failed: ${query?.type}`);
  return { type: 'failed', cause: query.cause, logTail: '' };
};

/** said is what a plan says of the run. */
export const said = ({ status }: Pick<RunPlan, 'status'>): string | undefined => {
  const found = status?.conditions?.find((c) => c.type === 'Succeeded');
  return found && `${found.status}/${found.reason}`;
};

/** removals are the Jobs that are deleted when a plan is carried out. */
export const removals = ({ owned }: Observed, { children, remove = [] }: RunPlan): KubeObject[] =>
  [...unplanned(owned, children), ...remove].filter(({ resource }) => resource === Job).map(({ object }) => object);

/** jobStays tells whether the run's Job is left alone. */
export const jobStays = (facts: Observed, made: RunPlan): boolean =>
  !removals(facts, made).some((job) => job === jobOf(facts));

/** goingRun is a run that is being deleted. */
export const goingRun = (run: StageRun): StageRun => ({
  ...run,
  metadata: { ...run.metadata, deletionTimestamp: at(20) },
});

/** earlierJob is the Job of an earlier run of the same name. */
export const earlierJob = (job: JobObject): JobObject => ({
  ...job,
  metadata: {
    ...job.metadata,
    ownerReferences: [
      {
        apiVersion: 'epinio.io/v1alpha1',
        kind: 'StageRun',
        name: aRun(app).metadata.name,
        uid: 'old',
        controller: true,
      },
    ],
  },
});
