import type { AppRoute } from '../../api/approute.ts';
import type { Config } from '../../config.ts';
import type { Cache } from '../../kube/types.ts';
import { Gateway, HTTPRoute } from './gatewayapi.ts';
import type { GatewayObserved } from './observed.ts';

/** observeGateway reads the Gateway from memory; undefined for a route that an Ingress serves. */
export const observeGateway = (
  cache: Cache,
  { spec }: AppRoute,
  { gateway }: Pick<Config, 'gateway'>,
): GatewayObserved | undefined =>
  // Who names an IngressClass wants an Ingress.
  gateway === undefined || spec.ingressClassName !== undefined
    ? undefined
    : { settings: gateway, served: cache.isServed(HTTPRoute), gateway: cache.get(Gateway, gateway) };
