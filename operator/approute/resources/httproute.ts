import type { AppRoute } from '../../api/approute.ts';
import { childLabels, redirectName, serviceName } from '../../api/names.ts';
import { apply } from '../../kube/reconcile/plan.ts';
import { apiVersionOf } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';
import type { Backend } from '../backend.ts';
import { HTTPRoute, type ParentRef } from '../gateway/gatewayapi.ts';
import type { GatewayObserved } from '../gateway/observed.ts';
import { parentsOf } from '../gateway/parents.ts';
import { standingAtGateway } from '../gateway/standing.ts';
import type { Settings } from '../settings.ts';

/** servicePortNumber is the number of the port that the Service of every App has: HTTPRoutes know no names of ports. */
export const servicePortNumber = 80;

const kind = HTTPRoute.kind;

const httpRoute = (
  { metadata, spec }: AppRoute,
  name: string,
  parentRefs: readonly ParentRef[],
  rule: object,
): Intent => ({
  apiVersion: apiVersionOf(HTTPRoute),
  kind,
  metadata: {
    name,
    namespace: metadata.namespace,
    labels: childLabels({ namespace: metadata.namespace, name: spec.appRef.name }, 'route'),
  },
  spec: {
    parentRefs,
    hostnames: [spec.host],
    rules: [{ matches: [{ path: { type: 'PathPrefix', value: spec.path } }], ...rule }],
  },
});

/** buildHttpRoute leads host and path to the App's Service; it bears the route's name. Defaults are written out: whoever changes one changes ours. */
export const buildHttpRoute = (route: AppRoute, parents: readonly ParentRef[]): Intent =>
  httpRoute(route, route.metadata.name, parents, {
    backendRefs: [{ kind: 'Service', name: serviceName(route.spec.appRef.name), port: servicePortNumber, weight: 1 }],
  });

/** buildRedirect sends requests by http on to https. */
export const buildRedirect = (
  route: AppRoute,
  parents: readonly ParentRef[],
  { ingress: { httpsPort } }: Pick<Settings, 'ingress'>,
): Intent =>
  httpRoute(route, redirectName(route.metadata.name), parents, {
    filters: [
      {
        type: 'RequestRedirect',
        requestRedirect: { scheme: 'https', statusCode: 301, ...(httpsPort === 443 ? {} : { port: httpsPort }) },
      },
    ],
  });

/** gatewayBackend leads addresses by HTTPRoutes, through the Gateway of the configuration. */
export const gatewayBackend = (at: GatewayObserved): Backend => ({
  noun: kind,
  makes: [HTTPRoute],
  kinds: httpRouteKinds,
  children: ({ route, settings }, { https }) => {
    if (!at.served) return [];
    const { main, redirect } = parentsOf(at, route, https);
    return [
      apply(HTTPRoute, buildHttpRoute(route, main)),
      ...(redirect ? [apply(HTTPRoute, buildRedirect(route, redirect, settings))] : []),
    ];
  },
  standing: (observed) => standingAtGateway(observed, at),
});

/** httpRouteKinds is what a route may own of HTTPRoutes. */
export const httpRouteKinds: Backend['kinds'] = ({ metadata: { name } }) => [
  { resource: HTTPRoute, name, moreNames: [redirectName(name)] },
];
