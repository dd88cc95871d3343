import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { AppRoute, type AppRouteSpec } from '../api/approute.ts';
import { certificateName } from '../api/names.ts';
import { findCondition } from '../kube/conditions.ts';
import { Ingress, Secret, type Key, type KubeObject } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type AppWorldOptions, type User } from '../testing/apps.ts';
import { definitionsOf } from '../testing/definitions.ts';
import { selfSigned, tlsSecret, type CertificateWishes } from '../testing/certificates.ts';
import { Certificate, CertificateRequest, Challenge } from './tls/certmanager.ts';

interface Stage {
  readonly namespace: string;
  readonly world: AppWorld;
  readonly user: User;
  readonly host: string;
  readonly key: Key;
}

const play = (scene: (stage: Stage) => Promise<void>, options: Partial<AppWorldOptions> = {}): Promise<void> =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    await using world = await runApps({ namespaces: [namespace], ...options });
    await user.apply({ namespace, name: 'shop' }, { source: { image: 'example.org/shop:1' }, replicas: 0 });
    await scene({ namespace, world, user, host: `shop.${namespace}.test`, key: { namespace, name: 'hand' } });
  });

const makeRoute = ({ user, key, host }: Stage, tls?: AppRouteSpec['tls']): Promise<AppRoute> =>
  user.kube.apply(
    AppRoute,
    {
      apiVersion: 'epinio.io/v1alpha1',
      kind: 'AppRoute',
      metadata: { ...key },
      spec: { appRef: { name: 'shop' }, host, path: '/', ...(tls && { tls }) },
    },
    { fieldManager: 'user' },
  );

const putSecret = async (
  { user, namespace }: Pick<Stage, 'user' | 'namespace'>,
  name: string,
  wishes: CertificateWishes & { readonly labels?: Record<string, string> },
): Promise<KubeObject> =>
  user.kube.apply(
    Secret,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name, ...(wishes.labels && { labels: wishes.labels }) },
      ...tlsSecret(await selfSigned(wishes)),
    },
    { fieldManager: 'user' },
  );

const routing = { 'epinio.io/routing': 'true' };

const tlsOf = async ({ user, key }: Stage): Promise<unknown> => (await user.kube.get(Ingress, key))?.spec?.tls;

/** until waits for conditions of the route and returns its URL and the https of its Ingress. */
const until = async (stage: Stage, conditions: Record<string, string>): Promise<[string | undefined, unknown]> => {
  const { status } = await stage.user.untilRoute(stage.key, conditions);
  return [status?.url, await tlsOf(stage)];
};

const said = async ({ user, key }: Stage): Promise<string | undefined> =>
  findCondition((await user.kube.get(AppRoute, key))?.status?.conditions, 'CertificateReady')?.message;

const served = { Ready: 'True/Ready', CertificateReady: 'True/CertificateReady' };

