import { readFileSync, writeFileSync } from 'node:fs';
import type { V1ConfigMap } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { inNamespace, kubeconfigPath, privateControlPlane } from '../../testing/apiserver.ts';
import { startFaultProxy, type FaultProxy, type LiveWatch, type Seen } from '../../testing/faults.ts';
import { restorablePlane } from '../../testing/restorable.ts';
import { loadAuth, plainAuth } from '../client/auth.ts';
import { cached, createCache, type ClusterCache } from './cache.ts';
import { createClient, type KubeClient } from '../client/client.ts';
import { ConfigMap, keyOf, keyString, type Wire } from '../resource.ts';
import type { Timing } from './reflectorstate.ts';
import type { Happening } from './failures.ts';
import type { Change } from '../types.ts';
import { trackWrites } from '../controller/writetracker.ts';

type Item = Wire<V1ConfigMap>;

// Client-go's backoff is 0.8 s → 30 s and a silent watch lives 100 s: sixteen times faster here, so that tests take seconds.
const timing: Partial<Timing> = {
  backoff: { baseMs: 50, factor: 2, maxMs: 500 },
  healthyMs: 5000,
  readDeadlineMs: 60_000,
  requestTimeoutMs: 5000,
  pageSize: 2,
};

interface Scene {
  readonly namespace: string;
  readonly proxy: FaultProxy;
  /** The client that changes the world, not through the proxy. */
  readonly kube: KubeClient;
  readonly cache: ClusterCache;
  readonly changes: Change<Item>[];
  readonly happenings: Happening[];
  /** watch is the one live watch of the scene. */
  watch(): Promise<LiveWatch>;
  put(name: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** lists counts LIST attempts (first pages) that came to the proxy. */
  lists(): number;
}

let kube: KubeClient;
const rows: string[] = [];

beforeAll(() => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
});
afterAll(async () => {
  await kube.close();
  // FAULTS_TABLE=docs/faults.md puts this run's figures into the document.
  const file = process.env.FAULTS_TABLE;
  if (file !== undefined && file !== '')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(?<=\|---\|\n)(\|.*\|\n)*/, `${rows.join('\n')}\n`));
});

// A LIST that selects a field only asks for the version.
const isList = (r: Seen): boolean => r.verb === 'list' && !r.query.has('continue') && !r.query.has('fieldSelector');
const isQuestion = (r: Seen): boolean => r.verb === 'list' && r.query.has('fieldSelector');
const isWatch = (r: Seen): boolean => r.verb === 'watch';

const truth = async (by: KubeClient, namespace: string): Promise<Record<string, unknown>> => {
  const { items } = await by.list(ConfigMap, { namespace });
  return Object.fromEntries(
    items.map((o) => [keyString(keyOf(o)), [o.metadata?.uid, o.metadata?.resourceVersion, o.data]]),
  );
};
const held = (cache: ClusterCache, namespace: string): Record<string, unknown> =>
  Object.fromEntries(
    cache
      .list(ConfigMap, namespace)
      .map((o) => [keyString(keyOf(o)), [o.metadata?.uid, o.metadata?.resourceVersion, o.data]]),
  );

const converged = async (s: Scene): Promise<void> => {
  const expected = await truth(s.kube, s.namespace);
  await vi.waitFor(() => expect(held(s.cache, s.namespace)).toEqual(expected), { timeout: 20_000, interval: 2 });
};

const scene = async (
  o: {
    by?: KubeClient;
    proxy: FaultProxy;
    namespace: string;
    timing?: Partial<Timing>;
    /** client changes what the cache reads through. */
    client?: (behind: KubeClient) => KubeClient;
  },
  play: (s: Scene) => Promise<void>,
): Promise<void> => {
  const { proxy, namespace, by = kube } = o;
  const behind = createClient({ auth: plainAuth(proxy.url), retries: 0 });
  const changes: Change<Item>[] = [];
  const happenings: Happening[] = [];
  const cache = createCache(o.client?.(behind) ?? behind, [cached(ConfigMap, { namespaces: [namespace] })], {
    timing: { ...timing, ...o.timing },
    onHappening: (h) => happenings.push(h),
  });
  cache.subscribe(ConfigMap, (change) => changes.push(change));
  const s: Scene = {
    ...{ namespace, proxy, kube: by, cache, changes, happenings },
    watch: () =>
      vi.waitFor(() => proxy.watches('configmaps')[0] ?? Promise.reject(new Error('no watch')), { interval: 2 }),
    put: async (name, value) =>
      void (await by.apply(ConfigMap, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace, name },
        data: { value },
      })),
    remove: async (name) => {
      const uid = (await by.getMetadata(ConfigMap, { namespace, name }))?.metadata.uid ?? '';
      await by.remove(ConfigMap, { namespace, name }, { uid });
    },
    lists: () => proxy.requests.filter(isList).length,
  };
  try {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await s.put(name, '1');
    await play(s);
  } finally {
    await cache.stop();
    await behind.close();
  }
};

