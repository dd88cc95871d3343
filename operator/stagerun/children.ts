import { keep, type Dependent, type Plan } from '../kube/reconcile/plan.ts';
import { Job, Secret } from '../kube/resource.ts';
import type { JobObject } from './build/jobstate.ts';
import { jobOf, type Observed } from './observed.ts';
import type { BuildPlatform } from './platform.ts';
import { buildJob } from './resources/job.ts';
import { buildSecret, type RunSecretData } from './resources/secret.ts';
import { recordedCommit } from './revision.ts';

/** JobFate is what becomes of the run's Job. There is no default: a Job that nobody thinks of is a build that is deleted. */
export type JobFate =
  /** It stays as it is, if there is one. */
  | { readonly type: 'keep' }
  /** It stays, and gets the Secret that it lacks. */
  | { readonly type: 'complete'; readonly job: JobObject; readonly data: RunSecretData }
  /** It is made, with its Secret. */
  | { readonly type: 'make'; readonly platform: BuildPlatform; readonly data: RunSecretData }
  /** It goes. */
  | { readonly type: 'remove' }
  /** The Job of an earlier run goes, which has the name. */
  | { readonly type: 'makeRoom'; readonly earlier: JobObject };

/** childrenOf turns the fate of the Job into what should be there, and what must go. */
export const childrenOf = (observed: Observed, fate: JobFate): Pick<Plan<unknown>, 'children' | 'remove'> => {
  const { run, app, settings } = observed;
  switch (fate.type) {
    case 'keep': {
      const job = jobOf(observed);
      return { children: job === undefined ? [] : [keep(Job, job)] };
    }
    case 'complete': {
      const { job, data } = fate;
      return { children: [{ ...keep(Job, job), dependents: { of: job, create: [secretOf(observed, data)] } }] };
    }
    case 'make': {
      const { platform, data } = fate;
      const commit = recordedCommit(run, app);
      const object = buildJob({ ...settings, run, platform, ca: data.ca !== undefined, commit });
      return { children: [{ type: 'create', resource: Job, object, dependents: [secretOf(observed, data)] }] };
    }
    case 'remove':
      return { children: [] };
    case 'makeRoom':
      return { children: [], remove: [{ resource: Job, object: fate.earlier }] };
  }
};

const secretOf = ({ run }: Observed, data: RunSecretData): Dependent => ({
  resource: Secret,
  objectFor: (job) => buildSecret(run, data, job.metadata?.uid ?? ''),
});
