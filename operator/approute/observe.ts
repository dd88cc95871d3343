import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { serviceName } from '../api/names.ts';
import { ownedBy } from '../kube/reconcile/owned.ts';
import { keyString, type Key } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import type { Claim } from './claim.ts';
import { observeGateway } from './gateway/observe.ts';
import type { HostTable } from './hosts.ts';
import type { Rival, Observed } from './observed.ts';
import { gatewayBackend, httpRouteKinds } from './resources/httproute.ts';
import { ingressBackend } from './resources/ingress.ts';
import type { Settings } from './settings.ts';
import { observeTls, type TlsKnown } from './tls/observe.ts';

/** byAppRef is the index of AppRoutes that lead to an App: `namespace/name`. */
export const byAppRef = 'appRef';

/** Known is what is known beside the cache. */
export interface Known extends TlsKnown {
  readonly settings: Settings;
  readonly hosts: HostTable;
}

/** observe reads everything about a route from memory; undefined when it is gone or going. */
export const observe = (known: Known, key: Key, ctx: Pick<Context, 'cache' | 'now'>): Observed | undefined => {
  const { settings, hosts } = known;
  const { cache } = ctx;
  const route = cache.get(AppRoute, key);
  if (route === undefined || route.metadata.deletionTimestamp !== undefined) return undefined;
  const now = ctx.now();
  const app = cache.get(App, { namespace: route.metadata.namespace, name: route.spec.appRef.name });
  const claim = hosts.claim(keyString(key));
  const at = observeGateway(cache, route, settings);
  const path = claim && hosts.holderOfPath(claim);
  return {
    route,
    ruling: claim && hosts.judge(claim, now.getTime()),
    pathHolder:
      path === undefined || path.key === keyString(key) ? undefined : path.key.slice(key.namespace.length + 1),
    rival: claim && rivalOf(hosts, claim, serviceName(route.spec.appRef.name)),
    // Of both ways: what the configuration wanted earlier is there still.
    owned: ownedBy(cache, route, [...ingressBackend.kinds(route), ...httpRouteKinds(route)]),
    tls: observeTls(cache, route, known),
    appExists: app !== undefined && app.metadata.deletionTimestamp === undefined,
    refusals: [],
    settings,
    backend: at === undefined ? ingressBackend : gatewayBackend(at),
    now,
  };
};

const rivalOf = (hosts: HostTable, { host, namespace, path }: Claim, service: string): Rival | undefined => {
  const beside = hosts.beside(host);
  const name = beside?.elsewhere({ namespace, path }, service);
  if (name !== undefined) return { type: 'here', name };
  return !hosts.isShared(host) && beside?.others(namespace, 'byHand') === true ? { type: 'elsewhere' } : undefined;
};
