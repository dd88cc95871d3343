import type { AppRouteStatus } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { livingConditions, summarize, type Fact } from '../kube/conditions.ts';
import { isPassing } from '../kube/refusal.ts';
import type { Claim } from './claims.ts';
import { routeUrl } from './resources/ingress.ts';
import { ownIngress, type IngressObject, type Seen } from './seen.ts';

const fact = (type: string, status: Fact['status'], reason: Reason, message: string, stalled = false): Fact => ({
  type,
  status,
  reason,
  message,
  stalled,
});

const acceptedFact = ({ route: { spec } }: Seen, claim: Claim): Fact =>
  claim.accepted
    ? fact(ConditionType.Accepted, 'True', Reason.Accepted, `${spec.host}${spec.path} belongs to this route.`)
    : fact(ConditionType.Accepted, 'False', claim.reason, claim.message, true);

/** addressOf is where the Ingress controller says that it listens. */
const addressOf = (ingress: IngressObject | undefined): string | undefined => {
  const first = ingress?.status?.loadBalancer?.ingress?.[0];
  return first?.hostname ?? first?.ip;
};

const programmedFact = (seen: Seen, claim: Claim): Fact => {
  const say = (status: Fact['status'], reason: Reason, message: string, stalled = false): Fact =>
    fact(ConditionType.Programmed, status, reason, message, stalled);
  if (!claim.accepted)
    return say('False', Reason.NotAccepted, 'No Ingress is made, because the route is not accepted.');
  if (!seen.appExists)
    return say('False', Reason.AppNotFound, `There is no App ${seen.route.spec.appRef.name} in this namespace yet.`);
  const { refusal } = seen;
  if (refusal !== undefined && isPassing(refusal)) return say('Unknown', refusal.reason, refusal.message);
  if (refusal !== undefined) return say('False', refusal.reason, refusal.message, true);
  const address = addressOf(ownIngress(seen));
  if (address !== undefined)
    return say('True', Reason.Programmed, `The Ingress controller serves the route at ${address}.`);
  return seen.settings.ingress.waitForAddress
    ? say('Unknown', Reason.AwaitingAddress, 'The Ingress is made; its controller has given it no address yet.')
    : say('True', Reason.Programmed, 'The Ingress is made.');
};

/** statusOf turns what was seen and decided into the status of the route. */
export const statusOf = (seen: Seen, claim: Claim): AppRouteStatus => {
  const { route, settings, now } = seen;
  const facts = [acceptedFact(seen, claim), programmedFact(seen, claim)];
  const url = routeUrl(route, settings);
  const address = claim.accepted ? addressOf(ownIngress(seen)) : undefined;
  const scene = { previous: route.status?.conditions, generation: route.metadata.generation, now };
  return {
    observedGeneration: route.metadata.generation,
    conditions: livingConditions(
      scene,
      facts,
      summarize(facts, { reason: Reason.Ready, message: `${url ?? route.spec.host} leads to the App.` }),
    ),
    ...(claim.accepted && url !== undefined ? { url } : {}),
    ...(address === undefined ? {} : { address }),
  };
};
