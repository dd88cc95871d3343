import type { AppRoute } from '../../api/approute.ts';
import { Reason } from '../../api/conditions.ts';
import { certificateName, childLabels, serviceName } from '../../api/names.ts';
import { ofKind } from '../../kube/reconcile/owned.ts';
import { apply } from '../../kube/reconcile/plan.ts';
import { apiVersionOf, Ingress } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';
import type { Backend, Standing } from '../backend.ts';
import type { IngressObject, Settings } from '../settings.ts';
import { Certificate } from '../tls/certmanager.ts';
import type { Https } from '../tls/saying.ts';
import { buildCertificate } from './certificate.ts';

/** servicePort is the name of the port that the Service of every App has. */
export const servicePort = 'http';

const tlsOf = (host: string, { secretName }: Https): object => ({
  tls: [{ hosts: [host], ...(secretName === undefined ? {} : { secretName }) }],
});

/** buildIngress makes the Ingress that leads host and path to the App's Service; it bears the route's name. */
export const buildIngress = (
  route: AppRoute,
  { ingress }: Pick<Settings, 'ingress'>,
  https: Https | undefined,
): Intent => {
  const { metadata, spec } = route;
  const className = spec.ingressClassName ?? ingress.className;
  const annotations = { ...ingress.annotations, ...(https && ingress.tlsAnnotations) };
  return {
    apiVersion: apiVersionOf(Ingress),
    kind: Ingress.kind,
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      labels: childLabels({ namespace: metadata.namespace, name: spec.appRef.name }, 'route'),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: {
      ...(className === undefined ? {} : { ingressClassName: className }),
      ...(https && tlsOf(spec.host, https)),
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
export const routeUrl = (
  { spec }: AppRoute,
  { ingress: { httpPort, httpsPort } }: Pick<Settings, 'ingress'>,
  isHttps: boolean,
): string | undefined => {
  if (spec.host.startsWith('*.')) return undefined;
  const [scheme, port, usual] = isHttps ? ['https', httpsPort, 443] : ['http', httpPort, 80];
  return `${scheme}://${spec.host}${port === usual ? '' : `:${port}`}${spec.path === '/' ? '' : spec.path}`;
};

/** addressOf is where the Ingress controller says that it listens. */
const addressOf = (ingress: IngressObject | undefined): string | undefined => {
  const first = ingress?.status?.loadBalancer?.ingress?.[0];
  return first?.hostname ?? first?.ip;
};

const standing: Backend['standing'] = ({ owned, settings: { ingress } }): Standing => {
  const address = addressOf(ofKind(owned, Ingress)[0]);
  if (address !== undefined)
    return {
      status: 'True',
      reason: Reason.Programmed,
      message: `The Ingress controller serves the route at ${address}.`,
      address,
    };
  return ingress.waitForAddress
    ? {
        status: 'Unknown',
        reason: Reason.AwaitingAddress,
        message: 'The Ingress is made; its controller has given it no address yet.',
      }
    : { status: 'True', reason: Reason.Programmed, message: 'The Ingress is made.' };
};

/** ingressBackend leads addresses by Ingresses, for any Ingress controller. */
export const ingressBackend: Backend = {
  noun: 'Ingress',
  makes: [Ingress, Certificate],
  kinds: ({ metadata: { name } }) => [
    { resource: Ingress, name },
    { resource: Certificate, name: certificateName(name) },
  ],
  // The way to the App first: a certificate that cannot be asked for takes nothing down.
  children: ({ route, settings }, { https, issuer }) => [
    apply(Ingress, buildIngress(route, settings, https)),
    ...(issuer ? [apply(Certificate, buildCertificate(route, issuer))] : []),
  ],
  standing,
};
