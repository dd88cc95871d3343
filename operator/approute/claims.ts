import { App } from '../api/app.ts';
import type { AppRoute } from '../api/approute.ts';
import { Reason } from '../api/conditions.ts';
import { timestamp } from '../kube/conditions.ts';
import { controllerOf } from '../kube/owners.ts';
import { refusedHost, type Refused } from './allowed.ts';
import type { Observed } from './observed.ts';

/** Verdict is whether a route may have its address, and if not, why, and whether that may change by itself. */
export type Verdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly reason: Reason; readonly message: string; readonly stalled: boolean };

const refuse = (reason: Reason, message: string, stalled = true): Verdict => ({
  accepted: false,
  reason,
  message,
  stalled,
});

type Check = (observed: Observed) => Verdict | undefined;

/** judge runs the checks in order; the first that fails decides. */
export const judge = (observed: Observed): Verdict =>
  hostAllowed(observed) ?? hostFree(observed) ?? pathFree(observed) ?? { accepted: true };

/** otherHost says where to write another host: nobody who has an App edits the AppRoute that it made. */
const otherHost = (route: AppRoute): string =>
  controllerOf(route)?.kind === App.kind
    ? `name another host in spec.routes of the App ${route.spec.appRef.name}`
    : 'choose another host';

const notAllowed: Record<Refused, (host: string) => readonly [Reason, string]> = {
  Platform: (host) => [Reason.HostNotAllowed, `The host ${host} is the platform's own`],
  Domain: (host) => [Reason.HostNotAllowed, `The host ${host} is the domain of all Apps of this installation`],
  Wildcard: () => [Reason.WildcardNotAllowed, 'This installation allows no wildcard hosts'],
};

const hostAllowed: Check = ({ route, settings }) => {
  const refused = refusedHost(route.spec.host, settings);
  if (refused === undefined) return undefined;
  const [reason, message] = notAllowed[refused](route.spec.host);
  return refuse(reason, `${message}: ${otherHost(route)}.`);
};

/** Who in another namespace has the host is not disclosed. */
const hostFree: Check = ({ route, ruling }) => {
  const { host } = route.spec;
  if (ruling?.type === 'taken')
    return refuse(Reason.RouteConflict, `The host ${host} is in use in another namespace: ${otherHost(route)}.`);
  if (ruling?.type !== 'kept') return undefined;
  const until = timestamp(new Date(ruling.until));
  const message = `The host ${host} is kept for the namespace that had it until ${until}: wait, or ${otherHost(route)}.`;
  return refuse(Reason.RouteConflict, message, false);
};

const pathFree: Check = ({ route: { spec }, pathHolder }) =>
  pathHolder === undefined
    ? undefined
    : refuse(
        Reason.RouteConflict,
        `${spec.host}${spec.path} belongs to the AppRoute ${pathHolder}: choose another host or path.`,
      );
