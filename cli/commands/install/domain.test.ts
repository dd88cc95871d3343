import { expect, it } from 'vitest';
import { domainOf, domainOfGateway } from './domain.ts';

const at = (...addresses: object[]) => ({ status: { loadBalancer: { ingress: addresses } } });
const web = { type: 'LoadBalancer', ports: [{ port: 80 }, { port: 443 }] };
const service = (spec: object, ...addresses: object[]) => ({ spec, ...at(...addresses) });
const ingress = (ingressClassName: string, ...addresses: object[]) => ({
  spec: { ingressClassName },
  ...at(...addresses),
});

it.each<[string, object[], object[], string | undefined]>([
  ['the Service of the controller', [service(web, { ip: '192.0.2.7' })], [], '192.0.2.7.sslip.io'],
  ['an IPv6 address', [service(web, { ip: '2001:db8::7' })], [], '2001-db8--7.sslip.io'],
  ['an Ingress that it serves already', [], [ingress('traefik', { ip: '192.0.2.8' })], '192.0.2.8.sslip.io'],
  [
    'the Ingress rather than a Service, whosever that is',
    [service(web, { ip: '192.0.2.7' })],
    [ingress('traefik', { ip: '192.0.2.8' })],
    '192.0.2.8.sslip.io',
  ],
  ['nothing of an Ingress of another controller', [], [ingress('nginx', { ip: '192.0.2.8' })], undefined],
  ['nothing of two', [service(web, { ip: '192.0.2.7' }), service(web, { ip: '192.0.2.9' })], [], undefined],
  ['nothing of a name, which sslip.io does not know', [service(web, { hostname: 'lb.example.com' })], [], undefined],
  [
    'nothing of a database',
    [service({ type: 'LoadBalancer', ports: [{ port: 5432 }] }, { ip: '192.0.2.7' })],
    [],
    undefined,
  ],
  ['nothing of a Service within', [service({ ...web, type: 'ClusterIP' }, { ip: '192.0.2.7' })], [], undefined],
  ['nothing where nothing is', [], [], undefined],
])('is told by %s', (_, services, ingresses, domain) =>
  expect(domainOf({ services, ingresses, className: 'traefik' })).toBe(domain),
);

it.each<[string, object[], string | undefined]>([
  ['its address', [{ type: 'IPAddress', value: '192.0.2.7' }], '192.0.2.7.sslip.io'],
  ['an address without a type', [{ value: '192.0.2.7' }], '192.0.2.7.sslip.io'],
  ['nothing of a name', [{ type: 'Hostname', value: 'lb.example.com' }], undefined],
  ['nothing of two', [{ value: '192.0.2.7' }, { value: '192.0.2.8' }], undefined],
  ['nothing where it has none', [], undefined],
])('a Gateway gives %s', (_, addresses, wanted) => expect(domainOfGateway({ status: { addresses } })).toBe(wanted));
