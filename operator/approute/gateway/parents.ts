import type { AppRoute } from '../../api/approute.ts';
import type { Https } from '../tls/saying.ts';
import { doorsOf, isClosed } from './listeners.ts';
import { Gateway, gatewayGroup, type Listener, type ParentRef } from './gatewayapi.ts';
import type { GatewayObserved } from './observed.ts';

/** Parents is where a route is attached, and where requests are sent on to https, if anywhere. */
export interface Parents {
  readonly main: readonly ParentRef[];
  readonly redirect?: readonly ParentRef[];
}

/**
 * parentsOf attaches a route to the Gateway as a whole, which goes on being right whatever listeners come and go, and to single
 * listeners only where they differ: http sends on to https, or https is not wanted.
 */
export const parentsOf = (
  observed: GatewayObserved,
  { metadata, spec }: AppRoute,
  https: Https | undefined,
): Parents => {
  const { namespace, name, sectionName, redirectToHttps } = observed.settings;
  const gateway: ParentRef = { group: gatewayGroup, kind: Gateway.kind, namespace, name };
  if (sectionName !== undefined) return { main: [{ ...gateway, sectionName }] };
  const doors = doorsOf(observed, spec.host);
  const at = (listeners: readonly Listener[]): ParentRef[] => {
    const open = listeners.filter((listener) => !isClosed(listener, metadata.namespace, observed));
    // Where all are closed, the controller's own words tell it.
    const wanted = open.length > 0 ? open : listeners;
    return wanted.map((listener) => ({ ...gateway, sectionName: listener.name }));
  };
  const both = doors.http.length > 0 && doors.https.length > 0;
  if (both && https !== undefined && redirectToHttps) return { main: at(doors.https), redirect: at(doors.http) };
  return { main: both && spec.tls?.disabled === true ? at(doors.http) : [gateway] };
};
