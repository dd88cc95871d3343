import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { annotations, blobValue, byBlob, labels } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { trimMetadata, trimOwn, trimPod } from '../api/trim.ts';
import type { Config } from '../config.ts';
import { cached, type CacheSpec } from '../kube/cache/cache.ts';
import { systemClock } from '../kube/clock.ts';
import { controllerOf, groupOf } from '../kube/owners.ts';
import { Deployment, keyOf, parseKey, Pod, Secret, Service, type Key, type KubeObject } from '../kube/resource.ts';
import type { Cache, Change, Controller, Watch } from '../kube/types.ts';
import { controllerOfKind } from '../kube/reconcile/reconciler.ts';
import { owned, refers } from '../kube/controller/watches.ts';
import { secretsOf } from '../platform/builders.ts';
import { Archives } from './archives.ts';
import { Errands } from './errands.ts';
import type { AppDeps } from './deps.ts';
import { blobKeyOf, lookUp } from './lookups.ts';
import { appValue, byApp, observe } from './observe.ts';
import { planApp, type AppPlan } from './plan.ts';
import { pullSecrets } from './pullsecrets.ts';
import type { Observed, PodObject, Query } from './observed.ts';
import { urlSeconds } from './upload.ts';
import { Usage } from './usage.ts';

export type { AppDeps } from './deps.ts';
export { keepPullSecrets } from './pullsecrettask.ts';

/** isOfApp: somebody may have taken one of the signs away, and then it is to be mended. */
const isOfApp = (object: KubeObject): boolean =>
  object.metadata?.labels?.[labels.app] !== undefined ||
  object.metadata?.annotations?.[annotations.applied] !== undefined;

/** Strangers' objects are kept by name alone: so much is needed to see that a name is taken, and when it is free again. */
const trimStrangers = <T extends KubeObject>(object: T): T => {
  const { apiVersion, kind, metadata } = object;
  return trimMetadata(isOfApp(object) ? object : ({ apiVersion, kind, metadata } as T));
};

const bySecret = 'buildSecret';

/** A build that failed is tried again when a Secret that it depends on has changed. */
const secretsOfBuild =
  (config: Config) =>
  ({ metadata, spec }: App): string[] =>
    secretsOf(config, spec.build?.env).map((name) => appValue(metadata.namespace, name));

/** appCacheSpecs is what this controller wants cached. */
export const appCacheSpecs = (config: Config, home: string): readonly CacheSpec[] => {
  const watched = config.watchNamespaces;
  return [
    cached(App, { trim: trimOwn, indexes: { [bySecret]: secretsOfBuild(config), [byBlob]: archiveOf } }),
    cached(StageRun, { trim: trimOwn, indexes: { [byBlob]: archiveOf } }),
    cached(AppRoute, {
      trim: trimOwn,
      indexes: { [byApp]: appsOfRoute },
    }),
    cached(Deployment, { trim: trimStrangers }),
    cached(Service, { trim: trimStrangers }),
    cached(Pod, { labelSelector: labels.app, trim: trimPod, indexes: { [byApp]: webPodOf } }),
    // Metadata only: no content of a Secret is ever held, but that of the pull secret.
    cached(Secret, {
      metadataOnly: true,
      trim: trimMetadata,
      namespaces: watched.length === 0 ? undefined : [...new Set([...watched, home])],
    }),
  ];
};

/** The archive that an App or a StageRun is built from. */
const archiveOf = ({ metadata, spec }: App | StageRun): string[] =>
  spec.source?.blob === undefined ? [] : [blobValue(metadata.namespace, spec.source.blob.sha256)];

/** The App that a route leads to, and the one that made it, should somebody have led it elsewhere. */
const appsOfRoute = (route: AppRoute): string[] => {
  const { metadata, spec } = route;
  const maker = controllerOf(route);
  const names = new Set([
    spec.appRef.name,
    ...(maker?.kind === App.kind && groupOf(maker.apiVersion) === App.group ? [maker.name] : []),
  ]);
  return [...names].map((name) => appValue(metadata.namespace, name));
};

/** Pods of builds carry the App's name too, but no process. */
const webPodOf = ({ metadata }: KubeObject): string[] => {
  const app = metadata?.labels?.[labels.app];
  return app === undefined || metadata?.labels?.[labels.process] === undefined
    ? []
    : [appValue(metadata.namespace ?? '', app)];
};

