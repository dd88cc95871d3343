import type { AppRoute } from '../api/approute.ts';
import { Reason } from '../api/conditions.ts';
import { controllerUid } from '../kube/owners.ts';
import { ownIngress, type IngressObject, type Seen } from './seen.ts';

/** Claim is whether a route may have its address, and if not, why. */
export type Claim =
  { readonly accepted: true } | { readonly accepted: false; readonly reason: Reason; readonly message: string };

const refuse = (reason: Reason, message: string): Claim => ({ accepted: false, reason, message });

/** byAge sorts claims: the oldest first; of one second, the one with the smaller uid. */
export const byAge = ({ metadata: a }: AppRoute, { metadata: b }: AppRoute): number =>
  a.creationTimestamp === b.creationTimestamp
    ? compare(a.uid, b.uid)
    : Date.parse(a.creationTimestamp) - Date.parse(b.creationTimestamp);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** judge runs the checks in order; the first that fails decides. */
export const judge = (seen: Seen): Claim =>
  hostAllowed(seen) ??
  wildcardAllowed(seen) ??
  hostFree(seen) ??
  pathFree(seen) ??
  ingressFree(seen) ?? { accepted: true };

type Check = (seen: Seen) => Claim | undefined;

const hostAllowed: Check = ({ route: { spec }, settings }) =>
  settings.routes.platformHosts.includes(spec.host)
    ? refuse(Reason.HostNotAllowed, `The host ${spec.host} is the platform's own: choose another one.`)
    : undefined;

const wildcardAllowed: Check = ({ route: { spec }, settings }) =>
  spec.host.startsWith('*.') && !settings.routes.wildcards
    ? refuse(Reason.WildcardNotAllowed, 'This installation allows no wildcard hosts: name the host in full.')
    : undefined;

const isShared = ({ route: { spec }, settings }: Seen): boolean => settings.routes.sharedHosts.includes(spec.host);

/** A host belongs to the namespace that asked first; who that is is nobody else's business. */
const hostFree: Check = (seen) => {
  if (isShared(seen)) return undefined;
  const first = seen.claims.toSorted(byAge)[0];
  return first === undefined || first.metadata.namespace === seen.route.metadata.namespace
    ? undefined
    : foreignHost(seen.route);
};

const foreignHost = ({ spec }: AppRoute): Claim =>
  refuse(Reason.RouteConflict, `The host ${spec.host} is in use in another namespace: choose another one.`);

const pathFree: Check = (seen) => {
  const { metadata, spec } = seen.route;
  const winner = seen.claims
    .filter((c) => c.spec.path === spec.path && (isShared(seen) || c.metadata.namespace === metadata.namespace))
    .sort(byAge)[0];
  if (winner === undefined || winner.metadata.uid === metadata.uid) return undefined;
  const holder =
    winner.metadata.namespace === metadata.namespace ? `the AppRoute ${winner.metadata.name}` : 'an older route';
  return refuse(Reason.RouteConflict, `${spec.host}${spec.path} belongs to ${holder}: choose another host or path.`);
};

/**
 * A route that has its Ingress keeps it. Before, any other Ingress at the address counts as taken: one made by hand, or that
 * of an earlier winner which is not gone yet.
 */
const ingressFree: Check = (seen) => {
  if (ownIngress(seen) !== undefined) return undefined;
  const { metadata, spec } = seen.route;
  const samePath = (i: IngressObject): boolean => pathsOf(i, spec.host).includes(spec.path);
  const inWay = seen.ingresses.filter((i) => {
    if (controllerUid(i) === metadata.uid) return false;
    return i.metadata?.namespace === metadata.namespace || isShared(seen) ? samePath(i) : true;
  });
  const first = inWay[0];
  if (first === undefined) return undefined;
  if (first.metadata?.namespace !== metadata.namespace) return foreignHost(seen.route);
  return refuse(
    Reason.RouteConflict,
    `${spec.host}${spec.path} is in use by the Ingress ${first.metadata?.name}: delete it or choose another host or path.`,
  );
};

/** pathsOf lists the paths of a host in an Ingress as AppRoutes write them: `/` when absent, no last `/`. */
const pathsOf = (ingress: IngressObject, host: string): string[] =>
  (ingress.spec?.rules ?? [])
    .filter((rule) => rule.host === host)
    .flatMap((rule) => rule.http?.paths.map(({ path }) => path?.replace(/(.)\/+$/, '$1') || '/') ?? ['/']);
