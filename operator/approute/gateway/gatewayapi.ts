import { annotations } from '../../api/names.ts';
import { lean } from '../../api/trim.ts';
import type { Config } from '../../config.ts';
import { resource, type Key, type KubeObject } from '../../kube/resource.ts';
import { defined, trimConditions, type Said } from '../tls/said.ts';

/** ParentRef names a Gateway, or one listener of it. */
export interface ParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
}

/** Match is what a request must be for a rule. */
export interface Match {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly headers?: readonly unknown[];
  readonly queryParams?: readonly unknown[];
  readonly method?: string;
}

/** BackendRef is who answers. */
export interface BackendRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly port?: number;
}

/** HTTPRouteRule leads matching requests to backends. */
export interface HTTPRouteRule {
  readonly matches?: readonly Match[];
  readonly backendRefs?: readonly BackendRef[];
}

/** ParentStatus is what the controller of one Gateway says of a route. */
export interface ParentStatus {
  readonly parentRef?: ParentRef;
  readonly conditions?: readonly Said[];
}

/** HTTPRouteObject is an HTTPRoute of the Gateway API, as far as it is read. */
export interface HTTPRouteObject extends KubeObject {
  readonly spec?: {
    readonly parentRefs?: readonly ParentRef[];
    readonly hostnames?: readonly string[];
    readonly rules?: readonly HTTPRouteRule[];
  };
  readonly status?: { readonly parents?: readonly ParentStatus[] };
}

/** Listener is one door of a Gateway. */
export interface Listener {
  readonly name: string;
  readonly hostname?: string;
  readonly protocol: string;
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string; readonly selector?: object };
    readonly kinds?: readonly { readonly group?: string; readonly kind?: string }[];
  };
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly BackendRef[] };
}

/** GatewayObject is a Gateway, as far as it is read. */
export interface GatewayObject extends KubeObject {
  readonly spec?: { readonly listeners?: readonly Listener[] };
  readonly status?: {
    readonly addresses?: readonly { readonly value?: string }[];
    readonly conditions?: readonly Said[];
    readonly listeners?: readonly { readonly name?: string; readonly conditions?: readonly Said[] }[];
  };
}

/** gatewayGroup is the API group of the Gateway API. */
export const gatewayGroup = 'gateway.networking.k8s.io';

export const HTTPRoute = resource<HTTPRouteObject>({
  group: gatewayGroup,
  version: 'v1',
  kind: 'HTTPRoute',
  plural: 'httproutes',
  exclusive: { spec: ['useDefaultGateways'] },
});
export const Gateway = resource<GatewayObject>({
  group: gatewayGroup,
  version: 'v1',
  kind: 'Gateway',
  plural: 'gateways',
});

/** More certificates of one listener than these are not looked at. */
const mostCertificates = 8;

const isSecret = ({ group = '', kind = 'Secret' }: BackendRef): boolean => group === '' && kind === 'Secret';

/** certificatesOfListener are the Secrets that a listener of a Gateway serves https with. */
export const certificatesOfListener = ({ tls }: Listener, namespace: string): Key[] =>
  (tls?.certificateRefs ?? [])
    .filter(isSecret)
    .slice(0, mostCertificates)
    .map((ref) => ({ namespace: ref.namespace ?? namespace, name: ref.name ?? '' }));

/** certificatesOf are the Secrets of all listeners. */
export const certificatesOf = (gateway: GatewayObject | undefined): Key[] =>
  (gateway?.spec?.listeners ?? []).flatMap((listener) =>
    certificatesOfListener(listener, gateway?.metadata?.namespace ?? ''),
  );

/** isParent tells whether a reference leads to the Gateway of the configuration. */
export const isParent = (ref: ParentRef | undefined, gateway: Config['gateway']): boolean =>
  ref !== undefined &&
  ref.name === gateway?.name &&
  ref.namespace === gateway.namespace &&
  (ref.kind ?? Gateway.kind) === Gateway.kind &&
  (ref.group ?? gatewayGroup) === gatewayGroup;

const leanObject = lean();

/** Of strangers' rules only what is matched and who answers is kept: their filters may be long. */
const trimRule = ({ matches, backendRefs }: HTTPRouteRule): HTTPRouteRule =>
  defined({
    matches: matches?.map(({ path, headers, queryParams, method }) =>
      defined({ path, headers: headers && [], queryParams: queryParams && [], method }),
    ),
    backendRefs: backendRefs?.map(({ group, kind, namespace, name }) => defined({ group, kind, namespace, name })),
  }) as HTTPRouteRule;

const trimSpec = ({ parentRefs, hostnames, rules }: NonNullable<HTTPRouteObject['spec']>): HTTPRouteObject['spec'] =>
  defined({
    // One tells that it is of a Gateway; before it may stand any number of Services of a mesh.
    parentRefs: parentRefs
      ?.filter(({ kind = Gateway.kind }) => kind === Gateway.kind)
      .slice(0, 1)
      .map(({ group, kind, name }) => defined({ group, kind, name })),
    hostnames,
    rules: rules?.map(trimRule),
  }) as HTTPRouteObject['spec'];

/** trimHttpRoute keeps of ours what we set and what our Gateway says of it, of strangers' their addresses and where these lead. */
export const trimHttpRoute =
  (gateway: Config['gateway']) =>
  ({ apiVersion, kind, metadata, spec = {}, status }: HTTPRouteObject): HTTPRouteObject => {
    const isOurs = metadata?.annotations?.[annotations.applied] !== undefined;
    if (!isOurs) return leanObject({ apiVersion, kind, metadata, spec: trimSpec(spec) } as HTTPRouteObject);
    const parents = status?.parents
      ?.filter(({ parentRef }) => isParent(parentRef, gateway))
      .map(({ parentRef, conditions = [] }) => ({ parentRef, conditions: trimConditions(conditions) }));
    return leanObject({ apiVersion, kind, metadata, spec, ...(parents && { status: { parents } }) } as HTTPRouteObject);
  };

const trimListener = ({ name, hostname, protocol, allowedRoutes, tls }: Listener): Listener =>
  defined({
    name,
    hostname,
    protocol,
    allowedRoutes,
    tls: tls && defined({ mode: tls.mode, certificateRefs: tls.certificateRefs }),
  }) as Listener;

/** trimGateway leaves out how many routes each listener has: that changes with every route, and each change would wake all others. */
export const trimGateway = ({ apiVersion, kind, metadata, spec, status }: GatewayObject): GatewayObject =>
  leanObject({
    ...{ apiVersion, kind, metadata },
    spec: { listeners: (spec?.listeners ?? []).map(trimListener) },
    status: {
      addresses: (status?.addresses ?? []).slice(0, 1).map(({ value }) => defined({ value })),
      conditions: trimConditions(status?.conditions ?? []),
      listeners: (status?.listeners ?? []).map(({ name, conditions = [] }) =>
        defined({ name, conditions: trimConditions(conditions) }),
      ),
    },
  } as GatewayObject);