describe('https without cert-manager', () => {
  test('begins with a labelled Secret, goes on through its renewal without a write, and ends with its label', () =>
    play(async (stage) => {
      const { world, namespace, host, user } = stage;
      await putSecret(stage, 'of-another', { names: ['another.test'], labels: routing });
      await makeRoute(stage);
      expect(await until(stage, { Ready: 'True/Ready' })).toEqual([`http://${host}`, undefined]);
      expect(await said(stage)).toBeUndefined();

      await putSecret(stage, 'mine', { names: [`*.${namespace}.test`], labels: routing });
      const byMine = [`https://${host}`, [{ hosts: [host], secretName: 'mine' }]];
      expect(await until(stage, served)).toEqual(byMine);

      await world.idle();
      world.writes();
      await putSecret(stage, 'mine', { names: [`*.${namespace}.test`], labels: routing });
      await world.idle();
      expect(world.requests.total({ verb: 'get', resource: 'secrets' }), 'one read for each version').toBe(1);
      expect(world.writes()).toEqual({});

      await user.kube.mergePatch(Secret, { namespace, name: 'mine' }, { metadata: { labels: null } });
      await vi.waitFor(
        async () => expect(await until(stage, { Ready: 'True/Ready' })).toEqual([`http://${host}`, undefined]),
        { timeout: 10_000 },
      );
    }));

  test('with a named Secret is told what is wrong with it, until it is right', () =>
    play(async (stage) => {
      const { host, user, namespace } = stage;
      await makeRoute(stage, { secretName: 'tls' });
      const http = [`http://${host}`, undefined];
      const wrong = (reason: string) => ({
        Ready: `False/${reason}`,
        Stalled: `True/${reason}`,
        Programmed: 'True/Programmed',
      });
      expect(await until(stage, wrong('CertificateMissing'))).toEqual(http);
      await putSecret(stage, 'tls', { names: ['x.test'] });
      expect(await until(stage, wrong('HostNotCovered'))).toEqual(http);
      await putSecret(stage, 'tls', { names: [host], from: 0, to: Date.parse('2020-01-01') });
      expect(await until(stage, wrong('CertificateExpired'))).toEqual(http);
      const data = { 'tls.crt': Buffer.from('x'.repeat(700_000)).toString('base64') };
      await user.kube.mergePatch(Secret, { namespace, name: 'tls' }, { data });
      expect(await until(stage, wrong('CertificateInvalid'))).toEqual(http);
      expect(await said(stage)).toContain('more than 64 KiB');
      await putSecret(stage, 'tls', { names: [host] });
      expect(await until(stage, served)).toEqual([`https://${host}`, [{ hosts: [host], secretName: 'tls' }]]);
      // It ends by itself: nothing tells us.
      await putSecret(stage, 'tls', { names: [host], to: Date.now() + 4_000 });
      expect(await until(stage, wrong('CertificateExpired'))).toEqual(http);
    }));

  test('by the certificate of the installation needs no Secret in the namespace, and is in the URL of the App', () =>
    inNamespace((home) =>
      play(
        async (stage) => {
          const { namespace, user } = stage;
          const shop = { namespace, name: 'shop' };
          const before = await user.until(shop, { Routed: 'True/Routed' });
          expect(before.status?.url).toBe(`http://shop.${namespace}.apps.test`);
          await putSecret({ user, namespace: home }, 'wildcard', { names: [`*.${namespace}.apps.test`] });
          await vi.waitFor(
            async () => {
              const app = await user.until(shop, { Routed: 'True/Routed' });
              expect(app.status?.url).toBe(`https://shop.${namespace}.apps.test`);
            },
            { timeout: 10_000 },
          );
          const { items } = await user.kube.list(Ingress, { namespace });
          expect(items.map(({ spec }) => spec?.tls)).toEqual([[{ hosts: [`shop.${namespace}.apps.test`] }]]);
          expect((await user.kube.list(Secret, { namespace })).items).toEqual([]);
        },
        { home, config: { tls: { defaultCertificateRef: 'wildcard' } } },
      ),
    ));
});

const certManager = definitionsOf('cert-manager', [Certificate, CertificateRequest, Challenge]);

/** issuer says what cert-manager would say. */
const say = ({ user: { kube } }: Stage, r: typeof Certificate, key: Key, conditions: object[]): Promise<KubeObject> =>
  kube.apply(
    r,
    {
      apiVersion: 'cert-manager.io/v1',
      kind: r.kind,
      metadata: { ...key },
      status: { conditions: conditions.map((c) => ({ lastTransitionTime: new Date().toISOString(), ...c })) },
    },
    { subresource: 'status', fieldManager: 'cert-manager' },
  );

