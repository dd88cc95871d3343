import { describe, expect, it, vi } from 'vitest';
import { reconcileTotal, registry } from '../../telemetry/metrics.ts';
import { inNamespace } from '../../testing/apiserver.ts';
import { heldBack, operate } from '../../testing/harness.ts';
import type { KubeClient } from '../client/client.ts';
import { ApiError } from '../errors.ts';
import { apiVersionOf, ConfigMap, keyOf, Secret, type Key, type KubeObject } from '../resource.ts';
import { done, terminal, wait, type Context, type Controller, type Result } from '../types.ts';
import { controller, owned, refers } from './watches.ts';

let nth = 0;
/** named gives each test's controller a name of its own: metrics are the process's. */
const named = (
  reconcile: (key: Key, ctx: Context) => Promise<Result>,
  rest: Partial<Controller> = {},
): Controller & { name: string } => ({
  ...controller({ name: `test${++nth}`, kind: ConfigMap, watches: [owned(Secret, ConfigMap)], reconcile }),
  ...rest,
});

const metric = async (name: string, labels: Record<string, string>): Promise<number> => {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return values
    .filter((v) => Object.entries(labels).every(([k, want]) => (v.labels as Record<string, string>)[k] === want))
    .reduce((sum, v) => sum + v.value, 0);
};

const parent = (kube: KubeClient, namespace: string, name = 'parent') =>
  kube.create(ConfigMap, { metadata: { namespace, name }, data: { value: '1' } });

const child = (owner: KubeObject, name: string) => ({
  apiVersion: apiVersionOf(Secret),
  kind: Secret.kind,
  metadata: {
    namespace: owner.metadata?.namespace ?? '',
    name,
    ownerReferences: [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: owner.metadata?.name ?? '',
        uid: owner.metadata?.uid ?? '',
        controller: true,
      },
    ],
  },
});

/** keepsOneSecret applies the Secret `child` of every ConfigMap, if the cache does not show it. */
const keepsOneSecret = async (key: Key, { cache, kube }: Context): Promise<Result> => {
  const owner = cache.get(ConfigMap, key);
  if (owner === undefined || owner.metadata?.name === 'kube-root-ca.crt') return done();
  if (cache.ownedBy(Secret, owner).length === 0) {
    await kube.apply(Secret, child(owner, `${key.name}-child`));
  }
  return done();
};

