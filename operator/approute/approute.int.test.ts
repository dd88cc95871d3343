import { describe, expect, test, vi } from 'vitest';
import { AppRoute } from '../api/approute.ts';
import { App } from '../api/app.ts';
import { Event } from '../kube/resource.ts';
import { Ingress } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type AppWorldOptions, type User } from '../testing/apps.ts';

interface Stage {
  readonly one: string;
  readonly two: string;
  readonly world: AppWorld;
  readonly user: User;
  readonly host: string;
}

const play = (scene: (stage: Stage) => Promise<void>, options: Partial<AppWorldOptions> = {}): Promise<void> =>
  inNamespace((one) =>
    inNamespace(async (two) => {
      await using user = asUser();
      await using world = await runApps({ namespaces: [one, two], ...options });
      await scene({ one, two, world, user, host: `shop.${one}.test` });
    }),
  );

const route = (namespace: string, name: string, host: string, path = '/', app = 'shop') => ({
  apiVersion: 'epinio.io/v1alpha1',
  kind: 'AppRoute',
  metadata: { namespace, name },
  spec: { appRef: { name: app }, host, path },
});

const make = ({ user }: Stage, object: ReturnType<typeof route>): Promise<AppRoute> =>
  user.kube.create(AppRoute, object as unknown as AppRoute);

/** Ages are told in whole seconds: who comes later must come in a later one. */
const secondAfter = async ({ metadata }: App | AppRoute): Promise<void> =>
  vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(metadata.creationTimestamp) + 2000), 3000);

const image = { source: { image: 'example.org/shop:1' }, replicas: 0 };

