import type { AppRoute } from '../../api/approute.ts';
import { Reason } from '../../api/conditions.ts';
import { childLabels, serviceName } from '../../api/names.ts';
import { ofKind } from '../../kube/reconcile/owned.ts';
import { apply } from '../../kube/reconcile/plan.ts';
import { apiVersionOf, Ingress } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';
import type { Backend, Standing } from '../backend.ts';
import type { IngressObject, Settings } from '../settings.ts';

/** servicePort is the name of the port that the Service of every App has. */
export const servicePort = 'http';

/** buildIngress makes the Ingress that leads host and path to the App's Service; it bears the route's name. */
export const buildIngress = ({ metadata, spec }: AppRoute, { ingress }: Pick<Settings, 'ingress'>): Intent => {
  const className = spec.ingressClassName ?? ingress.className;
  return {
    apiVersion: apiVersionOf(Ingress),
    kind: Ingress.kind,
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      labels: childLabels({ namespace: metadata.namespace, name: spec.appRef.name }, 'route'),
      ...(Object.keys(ingress.annotations).length > 0 ? { annotations: ingress.annotations } : {}),
    },
    spec: {
      ...(className === undefined ? {} : { ingressClassName: className }),
      rules: [
        {
          host: spec.host,
          http: {
            paths: [
              {
                path: spec.path,
                pathType: 'Prefix',
                backend: { service: { name: serviceName(spec.appRef.name), port: { name: servicePort } } },
              },
            ],
          },
        },
      ],
    },
  };
};

/** routeUrl is the address to open; a wildcard host has none. */
export const routeUrl = ({ spec }: AppRoute, { ingress }: Pick<Settings, 'ingress'>): string | undefined => {
  if (spec.host.startsWith('*.')) return undefined;
  const port = ingress.httpPort === 80 ? '' : `:${ingress.httpPort}`;
  return `http://${spec.host}${port}${spec.path === '/' ? '' : spec.path}`;
};

/** addressOf is where the Ingress controller says that it listens. */
const addressOf = (ingress: IngressObject | undefined): string | undefined => {
  const first = ingress?.status?.loadBalancer?.ingress?.[0];
  return first?.hostname ?? first?.ip;
};

const standing: Backend['standing'] = (owned, { ingress: { waitForAddress } }): Standing => {
  const address = addressOf(ofKind(owned, Ingress)[0]);
  if (address !== undefined)
    return {
      status: 'True',
      reason: Reason.Programmed,
      message: `The Ingress controller serves the route at ${address}.`,
      address,
    };
  return waitForAddress
    ? {
        status: 'Unknown',
        reason: Reason.AwaitingAddress,
        message: 'The Ingress is made; its controller has given it no address yet.',
      }
    : { status: 'True', reason: Reason.Programmed, message: 'The Ingress is made.' };
};

/** ingressBackend leads addresses by Ingresses, for any Ingress controller. */
export const ingressBackend: Backend = {
  kinds: ({ metadata }) => [{ resource: Ingress, name: metadata.name }],
  children: (route, settings) => [apply(Ingress, buildIngress(route, settings))],
  standing,
};
