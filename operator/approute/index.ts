import { App } from '../api/app.ts';
import { AppRoute, type AppRouteStatus } from '../api/approute.ts';
import { ConditionType } from '../api/conditions.ts';
import { dropPlaceholder } from '../api/placeholder.ts';
import type { Config } from '../config.ts';
import { cached, type CacheSpec } from '../kube/cache.ts';
import { findCondition } from '../kube/conditions.ts';
import { applyIfChanged, applyStatusIfChanged, removeIfOwned } from '../kube/execute.ts';
import { refusalOf, refusalOfName, type Refusal } from '../kube/refusal.ts';
import { Ingress, keyOf, keyString, type Key } from '../kube/resource.ts';
import {
  done,
  terminal,
  wait,
  type Cache,
  type Change,
  type Context,
  type Controller,
  type Result,
  type Watch,
} from '../kube/types.ts';
import { controllerUid } from '../kube/owners.ts';
import { refers } from '../kube/watches.ts';
import { byAppRef, byHost, observe } from './observe.ts';
import { planRoute, type Plan } from './plan.ts';
import type { IngressObject, Seen } from './seen.ts';

/** AppRouteDeps is what the controller of AppRoutes works with. */
export interface AppRouteDeps {
  readonly config: Config;
}

const hostsOf = ({ spec }: IngressObject): string[] => [
  ...new Set((spec?.rules ?? []).flatMap(({ host }) => (host === undefined || host === '' ? [] : [host]))),
];

const appRefOf = ({ metadata, spec }: AppRoute): string =>
  keyString({ namespace: metadata.namespace, name: spec.appRef.name });

/** appRouteCacheSpecs is what this controller wants cached; all Ingresses, because anybody's may hold an address. */
export const appRouteCacheSpecs: readonly CacheSpec[] = [
  cached(App, { trim: dropPlaceholder }),
  cached(AppRoute, {
    trim: dropPlaceholder,
    indexes: { [byHost]: ({ spec }) => [spec.host], [byAppRef]: (route) => [appRefOf(route)] },
  }),
  cached(Ingress, { indexes: { [byHost]: hostsOf } }),
];

const rivals = (host: string, cache: Cache): Key[] => cache.byIndex(AppRoute, byHost, host).map(keyOf);

/** Claims come and go with their objects: host, path and age never change. */
const cameOrWent = ({ before, after }: Change<unknown>): boolean => before === undefined || after === undefined;

const ingressChanged = ({ before, after }: Change<IngressObject>): boolean =>
  ingressSignature(before) !== ingressSignature(after);

const ingressSignature = (ingress: IngressObject | undefined): string | undefined =>
  ingress && JSON.stringify([ingress.spec, ingress.status, ingress.metadata?.annotations, ingress.metadata?.labels]);

const watches = [
  refers(AppRoute, ({ spec }, cache) => rivals(spec.host, cache), cameOrWent),
  refers(Ingress, (ingress, cache) => hostsOf(ingress).flatMap((host) => rivals(host, cache)), ingressChanged),
  refers(
    App,
    ({ metadata }, cache) =>
      cache.byIndex(AppRoute, byAppRef, keyString({ namespace: metadata.namespace, name: metadata.name })).map(keyOf),
    cameOrWent,
  ),
] as unknown as Watch[];

const apply = async (ctx: Context, { route }: Seen, { apply: intent }: Plan): Promise<Refusal | undefined> => {
  if (intent === undefined) return undefined;
  try {
    const { type } = await applyIfChanged(ctx, Ingress, intent, { owner: route });
    return refusalOfName(type, { object: `Ingress "${intent.metadata.name}"`, owner: 'AppRoute' });
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
};

const refusalRetryMs = 60_000;

const execute = async (ctx: Context, seen: Seen, plan: Plan): Promise<Result> => {
  const { route } = seen;
  const refusal = await apply(ctx, seen, plan);
  const { status } = refusal === undefined ? plan : planRoute({ ...seen, refusal });
  if (plan.remove !== undefined) await removeIfOwned(ctx, Ingress, plan.remove, { owner: route });
  if ((await applyStatusIfChanged(ctx, AppRoute, route, status)) === 'applied') tell(ctx, route, status);
  if (refusal !== undefined) return wait(refusalRetryMs, refusal.reason);
  const stalled = findCondition(status.conditions, ConditionType.Stalled);
  return stalled === undefined ? done() : terminal(stalled.reason);
};

const tell = (ctx: Context, route: AppRoute, { conditions }: AppRouteStatus): void => {
  const before = findCondition(route.status?.conditions, ConditionType.Ready);
  const after = findCondition(conditions, ConditionType.Ready);
  if (after === undefined || (before?.status === after.status && before.reason === after.reason)) return;
  // That a route works from the start is told by the App that made it.
  if (before === undefined && after.status === 'True' && controllerUid(route) !== undefined) return;
  const type = after.status === 'False' ? 'Warning' : 'Normal';
  ctx.events.note(route, { type, reason: after.reason, action: 'Reconcile', note: after.message });
};

/**
 * appRouteController leads addresses to Apps.
 *
 * Reads, from the cache: AppRoute, all AppRoutes and Ingresses of its host in any namespace, whether its App is there. From
 * outside: nothing. Writes: the Ingress of the route's name, or deletes it where the route has no right to the address or no
 * App; then status.
 */
export const appRouteController = ({ config }: AppRouteDeps): Controller<AppRoute> => ({
  name: 'approute',
  kind: AppRoute,
  watches,
  reconcile: async (key, ctx) => {
    const seen = observe(config, key, ctx);
    return seen === undefined ? done() : execute(ctx, seen, planRoute(seen));
  },
});