interface Case {
  readonly fault: string;
  /** What the world does meanwhile is part of it: an update, a delete and a create that the watch cannot tell of. */
  readonly play: (s: Scene, w: LiveWatch) => Promise<void> | void;
  readonly lists: number;
  readonly withinMs: number;
  readonly result: string;
  readonly timing?: Partial<Timing>;
}

/** change does one of each to the world. */
const change = async (s: Scene): Promise<void> => {
  await s.put('a', '2');
  await s.remove('b');
  await s.put('f', '1');
};

/** refuse makes the next `times` watches fail, and gives the connection up now. */
const refuse = (s: Scene, w: LiveWatch, times: number, code: number, reason: string, retryAfter?: number): void => {
  s.proxy.inject({
    match: isWatch,
    times,
    fault: { type: 'answer', code, reason, ...(retryAfter === undefined ? {} : { retryAfter }) },
  });
  w.reset();
};

const cases: Case[] = [
  {
    fault: 'clean close of the watch',
    play: (_, w) => w.close(),
    lists: 0,
    withinMs: 500,
    result: 'resumed from the last version',
  },
  {
    fault: 'connection reset',
    play: (_, w) => w.reset(),
    lists: 0,
    withinMs: 800,
    result: 'resumed after one backoff',
  },
  {
    fault: 'half a line, then the end',
    play: (_, w) => w.halfLine(),
    lists: 0,
    withinMs: 800,
    result: 'dropped the half, resumed',
  },
  {
    fault: 'a line that is no JSON',
    play: (_, w) => w.garbage(),
    lists: 0,
    withinMs: 800,
    result: 'gave the connection up, resumed',
  },
  {
    fault: 'silence (half-open socket), read deadline 0.3 s',
    play: (_, w) => w.silence(),
    lists: 0,
    withinMs: 1500,
    result: 'noticed by the read deadline, asked for the version, resumed; production: 100 s',
    timing: { readDeadlineMs: 300 },
  },
  {
    fault: 'HTTP 410 to the watch',
    play: (s, w) => refuse(s, w, 1, 410, 'Expired'),
    lists: 1,
    withinMs: 1500,
    result: 'relist, missed delete synthesized',
  },
  {
    fault: '410 in the stream',
    play: (_, w) => w.fail(410, 'Expired'),
    lists: 1,
    withinMs: 1000,
    result: 'relist, missed delete synthesized',
  },
  {
    fault: 'ERROR 500 in the stream',
    play: (_, w) => w.fail(500, 'InternalError'),
    lists: 0,
    withinMs: 800,
    result: 'resumed',
  },
  {
    fault: '429 with Retry-After: 1',
    play: (s, w) => refuse(s, w, 1, 429, 'TooManyRequests', 1),
    lists: 0,
    withinMs: 2500,
    result: 'waited as long as asked, resumed',
  },
  {
    fault: '500 × 5',
    play: (s, w) => refuse(s, w, 5, 500, 'InternalError'),
    lists: 0,
    withinMs: 5000,
    result: 'backed off six times, resumed',
  },
  { fault: 'every event twice', play: (_, w) => w.duplicate(), lists: 0, withinMs: 500, result: 'second ones dropped' },
  {
    fault: 'events held back 0.3 s',
    play: (_, w) => {
      w.hold();
      setTimeout(() => w.release(), 300);
    },
    lists: 0,
    withinMs: 1000,
    result: 'taken when they came',
  },
];

const record = (fault: string, result: string, ms: number, lists: number, most: number): void => {
  rows.push(`| ${fault} | ${result} | ${(ms / 1000).toFixed(2)} s | ${lists} (≤ ${most}) |`);
};

for (const c of cases) {
  test(`the store equals the API after: ${c.fault}`, () =>
    inNamespace(async (namespace) => {
      await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
      await scene({ proxy, namespace, ...(c.timing && { timing: c.timing }) }, async (s) => {
        s.cache.start();
        await s.cache.synced();
        const w = await s.watch();
        await converged(s);
        const before = s.lists();
        const started = performance.now();
        await c.play(s, w);
        await change(s);
        await converged(s);
        const ms = performance.now() - started;
        const lists = s.lists() - before;
        record(c.fault, c.result, ms, lists, c.lists);
        expect(lists).toBe(c.lists);
        expect(ms).toBeLessThan(c.withinMs);
        const told = s.changes.filter(({ before: was, after }) => was?.metadata?.name === 'b' && after === undefined);
        expect(told, 'the delete was told exactly once').toHaveLength(1);
        const made = s.changes.filter(({ before: was, after }) => was === undefined && after?.metadata?.name === 'f');
        expect(made, 'the create was told exactly once').toHaveLength(1);
      });
    }));
}

