import { App } from '../api/app.ts';
import { labels } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import type { PodObject } from '../api/steps.ts';
import { isControlledBy } from '../kube/owners.ts';
import { Job, keyOf, keyString, PersistentVolumeClaim, Pod, type Key, type KubeObject } from '../kube/resource.ts';
import type { Cache, Context } from '../kube/types.ts';
import { secretsOf, secretVersionsOf } from '../platform/builders.ts';
import { jobEnd, type JobObject } from './build/jobstate.ts';
import { mayHavePod, newestOf, readPod } from './build/live.ts';
import { isRecorded, jobOf, owning, type Observed } from './observed.ts';
import type { StageRunDeps } from './deps.ts';
import type { Settings } from './platform.ts';

/** observe reads the caches, and what they do not show; undefined where the run is gone. there: a Job that no cache shows. */
export const observe = async (
  settings: Settings & { readonly runImages?: StageRunDeps['runImages'] },
  key: Key,
  ctx: Pick<Context, 'cache' | 'kube' | 'signal' | 'now'>,
  there?: KubeObject,
): Promise<Observed | undefined> => {
  const { cache } = ctx;
  const run = cache.get(StageRun, key);
  if (!run) return undefined;
  const isOver = isRecorded(run);
  // Most runs have ended long ago; at a restart all of them are looked at.
  const app = isOver || run.metadata.deletionTimestamp ? undefined : appOf(cache, run);
  const none: Observed = {
    run,
    app,
    owned: [],
    otherJob: undefined,
    pod: undefined,
    deployed: app && imageBefore(cache, app, run),
    runImage: (reference) => settings.runImages?.known(reference),
    secretVersions: secretVersionsOf(cache, key.namespace, secretsOf(settings.config, run.spec)),
    othersAtWork: app !== undefined && hasOthersAtWork(cache, run),
    volumeGoes: volumeGoes(cache, run),
    unwatched: false,
    settings,
    admitted: false,
    situation: undefined,
    log: undefined,
    refusals: [],
    now: ctx.now(),
  };
  const observed = withJob(none, cache, (there as JobObject | undefined) ?? cache.get(Job, key));
  return isOver ? observed : lookLive(ctx, observed);
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

/** withJob sorts a Job of the run's name into what was observed. */
const withJob = (observed: Observed, cache: Cache, found: JobObject | undefined): Observed => {
  if (!found) return observed;
  if (!isControlledBy(found, observed.run)) return { ...observed, otherJob: found };
  return { ...observed, owned: owning(found), pod: newestOf(cache.ownedBy(Pod, found)) };
};

/**
 * lookLive reads from the API server what the caches do not show. They select by labels, and whoever may edit Jobs and pods may
 * take those off; a run that believed its caches then would wait for ever. At most one read of a Job and one of its pods, and
 * nothing as long as all is in order.
 */
const lookLive = async (ctx: Pick<Context, 'cache' | 'kube' | 'signal'>, cached: Observed): Promise<Observed> => {
  const observed = await findJob(ctx, cached);
  const job = jobOf(observed);
  if (!job || observed.pod || !mayHavePod(job, observed.unwatched, observed.now)) return observed;
  const pod = await readPod(ctx, job);
  return pod ? { ...observed, pod, unwatched: true } : observed;
};

const findJob = async (
  { kube, cache, signal }: Pick<Context, 'cache' | 'kube' | 'signal'>,
  observed: Observed,
): Promise<Observed> => {
  const { run, otherJob } = observed;
  if (!run.status?.jobName || jobOf(observed) || otherJob) return observed;
  const live = await kube.get(Job, keyOf(run), { signal });
  return live ? { ...withJob(observed, cache, live), unwatched: true } : observed;
};

/** byBuiltApp is the index of the pods of builds, by the App that is built. */
export const byBuiltApp = 'builtApp';

/** builtAppOf is what byBuiltApp finds a pod under. */
export const builtAppOf = ({ metadata }: KubeObject): string[] => {
  const { [labels.app]: name, [labels.stageRun]: run } = metadata?.labels ?? {};
  return name === undefined || run === undefined ? [] : [keyString({ namespace: metadata?.namespace ?? '', name })];
};

/** hasOthersAtWork: a pod that is being deleted writes until it has ended; so may one of an earlier attempt, which has the run's own name. */
export const hasOthersAtWork = (cache: Pick<Cache, 'byIndex'>, { metadata, spec, status }: StageRun): boolean =>
  cache
    .byIndex(Pod, byBuiltApp, keyString({ namespace: metadata.namespace, name: spec.appRef.name }))
    .some(
      (pod) =>
        !hasEnded(pod) && (pod.metadata?.labels?.[labels.stageRun] !== metadata.name || status?.jobName === undefined),
    );

/** byClaim is the index of ended runs by the volume that their pods may still hold. */
export const byClaim = 'cacheClaim';

/** claimHeld is what byClaim finds a run under. */
export const claimHeld = (run: StageRun): string[] => {
  const name = isRecorded(run) ? run.status?.platform?.cacheClaim : undefined;
  return name === undefined ? [] : [keyString({ namespace: run.metadata.namespace, name })];
};

/** volumeGoes: the claim of the run's cache is being deleted; Kubernetes keeps it until no pod names it any more, ended ones included. */
const volumeGoes = (cache: Pick<Cache, 'get'>, { metadata: { namespace }, status }: StageRun): boolean => {
  const name = status?.platform?.cacheClaim;
  const claim = name === undefined ? undefined : cache.get(PersistentVolumeClaim, { namespace, name });
  return claim?.metadata?.deletionTimestamp !== undefined;
};

const hasEnded = ({ status }: PodObject): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** imageBefore is what the run begins with: the image that it puts upon another run image, else the one that is deployed. */
const imageBefore = (cache: Cache, app: App, { spec }: StageRun): string | undefined => {
  const name = spec.rebase?.stageRun ?? app.status?.stageRun?.deployed;
  const run = name === undefined ? undefined : cache.get(StageRun, { namespace: app.metadata.namespace, name });
  return run && isControlledBy(run, app) ? run.status?.image : undefined;
};

const appOf = (cache: Cache, run: StageRun): App | undefined => {
  const app = cache.get(App, { namespace: run.metadata.namespace, name: run.spec.appRef.name });
  return app && isControlledBy(run, app) ? app : undefined;
};
