import { App } from '../api/app.ts';
import { labels, managedBy } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { lean, trimMetadata, trimOwn, trimPod } from '../api/trim.ts';
import { cached, type CacheSpec } from '../kube/cache/cache.ts';
import { Job, keyOf, Pod, Secret } from '../kube/resource.ts';
import type { Cache, Context, Controller, Watch } from '../kube/types.ts';
import { controllerOfKind } from '../kube/reconcile/reconciler.ts';
import { owned, refers, specChanged } from '../kube/controller/watches.ts';
import { ask } from './ask.ts';
import { platformToRecord } from './outside.ts';
import type { StageRunDeps } from './deps.ts';
import { ownedBy, planStageRun, type Observed, type StageRunPlan } from './children.ts';
import type { JobObject } from './jobstate.ts';
import { lookLive } from './live.ts';
import { observe, runsBuilding, withJob, type Seen } from './observe.ts';
import { phaseOf, type Phase } from './phase.ts';
import { isRecorded, succeededOf } from './result.ts';
import { BuildQueue } from './queue.ts';

export type { StageRunDeps } from './deps.ts';

const bySecret = 'buildSecret';
const secretValue = (namespace: string, name: string): string => `${namespace}/${name}`;

/** The Secrets that a run depends on which has not ended: it may wait for one. */
const secretsAwaited = (run: StageRun): string[] =>
  isRecorded(run)
    ? []
    : [
        ...(run.spec.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
        ...(run.spec.source.git?.secretRef === undefined ? [] : [run.spec.source.git.secretRef.name]),
      ].map((name) => secretValue(run.metadata.namespace, name));

/** Of a Job only what is read: whoever may edit it can write much more into it. */
const leanJob = lean({ finalizers: 5 });

const trimJob = ({ spec, ...rest }: JobObject): JobObject => {
  const { suspend, parallelism, managedBy } = spec ?? {};
  return leanJob({ ...rest, spec: { suspend, parallelism, managedBy } } as JobObject);
};

/** stageRunCacheSpecs is what this controller reads; of Jobs only those that a StageRun has made, and of those no pod template. */
export const stageRunCacheSpecs: readonly CacheSpec[] = [
  cached(App, { trim: trimOwn }),
  cached(StageRun, { trim: trimOwn, indexes: { [bySecret]: secretsAwaited } }),
  cached(Job, {
    labelSelector: `${labels.stageRun},${labels.managedBy}=${managedBy}`,
    trim: trimJob,
  }),
  cached(Pod, { labelSelector: labels.app, trim: trimPod }),
  // Their versions alone: contents are read live, once per run.
  cached(Secret, { metadataOnly: true, trim: trimMetadata }),
];

/** Query: the queue and the outside are asked together, because which questions there are follows from the turn. */
type Query = 'turnAndOutside';

/**
 * stageRunController builds images.
 *
 * Reads, from the caches: StageRun, its App, its Job and that Job's pod, versions of Secrets. Live, only where a cache cannot know:
 * a Job or pod that lost its labels. From outside, as the phase asks for it: the registry, the storage's URL, the end of a log.
 *
 * Writes: the Job and its Secret, each once; status. Removes the Job an hour after its end, or where nothing of it may go on.
 */
export const stageRunController = (deps: StageRunDeps): Controller<StageRun> => {
  const { concurrency, perNamespace } = deps.config.build;
  const queue = new BuildQueue({ cluster: concurrency, perNamespace });
  const primed = once((ctx: Context) => holdRunning(queue, ctx.cache, ctx.now()));
  return controllerOfKind<StageRun, Observed, Query, StageRunPlan>({
    name: 'stagerun',
    kind: StageRun,
    ends: true,
    watches: watches(queue),
    observe: async (key, ctx, there) => {
      primed(ctx);
      const cached = observe(ctx.cache, key, deps.config);
      if (cached === undefined) return undefined;
      const seen = await lookLive(ctx, there === undefined ? cached : withJob(cached, ctx.cache, there as JobObject));
      return { seen, asked: undefined, owned: ownedBy(seen), refusals: [], now: ctx.now() };
    },
    subject: ({ seen }) => seen.run,
    plan: (observed) =>
      observed.asked === undefined
        ? { type: 'lookUp', query: 'turnAndOutside' }
        : planStageRun(deps, observed, observed.asked),
    lookUp: async (observed, _, ctx) => {
      const { seen, now } = observed;
      const phase = takeTurn(queue, seen, phaseOf(seen, now), now);
      const answer = await ask({ deps, ctx, seen }, phase);
      return { ...observed, asked: { phase, answer, platform: platformToRecord(deps, seen) } };
    },
    settle: (key, { slot }, ctx) => (slot === 'leave' ? queue.leave(key) : queue[slot](key, ctx.now())),
    forget: (key) => queue.leave(key),
    // What fails now is tried again after a pause in which others may build; a Job that is there takes its slot back.
    failed: (key) => queue.leave(key),
  });
};

const takeTurn = (queue: BuildQueue, { run }: Seen, phase: Phase, now: Date): Phase => {
  if (phase.type !== 'ready') return phase;
  const key = keyOf(run);
  const turn = queue.enter({ key, since: run.metadata.creationTimestamp }, now);
  return turn.type === 'admitted' ? phase : { ...turn, mayTell: queue.mayTell(key, now) };
};

/** holdRunning counts the Jobs that are there; only those of runs that go on, because nobody else would ever give the slot back. */
const holdRunning = (queue: BuildQueue, cache: Cache, now: Date): void => {
  for (const key of runsBuilding(cache)) queue.hold(key, now);
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
      if (isRecorded(run)) queue.leave(keyOf(run));
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