test('events of the past that are sent again bring back nothing that was deleted', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    await scene({ proxy, namespace }, async (s) => {
      s.cache.start();
      await s.cache.synced();
      const w = await s.watch();
      await change(s);
      await s.remove('f');
      await converged(s);
      const started = performance.now();
      const changes = s.changes.length;
      w.replay();
      await s.put('g', '1');
      await converged(s);
      record(
        'all events of the watch replayed',
        'dropped as older than what is known',
        performance.now() - started,
        0,
        0,
      );
      expect(s.changes.length).toBe(changes + 1);
      expect(s.happenings.filter((h) => h.type === 'replay')).toHaveLength(4);
      expect(s.lists()).toBe(1);
    });
  }));

test('a delete and a re-creation that no watch can tell of any more are synthesized', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    await scene({ proxy, namespace }, async (s) => {
      s.cache.start();
      await s.cache.synced();
      const w = await s.watch();
      const away = proxy.inject({ match: isWatch, fault: { type: 'dropBefore' } });
      w.reset();
      await s.remove('a');
      await s.put('a', 'new');
      await s.remove('b');
      const started = performance.now();
      proxy.inject({ match: isWatch, times: 1, fault: { type: 'answer', code: 410, reason: 'Expired' } });
      away.remove();
      await converged(s);
      record(
        'deletes missed while disconnected, then 410',
        'synthesized',
        performance.now() - started,
        s.lists() - 1,
        1,
      );
      expect(s.lists() - 1).toBe(1);
      const told = s.changes.filter(({ before }) => before !== undefined);
      const names = told.map(({ before, after }) => [before?.metadata?.name, after?.metadata?.name]);
      expect(names.sort()).toEqual([
        ['a', undefined],
        ['b', undefined],
      ]);
    });
  }));

test('a list that fails five times, is refused once and loses its snapshot between pages ends up whole', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    const answer = (code: number, reason: string, retryAfter?: number) =>
      ({ type: 'answer', code, reason, ...(retryAfter === undefined ? {} : { retryAfter }) }) as const;
    proxy.inject({ match: isList, times: 5, fault: answer(500, 'InternalError') });
    proxy.inject({ match: isList, times: 1, fault: answer(429, 'TooManyRequests', 1) });
    proxy.inject({
      match: (r) => r.verb === 'list' && r.query.has('continue'),
      times: 1,
      fault: answer(410, 'Expired'),
    });
    await scene({ proxy, namespace }, async (s) => {
      const started = performance.now();
      s.cache.start();
      await s.cache.synced();
      await converged(s);
      const ms = performance.now() - started;
      record(
        'first LIST: 500 × 5, 429 with Retry-After: 1, 410 on the second page',
        'last one without pages',
        ms,
        s.lists(),
        8,
      );
      expect(s.lists()).toBe(8);
      expect(s.happenings.filter((h) => h.type === 'failure')).toHaveLength(7);
      expect(ms).toBeLessThan(8000);
    });
  }));

test('the store equals the API after the API server was restarted', async () => {
  await using plane = await privateControlPlane();
  const auth = loadAuth({ kubeconfig: plane.kubeconfig });
  await using proxy = await startFaultProxy(auth);
  const by = createClient({ auth });
  await scene({ by, proxy, namespace: 'default' }, async (s) => {
    s.cache.start();
    await s.cache.synced();
    await s.watch();
    await change(s);
    await converged(s);
    const before = s.lists();
    await plane.stopApiServer();
    await vi.waitFor(() => expect(proxy.watches()).toHaveLength(0));
    await plane.startApiServer();
    const started = performance.now();
    await s.put('c', '2');
    await s.remove('d');
    await converged(s);
    const ms = performance.now() - started;
    record('API server restarted', 'resumed or relisted; time from when it is ready', ms, s.lists() - before, 2);
    expect(s.lists() - before).toBeLessThanOrEqual(2);
    expect(ms).toBeLessThan(5000);
  });
  await by.close();
});

