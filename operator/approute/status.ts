import type { AppRoute, AppRouteStatus } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { livingConditions, summarize, timestamp, type Fact } from '../kube/conditions.ts';
import { isPassing } from '../kube/apply/refusal.ts';
import type { Verdict } from './claims.ts';
import { routeUrl } from './resources/ingress.ts';
import type { Standing } from './backend.ts';
import type { Child } from '../kube/reconcile/plan.ts';
import type { Observed, Rival } from './observed.ts';
import { Certificate } from './tls/certmanager.ts';
import type { Tls } from './tls/saying.ts';

const fact = (type: string, status: Fact['status'], reason: Reason, message: string, stalled = false): Fact => ({
  type,
  status,
  reason,
  message,
  stalled,
});

const acceptedFact = ({ route: { spec } }: Observed, verdict: Verdict): Fact =>
  verdict.accepted
    ? fact(ConditionType.Accepted, 'True', Reason.Accepted, `${spec.host}${spec.path} belongs to this route.`)
    : fact(ConditionType.Accepted, 'False', verdict.reason, verdict.message, verdict.stalled);

const rivalMessage = ({ host, path }: AppRoute['spec'], rival: Rival): string =>
  rival.type === 'here'
    ? `The ${rival.name} serves ${host}${path} too and leads elsewhere, so either may answer: delete it or choose another host or path.`
    : `An Ingress or HTTPRoute in another namespace serves the host ${host} too, so either may answer: tell the administrators of the cluster.`;

/** Judged is what was decided about a route, and what whoever serves it says. */
export interface Judged {
  readonly verdict: Verdict;
  readonly standing: Standing;
  /** What served the route before the configuration changed, as far as it stays. */
  readonly former: readonly Child[];
}

const meanwhile = ({ standing: { status }, former: [first] }: Judged): string =>
  first === undefined || status === 'True' ? '' : ` Meanwhile the ${first.resource.kind} of before serves.`;

const programmedFact = (observed: Observed, judged: Judged): Fact => {
  const { verdict, standing } = judged;
  const say = (status: Fact['status'], reason: Reason, message: string, stalled = false): Fact =>
    fact(ConditionType.Programmed, status, reason, message, stalled);
  if (!verdict.accepted) return say('False', Reason.NotAccepted, 'Nothing is made, because the route is not accepted.');
  if (!observed.appExists)
    return say(
      'False',
      Reason.AppNotFound,
      `There is no App ${observed.route.spec.appRef.name} in this namespace yet.`,
    );
  const refusal = observed.refusals.find(({ kind }) => kind !== Certificate.kind);
  if (refusal !== undefined && isPassing(refusal)) return say('Unknown', refusal.reason, refusal.message);
  if (refusal !== undefined) return say('False', refusal.reason, refusal.message, true);
  if (observed.rival !== undefined)
    return say('False', Reason.RouteConflict, rivalMessage(observed.route.spec, observed.rival), true);
  return say(standing.status, standing.reason, `${standing.message}${meanwhile(judged)}`, standing.stalled);
};

/** certificateFact: a Certificate that cannot be asked for is told beside what was decided. */
const certificateFact = ({ refusals }: Observed, { fact: decided }: Tls): Fact[] => {
  const refusal = refusals.find(({ kind }) => kind === Certificate.kind);
  if (refusal === undefined) return decided ? [decided] : [];
  const status = isPassing(refusal) ? 'Unknown' : 'False';
  return [fact(ConditionType.CertificateReady, status, refusal.reason, refusal.message, !isPassing(refusal))];
};

/** What the API server would not have is not served. */
const isHttps = ({ refusals }: Observed, { https }: Tls): boolean =>
  https !== undefined && !refusals.some(({ kind }) => kind !== Certificate.kind);

/** Pods are the App's affair: a route is right also while there are none. */
const readyMessage = ({ spec }: AppRoute, url: string | undefined): string =>
  `Requests to ${url ?? spec.host} go to the App ${spec.appRef.name}; its pods answer while it has any.`;

/** statusOf turns what was observed and decided into the status of the route. */
export const statusOf = (observed: Observed, judged: Judged, tls: Tls): AppRouteStatus => {
  const { verdict, standing } = judged;
  const { route, settings, ruling, now } = observed;
  const facts = [acceptedFact(observed, verdict), programmedFact(observed, judged), ...certificateFact(observed, tls)];
  const url = routeUrl(route, settings, isHttps(observed, tls));
  const address = verdict.accepted ? standing.address : undefined;
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
