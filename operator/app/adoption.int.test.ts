import { expect, test, vi } from 'vitest';
import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { controllerOf } from '../kube/owners.ts';
import {
  Deployment,
  Ingress,
  keyOf,
  Service,
  type Key,
  type KubeObject,
  type ObjectOf,
  type Resource,
} from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

interface Stage {
  readonly user: User;
  readonly world: AppWorld;
  readonly key: Key;
  /** Everything that the App made, by kind. */
  readonly children: () => Promise<readonly (readonly [Resource, KubeObject])[]>;
}

const spec = { source: { image: 'example.org/shop:1' }, replicas: 0 } as const;

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    await using world = await runApps({ namespaces: [namespace] });
    const key = { namespace, name: 'shop' };
    await user.apply(key, spec);
    await user.until(key, { Ready: 'True/Stopped' });
    const kinds: readonly Resource[] = [Deployment, Service, AppRoute, Ingress];
    const children = async () =>
      (
        await Promise.all(
          kinds.map(async (kind) =>
            (await user.kube.list(kind, { namespace })).items.map((object) => [kind, object] as const),
          ),
        )
      ).flat();
    await scene({ user, world, key, children });
  });

test('what somebody deletes of an App is there again at once', () =>
  play(async ({ user, world, key, children }) => {
    const made = await children();
    expect(made).toHaveLength(4);
    for (const [kind, object] of made) {
      await world.idle();
      const there = await user.kube.get(kind, keyOf(object));
      const uid = there?.metadata?.uid ?? '';
      await user.kube.remove(kind, keyOf(object), { uid });
      await vi.waitFor(
        async () => {
          const again = await user.kube.get(kind, keyOf(object));
          expect([kind.kind, again === undefined || again.metadata?.uid === uid]).toEqual([kind.kind, false]);
        },
        { timeout: 3_000, interval: 20 },
      );
    }
    await user.until(key, { Ready: 'True/Stopped' });
    expect(await children()).toHaveLength(4);
  }));

test('what a deleted App left behind (--cascade=orphan) is taken over by the next one as it is', () =>
  play(async ({ user, world, key, children }) => {
    await world.idle();
    const before = await children();
    const app = await user.kube.get(App, key);
    await user.kube.remove(App, key, { uid: app?.metadata.uid ?? '', propagation: 'Orphan' });
    await user.gone(App, key);
    await world.idle();
    // An address without an App leads nowhere: its Ingress goes until the next one is there.
    const uids = (all: typeof before) =>
      all.filter(([kind]) => kind !== Ingress).map(([kind, { metadata }]) => `${kind.kind} ${metadata?.uid}`);
    expect(uids(await children())).toEqual(uids(before));

    const next = await user.apply(key, spec);
    expect(next.metadata.uid).not.toBe(app?.metadata.uid);
    await user.until(key, { Ready: 'True/Stopped' });
    await world.idle();
    const after = await children();
    expect(after).toHaveLength(4);
    expect(uids(after)).toEqual(uids(before));
    const specOf = (all: typeof before) =>
      (all.find(([kind]) => kind === Deployment)?.[1] as ObjectOf<typeof Deployment> | undefined)?.spec;
    expect(specOf(after), 'no pod is replaced').toEqual(specOf(before));
    for (const [kind, object] of after.filter(([resource]) => resource !== Ingress))
      expect([kind.kind, controllerOf(object)?.uid]).toEqual([kind.kind, next.metadata.uid]);
  }));
