import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { cacheWish } from '../api/cachewish.ts';
import { appRouteName, deploymentName } from '../api/names.ts';
import { isBuilt } from '../api/source.ts';
import { StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import { comparing } from '../kube/reconcile/compare.ts';
import { isControlledBy } from '../kube/owners.ts';
import { maxOwned, ofKind, ownedBy } from '../kube/reconcile/owned.ts';
import {
  Deployment,
  HorizontalPodAutoscaler,
  Job,
  keyOf,
  PersistentVolumeClaim,
  Pod,
  type Key,
  type KubeObject,
} from '../kube/resource.ts';
import type { Cache, Context } from '../kube/types.ts';
import { platformHash, resolveBuilder, secretsOf, secretVersionsOf } from '../platform/builders.ts';
import { singleKinds } from './children.ts';
import { knownOf } from './contentmarks.ts';
import type { AppTools } from './deps.ts';
import { deployedRunName, needsPullSecret } from './image.ts';
import { addressValue, appValue, byAddress, byMaker, byReleased } from './indexes.ts';
import type { DeploymentObject, Observed, Settings } from './observed.ts';
import type { NewPods } from './pods.ts';
import { referencesOf } from './references.ts';
import { byTarget } from './resources/autoscaler.ts';
import { isOwnedBy } from './resources/meta.ts';
import { isOwn, wantedRoutes } from './routes.ts';
import { desiredRunName } from './staging.ts';

/** observe reads everything about an App from the cache; undefined when it is gone or going. */
export const observe = async (
  { config, addresses, s3ChangedAt, pullSecrets, contents, budgets, pods, runImages, image }: AppTools,
  key: Key,
  ctx: Pick<Context, 'cache' | 'kube' | 'signal' | 'now' | 'peakDepth'>,
  there?: KubeObject,
): Promise<Observed | undefined> => {
  const { cache } = ctx;
  const app = cache.get(App, key);
  if (app === undefined || app.metadata.deletionTimestamp !== undefined) return undefined;
  const { namespace, name } = app.metadata;
  const owned = ownedBy(
    cache,
    app,
    singleKinds.map(({ resource, nameOf, moreNames }) => ({
      resource,
      name: nameOf(app),
      ...(moreNames && { moreNames: moreNames(app) }),
    })),
  );
  const deployment = ofKind(owned, Deployment).find((one) => one.metadata?.name === deploymentName(name));
  const runs = runsOf(cache, app, deployment);
  const routes = routesOf(cache, app, config);
  const { builder, env, bindings, resources, timeoutSeconds } = app.spec.build ?? {};
  const versions = () =>
    secretVersionsOf(cache, namespace, secretsOf(config, { env, bindings, source: app.spec.source }));
  const relay = image === undefined ? undefined : { image, endpoint: config.s3.endpoint };
  const settings = { ...config, addresses, ...(relay !== undefined && { relay }) };
  return {
    app,
    owned: [
      ...owned,
      ...routes.filter((route) => isOwn(app, route)).map((object) => ({ resource: AppRoute, object })),
      ...runs.map((object) => ({ resource: StageRun, object })),
      ...ownedBy(cache, app, [{ resource: PersistentVolumeClaim }, { resource: Job }]),
    ],
    runs,
    routes,
    deployment,
    pods: once((process, updated) => pods.newest(cache, { namespace, app: name, process }, updated)),
    releasePods: cache.byIndex(Pod, byReleased, appValue(namespace, name), maxOwned),
    there,
    // Ours is one of two at most.
    ownAutoscaler: () =>
      cache.byIndex(HorizontalPodAutoscaler, byTarget, appValue(namespace, name), 2).find((one) => !isOwnedBy(app, one))
        ?.metadata?.name,
    hasOwnBudget: () => budgets.covers(app),
    pullSecret: needsPullSecret(app, settings) ? await pullSecrets.look(ctx, app) : { type: 'none' },
    contents: await contents.look(ctx, namespace, referencesOf(app.spec), knownOf(deployment)),
    platformHash: () =>
      platformHash(
        config,
        { source: app.spec.source, builder, resources, timeoutSeconds, cache: cacheWish(app) },
        versions(),
      ),
    runImage: () => runImageOf(config, app, runImages),
    isCurrent: comparing(cache, app),
    hasBuilder: () => resolveBuilder(config, builder) !== undefined,
    blob: { type: 'unknown' },
    otherSizes: [],
    room: undefined,
    signed: undefined,
    s3ChangedAt: s3ChangedAt?.(),
    warnings: undefined,
    podLog: undefined,
    refusals: [],
    settings,
    now: ctx.now(),
    peakDepth: ctx.peakDepth(),
  };
};

/** Nobody asks a registry for the sake of an App that wants nothing put upon a newer run image, or a certain run. */
const runImageOf = (
  config: Config,
  { metadata, spec }: App,
  runImages: AppTools['runImages'],
): ReturnType<Observed['runImage']> => {
  const { builder, rebase = config.build.rebase } = spec.build ?? {};
  if (runImages === undefined || rebase === 'Off' || spec.stageRun !== undefined || !isBuilt(spec.source))
    return undefined;
  const resolved = resolveBuilder(config, builder);
  return resolved && { digest: runImages.look(resolved.runImage, keyOf({ metadata })) };
};

/** A plan asks for the same pods several times. */
const once = (look: Observed['pods']): Observed['pods'] => {
  const known = new Map<string, NewPods>();
  return (process, updated) => {
    const which = `${process} ${updated}`;
    const found = known.get(which) ?? look(process, updated);
    known.set(which, found);
    return found;
  };
};

const byName = <T extends KubeObject>(objects: readonly (T | undefined)[]): T[] => [
  ...new Map(objects.flatMap((object) => (object === undefined ? [] : [[object.metadata?.name, object]]))).values(),
];

/** runsOf are the runs that matter, and of the others as many as can be pruned at once. */
const runsOf = (cache: Cache, app: App, deployment: DeploymentObject | undefined): StageRun[] => {
  const { namespace } = app.metadata;
  const { desired, deployed } = app.status?.stageRun ?? {};
  const names = new Set([desiredRunName({ app }), deployedRunName(deployment), desired, deployed]);
  const needed = [...names]
    .map((name) => (name === undefined ? undefined : cache.get(StageRun, { namespace, name })))
    .filter((run) => run !== undefined && isControlledBy(run, app));
  return byName([...needed, ...cache.ownedBy(StageRun, app, maxOwned)]);
};

/** Of the App's own and of one that somebody else made. */
const perAddress = 2;

/** routesOf are the AppRoutes that hold an address of the App, or want to, and those that it made. */
const routesOf = (cache: Cache, app: App, settings: Pick<Settings, 'domain' | 'routeTemplate'>): AppRoute[] => {
  const { namespace, name } = app.metadata;
  const holders = wantedRoutes(app, settings).flatMap(({ host, path }) => [
    cache.get(AppRoute, { namespace, name: appRouteName(name, { host, path }) }),
    ...[true, false].flatMap((accepted) =>
      cache.byIndex(AppRoute, byAddress, addressValue({ namespace, app: name, host, path, accepted }), perAddress),
    ),
  ]);
  const lost = cache.byIndex(AppRoute, byMaker, appValue(namespace, name), maxOwned);
  return byName([...holders, ...cache.ownedBy(AppRoute, app, maxOwned), ...lost]);
};
