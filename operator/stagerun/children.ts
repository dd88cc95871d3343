import type { StageRunStatus } from '../api/stagerun.ts';
import {
  keep,
  type Child,
  type ChildRefusal,
  type Observation,
  type Owned,
  type Plan,
} from '../kube/reconcile/plan.ts';
import { Job, Secret, type KubeObject } from '../kube/resource.ts';
import type { StageRunDeps } from './deps.ts';
import type { JobObject } from './jobstate.ts';
import { notesOf } from './notes.ts';
import type { Seen } from './observe.ts';
import type { Phase } from './phase.ts';
import type { Answer } from './ask.ts';
import { planRefused, planRun, type RunPlan } from './plan.ts';
import { recordedCommit } from './revision.ts';
import type { Recorded } from './status.ts';
import { buildJob } from './resources/job.ts';
import { buildSecret, type Material } from './resources/secret.ts';

/** Asked is what the queue and the outside said, and what the run is built with. */
export interface Asked {
  readonly phase: Phase;
  readonly answer: Answer;
  readonly platform: Recorded;
}

/** Observed is all that one look at a run found out. */
export interface Observed extends Observation {
  readonly seen: Seen;
  /** Absent until a plan asks for it. */
  readonly asked: Asked | undefined;
}

/** StageRunPlan is a plan that also says what becomes of the run's build slot. */
export interface StageRunPlan extends Plan<StageRunStatus> {
  readonly slot: RunPlan['slot'];
}

/** ownedBy lists the Job of a run, the only thing that it owns itself. */
export const ownedBy = ({ job }: Seen): Owned[] => (job === undefined ? [] : [{ resource: Job, object: job }]);

/** planStageRun turns what was decided about a run into objects, status and events. */
export const planStageRun = (
  deps: Pick<StageRunDeps, 'config' | 'fetch'>,
  observed: Observed,
  asked: Asked,
): StageRunPlan => {
  const { seen, now } = observed;
  const [refusal] = observed.refusals;
  const decided =
    refusal === undefined
      ? planRun({ seen, ...asked, now })
      : planRefused(seen, refusedOf(refusal), asked.platform, now);
  return {
    type: 'act',
    children: childrenOf(deps, seen, decided),
    status: decided.status,
    notes: decided.status === undefined ? [] : notesOf(seen.run, decided.status),
    // A Job of an earlier run of this name is not ours; what is ours goes because it is not among the children.
    remove:
      decided.remove !== undefined && decided.remove === seen.otherJob
        ? [{ resource: Job, object: decided.remove }]
        : [],
    slot: decided.slot,
    next: decided.next,
  };
};

const refusedOf = ({ reason, message, owner }: ChildRefusal): Parameters<typeof planRefused>[1] => ({
  reason,
  message,
  // Only a Job of ours has dependents.
  ...(owner && { job: owner as JobObject }),
});

/** The Job stays as it is whatever is decided, unless it is said that it goes. */
const childrenOf = (
  { config, fetch }: Pick<StageRunDeps, 'config' | 'fetch'>,
  { run, app, job }: Seen,
  { start, complete, remove }: RunPlan,
): Child[] => {
  const secretOf = (material: Material) => ({
    resource: Secret,
    objectFor: (owner: KubeObject) => buildSecret(run, material, owner.metadata?.uid ?? ''),
  });
  if (start !== undefined) {
    const { platform, material } = start;
    const commit = recordedCommit(run, app);
    const object = buildJob({ run, platform, config, fetch, ca: material.ca !== undefined, commit });
    return [{ type: 'create', resource: Job, object, dependents: [secretOf(material)] }];
  }
  if (job === undefined || remove === job) return [];
  const kept = keep(Job, job);
  return [
    complete === undefined
      ? kept
      : { ...kept, dependents: { of: complete.job, create: [secretOf(complete.material)] } },
  ];
};
