import { findCondition } from '../../kube/conditions.ts';
import { isWildcard } from '../zones.ts';
import { gatewayGroup, HTTPRoute, type GatewayObject, type Listener } from './gatewayapi.ts';
import type { GatewayObserved } from './observed.ts';

/** Doors are the listeners of a Gateway that take the host of a route. */
export interface Doors {
  readonly http: readonly Listener[];
  readonly https: readonly Listener[];
}

/** below tells whether a host lies below a wildcard, at any depth: the Gateway API means all names by it. */
const below = (host: string, wildcard: string): boolean => isWildcard(wildcard) && host.endsWith(wildcard.slice(1));

/** takesHost tells whether a listener takes requests for a host; of a wildcard host, for some names of it. */
export const takesHost = ({ hostname = '' }: Pick<Listener, 'hostname'>, host: string): boolean =>
  hostname === '' || hostname === host || below(host, hostname) || below(hostname, host);

const takesRoutes = ({ allowedRoutes }: Listener): boolean =>
  allowedRoutes?.kinds === undefined ||
  allowedRoutes.kinds.some(({ group = gatewayGroup, kind }) => group === gatewayGroup && kind === HTTPRoute.kind);

const isSecure = ({ protocol, tls }: Listener): boolean =>
  protocol === 'HTTPS' && (tls?.mode ?? 'Terminate') === 'Terminate';

/** listenersOf are the listeners that the configuration leaves to routes. */
export const listenersOf = ({ gateway, settings: { sectionName } }: GatewayObserved): readonly Listener[] =>
  (gateway?.spec?.listeners ?? []).filter(({ name }) => sectionName === undefined || name === sectionName);

/** doorsOf finds the listeners that take a host. */
export const doorsOf = (observed: GatewayObserved, host: string): Doors => {
  const taking = listenersOf(observed).filter((listener) => takesHost(listener, host) && takesRoutes(listener));
  return { http: taking.filter(({ protocol }) => protocol === 'HTTP'), https: taking.filter(isSecure) };
};

const failing: readonly string[] = ['Accepted', 'Programmed', 'ResolvedRefs'];

const isBroken = (gateway: GatewayObject | undefined, { name }: Listener): boolean => {
  const said = gateway?.status?.listeners?.find((status) => status.name === name);
  return failing.some((type) => findCondition(said?.conditions, type)?.status === 'False');
};

const namespacesOf = ({ allowedRoutes }: Listener): string => JSON.stringify(allowedRoutes?.namespaces ?? {});

/** isClosed: it is certain that a listener lets no routes of a namespace in. */
export const isClosed = ({ allowedRoutes }: Listener, namespace: string, { gateway }: GatewayObserved): boolean => {
  const { from = 'Same' } = allowedRoutes?.namespaces ?? {};
  return from === 'None' || (from === 'Same' && gateway?.metadata?.namespace !== namespace);
};

/** isOpen tells whether a listener lets routes of a namespace in; what a selector selects only the controller knows, by all listeners alike. */
const isOpen = (listener: Listener, namespace: string, { gateway }: GatewayObserved, all: readonly Listener[]) => {
  const { from = 'Same' } = listener.allowedRoutes?.namespaces ?? {};
  if (from === 'All') return true;
  if (from === 'Same') return gateway?.metadata?.namespace === namespace;
  return from === 'Selector' && all.every((other) => namespacesOf(other) === namespacesOf(listener));
};

/** secureDoors are those that serve the host by https to routes of a namespace, as far as can be told. */
export const secureDoors = (observed: GatewayObserved, host: string, namespace: string): readonly Listener[] => {
  const { http, https } = doorsOf(observed, host);
  return https.filter(
    (door) => !isBroken(observed.gateway, door) && isOpen(door, namespace, observed, [...http, ...https]),
  );
};

const mostNamed = 8;

/** listed tells the listeners that all namespaces may use, with their hosts: others may have the hosts of single tenants. */
export const listed = (observed: GatewayObserved): string => {
  const all = listenersOf(observed).filter(({ allowedRoutes }) => allowedRoutes?.namespaces?.from === 'All');
  const words = all.slice(0, mostNamed).map(({ name, hostname }) => `"${name}" (${hostname ?? 'all hosts'})`);
  const more = all.length - mostNamed;
  return words.join(', ') + (more > 0 ? ` and ${more} more` : '');
};
