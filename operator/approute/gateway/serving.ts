import { AppRoute } from '../../api/approute.ts';
import { redirectName } from '../../api/names.ts';
import { controllerOf, groupOf } from '../../kube/owners.ts';
import { mostRules, withoutLastSlash, type Rule, type Serving } from '../ingresses.ts';
import { Gateway, type BackendRef, type HTTPRouteObject, type HTTPRouteRule, type Match } from './gatewayapi.ts';

/** The HTTPRoutes of an AppRoute bear its name, or that of its redirect. */
const isManaged = (route: HTTPRouteObject): boolean => {
  const ref = controllerOf(route);
  if (ref?.kind !== AppRoute.kind || groupOf(ref.apiVersion) !== AppRoute.group) return false;
  const name = route.metadata?.name;
  return name === ref.name || name === redirectName(ref.name);
};

/** Routes of a service mesh lead from a Service, not from outside. */
const isOfGateway = ({ spec }: HTTPRouteObject): boolean =>
  spec?.parentRefs?.some(({ kind = Gateway.kind }) => kind === Gateway.kind) === true;

/** A match that asks for more than a path is meant to stand beside ours (a canary, say): it takes the place of none. */
const pathOf = ({ path, headers, queryParams, method }: Match): string => {
  const asksForMore = headers !== undefined || queryParams !== undefined || method !== undefined;
  return asksForMore || path?.type === 'RegularExpression' ? '' : withoutLastSlash(path?.value);
};

const everything: Match = {};

const isService = ({ group = '', kind = 'Service' }: BackendRef): boolean => group === '' && kind === 'Service';

const serviceOf = (ref: BackendRef, namespace: string): string =>
  isService(ref) && (ref.namespace ?? namespace) === namespace ? (ref.name ?? '') : '';

/** A rule without backends answers by itself: by a redirect, say. */
const noBackend: BackendRef = { kind: '' };

const rulesOf = ({ matches = [everything], backendRefs = [noBackend] }: HTTPRouteRule, namespace: string) =>
  matches.flatMap((match) =>
    backendRefs.map((ref): Omit<Rule, 'host'> => ({ path: pathOf(match), service: serviceOf(ref, namespace) })),
  );

/** servingOfHttpRoute reads what an HTTPRoute serves; one without hosts is nobody's. */
export const servingOfHttpRoute = (route: HTTPRouteObject): Serving => {
  const namespace = route.metadata?.namespace ?? '';
  const { hostnames = [], rules = [{}] } = route.spec ?? {};
  const places = isOfGateway(route) ? rules.flatMap((rule) => rulesOf(rule, namespace)).slice(0, mostRules) : [];
  return {
    namespace,
    name: `HTTPRoute ${route.metadata?.name}`,
    managed: isManaged(route),
    // Each host before a second place of any: nobody hides one behind a crowd.
    rules: places.flatMap((place) => hostnames.map((host) => ({ host, ...place }))).slice(0, mostRules),
  };
};