describe('a host', () => {
  test('belongs to the namespace that asked first, and to the next one when that has given it up', () =>
    play(
      async (stage) => {
        const { one, two, user, host } = stage;
        const spec = { ...image, routes: [{ host, path: '/' }] };
        const first = await user.apply({ namespace: one, name: 'shop' }, spec);
        await user.until({ namespace: one, name: 'shop' }, { Ready: 'True/Stopped' });
        await secondAfter(first);
        await user.apply({ namespace: two, name: 'late' }, spec);
        const late = await user.until(
          { namespace: two, name: 'late' },
          { Ready: 'False/RouteConflict', Routed: 'False/RouteConflict' },
        );
        expect(JSON.stringify(late.status)).not.toContain(`"${one}"`);
        expect((await user.kube.list(Ingress, { namespace: two })).items).toEqual([]);
        await user.kube.remove(App, { namespace: one, name: 'shop' }, { uid: first.metadata.uid });
        await user.until({ namespace: two, name: 'late' }, { Ready: 'True/Stopped' });
        expect((await user.kube.list(Ingress, { namespace: two })).items).toHaveLength(1);
      },
      { keptMs: 2000 },
    ));

  test('is kept for a minute for the namespace that gave it up, also by an operator that was started meanwhile', () =>
    play(async (stage) => {
      const { one, two, user, host, world } = stage;
      const mine = { namespace: one, name: 'mine' };
      const theirs = { namespace: two, name: 'theirs' };
      const first = await make(stage, route(one, 'mine', host));
      await user.untilRoute(mine, { Accepted: 'True/Accepted' });
      await make(stage, route(two, 'theirs', host));
      await user.untilRoute(theirs, { Accepted: 'False/RouteConflict', Stalled: 'True/RouteConflict' });
      await user.kube.remove(AppRoute, mine, { uid: first.metadata.uid });
      const waiting = await user.untilRoute(theirs, { Reconciling: 'True/RouteConflict' });
      expect(waiting.status?.hostFreeSince).toBeDefined();
      await world[Symbol.asyncDispose]();
      await using _second = await runApps({ namespaces: [one, two] });
      await user.untilRoute(theirs, { Reconciling: 'True/RouteConflict' });
      await make(stage, route(one, 'mine', host));
      await user.untilRoute(mine, { Accepted: 'True/Accepted' });
      const refused = await user.untilRoute(theirs, { Stalled: 'True/RouteConflict' });
      expect(refused.status).toMatchObject({ host: 'Taken' });
      expect(refused.status?.hostFreeSince).toBeUndefined();
    }));

  test('with a wildcard belongs to the namespace of the names below it', () =>
    play(
      async (stage) => {
        const { one, two, user } = stage;
        const domain = `${one}.example`;
        await make(stage, route(one, 'name', `x.${domain}`));
        await user.untilRoute({ namespace: one, name: 'name' }, { Accepted: 'True/Accepted' });
        await make(stage, route(two, 'all', `*.${domain}`));
        await user.untilRoute({ namespace: two, name: 'all' }, { Accepted: 'False/RouteConflict' });
        await make(stage, route(one, 'all', `*.${domain}`));
        await user.untilRoute({ namespace: one, name: 'all' }, { Accepted: 'True/Accepted' });
        await make(stage, route(two, 'name', `y.${domain}`));
        await user.untilRoute({ namespace: two, name: 'name' }, { Accepted: 'False/RouteConflict' });
      },
      { config: { routes: { wildcards: true } } },
    ));

  test('stays with its namespace while that changes paths and recreates its App, however long another waits', () =>
    play(async (stage) => {
      const { one, two, user, host } = stage;
      const key = { namespace: one, name: 'shop' };
      const spec = (path: string) => ({ ...image, routes: [{ host, path }] });
      const first = await user.apply(key, spec('/'));
      await user.until(key, { Ready: 'True/Stopped' });
      await user.apply({ namespace: two, name: 'late' }, spec('/'));
      await user.until({ namespace: two, name: 'late' }, { Ready: 'False/RouteConflict' });
      for (const path of ['/b', '/']) {
        // A second later, so that the one that waits is older than the new route.
        await secondAfter(await user.apply(key, spec(path)));
        await user.until(key, { Ready: 'True/Stopped' });
      }
      await user.kube.remove(App, key, { uid: first.metadata.uid });
      await user.gone(App, key);
      await vi.waitFor(
        async () => expect((await user.kube.list(AppRoute, { namespace: one })).items).toEqual([]),
        5000,
      );
      await user.until({ namespace: two, name: 'late' }, { Ready: 'Unknown/RoutesNotReady' });
      await user.apply(key, spec('/'));
      await user.until(key, { Ready: 'True/Stopped' });
      const late = await user.until(
        { namespace: two, name: 'late' },
        { Ready: 'False/RouteConflict', Stalled: 'True/RouteConflict' },
      );
      expect(JSON.stringify(late.status)).not.toContain(`"${one}"`);
      expect((await user.kube.list(Ingress, { namespace: two })).items).toEqual([]);
    }));

  test('is divided by path within its namespace', () =>
    play(async (stage) => {
      const { one, user, host } = stage;
      await user.apply({ namespace: one, name: 'shop' }, { ...image, defaultRoute: 'Disabled' });
      await make(stage, route(one, 'a', host));
      await secondAfter(await make(stage, route(one, 'b', host, '/b')));
      await make(stage, route(one, 'c', host, '/b'));
      await user.untilRoute({ namespace: one, name: 'a' }, { Ready: 'True/Ready' });
      await user.untilRoute({ namespace: one, name: 'b' }, { Ready: 'True/Ready' });
      await user.untilRoute({ namespace: one, name: 'c' }, { Ready: 'False/RouteConflict' });
    }));

  test('that an Ingress of somebody else serves is taken, until that goes', () =>
    play(async (stage) => {
      const { one, two, user, host } = stage;
      const backend = { service: { name: 'x', port: { number: 80 } } };
      const theirs = await user.kube.create(Ingress, {
        metadata: { namespace: two, name: 'theirs' },
        spec: { rules: [{ host, http: { paths: [{ path: '/x', pathType: 'Prefix', backend }] } }] },
      });
      await user.apply({ namespace: one, name: 'shop' }, { ...image, routes: [{ host, path: '/' }] });
      await user.until({ namespace: one, name: 'shop' }, { Ready: 'False/RouteConflict' });
      await user.kube.remove(Ingress, { namespace: two, name: 'theirs' }, { uid: theirs.metadata?.uid ?? '' });
      await user.until({ namespace: one, name: 'shop' }, { Ready: 'True/Stopped' });
    }));

  test('of the platform is refused, and so is a wildcard', () =>
    play(
      async (stage) => {
        const { one, user } = stage;
        await make(stage, route(one, 'platform', 's3.test'));
        await make(stage, route(one, 'wild', '*.example'));
        await user.untilRoute({ namespace: one, name: 'platform' }, { Ready: 'False/HostNotAllowed' });
        await user.untilRoute({ namespace: one, name: 'wild' }, { Ready: 'False/WildcardNotAllowed' });
      },
      { config: { routes: { platformHosts: ['s3.test'] } } },
    ));
});

