import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { systemClock } from '../kube/clock.ts';
import { refers } from '../kube/controller/watches.ts';
import { controllerOfKind } from '../kube/reconcile/reconciler.ts';
import { keyOf } from '../kube/resource.ts';
import type { Change, Controller } from '../kube/types.ts';
import { ContentReader } from '../platform/contents.ts';
import { Archives } from './archives.ts';
import type { AppDeps } from './deps.ts';
import { Errands } from '../platform/errands.ts';
import { blobKeyOf, lookUp } from './lookups.ts';
import { observe } from './observe.ts';
import type { Observed, Query } from './observed.ts';
import { planApp, type AppPlan } from './plan.ts';
import { pullSecrets } from './pullsecrets.ts';
import { urlSeconds } from './upload.ts';
import { Usage } from './usage.ts';
import { appWatches } from './watches.ts';

export { followBudgets } from './budgets.ts';
export { appCacheSpecs } from './caches.ts';
export type { AppDeps } from './deps.ts';
export { followPods } from './podtable.ts';
export { keepPullSecrets } from './pullsecrettask.ts';
export { keepSecretCopies } from './secretcopies.ts';

const longestCountMs = 300_000;

/** The sizes of images are counted as runs come and go; that wakes nobody. */
const follows =
  (usage: Usage) =>
  (change: Change<StageRun>): boolean => {
    usage.saw(change);
    return false;
  };

/**
 * appController brings Apps to life.
 *
 * Reads, from the cache: App, its StageRuns, AppRoutes that lead to it, its Deployments, Service and Jobs, its pods, metadata of
 * Secrets and ConfigMaps. From outside, only when the plan needs it: HEAD of the archive while there is no run for it; an upload URL when one
 * is due; the log of a failing pod, once for each failure; the events of a pod that is not ready after ten seconds, and each time
 * after as long again; the content of the pull secret, once for each version of it, and of Secrets and ConfigMaps that its pods use.
 *
 * Writes, by children.ts: AppRoutes, Service, PodDisruptionBudget, the namespace's copy of the pull secret, StageRuns (made, or cancelled for a newer one), the
 * Job of a release, the Deployments; removes what it owns and does not want any more, and uploaded bytes that are not what they should be; then status.
 */
export const appController = (deps: AppDeps): Controller<App> => {
  const { storage, config } = deps;
  const errands = new Errands({ clock: systemClock });
  const archives = new Archives(storage, { changedAt: deps.s3ChangedAt, errands });
  const usage = new Usage({
    storage,
    errands,
    prefix: config.s3.prefix,
    limit: config.quota.bytesPerNamespace,
    countMs: Math.min(longestCountMs, config.sweep.everySeconds * 1000),
    promiseMs: urlSeconds * 1000,
    leftovers: deps.leftovers,
    // Where nothing is swept, nobody tells when images go.
    keptMs: config.registry.clean ? Infinity : config.sweep.afterSeconds * 1000,
  });
  const contents = new ContentReader({ home: deps.home });
  const tools = { ...deps, pullSecrets: pullSecrets(config, deps.home), contents, archives, usage };
  return controllerOfKind<App, Observed, Query, AppPlan>({
    name: 'app',
    kind: App,
    watches: [...appWatches(deps), refers(StageRun, () => [], follows(usage))],
    sources: [archives.answers, usage.answers, ...(deps.runImages ? [deps.runImages.answers] : [])],
    observe: (key, ctx, there) => observe(tools, key, ctx, there),
    subject: ({ app }) => app,
    plan: planApp,
    lookUp: (observed, query, ctx) => lookUp(tools, observed, query, ctx),
    isCurrent: ({ isCurrent }, child) => isCurrent(child),
    prepare: async ({ app }, { removeBlob }) => {
      if (removeBlob) await archives.remove(keyOf(app), blobKeyOf(tools, app));
    },
    settle: (key, { awaitedSince }) =>
      awaitedSince === undefined ? archives.drop(key) : archives.follow(key, awaitedSince),
    forget: (key) => {
      archives.drop(key);
      deps.runImages?.forget(key);
    },
  });
};