test('the store equals the API after etcd was restored from a backup, which made versions go back', async () => {
  await using plane = await restorablePlane();
  const auth = loadAuth({ kubeconfig: plane.kubeconfig });
  await using proxy = await startFaultProxy(auth);
  const by = createClient({ auth });
  await scene({ by, proxy, namespace: 'default' }, async (s) => {
    await plane.save();
    s.cache.start();
    await s.cache.synced();
    await s.watch();
    await change(s);
    for (let i = 0; i < 30; i++) await s.put('c', `lost ${i}`);
    await converged(s);
    const known = Number(s.cache.progress(ConfigMap, 'default'));
    const before = s.lists();
    await plane.restore();
    const started = performance.now();
    await s.put('g', '1');
    await converged(s);
    const ms = performance.now() - started;
    const lists = s.lists() - before;
    record('etcd restored from a backup', 'asked for the version, relisted; from when it is ready', ms, lists, 1);
    expect(Number(s.cache.progress(ConfigMap, 'default'))).toBeLessThan(known);
    expect(lists).toBe(1);
    expect(s.happenings.filter((h) => h.type === 'restored')).toHaveLength(1);
    const told = (name: string): Change<Item> | undefined =>
      s.changes.findLast(({ before: was, after }) => (after ?? was)?.metadata?.name === name);
    expect(told('f')?.after, 'what was made after the backup is told as deleted').toBeUndefined();
    expect(told('b')?.after, 'what was deleted after the backup is told as made').toBeDefined();
    expect(told('c')?.after?.data).toEqual({ value: '1' });
    await s.put('h', '1');
    await converged(s);
    expect(s.lists() - before, 'and the watch goes on').toBe(1);
  });
  await by.close();
});

test('a watch from a version that the server has not got to is silent, and ends in a relist', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    let lead = 1_000_000;
    const client = (behind: KubeClient): KubeClient => ({
      ...behind,
      // The server is real, and so is its watch; only what the reflector takes for the version of its first list is not.
      eachItem: async (r, o, take) => {
        const version = Number(await behind.eachItem(r, o, take)) + lead;
        lead = 0;
        return String(version);
      },
    });
    await scene({ proxy, namespace, client, timing: { readDeadlineMs: 500 } }, async (s) => {
      s.cache.start();
      await s.cache.synced();
      await s.watch();
      const started = performance.now();
      await change(s);
      await converged(s);
      const ms = performance.now() - started;
      const what = 'watch from a version that the server has not got to: silence, read deadline 0.5 s';
      record(what, 'asked for the version, relisted; production: 100 s', ms, s.lists() - 1, 1);
      expect(s.lists()).toBe(2);
      expect(s.happenings.map((h) => h.type)).toEqual(
        expect.arrayContaining(['list', 'watch', 'failure', 'restored', 'relist']),
      );
      expect(ms).toBeLessThan(2000);
      await s.put('g', '1');
      await converged(s);
      expect(s.lists(), 'and the watch goes on').toBe(2);
    });
  }));

test('a watch that begins with the past is not taken for a repetition: the server went back', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    let watches = 0;
    const client = (behind: KubeClient): KubeClient => ({
      ...behind,
      async *watch(r, o) {
        if (watches++ === 0) yield { type: 'BOOKMARK', object: { metadata: { resourceVersion: '1' } } };
        yield* behind.watch(r, o);
      },
    });
    await scene({ proxy, namespace, client }, async (s) => {
      s.cache.start();
      await s.cache.synced();
      await vi.waitFor(() => expect(s.lists()).toBe(2));
      await change(s);
      await converged(s);
      expect(s.lists()).toBe(2);
      expect(s.happenings.filter((h) => h.type === 'restored')).toHaveLength(1);
    });
  }));

test('a watch that stays deaf while the server moves on is not believed a second time', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    await scene({ proxy, namespace, timing: { readDeadlineMs: 300 } }, async (s) => {
      s.cache.start();
      await s.cache.synced();
      const w = await s.watch();
      await converged(s);
      const before = s.lists();
      const mute = proxy.inject({ match: isWatch, fault: { type: 'mute' } });
      const started = performance.now();
      w.silence();
      await change(s);
      await converged(s);
      const ms = performance.now() - started;
      mute.remove();
      const lists = s.lists() - before;
      record('two silences in a row, read deadline 0.3 s', 'relist; production: 200 s', ms, lists, 1);
      expect(lists).toBe(1);
      expect(proxy.requests.filter(isQuestion)).toHaveLength(2);
      expect(ms).toBeLessThan(2500);
    });
  }));

test('a write whose object came and went unseen is proven by the progress of its kind', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    await scene({ proxy, namespace }, async (s) => {
      s.cache.start();
      await s.cache.synced();
      const tracker = trackWrites(s.cache);
      const w = await s.watch();
      const away = proxy.inject({ match: isWatch, fault: { type: 'dropBefore' } });
      w.reset();
      const made = await s.kube.create(ConfigMap, { metadata: { namespace, name: 'brief' } });
      tracker.wrote('me', ConfigMap, { namespace, name: 'brief' }, made.metadata?.resourceVersion ?? '');
      const seen = tracker.caughtUp('me', { timeoutMs: 15_000 });
      await s.remove('brief');
      proxy.inject({ match: isWatch, times: 1, fault: { type: 'answer', code: 410, reason: 'Expired' } });
      const started = performance.now();
      away.remove();
      expect(await seen).toBe(true);
      expect(performance.now() - started).toBeLessThan(5000);
      tracker.close();
    });
  }));