describe('a controller', () => {
  it('makes what is missing, repairs what is removed, and then writes nothing, resyncs included', () =>
    inNamespace(async (namespace) => {
      const c = named(keepsOneSecret);
      await using h = operate({
        namespace,
        caches: [ConfigMap, Secret],
        controllers: [c],
        runner: { resyncMs: 100 },
      });
      await parent(h.kube, namespace);
      const key = { namespace, name: 'parent-child' };
      await vi.waitFor(() => expect(h.cache.get(Secret, key)).toBeDefined());
      const uid = h.cache.get(Secret, key)?.metadata?.uid ?? '';
      await h.kube.remove(Secret, key, { uid });
      await vi.waitFor(() => expect(h.cache.get(Secret, key)?.metadata?.uid).not.toBe(uid));
      await vi.waitFor(() => expect(h.cache.get(Secret, key)).toBeDefined());

      const [writes, lists] = [h.requests.writes(), h.requests.total({ verb: 'list' })];
      const before = await metric('controller_runtime_reconcile_total', { controller: c.name });
      await vi.waitFor(
        async () =>
          expect(await metric('controller_runtime_reconcile_total', { controller: c.name })).toBeGreaterThan(
            before + 20,
          ),
        { timeout: 10_000 },
      );
      expect(h.requests.writes()).toBe(writes);
      expect(h.requests.total({ verb: 'list' })).toBe(lists);
      expect(await metric('reconcile_writes_total', { controller: c.name, verb: 'apply', resource: 'secrets' })).toBe(
        2,
      );
    }));

  it('does not act a second time on a cache that has not seen what it did', () =>
    inNamespace(async (namespace) => {
      const held = heldBack(Secret);
      let made = 0;
      // Badly written on purpose: the name is a new one each time, so acting twice leaves two children.
      const c = named(async (key, { cache, kube }) => {
        const owner = cache.get(ConfigMap, key);
        if (key.name !== 'parent' || owner === undefined) return done();
        if (cache.ownedBy(Secret, owner).length === 0) {
          await kube.create(Secret, child(owner, `child-${made++}`));
        }
        return done();
      });
      await using h = operate({ namespace, caches: [ConfigMap, Secret], controllers: [c], client: held.client });
      await vi.waitFor(() => expect(h.manager.leading).toBe(true));
      held.hold();
      await parent(h.kube, namespace);
      await vi.waitFor(() => expect(made).toBe(1));
      for (let i = 0; i < 5; i++) {
        await h.kube.mergePatch(ConfigMap, { namespace, name: 'parent' }, { data: { value: String(i) } });
      }
      await vi.waitFor(async () =>
        expect(await metric('reconcile_stale_cache_skips_total', { controller: c.name })).toBeGreaterThan(0),
      );
      expect(h.cache.list(Secret)).toEqual([]);
      const before = await metric('controller_runtime_reconcile_total', { controller: c.name });
      held.release();
      await vi.waitFor(async () =>
        expect(await metric('controller_runtime_reconcile_total', { controller: c.name })).toBeGreaterThan(before),
      );
      await vi.waitFor(() => expect(h.manager.idle).toBe(true));
      expect((await h.kube.list(Secret, { namespace })).items.map((s) => s.metadata?.name)).toEqual(['child-0']);
    }));

  it('goes on without its own write when the cache never shows it', () =>
    inNamespace(async (namespace) => {
      const held = heldBack(Secret);
      const seen: number[] = [];
      const c = named(async (key, { kube, cache }) => {
        const owner = cache.get(ConfigMap, key);
        if (key.name !== 'parent' || owner === undefined) return done();
        seen.push(cache.list(Secret).length);
        await kube.apply(Secret, child(owner, 'child'));
        return done();
      });
      await using h = operate({
        namespace,
        caches: [ConfigMap, Secret],
        controllers: [c],
        client: held.client,
        runner: { staleMs: 300 },
      });
      await vi.waitFor(() => expect(h.manager.leading).toBe(true));
      held.hold();
      await parent(h.kube, namespace);
      await vi.waitFor(() => expect(seen).toHaveLength(1));
      await h.kube.mergePatch(ConfigMap, { namespace, name: 'parent' }, { data: { value: '2' } });
      await vi.waitFor(() => expect(seen.length).toBeGreaterThan(1));
      expect(await metric('reconcile_stale_cache_timeouts_total', { controller: c.name })).toBe(1);
      held.release();
    }));
});

