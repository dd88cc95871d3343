import { describe, expect, test, vi } from 'vitest';
import { AppRoute } from '../api/approute.ts';
import { App } from '../api/app.ts';
import { Event } from '../kube/events.ts';
import { Ingress } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

interface Stage {
  readonly one: string;
  readonly two: string;
  readonly world: AppWorld;
  readonly user: User;
  readonly host: string;
}

const play = (scene: (stage: Stage) => Promise<void>, config: Readonly<Record<string, unknown>> = {}): Promise<void> =>
  inNamespace((one) =>
    inNamespace(async (two) => {
      await using user = asUser();
      await using world = await runApps({ namespaces: [one, two], config });
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
  test('belongs to the namespace that asked first, and to the next one when that gives it up', () =>
    play(async (stage) => {
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
        await make(stage, route(one, 'wild', '*.test'));
        await user.untilRoute({ namespace: one, name: 'platform' }, { Ready: 'False/HostNotAllowed' });
        await user.untilRoute({ namespace: one, name: 'wild' }, { Ready: 'False/WildcardNotAllowed' });
      },
      { routes: { platformHosts: ['s3.test'] } },
    ));
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
      { ingress: { waitForAddress: true } },
    ));
});
