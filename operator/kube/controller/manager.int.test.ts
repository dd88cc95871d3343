import { expect, it, vi } from 'vitest';
import { inNamespace } from '../../testing/apiserver.ts';
import { operate, type HarnessOptions } from '../../testing/harness.ts';
import { ConfigMap, Lease, Secret, type Key } from '../resource.ts';
import { done, type Context, type Controller, type Result } from '../types.ts';
import { controller } from './watches.ts';

let nth = 0;
const oneController = (reconcile: (key: Key, ctx: Context) => Promise<Result>): Controller =>
  controller({
    name: `managed${++nth}`,
    kind: ConfigMap,
    watches: [],
    reconcile: async (key, ctx) => (key.name === 'parent' ? reconcile(key, ctx) : done()),
  });

const election = (namespace: string, identity: string): NonNullable<HarnessOptions['election']> => ({
  lease: { namespace, name: 'operator' },
  identity,
  leaseMs: 3000,
  renewMs: 2000,
  retryMs: 250,
});

const secret = (namespace: string, name: string, by: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace, name, labels: { by } },
});

/** barrier is something to wait for that a test opens. */
const barrier = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open: () => open(), opened };
};

it('writes nothing after leadership was lost in the middle of a reconcile, and the next leader finishes the work', () =>
  inNamespace(async (namespace) => {
    const paused = barrier();
    const refusals: string[] = [];
    /** Two writes with a pause between them; the first leader loses its lease in the pause. */
    const work = (by: string, pause: Promise<void>) =>
      oneController(async (_, { kube, events, cache }) => {
        await kube.apply(Secret, secret(namespace, 'first', by));
        await pause;
        events.note(cache.get(ConfigMap, { namespace, name: 'parent' }) ?? {}, {
          type: 'Normal',
          reason: 'Done',
          action: 'Do',
          note: `by ${by}`,
        });
        await kube.apply(Secret, secret(namespace, 'second', by)).catch((e: Error) => {
          refusals.push(`${e.name}: ${e.message}`);
          throw e;
        });
        return done();
      });
    await using a = operate({
      namespace,
      caches: [ConfigMap],
      controllers: [work('a', paused.opened)],
      election: election(namespace, 'a'),
    });
    await vi.waitFor(() => expect(a.manager.leading).toBe(true));
    await a.kube.create(ConfigMap, { metadata: { namespace, name: 'parent' } });
    await vi.waitFor(async () => expect(await a.kube.get(Secret, { namespace, name: 'first' })).toBeDefined());

    // The server has it a moment before the client counts the answer.
    await vi.waitFor(() => expect(a.requests.total({ verb: 'apply' })).toBe(1));
    await a.kube.mergePatch(
      Lease,
      { namespace, name: 'operator' },
      { spec: { holderIdentity: 'b', leaseDurationSeconds: 1 } },
    );
    await vi.waitFor(() => expect(a.manager.leading).toBe(false), { timeout: 3000 });
    paused.open();
    expect(await a.ended).toBe('lost');
    expect(refusals).toEqual(['Stopped: leadership lost: b leads']);
    expect(a.requests.total({ verb: 'apply' })).toBe(1);
    expect(a.requests.total({ resource: 'events.events.k8s.io' })).toBe(0);
    expect(await a.kube.get(Secret, { namespace, name: 'second' })).toBeUndefined();

    await using b = operate({
      namespace,
      caches: [ConfigMap],
      controllers: [work('b', Promise.resolve())],
      election: election(namespace, 'b'),
    });
    await vi.waitFor(async () => expect(await b.kube.get(Secret, { namespace, name: 'second' })).toBeDefined());
    expect((await b.kube.get(Secret, { namespace, name: 'first' }))?.metadata?.labels).toEqual({ by: 'b' });
  }));

