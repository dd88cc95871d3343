import { App } from '../api/app.ts';
import { labels } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { ownJobs, trimJob, trimMetadata, trimOwn, trimPod, trimStrangers } from '../api/trim.ts';
import { cached, type CacheSpec } from '../kube/cache/cache.ts';
import { systemClock } from '../kube/clock.ts';
import { Job, keyOf, keyString, PersistentVolumeClaim, Pod, Secret } from '../kube/resource.ts';
import type { Cache, Context, Controller, Watch } from '../kube/types.ts';
import { owned, refers, specChanged } from '../kube/controller/watches.ts';
import { controllerOfKind } from '../kube/reconcile/reconciler.ts';
import type { StageRunDeps } from './deps.ts';
import { lookUp } from './lookups.ts';
import { builtAppOf, byBuiltApp, byClaim, claimHeld, observe, runsBuilding } from './observe.ts';
import { isRecorded, succeededOf, type Observed } from './observed.ts';
import { needsOf } from './needs.ts';
import { planRun, type RunPlan } from './plan.ts';
import { BuildQueue } from './queue.ts';
import { Rooms } from './rooms.ts';
import type { Query } from './situation.ts';

export { LogArchives } from './log/archives.ts';
export type { StageRunDeps } from './deps.ts';

const bySecret = 'buildSecret';
const secretValue = (namespace: string, name: string): string => `${namespace}/${name}`;

/** The Secrets that a run depends on which has not ended: it may wait for one. */
const secretsAwaited = (run: StageRun): string[] =>
  isRecorded(run) ? [] : needsOf(run.spec).map(({ secret }) => secretValue(run.metadata.namespace, secret));

/** stageRunCacheSpecs is what this controller reads; of Jobs only those that we made, and of those no pod template. */
export const stageRunCacheSpecs: readonly CacheSpec[] = [
  cached(App, { trim: trimOwn }),
  cached(StageRun, { trim: trimOwn, indexes: { [bySecret]: secretsAwaited, [byClaim]: claimHeld } }),
  cached(Job, { labelSelector: ownJobs, trim: trimJob }),
  cached(Pod, { labelSelector: labels.app, trim: trimPod, indexes: { [byBuiltApp]: builtAppOf } }),
  cached(PersistentVolumeClaim, { trim: trimStrangers }),
  // Their versions alone: contents are read live, once per run.
  cached(Secret, { metadataOnly: true, trim: trimMetadata }),
];

/**
 * stageRunController makes the controller of StageRuns.
 *
 * Reads, from the cache: StageRun, its App, its Job and the pod of that, versions of Secrets. From outside, where a plan asks for
 * it: registry, storage, Secrets, the log and the events of a build. Writes: the Job and its Secret, then status; then deletes
 * the Job where nothing of it may go on, or an hour after its end.
 */
export const stageRunController = (deps: StageRunDeps): Controller<StageRun> => {
  const { concurrency, perNamespace } = deps.config.build;
  const queue = new BuildQueue({ cluster: concurrency, perNamespace });
  const rooms = new Rooms(systemClock);
  const settings = { config: deps.config, fetch: deps.fetch, runImages: deps.runImages };
  const primed = once((ctx: Context) => acquireRunning(queue, ctx.cache, ctx.now()));
  return controllerOfKind<StageRun, Observed, Query, RunPlan>({
    name: 'stagerun',
    kind: StageRun,
    watches: watches(queue),
    ends: true,
    observe: (key, ctx, there) => {
      primed(ctx);
      return observe(settings, key, ctx, there);
    },
    subject: ({ run }) => run,
    plan: planRun,
    lookUp: (observed, query, ctx) => lookUp({ deps, ctx, observed, rooms }, queue, query),
    sources: [deps.logs.answers],
    settle: (key, { slot, build }, ctx) => {
      queue[slot](key, ctx.now());
      deps.logs.follow(build);
    },
    // What fails now is tried again after a pause in which others may build; a Job that is there takes its slot back.
    failed: (key) => void queue.release(key),
    forget: (key) => {
      queue.release(key);
      deps.logs.forget(key);
    },
  });
};

/** acquireRunning counts the Jobs that are there; only those of runs that go on, because nobody else would ever give the slot back. */
const acquireRunning = (queue: BuildQueue, cache: Cache, now: Date): void => {
  for (const key of runsBuilding(cache)) queue.acquire(key, now);
};

const watches = (queue: BuildQueue): Watch[] => [
  owned(Job, StageRun),
  refers(Pod, ({ metadata }) => {
    const name = metadata?.labels?.[labels.stageRun];
    return name ? [{ namespace: metadata?.namespace ?? '', name }] : [];
  }),
  refers(Secret, ({ metadata }, cache) =>
    cache.byIndex(StageRun, bySecret, secretValue(metadata?.namespace ?? '', metadata?.name ?? '')).map(keyOf),
  ),
  // An ended pod holds up the deletion of a volume.
  refers(PersistentVolumeClaim, (claim, cache) =>
    claim.metadata?.deletionTimestamp === undefined
      ? []
      : cache.byIndex(StageRun, byClaim, keyString(keyOf(claim))).map(keyOf),
  ),
  // At the start every run is looked at anyway; later only another spec or the end of an App matters to a run.
  refers(
    App,
    (app, cache) =>
      cache
        .ownedBy(StageRun, app)
        .filter((run) => !isRecorded(run))
        .map(keyOf),
    (change) => change.before !== undefined && specChanged(change),
  ),
  // A run that ended, or gave its slot back, lets the next ones begin. It leaves here too, because this may be seen before
  // its reconcile goes on.
  refers(
    StageRun,
    (run) => {
      if (isRecorded(run)) queue.release(keyOf(run));
      return queue.next();
    },
    ({ before, after }) =>
      before !== undefined && !isRecorded(before) && after !== undefined && toldMore(before, after),
  ),
];

const toldMore = (before: StageRun, after: StageRun): boolean =>
  succeededOf(before)?.reason !== succeededOf(after)?.reason || isRecorded(after);

const once = <A>(work: (argument: A) => void): ((argument: A) => void) => {
  let ran = false;
  return (argument) => {
    if (ran) return;
    ran = true;
    work(argument);
  };
};