describe('how a reconcile ends', () => {
  /** attempts runs a controller whose reconciles of `parent` end as told, and returns when the last has run. */
  const attempts = (endings: ((n: number) => Result)[]) => async (namespace: string) => {
    const times: number[] = [];
    const c = named(
      async (key) => {
        if (key.name !== 'parent') return done();
        times.push(performance.now());
        return endings[times.length - 1]?.(times.length) ?? done();
      },
      { watches: [] },
    );
    await using h = operate({ namespace, caches: [ConfigMap], controllers: [c] });
    await vi.waitFor(() => expect(h.manager.leading).toBe(true));
    await parent(h.kube, namespace);
    await vi.waitFor(() => expect(times.length).toBeGreaterThanOrEqual(endings.length), { timeout: 10_000 });
    await vi.waitFor(() => expect(h.manager.idle).toBe(true));
    const results = Object.fromEntries(
      (await reconcileTotal.get()).values
        .filter((v) => v.labels.controller === c.name && v.value > 0)
        .map((v) => [v.labels.result, v.value]),
    );
    return { gaps: times.slice(1).map((t, i) => t - (times[i] ?? 0)), results, logs: h.logs(), count: times.length };
  };
  const fail = (error: Error) => (): Result => {
    throw error;
  };

  it('is tried again with growing waits after an error, which is logged once each time and without credentials', () =>
    inNamespace(async (namespace) => {
      const error = fail(new Error('GET https://u:canary@h/ failed'));
      const { gaps, results, logs } = await attempts([error, error, error, error, error, done])(namespace);
      expect(gaps.map((g, i) => g >= 5 * 2 ** i - 1)).toEqual([true, true, true, true, true]);
      expect(results).toMatchObject({ error: 5 });
      const errors = logs.filter((l) => l['level'] === 'error');
      expect(errors.map((l) => l['failures'])).toEqual([1, 2, 3, 4, 5]);
      expect(errors[0]).toMatchObject({ namespace, name: 'parent' });
      expect(new Set(errors.map((l) => l['reconcileId'])).size).toBe(5);
      expect(JSON.stringify(logs)).not.toContain('canary');
    }));

  it('is tried again quietly after a conflict', () =>
    inNamespace(async (namespace) => {
      const conflict = fail(new ApiError({ code: 409, reason: 'Conflict', message: 'moved on' }));
      const { results, logs } = await attempts([conflict, conflict, done])(namespace);
      expect(results).toMatchObject({ requeue: 2 });
      expect(results['error']).toBeUndefined();
      expect(logs.filter((l) => l['level'] === 'error' || l['level'] === 'warn')).toEqual([]);
    }));

  it('is looked at again after the time it asked for', () =>
    inNamespace(async (namespace) => {
      const { gaps } = await attempts([() => wait(200, 'poll'), done])(namespace);
      expect(gaps[0]).toBeGreaterThanOrEqual(199);
    }));

  it('is not tried again when only a person can help', () =>
    inNamespace(async (namespace) => {
      const { results, count } = await attempts([() => terminal('Invalid')])(namespace);
      expect(results).toMatchObject({ terminal: 1 });
      expect(count).toBe(1);
    }));

  it('ends quietly in a namespace that is being deleted', () =>
    inNamespace(async (namespace) => {
      const refused = new ApiError({
        code: 403,
        reason: 'Forbidden',
        message: 'being terminated',
        details: { causes: [{ reason: 'NamespaceTerminating' }] },
      });
      const { results, logs, count } = await attempts([fail(refused)])(namespace);
      expect(results['error']).toBeUndefined();
      expect(count).toBe(1);
      expect(logs.filter((l) => l['level'] === 'error')).toEqual([]);
    }));

  it('is broken off and tried again when it takes too long', () =>
    inNamespace(async (namespace) => {
      let runs = 0;
      const c = named(
        async (key, { signal }) => {
          if (key.name !== 'parent' || ++runs > 1) return done();
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
          return done();
        },
        { watches: [] },
      );
      await using h = operate({ namespace, caches: [ConfigMap], controllers: [c], runner: { timeoutMs: 200 } });
      await parent(h.kube, namespace);
      await vi.waitFor(() => expect(runs).toBe(2));
      expect(h.logs().find((l) => l['level'] === 'error')).toMatchObject({ err: { message: 'not done within 0.2 s' } });
    }));
});

it('survives a map function that throws, and counts it', () =>
  inNamespace(async (namespace) => {
    const seen = new Set<string>();
    const broken = refers(Secret, () => {
      throw new Error('boom');
    });
    const sound = refers(Secret, (s) => [keyOf(s)]);
    const c = named(async ({ name }) => (seen.add(name), done()), {
      watches: [broken, sound] as Controller['watches'],
    });
    await using h = operate({ namespace, caches: [ConfigMap, Secret], controllers: [c] });
    await vi.waitFor(() => expect(h.manager.leading).toBe(true));
    await h.kube.create(Secret, { metadata: { namespace, name: 'woken' } });
    await vi.waitFor(() => expect([...seen]).toContain('woken'));
    expect(await metric('controller_runtime_reconcile_panics_total', { controller: c.name })).toBe(1);
    expect(h.cache.isSynced()).toBe(true);
  }));

it('looks at a fresh edit before the rest of the objects that it found at its start', () =>
  inNamespace(async (namespace) => {
    const order: string[] = [];
    let go = (): void => undefined;
    const started = new Promise<void>((resolve) => (go = resolve));
    const c = named(
      async ({ name }, { signal }) => {
        await started;
        signal.throwIfAborted();
        order.push(name);
        return done();
      },
      { watches: [], workers: 1 },
    );
    {
      await using setup = operate({ namespace, caches: [] });
      await Promise.all(Array.from({ length: 200 }, (_, i) => parent(setup.kube, namespace, `cm-${i}`)));
    }
    await using h = operate({ namespace, caches: [ConfigMap], controllers: [c] });
    await vi.waitFor(() => expect(h.manager.leading).toBe(true));
    await h.kube.mergePatch(ConfigMap, { namespace, name: 'cm-199' }, { data: { value: 'edited' } });
    await vi.waitFor(() =>
      expect(h.cache.get(ConfigMap, { namespace, name: 'cm-199' })?.data?.['value']).toBe('edited'),
    );
    go();
    await vi.waitFor(() => expect(h.manager.idle).toBe(true));
    // One worker had taken a key before the edit came.
    expect(order.indexOf('cm-199')).toBeLessThanOrEqual(1);
    expect(order.length).toBeGreaterThanOrEqual(200);
  }));
