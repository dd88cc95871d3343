import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { App } from '../api/app.ts';
import { AppRoute, type AppRouteSpec } from '../api/approute.ts';
import { redirectName } from '../api/names.ts';
import { findCondition } from '../kube/conditions.ts';
import { Ingress, Secret, type Key } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';
import { selfSigned, tlsSecret } from '../testing/certificates.ts';
import { definitionsOf } from '../testing/definitions.ts';
import { Gateway, HTTPRoute, type BackendRef } from './gateway/gatewayapi.ts';

const gatewayApi = definitionsOf('gateway-api', [HTTPRoute, Gateway]);

interface Stage {
  readonly namespace: string;
  /** Namespace of the Gateway `web`. */
  readonly edge: string;
  readonly world: AppWorld;
  readonly user: User;
  readonly host: string;
  readonly key: Key;
}

const shop = { source: { image: 'example.org/shop:1' }, replicas: 0, defaultRoute: 'Disabled' } as const;

const apiVersion = 'gateway.networking.k8s.io/v1';

const play = (scene: (stage: Stage) => Promise<void>, settings: object | 'ingress' = {}): Promise<void> =>
  inNamespace((edge) =>
    inNamespace(async (namespace) => {
      await using user = asUser();
      const config = settings === 'ingress' ? {} : { gateway: { namespace: edge, name: 'web', ...settings } };
      await using world = await runApps({ namespaces: [namespace, edge], config });
      await user.apply({ namespace, name: 'shop' }, shop);
      await scene({ namespace, edge, world, user, host: `shop.${namespace}.test`, key: { namespace, name: 'hand' } });
    }),
  );

const makeRoute = ({ user, key, host }: Stage, spec: Partial<AppRouteSpec> = {}): Promise<AppRoute> =>
  user.kube.apply(
    AppRoute,
    {
      apiVersion: 'epinio.io/v1alpha1',
      kind: 'AppRoute',
      metadata: { ...key },
      spec: { appRef: { name: 'shop' }, host, path: '/', ...spec },
    },
    { fieldManager: 'user' },
  );

const all = { allowedRoutes: { namespaces: { from: 'All' } } };
const http = { name: 'http', protocol: 'HTTP', port: 80, ...all };
const https = {
  ...{ name: 'https', protocol: 'HTTPS', port: 443, ...all },
  tls: { certificateRefs: [{ name: 'wildcard' }] },
};

const makeGateway = ({ user, edge }: Stage, listeners: readonly object[] = [http]): Promise<unknown> =>
  user.kube.apply(
    Gateway,
    {
      ...{ apiVersion, kind: 'Gateway', metadata: { namespace: edge, name: 'web' } },
      spec: { gatewayClassName: 'test', listeners },
    },
    { fieldManager: 'admin' },
  );

/** say is what the controller of the Gateway would say of an HTTPRoute, for each of its parents. */
const say = async ({ user, key }: Stage, accepted: object, name = key.name): Promise<void> => {
  const route = await user.kube.get(HTTPRoute, { ...key, name });
  const observedGeneration = route?.metadata?.generation ?? 0;
  const lastTransitionTime = new Date().toISOString();
  const condition = (type: string, over: object = {}) => ({
    ...{ type, status: 'True', reason: type, message: '', observedGeneration, lastTransitionTime },
    ...over,
  });
  const parents = (route?.spec?.parentRefs ?? []).map((parentRef) => ({
    parentRef,
    controllerName: 'example.org/gateway',
    conditions: [condition('Accepted', accepted), condition('ResolvedRefs')],
  }));
  await user.kube.apply(
    HTTPRoute,
    { apiVersion, kind: 'HTTPRoute', metadata: { ...key, name }, status: { parents } },
    { subresource: 'status', fieldManager: 'gateway' },
  );
};

const yes = {};

const told = async ({ user, key }: Stage, type = 'Programmed'): Promise<string> =>
  findCondition((await user.kube.get(AppRoute, key))?.status?.conditions, type)?.message ?? '';

