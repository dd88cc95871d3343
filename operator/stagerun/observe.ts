import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { controllerOf } from '../kube/owners.ts';
import { Job, Pod, type Key } from '../kube/resource.ts';
import type { Cache } from '../kube/types.ts';
import type { JobObject } from './jobstate.ts';
import type { Config } from '../config.ts';
import { secretsOf, secretVersionsOf } from '../platform.ts';
import { limitsOf, type Limits } from './platform.ts';
import { isRecorded } from './result.ts';
import type { PodObject } from './steps.ts';

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
  const secretVersions = secretVersionsOf(cache, key.namespace, secretsOf(config, run.spec.env));
  const none = { run, ...absent, secretVersions, limits, unwatched: false };
  // Most runs have ended long ago; at a restart all of them are looked at.
  if (isRecorded(run) || run.metadata.deletionTimestamp) return withJob(none, cache, cache.get(Job, key));
  const app = appOf(cache, run);
  const pinned = app?.status?.stageRun?.deployed;
  const deployed = pinned ? cache.get(StageRun, { namespace: key.namespace, name: pinned })?.status?.image : undefined;
  return withJob({ ...none, app, deployed }, cache, cache.get(Job, key));
};

/** withJob sorts a Job of the run's name into what was seen. */
export const withJob = (seen: Seen, cache: Cache, found: JobObject | undefined): Seen => {
  if (!found) return seen;
  if (controllerOf(found)?.uid !== seen.run.metadata.uid) return { ...seen, otherJob: found };
  const pods = cache.byIndex(Pod, 'owner', found.metadata?.uid ?? '');
  return { ...seen, job: found, otherJob: undefined, pod: pods.toSorted(byAge).at(-1) };
};

/** byAge orders pods, the oldest first. */
export const byAge = (a: PodObject, b: PodObject): number =>
  Date.parse(a.metadata?.creationTimestamp ?? '') - Date.parse(b.metadata?.creationTimestamp ?? '');

const appOf = (cache: Cache, run: StageRun): App | undefined => {
  const owner = controllerOf(run);
  const app = cache.get(App, { namespace: run.metadata.namespace, name: run.spec.appRef.name });
  return app && owner?.kind === 'App' && owner.uid === app.metadata.uid ? app : undefined;
};
