import { expect, test, vi } from 'vitest';
import type { AppSpec } from '../api/app.ts';
import { findCondition } from '../kube/conditions.ts';
import { ConfigMap, Deployment, Event, ReplicaSet, Secret, type Key } from '../kube/resource.ts';
import { contentKeyName } from '../platform/contentkey.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

interface Stage {
  readonly home: string;
  readonly namespace: string;
  readonly user: User;
  readonly key: Key;
  /** start runs the operator until the test ends, or until it is ended. */
  readonly start: () => Promise<AppWorld>;
  readonly apply: (spec: Partial<AppSpec>) => Promise<unknown>;
  /** rolls counts how often the Deployment was given another pod template, and the first one. */
  readonly rolls: () => Promise<number>;
  readonly ready: () => Promise<unknown>;
}

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace((home) =>
    inNamespace(async (namespace) => {
      await using user = asUser();
      await using stack = new AsyncDisposableStack();
      using _kubelet = user.kubelet(namespace);
      const key = { namespace, name: 'shop' };
      await scene({
        home,
        namespace,
        user,
        key,
        start: async () => stack.use(await runApps({ namespaces: [namespace], home })),
        apply: (spec) =>
          user.apply(key, { source: { image: 'example.org/shop:1' }, defaultRoute: 'Disabled', ...spec }),
        rolls: async () => Number((await user.kube.get(Deployment, key))?.metadata?.annotations?.[revision] ?? 0),
        ready: () => user.until(key, { Ready: 'True/Ready' }),
      });
    }),
  );

const revision = 'deployment.kubernetes.io/revision';

const until = (what: () => Promise<void>, timeout = 20_000): Promise<void> =>
  vi.waitFor(what, { timeout, interval: 50 });

const configurations: AppSpec['configurations'] = [
  { name: 'db', kind: 'Secret', as: 'Files' },
  { name: 'settings', kind: 'ConfigMap', as: 'Environment' },
];
const variables: AppSpec['env'] = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'token', key: 'value' } } }];

const makeAll = async ({ user, namespace }: Stage): Promise<void> => {
  await user.kube.create(Secret, { metadata: { name: 'db', namespace }, stringData: { password: 'first-secret' } });
  await user.kube.create(Secret, { metadata: { name: 'token', namespace }, stringData: { value: 'a', other: 'b' } });
  await user.kube.create(ConfigMap, { metadata: { name: 'settings', namespace }, data: { COLOUR: 'red' } });
};

test('changed content rolls the pods once each time; other changes write nothing at all', () =>
  play(async (stage) => {
    const { user, namespace, apply, ready, rolls } = stage;
    await makeAll(stage);
    const world = await stage.start();
    await apply({ configurations, env: variables });
    await ready();
    const changes: (() => Promise<unknown>)[] = [
      () => user.kube.mergePatch(Secret, { namespace, name: 'db' }, { stringData: { password: 'second' } }),
      () => user.kube.mergePatch(ConfigMap, { namespace, name: 'settings' }, { data: { COLOUR: 'blue' } }),
      () => user.kube.mergePatch(Secret, { namespace, name: 'token' }, { stringData: { value: 'c' } }),
    ];
    let expected = 1;
    for (const change of changes) {
      await change();
      expected += 1;
      await until(async () => expect(await rolls()).toBe(expected));
      await ready();
    }
    await world.idle();
    world.writes();
    const long = 'x'.repeat(250_000);
    await user.kube.mergePatch(Secret, { namespace, name: 'db' }, { metadata: { annotations: { long } } });
    await user.kube.mergePatch(ConfigMap, { namespace, name: 'settings' }, { metadata: { annotations: { long } } });
    // A key that nobody names.
    await user.kube.mergePatch(Secret, { namespace, name: 'token' }, { stringData: { other: 'c' } });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await world.idle();
    expect(world.writes()).toEqual({});
    expect(await rolls()).toBe(expected);
  }));

test('rollOnChange: false keeps the pods', () =>
  play(async (stage) => {
    const { user, namespace, apply, ready, rolls } = stage;
    await makeAll(stage);
    const world = await stage.start();
    await apply({ configurations, env: variables, rollOnChange: false });
    await ready();
    await world.idle();
    world.writes();
    await user.kube.mergePatch(Secret, { namespace, name: 'db' }, { stringData: { password: 'second' } });
    await user.kube.mergePatch(Secret, { namespace, name: 'token' }, { stringData: { value: 'c' } });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await world.idle();
    expect(world.writes()).toEqual({});
    expect(await rolls()).toBe(1);
  }));