const until = ({ user, key }: Stage, conditions: Record<string, string>): Promise<AppRoute> =>
  user.untilRoute(key, conditions);

const untilMade = ({ user, key }: Stage, name = key.name): Promise<unknown> =>
  vi.waitFor(async () => expect(await user.kube.get(HTTPRoute, { ...key, name })).toBeDefined(), {
    timeout: 10_000,
    interval: 50,
  });

const written = (world: AppWorld): Record<string, number> =>
  Object.fromEntries(Object.entries(world.writes()).filter(([what]) => !what.includes(' apps.epinio.io')));

describe('a route through a Gateway', () => {
  beforeAll(gatewayApi.install);
  afterAll(gatewayApi.uninstall);

  test('is made in one write, and served when the controller says so, in one more', () =>
    play(async (stage) => {
      const { world, user, host } = stage;
      await makeGateway(stage);
      await world.idle();
      world.writes();
      await makeRoute(stage);
      await until(stage, { Ready: 'Unknown/AwaitingGateway', Accepted: 'True/Accepted' });
      await world.idle();
      expect(written(world)).toEqual({
        'apply httproutes.gateway.networking.k8s.io': 1,
        'apply approutes.epinio.io/status': 1,
      });
      await say(stage, yes);
      const { status } = await until(stage, { Ready: 'True/Ready', Programmed: 'True/Programmed' });
      expect(status?.url).toBe(`http://${host}`);
      await world.idle();
      expect(written(world)).toEqual({ 'apply approutes.epinio.io/status': 1 });
      expect((await user.kube.list(Ingress, { namespace: stage.namespace })).items).toEqual([]);
    }));

  test('tells what the controller says against it, however much that is', () =>
    play(async (stage) => {
      await makeGateway(stage, [{ ...http, hostname: '*.example' }]);
      await makeRoute(stage);
      await until(stage, { Ready: 'False/ListenerMissing', Stalled: 'True/ListenerMissing' });
      expect(await told(stage)).toContain('"http" (*.example)');
      await makeGateway(stage);
      await until(stage, { Ready: 'Unknown/AwaitingGateway' });
      const message = `not \u001b[31mhere\u0007 ${'é'.repeat(16_000)}`;
      await say(stage, { status: 'False', reason: 'NotAllowedByListeners', message });
      await until(stage, { Ready: 'False/GatewayRefused' });
      expect(await told(stage)).toMatch(/^The Gateway "web" in "[^"]+" does not serve the route: .* Not here é+/);
      expect(await told(stage)).not.toContain('\u001b');
    }));

  test('hears of a Gateway that comes later, and of one that goes', () =>
    play(async (stage) => {
      const { user, edge } = stage;
      await makeRoute(stage);
      await until(stage, { Ready: 'False/GatewayNotFound' });
      await makeGateway(stage);
      await until(stage, { Ready: 'Unknown/AwaitingGateway' });
      const there = await user.kube.get(Gateway, { namespace: edge, name: 'web' });
      await user.kube.remove(Gateway, { namespace: edge, name: 'web' }, { uid: there?.metadata?.uid ?? '' });
      await until(stage, { Ready: 'False/GatewayNotFound' });
    }));

  test('is put right when somebody bends it', () =>
    play(async (stage) => {
      const { user, world, key } = stage;
      await makeGateway(stage);
      await makeRoute(stage);
      await untilMade(stage);
      await world.idle();
      const made = (await user.kube.get(HTTPRoute, key))?.spec as {
        rules: [Record<string, unknown>];
        parentRefs: [object];
        hostnames: string[];
      };
      const [rule] = made.rules;
      const redirect = { type: 'RequestRedirect', requestRedirect: { hostname: 'evil.test' } };
      const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'evil', port: 80 } } };
      const bent: Record<string, object> = {
        'with a mirror': { rules: [{ ...rule, filters: [mirror] }] },
        'with a redirect': { rules: [{ matches: rule['matches'], filters: [redirect] }] },
        'with another host': { hostnames: [...made.hostnames, 'more.test'] },
        'with a header to match': { rules: [{ ...rule, matches: [{ headers: [{ name: 'x', value: 'y' }] }] }] },
        'with a second rule': { rules: [...made.rules, rule] },
        'at another Gateway': { parentRefs: [...made.parentRefs, { name: 'own' }] },
      };
      for (const [how, spec] of Object.entries(bent)) {
        await user.kube.mergePatch(HTTPRoute, key, { spec });
        await vi.waitFor(async () => expect((await user.kube.get(HTTPRoute, key))?.spec, how).toEqual(made), 5000);
      }
      await world.idle();
      world.writes();
      await user.kube.mergePatch(HTTPRoute, key, { metadata: { annotations: { of: 'somebody' } } });
      await world.idle();
      expect(world.writes(), 'what does not matter stays').toEqual({});
    }));

  test('is served by https where a listener has a certificate for it, and http is sent on', () =>
    play(
      async (stage) => {
        const { user, edge, namespace, host, key } = stage;
        const redirect = { ...key, name: redirectName(key.name) };
        await makeGateway(stage, [http, https]);
        await makeRoute(stage);
        await untilMade(stage);
        await say(stage, yes);
        expect((await until(stage, { Ready: 'True/Ready' })).status?.url).toBe(`http://${host}`);
        expect(await user.kube.get(HTTPRoute, redirect)).toBeUndefined();

        const pair = await selfSigned({ names: [`*.${namespace}.test`] });
        const metadata = { namespace: edge, name: 'wildcard' };
        await user.kube.apply(
          Secret,
          { apiVersion: 'v1', kind: 'Secret', metadata, ...tlsSecret(pair) },
          { fieldManager: 'admin' },
        );
        await untilMade(stage, redirect.name);
        await vi.waitFor(async () => {
          const { spec } = (await user.kube.get(HTTPRoute, key)) ?? {};
          expect(spec?.parentRefs?.map(({ sectionName }) => sectionName)).toEqual(['https']);
        }, 5000);
        await say(stage, yes);
        await say(stage, yes, redirect.name);
        const { status } = await until(stage, { Ready: 'True/Ready', CertificateReady: 'True/CertificateReady' });
        expect(status?.url).toBe(`https://${host}`);
        expect((await user.kube.get(HTTPRoute, redirect))?.spec?.parentRefs).toMatchObject([{ sectionName: 'http' }]);

        await makeRoute(stage, { tls: { disabled: true } });
        await user.gone(HTTPRoute, redirect);
        await vi.waitFor(async () => {
          const { spec } = (await user.kube.get(HTTPRoute, key)) ?? {};
          expect(spec?.parentRefs?.map(({ sectionName }) => sectionName)).toEqual(['http']);
        }, 5000);
      },
      { redirectToHttps: true },
    ));

  test('that names an IngressClass has an Ingress', () =>
    play(async (stage) => {
      const { user, key } = stage;
      await makeGateway(stage);
      await makeRoute(stage, { ingressClassName: 'other' });
      await until(stage, { Ready: 'True/Ready' });
      expect((await user.kube.get(Ingress, key))?.spec?.ingressClassName).toBe('other');
      expect(await user.kube.get(HTTPRoute, key)).toBeUndefined();
    }));

  test.each(['here', 'elsewhere'] as const)('hears of an HTTPRoute that somebody made %s for its host', (where) =>
    play(async (stage) => {
      const { user, edge, namespace, host } = stage;
      await makeGateway(stage);
      await makeRoute(stage);
      await untilMade(stage);
      await say(stage, yes);
      await until(stage, { Ready: 'True/Ready' });
      const backend: BackendRef = { name: 'x', port: 1 };
      const rival = await user.kube.create(HTTPRoute, {
        ...{ apiVersion, kind: 'HTTPRoute' },
        metadata: { namespace: where === 'here' ? namespace : edge, name: 'theirs' },
        spec: { parentRefs: [{ name: 'web' }], hostnames: [host], rules: [{ backendRefs: [backend] }] },
      });
      await until(stage, { Accepted: 'True/Accepted', Ready: 'False/RouteConflict' });
      expect(await told(stage)).toContain(where === 'here' ? 'The HTTPRoute theirs serves' : 'in another namespace');
      expect(await told(stage)).not.toContain(edge);
      await user.kube.remove(
        HTTPRoute,
        { namespace: rival.metadata?.namespace ?? '', name: 'theirs' },
        { uid: rival.metadata?.uid ?? '' },
      );
      await until(stage, { Ready: 'True/Ready' });
    }),
  );

  test('gets no host that an HTTPRoute of another namespace serves already', () =>
    play(async (stage) => {
      const { user, edge, host } = stage;
      await user.kube.create(HTTPRoute, {
        ...{ apiVersion, kind: 'HTTPRoute', metadata: { namespace: edge, name: 'theirs' } },
        spec: { parentRefs: [{ name: 'web' }], hostnames: [host] },
      });
      await stage.world.idle();
      await makeRoute(stage);
      await until(stage, { Accepted: 'False/RouteConflict' });
      await stage.world.idle();
      expect(await user.kube.get(HTTPRoute, stage.key)).toBeUndefined();
    }));

  test('never touches an HTTPRoute that somebody made under its name', () =>
    play(async (stage) => {
      const { user, key } = stage;
      await makeGateway(stage);
      const theirs = await user.kube.create(HTTPRoute, {
        ...{ apiVersion, kind: 'HTTPRoute', metadata: { ...key } },
        spec: { parentRefs: [{ name: 'web' }], hostnames: ['theirs.test'] },
      });
      await makeRoute(stage);
      await until(stage, { Ready: 'False/NameTaken', Stalled: 'True/NameTaken' });
      expect((await user.kube.get(HTTPRoute, key))?.metadata?.resourceVersion).toBe(theirs.metadata?.resourceVersion);
    }));

  test('takes the place of an Ingress when it is served, and not before', () =>
    play(async (stage) => {
      const { user, namespace, edge, key, world } = stage;
      await makeRoute(stage);
      await until(stage, { Ready: 'True/Ready' });
      await world[Symbol.asyncDispose]();
      await makeGateway(stage);
      const config = { gateway: { namespace: edge, name: 'web' } };
      await using second = await runApps({ namespaces: [namespace, edge], config });
      await until(stage, { Ready: 'Unknown/AwaitingGateway' });
      expect(await told(stage)).toMatch(/Meanwhile the Ingress of before serves\.$/);
      await second.idle();
      expect(await user.kube.get(Ingress, key)).toBeDefined();
      await say(stage, yes);
      await until(stage, { Ready: 'True/Ready' });
      expect(await user.kube.get(Ingress, key)).toBeDefined();
      await user.gone(Ingress, key);
      expect(await user.kube.get(HTTPRoute, key)).toBeDefined();
    }, 'ingress'));

  test('goes with its App', () =>
    play(async (stage) => {
      const { user, namespace, key } = stage;
      await makeGateway(stage);
      await makeRoute(stage);
      await untilMade(stage);
      const app = await user.apply({ namespace, name: 'shop' }, shop);
      await user.kube.remove(App, { namespace, name: 'shop' }, { uid: app.metadata.uid });
      await user.gone(HTTPRoute, key);
      await until(stage, { Ready: 'False/AppNotFound' });
    }));
});

describe('a cluster without the Gateway API', () => {
  afterAll(gatewayApi.uninstall);

  test('says so, and is used as soon as it is there', () =>
    play(async (stage) => {
      await gatewayApi.uninstall();
      await makeRoute(stage);
      await until(stage, { Ready: 'False/GatewayApiMissing', Accepted: 'True/Accepted' });
      await gatewayApi.install();
      await makeGateway(stage);
      await untilMade(stage);
      await say(stage, yes);
      await until(stage, { Ready: 'True/Ready' });
      await gatewayApi.uninstall();
      await until(stage, { Ready: 'False/GatewayApiMissing' });
    }));
});
