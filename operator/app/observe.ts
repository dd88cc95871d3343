import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { cacheWish } from '../api/cachewish.ts';
import { deploymentName } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { comparing } from '../kube/reconcile/compare.ts';
import { ofKind, ownedBy } from '../kube/reconcile/owned.ts';
import { Deployment, keyString, PersistentVolumeClaim, Pod, type Key } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import { platformHash, resolveBuilder, secretsOf, secretVersionsOf } from '../platform/builders.ts';
import { singleKinds } from './children.ts';
import { knownOf } from './contentmarks.ts';
import type { AppTools } from './deps.ts';
import { needsPullSecret } from './image.ts';
import type { Observed } from './observed.ts';
import { referencesOf } from './references.ts';
import { isOwn } from './routes.ts';

/** byApp is the index of what leads to or serves an App, whoever made it. */
export const byApp = 'app';

/** appValue is what byApp finds an App's objects under. */
export const appValue = (namespace: string, app: string): string => keyString({ namespace, name: app });

/** observe reads everything about an App from the cache; undefined when it is gone or going. */
export const observe = async (
  { config, addresses, s3ChangedAt, pullSecrets, contents, budgets }: AppTools,
  key: Key,
  ctx: Pick<Context, 'cache' | 'kube' | 'signal' | 'now' | 'peakDepth'>,
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
  const runs = cache.ownedBy(StageRun, app);
  const routes = cache.byIndex(AppRoute, byApp, appValue(namespace, name));
  const { builder, env, resources, timeoutSeconds } = app.spec.build ?? {};
  const versions = () => secretVersionsOf(cache, namespace, secretsOf(config, { env, source: app.spec.source }));
  const settings = { ...config, addresses };
  return {
    app,
    owned: [
      ...owned,
      ...routes.filter((route) => isOwn(app, route)).map((object) => ({ resource: AppRoute, object })),
      ...runs.map((object) => ({ resource: StageRun, object })),
      ...ownedBy(cache, app, [{ resource: PersistentVolumeClaim }]),
    ],
    runs,
    routes,
    deployment,
    pods: cache.byIndex(Pod, byApp, appValue(namespace, name)),
    hasOwnBudget: () => budgets.covers(app),
    pullSecret: needsPullSecret(app, settings) ? await pullSecrets.look(ctx, app) : { type: 'none' },
    contents: await contents.look(ctx, namespace, referencesOf(app.spec), knownOf(deployment)),
    platformHash: () =>
      platformHash(
        config,
        { source: app.spec.source, builder, resources, timeoutSeconds, cache: cacheWish(app) },
        versions(),
      ),
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
