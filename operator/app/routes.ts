import type { App, AppStatus } from '../api/app.ts';
import type { AppRoute } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { appRouteName, defaultHost, labels } from '../api/names.ts';
import { findCondition, type ConditionStatus } from '../kube/conditions.ts';
import { memoized } from '../kube/memo.ts';
import { isControlledBy } from '../kube/owners.ts';
import type { WantedRoute } from './resources/approute.ts';
import { isOwnedBy } from './resources/meta.ts';
import type { Observed, Settings } from './observed.ts';

/** Address is one wanted route and the AppRoute that holds it, ours or one written by hand. */
export interface Address {
  readonly wanted: WantedRoute;
  readonly holder: AppRoute | undefined;
  /** Somebody else's AppRoute does it, so that the App needs none. */
  readonly foreign: boolean;
}

/** wantedRoutes are the routes of the spec, else the default route unless it is disabled. */
export const wantedRoutes = (
  { metadata, spec }: App,
  { domain, routeTemplate }: Pick<Settings, 'domain' | 'routeTemplate'>,
): WantedRoute[] => {
  const own = spec.routes ?? [];
  if (own.length > 0) return own.map((route) => ({ ...route, isDefault: false }));
  if (spec.defaultRoute === 'Disabled') return [];
  return [{ host: defaultHost(metadata, domain, routeTemplate), path: '/', isDefault: true }];
};

const conditionOf = (route: AppRoute | undefined, type: string) => {
  const condition = findCondition(route?.status?.conditions, type);
  // What was said about an earlier spec of the route says nothing now.
  return condition?.observedGeneration === route?.metadata.generation ? condition : undefined;
};

const is = (route: AppRoute | undefined, type: string): ConditionStatus =>
  conditionOf(route, type)?.status ?? 'Unknown';

/** isOwn: the App made the route. Without its owner only our name for its address tells that: a copy by hand bears our mark as well. */
export const isOwn = (app: App, route: AppRoute): boolean =>
  isControlledBy(route, app) ||
  (isOwnedBy(app, route) && route.metadata.name === appRouteName(app.metadata.name, route.spec));

/** addresses pairs what is wanted with who holds it. A route written by hand serves as well as ours, unless ours was first. */
export const addresses = memoized((observed: Observed): readonly Address[] =>
  wantedRoutes(observed.app, observed.settings).map((wanted) => {
    const there = observed.routes.filter((r) => r.spec.host === wanted.host && r.spec.path === wanted.path);
    const ours = there.find((r) => isOwn(observed.app, r));
    const byHand = there.find((r) => !isOwn(observed.app, r) && r.spec.appRef.name === observed.app.metadata.name);
    const foreign = byHand !== undefined && (ours === undefined || is(ours, ConditionType.Accepted) === 'False');
    return { wanted, holder: foreign ? byHand : ours, foreign };
  }),
);

/** routesAccepted: every address that the App wants is certainly its own. */
export const routesAccepted = (observed: Observed): boolean =>
  addresses(observed).every(({ holder }) => is(holder, ConditionType.Accepted) === 'True');

/**
 * staleRoutes are AppRoutes of ours that are not wanted. An old default route stays until the new one leads to the App, and any
 * route while a new one of its host is not judged yet: so that the namespace never is without the host.
 */
export const staleRoutes = (observed: Observed): AppRoute[] => {
  const all = addresses(observed);
  const names = new Set(
    all.filter((a) => !a.foreign).map(({ wanted }) => appRouteName(observed.app.metadata.name, wanted)),
  );
  const newDefault = all.find((a) => a.wanted.isDefault);
  const unjudged = new Set(
    all.filter(({ holder }) => is(holder, ConditionType.Accepted) === 'Unknown').map(({ wanted }) => wanted.host),
  );
  const moving = newDefault !== undefined && is(newDefault.holder, ConditionType.Programmed) !== 'True';
  return observed.routes.filter((route) => {
    if (!isOwn(observed.app, route) || names.has(route.metadata.name)) return false;
    if (unjudged.has(route.spec.host)) return false;
    return !(moving && route.metadata.labels?.[labels.defaultRoute] === 'true');
  });
};

/** Route is one entry of status.routes. */
type RouteStatus = NonNullable<AppStatus['routes']>[number];

/** routeStatus tells what became of one address. */
export const routeStatus = ({ wanted, holder }: Address): RouteStatus => {
  const ready = conditionOf(holder, ConditionType.Ready);
  return {
    host: wanted.host,
    path: wanted.path,
    ...(holder === undefined ? {} : { name: holder.metadata.name }),
    ...(holder?.status?.url === undefined ? {} : { url: holder.status.url }),
    ready: ready?.status ?? 'Unknown',
    ...(ready === undefined || ready.status === 'True' ? {} : { reason: ready.reason }),
  };
};

/** leads: requests to the address come to the App; by http also while a certificate is awaited. */
export const leads = ({ holder }: Address): boolean =>
  is(holder, ConditionType.Accepted) === 'True' && is(holder, ConditionType.Programmed) === 'True';

/** worstRoute is the address that a user should hear of: one that a person must mend, else one that is not ready. */
export const worstRoute = (
  observed: Observed,
): { readonly address: Address; readonly stalled: boolean } | undefined => {
  const all = addresses(observed);
  const stalled = all.find(({ holder }) => is(holder, ConditionType.Stalled) === 'True');
  if (stalled !== undefined) return { address: stalled, stalled: true };
  const waiting = all.find(({ holder }) => is(holder, ConditionType.Ready) !== 'True');
  return waiting && { address: waiting, stalled: false };
};

/** readyMessage is what the AppRoute itself says, or that there is none yet. */
export const readyMessage = ({ wanted, holder }: Address): { readonly reason: string; readonly message: string } => {
  const ready = conditionOf(holder, ConditionType.Ready);
  return ready === undefined || ready.status === 'True'
    ? { reason: Reason.RoutesNotReady, message: `The route "${wanted.host}${wanted.path}" is being made.` }
    : { reason: ready.reason, message: ready.message };
};
