import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { Ingress, type Key } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import type { Seen, Settings } from './seen.ts';

/** byHost is the index of AppRoutes, and of Ingresses, that claim a host. */
export const byHost = 'host';
/** byAppRef is the index of AppRoutes that lead to an App: `namespace/name`. */
export const byAppRef = 'appRef';

/** observe reads everything about a route from the cache; undefined when it is gone or going. */
export const observe = (settings: Settings, key: Key, ctx: Pick<Context, 'cache' | 'now'>): Seen | undefined => {
  const { cache } = ctx;
  const route = cache.get(AppRoute, key);
  if (route === undefined || route.metadata.deletionTimestamp !== undefined) return undefined;
  const app = cache.get(App, { namespace: route.metadata.namespace, name: route.spec.appRef.name });
  return {
    route,
    claims: cache.byIndex(AppRoute, byHost, route.spec.host),
    ingresses: cache.byIndex(Ingress, byHost, route.spec.host),
    appExists: app !== undefined && app.metadata.deletionTimestamp === undefined,
    refusal: undefined,
    settings,
    now: ctx.now(),
  };
};
