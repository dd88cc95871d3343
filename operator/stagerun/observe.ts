import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { isControlledBy } from '../kube/owners.ts';
import { Job, keyOf, Pod, type Key } from '../kube/resource.ts';
import type { Cache } from '../kube/types.ts';
import { jobEnd, type JobObject } from './jobstate.ts';
import type { Config } from '../config.ts';
import { secretsOf, secretVersionsOf } from '../platform/builders.ts';
import { limitsOf, type Limits } from './platform.ts';
import { isRecorded } from './result.ts';
import type { PodObject } from '../api/steps.ts';

/** Seen is all that the caches hold about a run. */
export interface Seen {
  readonly run: StageRun;
  /** The App that owns the run: same name and uid. Not looked at once the run has ended, like what is deployed. */
  readonly app: App | undefined;
  /** The Job that the run owns. */
  readonly job: JobObject | undefined;
  /** A Job of the run's name that is not of this run: of an earlier run of the same inputs, or a stranger's. */
  readonly otherJob: JobObject | undefined;
  /** The Job's newest pod. */
  readonly pod: PodObject | undefined;
  /** Image of the App's deployed run, for taking layers again. */
  readonly deployed: string | undefined;
  /** Version of each Secret that the build depends on. */
  readonly secretVersions: Readonly<Record<string, string>>;
  /** How long the run may take. */
  readonly limits: Limits;
  /** The Job or the pod was read live: no watch tells of its changes. */
  readonly unwatched: boolean;
}

/** observe reads the caches; undefined where the run is gone. */
export const observe = (cache: Cache, key: Key, config: Config): Seen | undefined => {
  const run = cache.get(StageRun, key);
  if (!run) return undefined;
  const limits = limitsOf(config, run);
  const absent = { app: undefined, job: undefined, otherJob: undefined, pod: undefined, deployed: undefined };
  const secretVersions = secretVersionsOf(cache, key.namespace, secretsOf(config, run.spec));
  const none = { run, ...absent, secretVersions, limits, unwatched: false };
  // Most runs have ended long ago; at a restart all of them are looked at.
  if (isRecorded(run) || run.metadata.deletionTimestamp) return withJob(none, cache, cache.get(Job, key));
  const app = appOf(cache, run);
  return withJob({ ...none, app, deployed: app && deployedImage(cache, app) }, cache, cache.get(Job, key));
};

/**
 * runsBuilding are the runs whose Jobs are at work. Anybody can write a Job that names a run: only the one that the run made
 * counts, and only while its result is still to be recorded, which gives the slot back.
 */
export const runsBuilding = (cache: Pick<Cache, 'get' | 'list'>): Key[] =>
  cache.list(Job).flatMap((job) => {
    const run = cache.get(StageRun, keyOf(job));
    const isBuild = run !== undefined && isControlledBy(job, run) && !isRecorded(run);
    return isBuild && !jobEnd(job) && job.metadata?.deletionTimestamp === undefined ? [keyOf(run)] : [];
  });

/** withJob sorts a Job of the run's name into what was seen. */
export const withJob = (seen: Seen, cache: Cache, found: JobObject | undefined): Seen => {
  if (!found) return seen;
  if (!isControlledBy(found, seen.run)) return { ...seen, otherJob: found };
  const pods = cache.ownedBy(Pod, found);
  return { ...seen, job: found, otherJob: undefined, pod: pods.toSorted(byAge).at(-1) };
};

/** byAge orders pods, the oldest first. */
export const byAge = (a: PodObject, b: PodObject): number =>
  Date.parse(a.metadata?.creationTimestamp ?? '') - Date.parse(b.metadata?.creationTimestamp ?? '');

const deployedImage = (cache: Cache, app: App): string | undefined => {
  const name = app.status?.stageRun?.deployed;
  const run = name === undefined ? undefined : cache.get(StageRun, { namespace: app.metadata.namespace, name });
  return run && isControlledBy(run, app) ? run.status?.image : undefined;
};

const appOf = (cache: Cache, run: StageRun): App | undefined => {
  const app = cache.get(App, { namespace: run.metadata.namespace, name: run.spec.appRef.name });
  return app && isControlledBy(run, app) ? app : undefined;
};
