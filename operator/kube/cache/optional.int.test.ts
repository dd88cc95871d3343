import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { kubeconfigPath } from '../../testing/apiserver.ts';
import { startFaultProxy } from '../../testing/faults.ts';
import { loadAuth, plainAuth } from '../client/auth.ts';
import { createClient, type KubeClient } from '../client/client.ts';
import { resourceId } from '../paths.ts';
import { ConfigMap, CustomResourceDefinition, resource, type Resource } from '../resource.ts';
import type { Change } from '../types.ts';
import { cached, createCache } from './cache.ts';
import type { Happening } from './failures.ts';
import type { Timing } from './reflectorstate.ts';

let kube: KubeClient;

beforeAll(() => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
});
afterAll(() => kube.close());

// After three looks the next one comes 10 s later at the earliest: what is found sooner was told.
const timing: Partial<Timing> = { backoff: { baseMs: 300, factor: 6, maxMs: 60_000 } };

/** newKind names a kind that nobody has heard of. */
const newKind = (): Resource =>
  resource({ group: `x${randomBytes(4).toString('hex')}.test`, version: 'v1', kind: 'Gadget', plural: 'gadgets' });

const define = (r: Resource) =>
  kube.apply(CustomResourceDefinition, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: resourceId(r) },
    spec: {
      group: r.group,
      names: { kind: r.kind, plural: r.plural, singular: 'gadget', listKind: 'GadgetList' },
      scope: 'Namespaced',
      versions: [{ name: r.version, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  });

const undefine = async (r: Resource): Promise<void> => {
  const name = resourceId(r);
  const there = await kube.get(CustomResourceDefinition, { namespace: '', name });
  if (there !== undefined)
    await kube.remove(CustomResourceDefinition, { namespace: '', name }, { uid: there.metadata?.uid ?? '' });
};

const make = (r: Resource, name: string) =>
  vi.waitFor(
    () =>
      kube.create(r, {
        apiVersion: `${r.group}/${r.version}`,
        kind: r.kind,
        metadata: { namespace: 'default', name },
      }),
    { timeout: 20_000, interval: 100 },
  );

/** scene caches the kind as optional beside one that is there, through a proxy that counts. */
const scene = async (
  play: (s: {
    r: Resource;
    cache: ReturnType<typeof createCache>;
    lists: () => number;
    proxy: Awaited<ReturnType<typeof startFaultProxy>>;
    happenings: Happening[];
    served: boolean[];
    changes: Change<object>[];
  }) => Promise<void>,
  o: { timing?: Partial<Timing>; before?: (proxy: Awaited<ReturnType<typeof startFaultProxy>>) => void } = {},
): Promise<void> => {
  const r = newKind();
  await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
  o.before?.(proxy);
  const behind = createClient({ auth: plainAuth(proxy.url), retries: 0 });
  const happenings: Happening[] = [];
  const served: boolean[] = [];
  const changes: Change<object>[] = [];
  const cache = createCache(behind, [cached(ConfigMap, { namespaces: ['default'] }), cached(r, { optional: true })], {
    timing: { ...timing, ...o.timing },
    onHappening: (h) => h.resource === resourceId(r) && happenings.push(h),
  });
  cache.subscribe(r, (change) => changes.push(change));
  cache.subscribeServed(r, () => served.push(cache.isServed(r)));
  const lists = (): number => proxy.requests.filter((q) => q.resource === r.plural && q.verb === 'list').length;
  try {
    cache.start();
    await cache.synced(AbortSignal.timeout(10_000));
    await play({ r, cache, lists, proxy, happenings, served, changes });
  } finally {
    await cache.stop();
    await behind.close();
    await undefine(r);
  }
};

const names = (cache: ReturnType<typeof createCache>, r: Resource): unknown[] =>
  cache.list(r).map(({ metadata }) => metadata?.name);

test('an optional kind that is not served keeps nobody waiting, and is found within seconds of its coming, again and again', () =>
  scene(async ({ r, cache, lists, happenings, served, changes }) => {
    expect(cache.isSynced()).toBe(true);
    expect(cache.trouble()).toBeUndefined();
    expect(cache.isServed(ConfigMap)).toBe(true);
    expect([cache.isServed(r), names(cache, r), cache.get(r, { namespace: 'default', name: 'a' })]).toEqual([
      false,
      [],
      undefined,
    ]);
    await vi.waitFor(() => expect(lists()).toBe(3), { timeout: 10_000 });

    await define(r);
    await make(r, 'a');
    await vi.waitFor(() => expect([cache.isServed(r), names(cache, r)]).toEqual([true, ['a']]), { timeout: 8_000 });

    await undefine(r);
    await vi.waitFor(() => expect([cache.isServed(r), names(cache, r)]).toEqual([false, []]), { timeout: 15_000 });
    expect(cache.isSynced(), 'what was known once stays known').toBe(true);
    expect(cache.trouble()).toBeUndefined();

    await define(r);
    await make(r, 'b');
    await vi.waitFor(() => expect([cache.isServed(r), names(cache, r)]).toEqual([true, ['b']]), { timeout: 8_000 });
    expect(served).toEqual([false, true, false, true]);
    expect(changes.map(({ before, after }) => [before !== undefined, after !== undefined])).toEqual([
      [false, true],
      [true, false],
      [false, true],
    ]);
    expect(happenings.filter(({ type }) => type === 'failure')).toEqual([]);
    expect(happenings.filter(({ type }) => ['absent', 'served'].includes(type)).map(({ type }) => type)).toEqual([
      'absent',
      'served',
      'absent',
      'served',
    ]);
  }));

test('an optional kind that does not come is hardly ever asked for', () =>
  scene(
    async ({ lists }) => {
      // Doubling from 50 ms: six looks in 3 s where nothing slowed down would make sixty.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(lists()).toBeGreaterThan(2);
      expect(lists()).toBeLessThan(10);
    },
    { timing: { backoff: { baseMs: 50, factor: 2, maxMs: 60_000 } } },
  ));

test('who may not watch definitions finds an optional kind by looking for it', () =>
  scene(
    async ({ r, cache, proxy }) => {
      expect(cache.trouble(), 'that is no trouble').toBeUndefined();
      await vi.waitFor(() =>
        expect(proxy.requests.some((q) => q.resource === 'customresourcedefinitions' && q.verb === 'list')).toBe(true),
      );
      await define(r);
      await make(r, 'a');
      await vi.waitFor(() => expect(names(cache, r)).toEqual(['a']), { timeout: 10_000 });
    },
    {
      timing: { backoff: { baseMs: 200, factor: 2, maxMs: 1_000 } },
      before: (proxy) =>
        void proxy.inject({
          match: (q) => q.resource === 'customresourcedefinitions',
          fault: { type: 'answer', code: 403, reason: 'Forbidden' },
        }),
    },
  ));

test('a kind that is not optional is waited for', async () => {
  const r = newKind();
  const cache = createCache(kube, [cached(r)], { timing });
  cache.start();
  try {
    await expect(cache.synced(AbortSignal.timeout(1_500))).rejects.toThrow();
    expect(cache.trouble()).toBe(`${resourceId(r)} not synced yet (list: 404 NotFound)`);
  } finally {
    await cache.stop();
  }
});
