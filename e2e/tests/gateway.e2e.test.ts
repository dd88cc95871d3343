import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppRoute } from '../../operator/api/approute.ts';
import type { KubeObject } from '../../operator/kube/resource.ts';
import { selfSigned, tlsSecret } from '../../operator/testing/certificates.ts';
import { addGateway, removeGateway } from '../cluster/gateway.ts';
import { applyApp, awaitUpload, blob, curlUpload, inNamespace, page, waitFor, withArchive } from './lib/apps.ts';
import { kubectl, read, traffic, until, visit, visitSecurely } from './lib/cluster.ts';
import { withConfiguration } from './lib/configuration.ts';

const apply = (object: object): Promise<string> => kubectl(['apply', '-f', '-'], JSON.stringify(object));

const push = async (namespace: string, app: string, text: string): Promise<void> => {
  await withArchive(page(text), async (archive) => {
    await applyApp(namespace, app, { source: blob(archive) });
    await curlUpload(await awaitUpload(namespace, app, archive), archive.file);
  });
  await waitFor(namespace, app, 'True/Ready');
};

/** Traefik knows its doors by the ports that it listens at itself. */
const listener = (name: string, protocol: string, port: number, from: string, more: object = {}): object => ({
  ...{ name, protocol, port, ...more },
  allowedRoutes: { namespaces: { from } },
});

const gateway = (namespace: string, listeners: readonly object[]): Promise<string> =>
  apply({
    ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', metadata: { namespace, name: 'apps' } },
    spec: { gatewayClassName: 'traefik', listeners },
  });

const through =
  (namespace: string, more: object = {}) =>
  () => ({ gateway: { namespace, name: 'apps', ...more } });

/** made lists what routes of a namespace made. */
const made = async (namespace: string): Promise<string[]> => {
  const found = await read<{ items: KubeObject[] }>(['ingresses,httproutes', '-n', namespace]);
  return (found?.items ?? []).map(({ kind = '' }) => kind).sort();
};

const becomes = (namespace: string, kinds: readonly string[]): Promise<unknown> =>
  until(
    `${namespace} has ${kinds.join(' and ')}`,
    () => made(namespace),
    (seen) => seen.join() === kinds.join(),
    90,
  );

const routeOf = async (namespace: string): Promise<AppRoute | undefined> =>
  (await read<{ items: AppRoute[] }>(['approutes.epinio.io', '-n', namespace]))?.items[0];

const said = (route: AppRoute | undefined, type: string): string => {
  const found = route?.status?.conditions?.find((condition) => condition.type === type);
  return found === undefined ? '' : `${found.status}/${found.reason} ${found.message}`;
};

const untilSaid = (namespace: string, words: string): Promise<AppRoute | undefined> =>
  until(
    `the route says ${words}`,
    () => routeOf(namespace),
    (route) => said(route, 'Programmed').startsWith(words),
    90,
  );

describe('a Gateway of the Gateway API', () => {
  beforeAll(addGateway);
  afterAll(removeGateway);

  it('takes the place of the Ingresses and gives it back without a failed request, and a push answers through it', () =>
    inNamespace('edge', (edge) =>
      inNamespace('gateway', async (namespace) => {
        const host = `first-${namespace}.apps.localhost`;
        await push(namespace, `first-${namespace}`, 'the first');
        const requests = traffic(host);
        expect(await made(namespace)).toEqual(['Ingress']);
        await gateway(edge, [listener('web', 'HTTP', 8080, 'Same')]);
        await withConfiguration(through(edge), async () => {
          const refused = await untilSaid(namespace, 'False/GatewayRefused');
          expect(said(refused, 'Programmed')).toContain('NotAllowedByListeners');
          expect(said(refused, 'Programmed')).toContain('Meanwhile the Ingress of before serves.');
          expect(await made(namespace)).toEqual(['HTTPRoute', 'Ingress']);

          await gateway(edge, [listener('web', 'HTTP', 8080, 'All')]);
          const served = await untilSaid(namespace, 'True/Programmed');
          expect(served?.status).toMatchObject({ address: '127.0.0.1', url: `http://${host}` });
          await becomes(namespace, ['HTTPRoute']);
          expect((await visit(host)).body.trim()).toBe('the first');

          await push(namespace, `second-${namespace}`, 'the second');
          await becomes(namespace, ['HTTPRoute', 'HTTPRoute']);
          expect((await visit(`second-${namespace}.apps.localhost`)).body.trim()).toBe('the second');
        });
        await becomes(namespace, ['Ingress', 'Ingress']);
        await requests.stop();
        expect(requests.failures).toEqual([]);
        expect(requests.requests).toBeGreaterThan(200);
      }),
    ));

  it('serves https by the certificate of its listener, and sends http on to it where the configuration says so', () =>
    inNamespace('edge', (edge) =>
      inNamespace('gateway', async (namespace) => {
        const app = `secure-${namespace}`;
        const host = `${app}.apps.localhost`;
        const pair = await selfSigned({ names: ['*.apps.localhost'] });
        const { fingerprint256 } = new X509Certificate(pair.certificate);
        const metadata = { namespace: edge, name: 'apps-tls' };
        await apply({ apiVersion: 'v1', kind: 'Secret', metadata, ...tlsSecret(pair) });
        const tls = { tls: { certificateRefs: [{ name: 'apps-tls' }] } };
        await gateway(edge, [listener('web', 'HTTP', 8080, 'All'), listener('websecure', 'HTTPS', 8443, 'All', tls)]);
        await withConfiguration(through(edge, { redirectToHttps: true }), async () => {
          await push(namespace, app, 'by https');
          const route = await untilSaid(namespace, 'True/Programmed');
          expect(route?.status?.url).toBe(`https://${host}`);
          expect(said(route, 'CertificateReady')).toContain(
            'The listener "websecure" of the Gateway has a certificate',
          );
          const secure = await until(
            'the page by https',
            () => visitSecurely(host),
            ({ status }) => status === 200,
            30,
          );
          expect(secure).toMatchObject({
            fingerprint: fingerprint256,
            body: expect.stringContaining('by https') as string,
          });
          const sent = await until(
            'http is sent on',
            () => visit(host, '/x?y=z'),
            ({ status }) => status === 301,
            30,
          );
          expect(sent.location).toBe(`https://${host}/x?y=z`);
        });
      }),
    ));
});