test('a missing one is told by name, nothing that runs is touched, and all goes on when it is there', () =>
  play(async (stage) => {
    const { user, namespace, key, apply, ready } = stage;
    await stage.start();
    await apply({ configurations, env: variables });
    const blocked = await user.until(key, { Ready: 'False/ConfigurationNotFound' });
    expect(findCondition(blocked.status?.conditions, 'Ready')?.message).toBe(
      'There is no Secret "db", which spec.configurations names: create it, or remove the entry. ' +
        'There is no ConfigMap "settings", which spec.configurations names: create it, or remove the entry. ' +
        'There is no Secret "token", which spec.env names: create it, or remove the entry.',
    );
    expect(await user.kube.get(Deployment, key)).toBeUndefined();
    await makeAll(stage);
    await ready();
    const before = await user.kube.get(Deployment, key);
    const secret = await user.kube.get(Secret, { namespace, name: 'db' });
    await user.kube.remove(Secret, { namespace, name: 'db' }, { uid: secret?.metadata?.uid ?? '' });
    const told = await user.until(key, { Ready: 'False/ConfigurationNotFound' });
    expect(findCondition(told.status?.conditions, 'Ready')?.message).toMatch(
      /"db".* The pods that are ready serve on\.$/,
    );
    await apply({ configurations, env: variables, replicas: 2 });
    await user.until(key, { Ready: 'False/ConfigurationNotFound' });
    expect((await user.kube.get(Deployment, key))?.metadata?.generation).toBe(before?.metadata?.generation);
    await user.kube.create(Secret, { metadata: { name: 'db', namespace }, stringData: { password: 'first-secret' } });
    await ready();
    // The same content again: two pods of the same template.
    expect((await user.kube.get(Deployment, key))?.spec?.replicas).toBe(2);
    expect(await stage.rolls()).toBe(1);
  }));

test('what changed while no operator ran is noticed by the next, and what did not is not even read', () =>
  play(async (stage) => {
    const { user, namespace, apply, ready, rolls } = stage;
    await makeAll(stage);
    const first = await stage.start();
    await apply({ configurations, env: variables });
    await ready();
    await first.idle();
    await first[Symbol.asyncDispose]();
    const second = await stage.start();
    await second.idle();
    expect(second.requests.total({ verb: 'get', resource: 'secrets' })).toBe(1);
    expect(second.requests.total({ verb: 'get', resource: 'configmaps' })).toBe(0);
    expect(second.writes()).toEqual({});
    await second[Symbol.asyncDispose]();
    await user.kube.mergePatch(Secret, { namespace, name: 'db' }, { stringData: { password: 'second' } });
    await stage.start();
    await until(async () => expect(await rolls()).toBe(2));
    await ready();
  }));

test(
  'a Secret that is rewritten 20 times a second rolls a few pods, and ends with its last content',
  { timeout: 90_000 },
  () =>
    play(async (stage) => {
      const { user, namespace, apply, ready, rolls } = stage;
      await makeAll(stage);
      const world = await stage.start();
      await apply({ configurations, env: variables });
      await ready();
      world.requests.reset();
      for (let i = 0; i < 200; i++) {
        await user.kube.mergePatch(Secret, { namespace, name: 'db' }, { stringData: { password: `p-${i}` } });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      // 0, 1, 3, 7 and 15 seconds after the first change.
      expect(world.requests.total({ verb: 'get', resource: 'secrets' })).toBeLessThanOrEqual(6);
      expect(await rolls()).toBeLessThanOrEqual(7);
      const before = await rolls();
      await until(async () => expect(await rolls()).toBeGreaterThan(before), 30_000);
      await ready();
      await world.idle();
    }),
);

test('nothing of what they hold stands anywhere but in them', () =>
  play(async (stage) => {
    const { user, namespace, key, home, apply, ready } = stage;
    await makeAll(stage);
    await stage.start();
    await apply({ configurations, env: variables });
    await ready();
    await user.kube.mergePatch(Secret, { namespace, name: 'db' }, { stringData: { password: 'second-secret' } });
    await until(async () => expect(await stage.rolls()).toBe(2));
    const app = await user.until(key, { Ready: 'True/Ready' });
    const all = JSON.stringify([
      app,
      await user.kube.get(Deployment, key),
      await user.kube.list(ReplicaSet, { namespace }),
      await user.kube.list(Event, { namespace }),
    ]);
    const made = await user.kube.get(Secret, { namespace: home, name: contentKeyName });
    const secrets = ['first-secret', 'second-secret', made?.data?.['key'] ?? 'no key'];
    for (const secret of secrets) {
      expect(all).not.toContain(secret);
      expect(all).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
      expect(all).not.toContain(Buffer.from(secret, 'base64').toString());
    }
  }));

test('a change wakes the Apps that name it, and no other', () =>
  play(async (stage) => {
    const { user, namespace, ready, apply } = stage;
    await makeAll(stage);
    const world = await stage.start();
    await apply({ configurations });
    await ready();
    await user.apply(
      { namespace, name: 'other' },
      { source: { image: 'example.org/shop:1' }, defaultRoute: 'Disabled', env: variables },
    );
    await user.until({ namespace, name: 'other' }, { Ready: 'True/Ready' });
    await world.idle();
    world.writes();
    await user.kube.mergePatch(Secret, { namespace, name: 'db' }, { stringData: { password: 'second' } });
    await ready();
    await until(async () => expect(await stage.rolls()).toBe(2));
    await world.idle();
    expect((await user.kube.get(Deployment, { namespace, name: 'other' }))?.metadata?.generation).toBe(1);
  }));