describe('an Ingress that somebody made for the host of an App', () => {
  const shop = 'shop';
  const byHand = (namespace: string, host: string, service: string) => ({
    metadata: { namespace, name: 'hand' },
    spec: {
      rules: [
        {
          host,
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } }],
          },
        },
      ],
    },
  });

  const orders = ['before', 'after'] as const;
  const cases = orders.flatMap((order) => [
    [order, 'the App itself', shop, { Ready: 'True/Stopped', Routed: 'True/Routed' }] as const,
    [order, 'something else', 'other', { Ready: 'False/RouteConflict', Routed: 'False/RouteConflict' }] as const,
  ]);
  test.each(cases)('%s it, in its namespace, and leads to %s', (order, _, service, conditions) =>
    play(async ({ one, user, host, world }) => {
      const key = { namespace: one, name: shop };
      const ingress = byHand(one, host, service);
      if (order === 'before') await user.kube.create(Ingress, ingress);
      await user.apply(key, { ...image, routes: [{ host, path: '/' }] });
      if (order === 'after') {
        await user.until(key, { Ready: 'True/Stopped' });
        await user.kube.create(Ingress, ingress);
        await world.idle();
      }
      await user.until(key, conditions);
      const { items } = await user.kube.list(Ingress, { namespace: one });
      expect(items).toHaveLength(2);
      await user.kube.remove(
        Ingress,
        { namespace: one, name: 'hand' },
        { uid: items.find((i) => i.metadata?.name === 'hand')?.metadata?.uid ?? '' },
      );
      await user.until(key, { Ready: 'True/Stopped' });
    }),
  );

  test('later, in another namespace, is told and takes nothing down', () =>
    play(async ({ one, two, user, host }) => {
      const key = { namespace: one, name: shop };
      await user.apply(key, { ...image, routes: [{ host, path: '/' }] });
      await user.until(key, { Ready: 'True/Stopped' });
      await user.kube.create(Ingress, byHand(two, host, 'other'));
      const told = await user.until(key, { Ready: 'False/RouteConflict' });
      expect(JSON.stringify(told.status)).not.toContain(two);
      expect((await user.kube.list(Ingress, { namespace: one })).items).toHaveLength(1);
    }));
});

describe('a route', () => {
  test('written by hand may come before its App, and satisfies an equal route of the App', () =>
    play(async (stage) => {
      const { one, user, host } = stage;
      await make(stage, route(one, 'hand', host));
      await user.untilRoute(
        { namespace: one, name: 'hand' },
        { Ready: 'False/AppNotFound', Accepted: 'True/Accepted' },
      );
      const app = await user.apply({ namespace: one, name: 'shop' }, { ...image, routes: [{ host, path: '/' }] });
      await user.untilRoute({ namespace: one, name: 'hand' }, { Ready: 'True/Ready' });
      await user.until({ namespace: one, name: 'shop' }, { Ready: 'True/Stopped' });
      expect((await user.kube.list(AppRoute, { namespace: one })).items.map((r) => r.metadata.name)).toEqual(['hand']);
      await vi.waitFor(async () => {
        const { items } = await user.kube.list(Event, { namespace: one });
        const ofRoute = items.filter(({ regarding }) => regarding?.kind === AppRoute.kind);
        expect(ofRoute.map(({ regarding, type, reason }) => [regarding?.name, type, reason])).toEqual(
          expect.arrayContaining([
            ['hand', 'Warning', 'AppNotFound'],
            ['hand', 'Normal', 'Ready'],
          ]),
        );
      }, 5000);
      await user.kube.remove(App, { namespace: one, name: 'shop' }, { uid: app.metadata.uid });
      await user.untilRoute({ namespace: one, name: 'hand' }, { Ready: 'False/AppNotFound' });
      await user.gone(Ingress, { namespace: one, name: 'hand' });
    }));

  test('waits for the address that the Ingress controller tells, where it tells one', () =>
    play(
      async (stage) => {
        const { one, user, host } = stage;
        const key = { namespace: one, name: 'hand' };
        await user.apply({ namespace: one, name: 'shop' }, { ...image, defaultRoute: 'Disabled' });
        await make(stage, route(one, 'hand', host));
        await user.untilRoute(key, { Ready: 'Unknown/AwaitingAddress' });
        await user.kube.apply(
          Ingress,
          {
            apiVersion: 'networking.k8s.io/v1',
            kind: 'Ingress',
            metadata: key,
            status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
          },
          { subresource: 'status', fieldManager: 'traefik' },
        );
        const ready = await user.untilRoute(key, { Ready: 'True/Ready' });
        expect(ready.status).toMatchObject({ address: '192.0.2.1', url: `http://${host}` });
      },
      { config: { ingress: { waitForAddress: true } } },
    ));
});
