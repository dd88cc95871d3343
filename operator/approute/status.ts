import type { AppRoute, AppRouteStatus } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { livingConditions, summarize, timestamp, type Fact } from '../kube/conditions.ts';
import { isPassing } from '../kube/apply/refusal.ts';
import type { Verdict } from './claims.ts';
import { routeUrl } from './resources/ingress.ts';
import type { IngressObject, Rival, Seen } from './seen.ts';

const fact = (type: string, status: Fact['status'], reason: Reason, message: string, stalled = false): Fact => ({
  type,
  status,
  reason,
  message,
  stalled,
});

const acceptedFact = ({ route: { spec } }: Seen, verdict: Verdict): Fact =>
  verdict.accepted
    ? fact(ConditionType.Accepted, 'True', Reason.Accepted, `${spec.host}${spec.path} belongs to this route.`)
    : fact(ConditionType.Accepted, 'False', verdict.reason, verdict.message, verdict.stalled);

const rivalMessage = ({ host, path }: AppRoute['spec'], rival: Rival): string =>
  rival.type === 'here'
    ? `The Ingress ${rival.name} serves ${host}${path} too and leads elsewhere, so either may answer: delete it or choose another host or path.`
    : `An Ingress in another namespace serves the host ${host} too, so either may answer: tell the administrators of the cluster.`;

/** addressOf is where the Ingress controller says that it listens. */
const addressOf = (ingress: IngressObject | undefined): string | undefined => {
  const first = ingress?.status?.loadBalancer?.ingress?.[0];
  return first?.hostname ?? first?.ip;
};

const programmedFact = (seen: Seen, verdict: Verdict): Fact => {
  const say = (status: Fact['status'], reason: Reason, message: string, stalled = false): Fact =>
    fact(ConditionType.Programmed, status, reason, message, stalled);
  if (!verdict.accepted)
    return say('False', Reason.NotAccepted, 'No Ingress is made, because the route is not accepted.');
  if (!seen.appExists)
    return say('False', Reason.AppNotFound, `There is no App ${seen.route.spec.appRef.name} in this namespace yet.`);
  const { refusal } = seen;
  if (refusal !== undefined && isPassing(refusal)) return say('Unknown', refusal.reason, refusal.message);
  if (refusal !== undefined) return say('False', refusal.reason, refusal.message, true);
  if (seen.rival !== undefined)
    return say('False', Reason.RouteConflict, rivalMessage(seen.route.spec, seen.rival), true);
  const address = addressOf(seen.ingress);
  if (address !== undefined)
    return say('True', Reason.Programmed, `The Ingress controller serves the route at ${address}.`);
  return seen.settings.ingress.waitForAddress
    ? say('Unknown', Reason.AwaitingAddress, 'The Ingress is made; its controller has given it no address yet.')
    : say('True', Reason.Programmed, 'The Ingress is made.');
};

/** Pods are the App's affair: a route is right also while there are none. */
const readyMessage = ({ spec }: AppRoute, url: string | undefined): string =>
  `Requests to ${url ?? spec.host} go to the App ${spec.appRef.name}; its pods answer while it has any.`;

/** statusOf turns what was seen and decided into the status of the route. */
export const statusOf = (seen: Seen, verdict: Verdict): AppRouteStatus => {
  const { route, settings, ruling, now } = seen;
  const facts = [acceptedFact(seen, verdict), programmedFact(seen, verdict)];
  const url = routeUrl(route, settings);
  const address = verdict.accepted ? addressOf(seen.ingress) : undefined;
  const scene = { previous: route.status?.conditions, generation: route.metadata.generation, now };
  return {
    observedGeneration: route.metadata.generation,
    conditions: livingConditions(
      scene,
      facts,
      summarize(facts, { reason: Reason.Ready, message: readyMessage(route, url) }),
    ),
    ...(ruling === undefined ? {} : { host: ruling.type === 'held' ? 'Held' : 'Taken' }),
    ...(ruling?.type === 'kept' ? { hostFreeSince: timestamp(new Date(ruling.since)) } : {}),
    ...(verdict.accepted && url !== undefined ? { url } : {}),
    ...(address === undefined ? {} : { address }),
  };
};
