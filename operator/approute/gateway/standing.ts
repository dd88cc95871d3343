import { Reason } from '../../api/conditions.ts';
import { findCondition } from '../../kube/conditions.ts';
import { ofKind } from '../../kube/reconcile/owned.ts';
import type { Standing } from '../backend.ts';
import type { Observed } from '../observed.ts';
import type { Said } from '../tls/said.ts';
import { quoted } from '../tls/words.ts';
import { HTTPRoute, type HTTPRouteObject, type ParentRef } from './gatewayapi.ts';
import { doorsOf, listed } from './listeners.ts';
import type { GatewayObserved } from './observed.ts';

const nameOf = ({ settings: { namespace, name } }: GatewayObserved): string => `Gateway "${name}" in "${namespace}"`;

const say = (status: Standing['status'], reason: Reason, message: string, stalled = false): Standing => ({
  status,
  reason,
  message,
  ...(stalled && { stalled }),
});

/** What an administrator has to do about what a controller says of a route, by its reason. */
const advice: Readonly<Record<string, string>> = {
  NotAllowedByListeners: ' Ask its administrators to allow routes of this namespace (allowedRoutes of its listeners).',
  NoMatchingParent: ' Ask its administrators for a listener that takes the route.',
};

const noListener = (host: string, at: GatewayObserved): Standing => {
  const open = listed(at);
  const others = open === '' ? '' : ` Its listeners for all namespaces are ${open}.`;
  const message = `No listener of the ${nameOf(at)} takes the host ${host}: ask its administrators for one.${others}`;
  return say('False', Reason.ListenerMissing, message, true);
};

/** What is said of an earlier version of a route counts as long as it was good: else every change would take the route back. */
const isCurrent = ({ observedGeneration }: Said, { metadata }: HTTPRouteObject): boolean =>
  observedGeneration === undefined || observedGeneration >= (metadata?.generation ?? 0);

const quotedReason = (reason: string | undefined): string =>
  reason === undefined ? '' : ` (${quoted(reason).replace(/\.$/, '')})`;

const refused = (said: Said, host: string, at: GatewayObserved): Standing => {
  const { http, https } = doorsOf(at, host);
  if (said.reason === 'NoMatchingListenerHostname' || http.length + https.length === 0) return noListener(host, at);
  const words = quoted(said.message);
  const told = `The ${nameOf(at)} does not serve the route: ${said.type} is False${quotedReason(said.reason)}.`;
  const hint = Object.hasOwn(advice, said.reason ?? '') ? (advice[said.reason ?? ''] ?? '') : '';
  return say('False', Reason.GatewayRefused, `${told}${words === '' ? '' : ` ${words}`}${hint}`, true);
};

const isSameParent = (a: ParentRef, b: ParentRef | undefined): boolean =>
  a.name === b?.name && a.namespace === b.namespace && a.sectionName === b.sectionName;

/** ofParent is what the controller says of a route at one Gateway or listener; undefined where all is well. */
const ofParent = (route: HTTPRouteObject, ref: ParentRef, host: string, at: GatewayObserved): Standing | undefined => {
  const parent = route.status?.parents?.find(({ parentRef }) => isSameParent(ref, parentRef));
  const [accepted, resolved] = ['Accepted', 'ResolvedRefs'].map((type) => findCondition(parent?.conditions, type));
  const bad = [accepted, resolved].find((said) => said?.status === 'False' && isCurrent(said, route));
  if (bad !== undefined) return refused(bad, host, at);
  return accepted?.status === 'True' ? undefined : awaited(host, at);
};

/** A Gateway that is not served itself says why. */
const awaited = (host: string, at: GatewayObserved): Standing => {
  const { http, https } = doorsOf(at, host);
  if (http.length + https.length === 0) return noListener(host, at);
  const conditions = at.gateway?.status?.conditions;
  const said = ['Accepted', 'Programmed']
    .map((type) => findCondition(conditions, type))
    .find((c) => c?.status === 'False');
  const words = quoted(said?.message);
  return say(
    'Unknown',
    Reason.AwaitingGateway,
    `The controller of the ${nameOf(at)} has not taken the route yet.${words === '' ? '' : ` It says of the Gateway: ${words}`}`,
  );
};

const missing = (at: GatewayObserved): Standing | undefined => {
  if (!at.served)
    return say(
      'False',
      Reason.GatewayApiMissing,
      'The Gateway API, by which this installation serves routes, is not installed in this cluster.',
    );
  if (at.gateway !== undefined) return undefined;
  return say('False', Reason.GatewayNotFound, `There is no ${nameOf(at)}, by which this installation serves routes.`);
};

/** standingAtGateway tells what the controller of the Gateway says of the HTTPRoutes of a route. */
export const standingAtGateway = (observed: Observed, at: GatewayObserved): Standing => {
  const { owned, route } = observed;
  const nothing = missing(at);
  if (nothing !== undefined) return nothing;
  const routes = ofKind(owned, HTTPRoute);
  const { host } = route.spec;
  if (routes.length === 0) return awaited(host, at);
  for (const one of routes) {
    for (const ref of one.spec?.parentRefs ?? []) {
      const standing = ofParent(one, ref, host, at);
      if (standing !== undefined) return standing;
    }
  }
  const address = at.gateway?.status?.addresses?.[0]?.value;
  const where = address === undefined ? '' : ` at ${address}`;
  return {
    ...say('True', Reason.Programmed, `The ${nameOf(at)} serves the route${where}.`),
    ...(address === undefined ? {} : { address }),
  };
};
