import type { App } from '../api/app.ts';
import { ConditionType } from '../api/conditions.ts';
import type { StageRun } from '../api/stagerun.ts';
import type { PodObject } from '../api/steps.ts';
import { findCondition } from '../kube/conditions.ts';
import { ofKind } from '../kube/reconcile/owned.ts';
import type { Observation, Owned } from '../kube/reconcile/plan.ts';
import { Job, type KubeObject } from '../kube/resource.ts';
import type { JobObject } from './build/jobstate.ts';
import type { LogAnswer } from './log/archives.ts';
import type { Settings } from './platform.ts';
import type { Situation } from './situation.ts';

/** Observed is all that one look at a run found out. Of what it owns, that is the Job of its name. */
export interface Observed extends Observation {
  readonly run: StageRun;
  /** The App that owns the run: same name and uid. Not looked at once the run has ended, like what is deployed. */
  readonly app: App | undefined;
  /** A Job of the run's name that is not of this run: of an earlier run of the same inputs, or a stranger's. */
  readonly otherJob: JobObject | undefined;
  /** The newest pod of the run's Job. */
  readonly pod: PodObject | undefined;
  /** Image of the App's deployed run, for taking layers again; of a rebase the image that is put upon another run image. */
  readonly deployed: string | undefined;
  /** runImage is the digest that the run image has now, as far as that is known. */
  runImage(this: void, reference: string): string | undefined;
  /** Version of each Secret that the build depends on. */
  readonly secretVersions: Readonly<Record<string, string>>;
  /** Another build of the App has a pod that may still write. */
  readonly othersAtWork: boolean;
  /** The volume that the run kept its cache in is being deleted, which its pod holds up, ended or not. */
  readonly volumeGoes: boolean;
  /** The Job or the pod was read live: no watch tells of its changes. */
  readonly unwatched: boolean;
  readonly settings: Settings;
  /** The queue lets the run begin. */
  readonly admitted: boolean;
  /** Where the run stands, as soon as a look-up made that clear. */
  readonly situation: Situation | undefined;
  /** What is known of the archived log, where somebody asked for it. */
  readonly log: LogAnswer | undefined;
}

/** jobOf is the Job that the run owns. */
export const jobOf = ({ owned }: Pick<Observed, 'owned'>): JobObject | undefined => ofKind(owned, Job)[0];

/** owning lists a Job as the run's own. */
export const owning = (job: KubeObject): Owned[] => [{ resource: Job, object: job }];

/** succeededOf is the condition that says how a run ended, or that it has not. */
export const succeededOf = (run: StageRun) => findCondition(run.status?.conditions, ConditionType.Succeeded);

/** isRecorded tells whether the result of a run is in its status. */
export const isRecorded = (run: StageRun): boolean => ['True', 'False'].includes(succeededOf(run)?.status ?? '');