it('breaks off what is on its way when leadership is lost', () =>
  inNamespace(async (namespace) => {
    let aborted: unknown;
    const c = oneController(async (_, { signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      aborted = signal.reason;
      return done();
    });
    await using h = operate({ namespace, caches: [ConfigMap], controllers: [c], election: election(namespace, 'a') });
    await vi.waitFor(() => expect(h.manager.leading).toBe(true));
    await h.kube.create(ConfigMap, { metadata: { namespace, name: 'parent' } });
    await vi.waitFor(() => expect(h.manager.idle).toBe(false));
    await h.kube.mergePatch(Lease, { namespace, name: 'operator' }, { spec: { holderIdentity: 'thief' } });
    expect(await h.ended).toBe('lost');
    expect(String(aborted)).toContain('thief leads');
    expect((await h.kube.get(Lease, { namespace, name: 'operator' }))?.spec?.holderIdentity).toBe('thief');
  }));

it('at stop lets work under way end with its writes, starts none, then releases the lease, and another leads at once', () =>
  inNamespace(async (namespace) => {
    const pause = barrier();
    let runs = 0;
    const c = oneController(async (_, { kube }) => {
      runs++;
      await pause.opened;
      await kube.apply(Secret, secret(namespace, 'last', 'a'));
      return done();
    });
    await using a = operate({
      namespace,
      caches: [ConfigMap],
      controllers: [c],
      election: election(namespace, 'a'),
      health: { port: 0, host: '127.0.0.1' },
    });
    await vi.waitFor(() => expect(a.manager.leading).toBe(true));
    await a.kube.create(ConfigMap, { metadata: { namespace, name: 'parent' } });
    await vi.waitFor(() => expect(runs).toBe(1));
    await using b = operate({
      namespace,
      caches: [ConfigMap],
      controllers: [oneController(async () => done())],
      election: election(namespace, 'b'),
    });

    const stopping = a.manager.stop();
    await a.kube.mergePatch(ConfigMap, { namespace, name: 'parent' }, { data: { edited: 'yes' } });
    await vi.waitFor(() =>
      expect(a.cache.get(ConfigMap, { namespace, name: 'parent' })?.data).toEqual({ edited: 'yes' }),
    );
    expect((await a.kube.get(Lease, { namespace, name: 'operator' }))?.spec?.holderIdentity).toBe('a');
    pause.open();
    expect(await stopping).toBe('stopped');
    expect(runs).toBe(1);
    expect(await a.kube.get(Secret, { namespace, name: 'last' })).toBeDefined();
    // Held for 3 s if it had not been released.
    await vi.waitFor(() => expect(b.manager.leading).toBe(true), { timeout: 1500 });
  }));

it('breaks off work that does not end in time, and releases the lease when it has ended', () =>
  inNamespace(async (namespace) => {
    const started = barrier();
    const c = oneController(async (_, { signal }) => {
      started.open();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      return done();
    });
    await using h = operate({
      namespace,
      caches: [ConfigMap],
      controllers: [c],
      election: election(namespace, 'a'),
      drainMs: 100,
    });
    await vi.waitFor(() => expect(h.manager.leading).toBe(true));
    await h.kube.create(ConfigMap, { metadata: { namespace, name: 'parent' } });
    await started.opened;
    expect(await h.manager.stop()).toBe('stopped');
    expect(h.logs().some((l) => l['msg'] === 'work did not end in time: broken off')).toBe(true);
    expect((await h.kube.get(Lease, { namespace, name: 'operator' }))?.spec?.holderIdentity).toBe('');
  }));

it('leaves the lease to run out when broken-off work does not end: it might still write', () =>
  inNamespace(async (namespace) => {
    const started = barrier();
    const late = barrier();
    let refused: unknown;
    const c = oneController(async (_, { kube }) => {
      started.open();
      await late.opened;
      await kube.apply(Secret, secret(namespace, 'late', 'a')).catch((e: unknown) => (refused = e));
      return done();
    });
    await using h = operate({
      namespace,
      caches: [ConfigMap],
      controllers: [c],
      election: election(namespace, 'a'),
      drainMs: 100,
      graceMs: 100,
    });
    await vi.waitFor(() => expect(h.manager.leading).toBe(true));
    await h.kube.create(ConfigMap, { metadata: { namespace, name: 'parent' } });
    await started.opened;
    expect(await h.manager.stop()).toBe('stopped');
    const leaseNow = async () => (await h.kube.get(Lease, { namespace, name: 'operator' }))?.spec;
    expect((await leaseNow())?.holderIdentity).toBe('a');
    // The process lives on, and with it the work; but nobody renews the lease, so another leads when it has run out.
    await using b = operate({ namespace, caches: [ConfigMap], election: election(namespace, 'b') });
    await vi.waitFor(() => expect(b.manager.leading).toBe(true), { timeout: 8000 });
    expect((await leaseNow())?.holderIdentity).toBe('b');
    late.open();
    await vi.waitFor(() => expect(String(refused)).toBe('Stopped: the time to drain is over'));
    expect(await h.kube.get(Secret, { namespace, name: 'late' })).toBeUndefined();
  }));

it('can be stopped while it waits to lead', () =>
  inNamespace(async (namespace) => {
    await using a = operate({ namespace, caches: [ConfigMap], election: election(namespace, 'a') });
    await vi.waitFor(() => expect(a.manager.leading).toBe(true));
    await using b = operate({ namespace, caches: [ConfigMap], election: election(namespace, 'b') });
    await vi.waitFor(() => expect(b.logs().some((l) => l['msg'] === 'another leads')).toBe(true));
    expect(await b.manager.stop()).toBe('stopped');
    expect(a.manager.leading).toBe(true);
  }));

it('runs tasks only while leading, again when they fail, and ends them at stop', () =>
  inNamespace(async (namespace) => {
    let runs = 0;
    let ended = false;
    const task = {
      name: 'sweep',
      run: async ({ signal }: { signal: AbortSignal }): Promise<void> => {
        if (++runs === 1) throw new Error('at first it fails');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        ended = true;
      },
    };
    await using h = operate({ namespace, caches: [], tasks: [task] });
    await vi.waitFor(() => expect(runs).toBe(2), { timeout: 5000 });
    await h.manager.stop();
    expect(ended).toBe(true);
  }));

it('is ready once its caches are synced, leading or not, and no longer when it stops', () =>
  inNamespace(async (namespace) => {
    const port = await freePort();
    await using h = operate({ namespace, caches: [ConfigMap], health: { port, host: '127.0.0.1' } });
    const readyz = (): Promise<number> => fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.status);
    await vi.waitFor(async () => expect(await readyz()).toBe(200));
    await h.manager.stop();
    await expect(readyz()).rejects.toThrow();
  }));

const freePort = async (): Promise<number> => {
  const { startHealthServer } = await import('../../telemetry/health.ts');
  const server = await startHealthServer({ port: 0, host: '127.0.0.1' });
  await server.close();
  return server.port;
};
