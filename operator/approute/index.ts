import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { annotations } from '../api/names.ts';
import { lean, trimOwn } from '../api/trim.ts';
import type { Config } from '../config.ts';
import { cached, type CacheSpec } from '../kube/cache/cache.ts';
import { Ingress, keyOf, keyString, parseKey, type Key } from '../kube/resource.ts';
import type { Cache, Change, Controller, Watch, WatchedCache } from '../kube/types.ts';
import { controllerOf } from '../kube/owners.ts';
import { controllerOfKind } from '../kube/reconcile/reconciler.ts';
import { refers } from '../kube/controller/watches.ts';
import { platformHosts } from './allowed.ts';
import { HTTPRoute, type HTTPRouteObject } from './gateway/gatewayapi.ts';
import { gatewayCacheSpecs, gatewaySource } from './gateway/watches.ts';
import type { HostTable } from './hosts.ts';
import { mostRules } from './ingresses.ts';
import { byAppRef, observe } from './observe.ts';
import type { Observed } from './observed.ts';
import type { IngressObject } from './settings.ts';
import { planRoute, type RoutePlan } from './plan.ts';
import type { Unread } from './tls/saying.ts';
import { observeTls, unreadOf } from './tls/observe.ts';
import { CertificateReader } from './tls/reader.ts';
import { byTls, tlsCacheSpecs, tlsSource, tlsValuesOf, tlsWatches } from './tls/watches.ts';

export { followHosts } from './follow.ts';

/** AppRouteDeps is what the controller of AppRoutes works with. */
export interface AppRouteDeps {
  readonly config: Config;
  /** Namespace of the operator. */
  readonly home: string;
  /** The cache that the controller reads. */
  readonly cache: Pick<WatchedCache, 'subscribeServed' | 'subscribe' | 'keys' | 'get'>;
  /** From followHosts, on that cache. */
  readonly hosts: HostTable;
}

const appRefOf = ({ metadata, spec }: AppRoute): string =>
  keyString({ namespace: metadata.namespace, name: spec.appRef.name });

/** Of strangers' Ingresses only their addresses and where these lead are kept; of ours what we set, to see that it is so. */
const trimIngress = ({ ingress }: Config): ((object: IngressObject) => IngressObject) => {
  const ours = { ...ingress.annotations, ...ingress.tlsAnnotations };
  const leanIngress = lean({ annotations: Object.keys(ours) });
  return (object) => {
    const isOurs = object.metadata?.annotations?.[annotations.applied] !== undefined;
    const { rules } = object.spec ?? {};
    return leanIngress(
      isOurs ? object : { ...object, spec: rules === undefined ? {} : { rules: rules.slice(0, mostRules) } },
    );
  };
};

/** appRouteCacheSpecs is what this controller wants cached; all Ingresses and HTTPRoutes, because anybody's may hold an address. */
export const appRouteCacheSpecs = (config: Config): readonly CacheSpec[] => [
  cached(App, { trim: trimOwn }),
  cached(AppRoute, {
    trim: trimOwn,
    indexes: { [byAppRef]: (route) => [appRefOf(route)], [byTls]: tlsValuesOf },
  }),
  ...tlsCacheSpecs,
  cached(Ingress, { trim: trimIngress(config) }),
  ...gatewayCacheSpecs(config),
];

const cameOrWent = ({ before, after }: Change<unknown>): boolean => before === undefined || after === undefined;

type Leading = IngressObject | HTTPRouteObject;

const hasChanged = ({ before, after }: Change<Leading>): boolean => signature(before) !== signature(after);

const signature = (object: Leading | undefined): string | undefined =>
  object && JSON.stringify([object.spec, object.status, meta(object.metadata)]);

const meta = ({ annotations, labels, ownerReferences }: Leading['metadata'] & object = {}): unknown[] => [
  annotations,
  labels,
  ownerReferences,
];

/** An Ingress of ours bears its route's name, and so does an HTTPRoute, or that of its redirect. */
const routesOf = (object: Leading): Key[] => {
  const ref = controllerOf(object);
  const name = ref?.kind === AppRoute.kind ? ref.name : undefined;
  const key = keyOf(object);
  return name === undefined || name === key.name ? [key] : [key, { ...key, name }];
};

/** The table of hosts hears of each change before a watch does, and knows whom it concerns. */
const watches = (hosts: HostTable): Watch[] => [
  refers(AppRoute, () => hosts.drain().map(parseKey)),
  refers(Ingress, (ingress) => [...routesOf(ingress), ...hosts.drain().map(parseKey)], hasChanged),
  refers(HTTPRoute, (route) => [...routesOf(route), ...hosts.drain().map(parseKey)], hasChanged),
  refers(App, routesOfApp, cameOrWent),
];

const routesOfApp = ({ metadata }: App, cache: Cache): Key[] =>
  cache.keysByIndex(AppRoute, byAppRef, keyString({ namespace: metadata.namespace, name: metadata.name }));

/**
 * appRouteController leads addresses to Apps.
 *
 * Reads, from the cache: AppRoute, its Ingress or HTTPRoutes and their Gateway, whether its App is there, its Certificate and what
 * is said of that; from the table of hosts, who else claims or serves the host. Live, once for each of their versions: TLS Secrets
 * that may serve it. Writes: the Ingress or HTTPRoute of the route's name, its redirect and its Certificate, or deletes them where
 * the route has no right to the address or no App; then status.
 */
export const appRouteController = ({ config, home, cache, hosts }: AppRouteDeps): Controller<AppRoute> => {
  const settings = { ...config, platformHosts: platformHosts(config) };
  const reader = new CertificateReader();
  const known = { settings, hosts, home, reader };
  // Before anything is awaited: from now on nobody else is judged by what was before.
  const decide = ({ route, ruling, now }: Observed, accepted: boolean): void => {
    const claim = hosts.claim(keyString(keyOf(route)));
    if (claim && ruling) hosts.decide(claim, ruling, accepted, now.getTime());
  };
  return controllerOfKind<AppRoute, Observed, Unread, RoutePlan>({
    name: 'approute',
    kind: AppRoute,
    watches: [...watches(hosts), ...tlsWatches(config, home)],
    sources: [tlsSource(cache), gatewaySource({ config, home, cache })],
    observe: (key, ctx) => observe(known, key, ctx),
    subject: ({ route }) => route,
    plan: planRoute,
    // Only for a route that has its address.
    lookUp: async (observed, _, ctx) => {
      decide(observed, true);
      await reader.read(ctx, unreadOf(ctx.cache, observed.route, known));
      return { ...observed, tls: observeTls(ctx.cache, observed.route, known, true) };
    },
    prepare: (observed, { accepted }) => decide(observed, accepted),
  });
};