const appOf = ({ metadata }: KubeObject): Key[] => {
  const name = metadata?.labels?.[labels.app];
  return name === undefined ? [] : [{ namespace: metadata?.namespace ?? '', name }];
};

/** What of a pod's state can change what is said of its App. */
const podSignature = (pod: PodObject | undefined): string =>
  JSON.stringify([
    pod?.metadata?.deletionTimestamp,
    pod?.status?.conditions?.map((c) => [c.type, c.status, c.reason]),
    pod?.status?.containerStatuses?.map((c) => [
      c.ready,
      c.imageID,
      c.restartCount,
      c.state?.running?.startedAt,
      c.state?.waiting?.reason,
      c.state?.terminated?.exitCode,
    ]),
  ]);

const podChanged = ({ before, after }: Change<PodObject>): boolean => podSignature(before) !== podSignature(after);

const routeChanged = ({ before, after }: Change<AppRoute>): boolean => routeSignature(before) !== routeSignature(after);

/** Of the metadata what we set: it is ours to mend. */
const routeSignature = (route: AppRoute | undefined): string | undefined =>
  route &&
  JSON.stringify([
    route.spec,
    route.status,
    route.metadata.labels,
    route.metadata.annotations,
    route.metadata.ownerReferences,
  ]);

/** A name that a stranger gave up is free for the App of that name; so is that of a child which lost its owner. */
const freedName = (object: KubeObject): Key[] => [keyOf(object)];
const isDeletion = ({ after }: Change<KubeObject>): boolean => after === undefined;

const pullSecretReaders =
  ({ config, home }: AppDeps) =>
  ({ metadata }: KubeObject, cache: Cache): Key[] => {
    const { pullSecretRef, pullKeyRef } = config.registry;
    const { name, namespace } = metadata ?? {};
    if (namespace === home && (name === pullSecretRef || name === pullKeyRef)) return cache.list(App).map(keyOf);
    return name !== undefined && name === pullSecretRef ? cache.keysByIndex(App, 'namespace', namespace ?? '') : [];
  };

const watches = (deps: AppDeps): Watch[] => [
  owned(StageRun, App),
  owned(Deployment, App),
  owned(Service, App),
  refers(Deployment, freedName, isDeletion),
  refers(Service, freedName, isDeletion),
  refers(AppRoute, (route) => appsOfRoute(route).map(parseKey), routeChanged),
  refers(Pod, (pod) => (webPodOf(pod).length > 0 ? appOf(pod) : []), podChanged),
  refers(Secret, pullSecretReaders(deps)),
  refers(Secret, ({ metadata }, cache) =>
    cache.keysByIndex(App, bySecret, appValue(metadata?.namespace ?? '', metadata?.name ?? '')),
  ),
];

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
 * Reads, from the cache: App, its StageRuns, AppRoutes that lead to it, its Deployment and Service, its web pods, metadata of
 * Secrets. From outside, only when the plan needs it: HEAD of the archive while there is no run for it; an upload URL when one
 * is due; the log of a failing pod, once for each failure; the events of a pod that is not ready after ten seconds, and each time
 * after as long again; the content of the pull secret, once for each version of it.
 *
 * Writes: AppRoutes, Service, the namespace's copy of the pull secret, StageRuns (made, or cancelled for a newer one), the
 * Deployment; deletes AppRoutes and StageRuns that are not wanted any more, the Deployment of an App without a source, and
 * uploaded bytes that are not what they should be; then status.
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
  });
  const tools = { ...deps, pullSecrets: pullSecrets(config, deps.home), archives, usage };
  return controllerOfKind<App, Observed, Query, AppPlan>({
    name: 'app',
    kind: App,
    watches: [...watches(deps), refers(StageRun, () => [], follows(usage))],
    sources: [archives.answers, usage.answers],
    observe: (key, ctx) => observe(tools, key, ctx),
    subject: ({ app }) => app,
    plan: planApp,
    lookUp: (observed, query, ctx) => lookUp(tools, observed, query, ctx),
    isCurrent: ({ isCurrent }, child) => isCurrent(child),
    prepare: async ({ app }, { removeBlob }) => {
      if (removeBlob) await archives.remove(keyOf(app), blobKeyOf(tools, app));
    },
    settle: (key, { awaitedSince }) =>
      awaitedSince === undefined ? archives.drop(key) : archives.follow(key, awaitedSince),
    forget: (key) => archives.drop(key),
  });
};
