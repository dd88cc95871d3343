import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { AppRoute } from '../../operator/api/approute.ts';
import { certificateName } from '../../operator/api/names.ts';
import { selfSigned, tlsSecret } from '../../operator/testing/certificates.ts';
import { addCertManager, removeCertManager } from '../cluster/cert-manager.ts';
import { addToTraefik, removeFromTraefik } from '../cluster/traefik.ts';
import { applyApp, awaitUpload, blob, curlUpload, inNamespace, page, waitFor, withArchive } from './lib/apps.ts';
import { withConfiguration } from './lib/configuration.ts';
import { kubectl, read, traffic, until, visit, visitSecurely, type Secure } from './lib/cluster.ts';

const routeOf = async (namespace: string): Promise<AppRoute | undefined> =>
  (await read<{ items: AppRoute[] }>(['approutes.epinio.io', '-n', namespace]))?.items[0];

const untilRoute = (
  namespace: string,
  what: string,
  wished: (route: AppRoute) => boolean,
  seconds = 60,
): Promise<AppRoute | undefined> =>
  until(
    `the route ${what}`,
    () => routeOf(namespace),
    (route) => route !== undefined && wished(route),
    seconds,
  );

const words = (route: AppRoute | undefined): string => {
  const said = route?.status?.conditions?.find(({ type }) => type === 'CertificateReady');
  return said === undefined ? '' : `${said.status}/${said.reason} ${said.message}`;
};

/** apply creates or changes an object. */
const apply = (object: object): Promise<string> => kubectl(['apply', '-f', '-'], JSON.stringify(object));

/** servedBy waits until a host is served by https with a certificate. */
const servedBy = (host: string, what: string, wished: (secure: Secure) => boolean): Promise<Secure> =>
  until(what, () => visitSecurely(host), wished, 30);

/** withPage runs an App of one page that is reached by http. */
const withPage = (name: string, use: (namespace: string, host: string) => Promise<void>): Promise<void> =>
  inNamespace(name, async (namespace) => {
    const app = `${name}-${namespace}`;
    await withArchive(page(name), async (archive) => {
      await applyApp(namespace, app, { source: blob(archive) });
      await curlUpload(await awaitUpload(namespace, app, archive), archive.file);
      await waitFor(namespace, app, 'True/Ready');
      await use(namespace, `${app}.apps.localhost`);
    });
  });

/** operatorPods tells one start of the operator from another. */
const operatorPods = async (): Promise<unknown> =>
  (
    await read<{ items: { metadata: { uid: string } }[] }>([
      'pods',
      '-n',
      'epinio-system',
      '-l',
      'app.kubernetes.io/name=epinio-operator',
    ])
  )?.items.map(({ metadata }) => metadata.uid);

describe('https', () => {
  it('is switched on by a labelled Secret, and goes through its renewal, without a failed request', () =>
    withPage('tls', async (namespace, host) => {
      expect((await routeOf(namespace))?.status?.url).toBe(`http://${host}`);
      const requests = traffic(host);
      const put = async (): Promise<string> => {
        const pair = await selfSigned({ names: [host] });
        const metadata = { namespace, name: 'mine', labels: { 'epinio.io/routing': 'true' } };
        await apply({ apiVersion: 'v1', kind: 'Secret', metadata, ...tlsSecret(pair) });
        return new X509Certificate(pair.certificate).fingerprint256;
      };
      const first = await put();
      const route = await untilRoute(
        namespace,
        'is served by https',
        ({ status }) => status?.url === `https://${host}`,
      );
      expect(words(route)).toBe('True/CertificateReady The Secret "mine" has the certificate.');
      const served = await servedBy(host, 'the certificate is served', ({ fingerprint }) => fingerprint === first);
      expect(served).toMatchObject({ status: 200, body: expect.stringContaining('tls') as string });

      const before = await read<{ items: unknown[] }>(['ingresses,approutes.epinio.io', '-n', namespace]);
      const second = await put();
      await servedBy(host, 'the renewed certificate is served', ({ fingerprint }) => fingerprint === second);
      expect(await read(['ingresses,approutes.epinio.io', '-n', namespace])).toEqual(before);
      await requests.stop();
      expect(requests.failures).toEqual([]);
      expect(requests.requests).toBeGreaterThan(20);
    }));
});