describe('https with cert-manager', () => {
  beforeAll(certManager.install);
  afterAll(certManager.uninstall);

  const request = async ({ user, namespace, key }: Stage, name: string): Promise<Key> => {
    const certificate = await vi.waitFor(
      async () =>
        (await user.kube.get(Certificate, { namespace, name: certificateName(key.name) })) ??
        Promise.reject(new Error('no Certificate')),
      { timeout: 10_000 },
    );
    await user.kube.create(CertificateRequest, {
      metadata: {
        namespace,
        name,
        annotations: { 'cert-manager.io/certificate-revision': '1' },
        ownerReferences: [
          {
            apiVersion: 'cert-manager.io/v1',
            kind: 'Certificate',
            name: certificate.metadata?.name ?? '',
            uid: certificate.metadata?.uid ?? '',
            controller: true,
          },
        ],
      },
      spec: { issuerRef: { name: 'ca' }, request: 'eA==' },
    } as KubeObject);
    return { namespace, name };
  };

  test('asks for a Certificate, tells the words of the issuer, and is served when it is issued, in few writes', () =>
    play(async (stage) => {
      const { world, user, namespace, host, key } = stage;
      await world.idle();
      world.writes();
      await makeRoute(stage, { issuerRef: { kind: 'Issuer', name: 'ca' } });
      expect(await until(stage, { Ready: 'Unknown/CertificatePending' })).toEqual([`http://${host}`, undefined]);
      await world.idle();
      expect(world.writes()).toEqual({
        'apply ingresses.networking.k8s.io': 1,
        'apply certificates.cert-manager.io': 1,
        'apply approutes.epinio.io/status': 1,
      });
      const name = certificateName(key.name);
      expect(await user.kube.get(Certificate, { namespace, name })).toMatchObject({
        spec: {
          secretName: name,
          dnsNames: [host],
          issuerRef: { group: 'cert-manager.io', kind: 'Issuer', name: 'ca' },
        },
      });

      const attempt = await request(stage, 'attempt-1');
      const words = 'Referenced "Issuer" not found: issuer.cert-manager.io "ca" not found';
      await say(stage, CertificateRequest, attempt, [
        { type: 'Ready', status: 'False', reason: 'Pending', message: words },
      ]);
      await vi.waitFor(async () => expect(await said(stage)).toBe(`The Issuer "ca" says: ${words}.`), {
        timeout: 10_000,
      });
      await say(stage, CertificateRequest, attempt, [
        { type: 'Ready', status: 'False', reason: 'Failed', message: 'no' },
      ]);
      await until(stage, { Ready: 'False/CertificateFailed', Programmed: 'True/Programmed' });

      await world.idle();
      world.writes();
      await putSecret(stage, name, { names: [host] });
      await say(stage, Certificate, { namespace, name }, [
        { type: 'Ready', status: 'True', reason: 'Ready', message: 'x', observedGeneration: 1 },
      ]);
      expect(await until(stage, served)).toEqual([`https://${host}`, [{ hosts: [host], secretName: name }]]);
      await world.idle();
      const { 'apply approutes.epinio.io/status': statuses = 0, ...others } = world.writes();
      expect(others).toEqual({ 'apply ingresses.networking.k8s.io': 1 });
      expect(statuses).toBeLessThanOrEqual(2);

      await putSecret(stage, name, { names: [host] });
      await world.idle();
      expect(world.writes(), 'a renewal').toEqual({});

      await makeRoute(stage, { disabled: true });
      await user.gone(Certificate, { namespace, name });
      expect(await until(stage, { Ready: 'True/Ready' })).toEqual([`http://${host}`, undefined]);
    }));

  test('hears what is said of the challenge of its host', () =>
    play(async (stage) => {
      const { user, namespace, host } = stage;
      await makeRoute(stage, { issuerRef: { kind: 'Issuer', name: 'acme' } });
      await request(stage, 'attempt-1');
      const challenge = await user.kube.create(Challenge, {
        metadata: { namespace, name: 'c' },
        spec: {
          ...{ authorizationURL: 'https://x.test', dnsName: host, key: 'k', token: 't', type: 'HTTP-01' },
          ...{ url: 'https://x.test', issuerRef: { name: 'acme' }, solver: {} },
        },
      } as KubeObject);
      await user.kube.apply(
        Challenge,
        {
          apiVersion: 'acme.cert-manager.io/v1',
          kind: 'Challenge',
          metadata: { namespace, name: challenge.metadata?.name ?? '' },
          status: { state: 'pending', reason: 'Waiting for HTTP-01 challenge propagation: wrong status code 404' },
        },
        { subresource: 'status', fieldManager: 'cert-manager' },
      );
      await vi.waitFor(
        async () =>
          expect(await said(stage)).toBe(
            'The Issuer "acme" says: Waiting for HTTP-01 challenge propagation: wrong status code 404.',
          ),
        { timeout: 10_000 },
      );
    }));

  test('never touches a Certificate that somebody made under its name', () =>
    play(async (stage) => {
      const { user, namespace, host, key } = stage;
      const name = certificateName(key.name);
      const theirs = await user.kube.create(Certificate, {
        metadata: { namespace, name },
        spec: { secretName: 'theirs', dnsNames: ['theirs.test'], issuerRef: { name: 'x' } },
      });
      await makeRoute(stage, { issuerRef: { kind: 'Issuer', name: 'ca' } });
      const taken = { CertificateReady: 'False/NameTaken', Stalled: 'True/NameTaken', Programmed: 'True/Programmed' };
      expect(await until(stage, taken)).toEqual([`http://${host}`, undefined]);
      const after = await user.kube.get(Certificate, { namespace, name });
      expect(after?.metadata?.resourceVersion).toBe(theirs.metadata?.resourceVersion);
      await user.kube.remove(Certificate, { namespace, name }, { uid: theirs.metadata?.uid ?? '' });
      await until(stage, { CertificateReady: 'Unknown/CertificatePending' });
    }));

  test('lets nobody use a ClusterIssuer that the installation does not allow', () =>
    play(
      async (stage) => {
        const { user, namespace, host } = stage;
        await makeRoute(stage, { issuerRef: { kind: 'ClusterIssuer', name: 'internal' } });
        expect(await until(stage, { Ready: 'False/IssuerNotAllowed' })).toEqual([`http://${host}`, undefined]);
        expect((await user.kube.list(Certificate, { namespace })).items).toEqual([]);
        await makeRoute(stage, { issuerRef: { kind: 'ClusterIssuer', name: 'letsencrypt' } });
        await until(stage, { Ready: 'Unknown/CertificatePending' });
      },
      { config: { tls: { allowedIssuers: ['letsencrypt'] } } },
    ));

  test(
    'is found when it comes after the operator, and missed without harm when it goes',
    () =>
      play(
        async (stage) => {
          const { user, namespace, host, key } = stage;
          await certManager.uninstall();
          await makeRoute(stage);
          expect(await until(stage, { Ready: 'False/CertManagerMissing', Programmed: 'True/Programmed' })).toEqual([
            `http://${host}`,
            undefined,
          ]);
          await certManager.install();
          await until(stage, { Ready: 'Unknown/CertificatePending' });
          const name = certificateName(key.name);
          expect(await user.kube.get(Certificate, { namespace, name })).toMatchObject({
            spec: { issuerRef: { kind: 'ClusterIssuer', name: 'le' } },
          });
          await putSecret(stage, name, { names: [host] });
          await say(stage, Certificate, { namespace, name }, [
            { type: 'Ready', status: 'True', reason: 'Ready', message: 'x', observedGeneration: 1 },
          ]);
          const https = [`https://${host}`, [{ hosts: [host], secretName: name }]];
          expect(await until(stage, served)).toEqual(https);
          await certManager.uninstall();
          expect(await until(stage, { Ready: 'False/CertManagerMissing' })).toEqual(https);
          await certManager.install();
        },
        { config: { tls: { issuerRef: { name: 'le' } } } },
      ),
    120_000,
  );
});
