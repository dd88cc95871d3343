import { App } from '../api/app.ts';
import { AppRoute, type AppRouteStatus } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { annotations } from '../api/names.ts';
import { lean, trimOwn } from '../api/trim.ts';
import type { Config } from '../config.ts';
import { cached, type CacheSpec } from '../kube/cache/cache.ts';
import { findCondition } from '../kube/conditions.ts';
import { applyIfChanged, applyStatusIfChanged, removeIfOwned } from '../kube/apply/statuswrites.ts';
import { refusalOf, refusalOfName, type Refusal } from '../kube/apply/refusal.ts';
import { Ingress, keyOf, keyString, parseKey, type Key } from '../kube/resource.ts';
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
import { controllerOf } from '../kube/owners.ts';
import { tellingErrors } from '../kube/controller/unforeseen.ts';
import { refers } from '../kube/controller/watches.ts';
import { platformHosts } from './allowed.ts';
import type { HostTable } from './hosts.ts';
import { mostRules } from './ingresses.ts';
import { byAppRef, observe } from './observe.ts';
import { planRoute, type Plan } from './plan.ts';
import type { IngressObject, Seen } from './seen.ts';

export { followHosts } from './follow.ts';

/** AppRouteDeps is what the controller of AppRoutes works with. */
export interface AppRouteDeps {
  readonly config: Config;
  /** From followHosts, on the cache that the controller reads. */
  readonly hosts: HostTable;
}

const appRefOf = ({ metadata, spec }: AppRoute): string =>
  keyString({ namespace: metadata.namespace, name: spec.appRef.name });

/** Of strangers' Ingresses only their addresses and where these lead are kept; of ours what we set, to see that it is so. */
const trimIngress = ({ ingress }: Config): ((object: IngressObject) => IngressObject) => {
  const leanIngress = lean({ annotations: Object.keys(ingress.annotations) });
  return (object) => {
    const isOurs = object.metadata?.annotations?.[annotations.applied] !== undefined;
    const { rules } = object.spec ?? {};
    return leanIngress(
      isOurs ? object : { ...object, spec: rules === undefined ? {} : { rules: rules.slice(0, mostRules) } },
    );
  };
};

/** appRouteCacheSpecs is what this controller wants cached; all Ingresses, because anybody's may hold an address. */
export const appRouteCacheSpecs = (config: Config): readonly CacheSpec[] => [
  cached(App, { trim: trimOwn }),
  cached(AppRoute, {
    trim: trimOwn,
    indexes: { [byAppRef]: (route) => [appRefOf(route)] },
  }),
  cached(Ingress, { trim: trimIngress(config) }),
];

const cameOrWent = ({ before, after }: Change<unknown>): boolean => before === undefined || after === undefined;

const ingressChanged = ({ before, after }: Change<IngressObject>): boolean =>
  ingressSignature(before) !== ingressSignature(after);

const ingressSignature = (ingress: IngressObject | undefined): string | undefined =>
  ingress && JSON.stringify([ingress.spec, ingress.status, meta(ingress.metadata)]);

const meta = ({ annotations, labels, ownerReferences }: NonNullable<IngressObject['metadata']> = {}): unknown[] => [
  annotations,
  labels,
  ownerReferences,
];

/** An Ingress of ours bears its route's name. */
const routesOf = (ingress: IngressObject): Key[] => {
  const ref = controllerOf(ingress);
  const name = ref?.kind === AppRoute.kind ? ref.name : undefined;
  const key = keyOf(ingress);
  return name === undefined || name === key.name ? [key] : [key, { ...key, name }];
};

/** The table of hosts hears of each change before a watch does, and knows whom it concerns. */
const watches = (hosts: HostTable): Watch[] => [
  refers(AppRoute, () => hosts.drain().map(parseKey)),
  refers(Ingress, (ingress) => [...routesOf(ingress), ...hosts.drain().map(parseKey)], ingressChanged),
  refers(App, routesOfApp, cameOrWent),
];

const routesOfApp = ({ metadata }: App, cache: Cache): Key[] =>
  cache.keysByIndex(AppRoute, byAppRef, keyString({ namespace: metadata.namespace, name: metadata.name }));

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
  if (plan.lookAgainMs !== undefined) return wait(plan.lookAgainMs, Reason.RouteConflict);
  const stalled = findCondition(status.conditions, ConditionType.Stalled);
  return stalled === undefined ? done() : terminal(stalled.reason);
};

const tell = (ctx: Context, route: AppRoute, { conditions }: AppRouteStatus): void => {
  const before = findCondition(route.status?.conditions, ConditionType.Ready);
  const after = findCondition(conditions, ConditionType.Ready);
  if (after === undefined || (before?.status === after.status && before.reason === after.reason)) return;
  // That a route works from the start is told by the App that made it.
  if (before === undefined && after.status === 'True' && controllerOf(route) !== undefined) return;
  const type = after.status === 'False' ? 'Warning' : 'Normal';
  ctx.events.note(route, { type, reason: after.reason, action: 'Reconcile', note: after.message });
};

/**
 * appRouteController leads addresses to Apps.
 *
 * Reads, from the cache: AppRoute, its Ingress, whether its App is there; from the table of hosts, who else claims or serves
 * the host. From outside: nothing. Writes: the Ingress of the route's name, or deletes it where the route has no right to the
 * address or no App; then status.
 */
export const appRouteController = ({ config, hosts }: AppRouteDeps): Controller<AppRoute> => {
  const known = { settings: { ...config, platformHosts: platformHosts(config) }, hosts };
  return tellingErrors<AppRoute>({
    name: 'approute',
    kind: AppRoute,
    watches: watches(hosts),
    reconcile: async (key, ctx) => {
      const seen = observe(known, key, ctx);
      if (seen === undefined) return done();
      const plan = planRoute(seen);
      // Before anything is awaited: from now on nobody else is judged by what was before.
      const claim = hosts.claim(keyString(key));
      if (claim && seen.ruling) hosts.decide(claim, seen.ruling, plan.accepted, seen.now.getTime());
      return execute(ctx, seen, plan);
    },
  });
};