describe('the certificate of the installation', () => {
  const name = 'e2e-wildcard';
  const dynamic = {
    http: { middlewares: { 'redirect-to-https': { redirectScheme: { scheme: 'https', permanent: true } } } },
    tls: {
      stores: { default: { defaultCertificate: { certFile: '/dynamic/tls.crt', keyFile: '/dynamic/tls.key' } } },
    },
  };
  const sources = [{ configMap: { name } }, { secret: { name } }];
  const extras = {
    args: ['--providers.file.filename=/dynamic/dynamic.yaml'],
    volume: { name: 'dynamic', source: { projected: { sources } }, mountPath: '/dynamic' },
  };
  const annotations = { 'traefik.ingress.kubernetes.io/router.middlewares': 'redirect-to-https@file' };
  const secrets = ['traefik', 'epinio-system'];
  let fingerprint = '';

  beforeAll(async () => {
    const pair = await selfSigned({ names: ['*.apps.localhost'] });
    fingerprint = new X509Certificate(pair.certificate).fingerprint256;
    for (const namespace of secrets)
      await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, ...tlsSecret(pair) });
    const data = { 'dynamic.yaml': stringify(dynamic) };
    await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'traefik', name }, data });
    await addToTraefik(extras);
  });
  afterAll(async () => {
    await removeFromTraefik(extras);
    await kubectl(['delete', 'configmap', name, '-n', 'traefik']);
    for (const namespace of secrets) await kubectl(['delete', 'secret', name, '-n', namespace]);
  });

  const configured = (tlsAnnotations: object) => (config: { readonly ingress?: object }) => ({
    tls: { defaultCertificateRef: name },
    ingress: { ...config.ingress, tlsAnnotations },
  });

  it('serves default routes by https, and sends http on to it where the configuration says so, without a failed request', () =>
    withPage('default', async (namespace, host) => {
      const requests = traffic(host, { sentOn: true });
      const untilUrl = (url: string) => untilRoute(namespace, `is at ${url}`, ({ status }) => status?.url === url);
      await withConfiguration(configured({}), async () => {
        const route = await untilUrl(`https://${host}`);
        expect(words(route)).toBe('True/CertificateReady The certificate of the installation covers the host.');
        const served = await servedBy(
          host,
          'the default certificate is served',
          (seen) => seen.fingerprint === fingerprint,
        );
        expect(served.status).toBe(200);
        expect(await visit(host)).toMatchObject({ status: 200, location: '' });
        const own = await read<{ items: object[] }>([
          'secrets',
          '-n',
          namespace,
          '--field-selector=type=kubernetes.io/tls',
        ]);
        expect(own?.items ?? [], 'its key lies in no namespace of Apps').toEqual([]);
      });
      await untilUrl(`http://${host}`);
      await withConfiguration(configured(annotations), async () => {
        await untilUrl(`https://${host}`);
        const sent = await until(
          'http is sent on',
          () => visit(host, '/x?y=z'),
          ({ status }) => status === 301,
          30,
        );
        expect(sent.location).toBe(`https://${host}/x?y=z`);
        expect((await visitSecurely(host)).body).toContain('default');
      });
      await untilUrl(`http://${host}`);
      await requests.stop();
      expect(requests.failures).toEqual([]);
      expect(requests.requests).toBeGreaterThan(100);
    }));
});

/** renew has cert-manager renew a certificate, as `cmctl renew` does. */
const renew = (namespace: string, certificate: string): Promise<string> => {
  const issuing = {
    ...{ type: 'Issuing', status: 'True', reason: 'ManuallyTriggered', message: 'renewed by hand' },
    lastTransitionTime: new Date().toISOString(),
  };
  const patch = JSON.stringify([{ op: 'add', path: '/status/conditions/-', value: issuing }]);
  const what = ['certificate', certificate, '-n', namespace, '--subresource=status'];
  return kubectl(['patch', ...what, '--type=json', '-p', patch]);
};

describe('cert-manager', () => {
  afterAll(removeCertManager);

  it(
    'is found when it comes, issues, tells what fails, and renews, all without a restart or a failed request',
    () =>
      withPage('issued', async (namespace, host) => {
        const app = `issued-${namespace}`;
        const pods = await operatorPods();
        const requests = traffic(host);
        const issueBy = (name: string) =>
          kubectl([
            ...['patch', 'apps.epinio.io', app, '-n', namespace, '--type=merge', '-p'],
            JSON.stringify({ spec: { routes: [{ host, path: '/', tls: { issuerRef: { name } } }] } }),
          ]);
        await issueBy('ca');
        await untilRoute(namespace, 'misses cert-manager', (route) => words(route).includes('CertManagerMissing'));
        expect((await visit(host)).status).toBe(200);

        await addCertManager();
        const issuer = (name: string, spec: object) =>
          apply({ apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata: { namespace, name }, spec });
        await untilRoute(
          namespace,
          'has the words of cert-manager',
          (route) =>
            words(route).startsWith('Unknown/CertificatePending The Issuer "ca" says: ') &&
            words(route).includes('not found'),
        );

        await issuer('self', { selfSigned: {} });
        const ca = {
          isCA: true,
          commonName: 'ca',
          secretName: 'ca',
          privateKey: { algorithm: 'ECDSA' },
          issuerRef: { name: 'self' },
        };
        await apply({
          apiVersion: 'cert-manager.io/v1',
          kind: 'Certificate',
          metadata: { namespace, name: 'ca' },
          spec: ca,
        });
        await issuer('ca', { ca: { secretName: 'ca' } });
        const route = await untilRoute(
          namespace,
          'is served by https, and the issuer is done',
          (one) => one.status?.url === `https://${host}` && words(one).startsWith('True/'),
          90,
        );
        expect(words(route)).toBe('True/CertificateReady The Issuer "ca" issued the certificate.');
        const first = await servedBy(host, 'the issued certificate is served', ({ issuer: by }) => by === 'CN=ca');
        expect(first.status).toBe(200);

        const certificate = certificateName(route?.metadata.name ?? '');
        const before = await read(['ingresses,approutes.epinio.io', '-n', namespace]);
        await renew(namespace, certificate);
        await servedBy(
          host,
          'a new certificate is served',
          ({ issuer: by, fingerprint }) => by === 'CN=ca' && fingerprint !== first.fingerprint,
        );

        expect(await read(['ingresses,approutes.epinio.io', '-n', namespace])).toEqual(before);

        await issuer('broken', { ca: { secretName: 'missing' } });
        await issueBy('broken');
        const failing = await untilRoute(namespace, 'tells of the failing issuer', (seen) =>
          words(seen).includes('The Issuer "broken" says: '),
        );
        expect(failing?.status?.url, 'the certificate of before serves').toBe(`https://${host}`);
        expect((await visitSecurely(host)).issuer).toBe('CN=ca');

        await requests.stop();
        expect(requests.failures).toEqual([]);
        expect(await operatorPods()).toEqual(pods);
      }),
    600_000,
  );
});
