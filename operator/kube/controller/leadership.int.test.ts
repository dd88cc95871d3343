import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { busyController, quickElection } from '../../testing/busy.ts';
import { startFaultProxy, type FaultProxy, type Seen } from '../../testing/faults.ts';
import { operate, type Harness } from '../../testing/harness.ts';
import { loadAuth, plainAuth } from '../client/auth.ts';
import { ConfigMap, Lease, type Key } from '../resource.ts';

/** A proxy for each of two operators, so that the history of requests says who sent what and when. */
let proxies: { a: FaultProxy; b: FaultProxy };
let startedAt: { a: number; b: number };

const startProxy = () => startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
beforeEach(async () => {
  proxies = { a: await startProxy(), b: await startProxy() };
  startedAt = { a: performance.now(), b: performance.now() };
});
afterEach(async () => {
  vi.useRealTimers();
  await proxies.a.close();
  await proxies.b.close();
});

const isWork = (r: Seen): boolean => r.resource === 'secrets' && r.verb === 'apply';
const isWrite = (r: Seen): boolean => !['get', 'list', 'watch'].includes(r.verb);
const isLease = (r: Seen): boolean => r.resource === 'leases';
/** writesOf gives the times of everything an operator sent that could change something, other than the lease. */
const writesOf = (who: 'a' | 'b'): number[] =>
  proxies[who].requests.filter((r) => isWrite(r) && !isLease(r)).map((r) => startedAt[who] + r.at);
const first = (times: number[]): number => Math.min(...times);
const last = (times: number[]): number => Math.max(...times);

const busy = (who: 'a' | 'b', namespace: string): Harness =>
  operate({
    namespace,
    caches: [ConfigMap],
    auth: plainAuth(proxies[who].url),
    controllers: [busyController(who)],
    election: quickElection(namespace, who),
    drainMs: 2000,
  });

/** makeParent gives the operators something to do, past their proxies. */
const makeParent = async (namespace: string): Promise<void> => {
  await using direct = operate({ namespace, caches: [] });
  await direct.kube.create(ConfigMap, { metadata: { namespace, name: 'parent' } });
};
const lease = (namespace: string): Key => ({ namespace, name: 'operator' });

it('has a leader that is cut off from the lease write nothing more before another begins', () =>
  inNamespace(async (namespace) => {
    await using a = busy('a', namespace);
    await vi.waitFor(() => expect(a.manager.leading).toBe(true));
    await makeParent(namespace);
    await using _b = busy('b', namespace);
    await vi.waitFor(() => expect(writesOf('a').length).toBeGreaterThan(10));

    const cut = performance.now();
    proxies.a.inject({ match: isLease, fault: { type: 'dropBefore' } });
    expect(await a.ended).toBe('lost');
    await vi.waitFor(() => expect(writesOf('b').length).toBeGreaterThan(10), { timeout: 10_000 });
    // It wrote on for a while, as it may, and stopped about a second before the other began.
    expect(last(writesOf('a')) - cut).toBeGreaterThan(1000);
    expect(last(writesOf('a')) - cut).toBeLessThan(2500);
    expect(first(writesOf('b')) - last(writesOf('a'))).toBeGreaterThan(500);
  }));

it('has a leader whose renewals hang give up by the clock, not by the answer', () =>
  inNamespace(async (namespace) => {
    await using a = busy('a', namespace);
    await vi.waitFor(() => expect(a.manager.leading).toBe(true));
    const hang = Promise.withResolvers<void>();
    proxies.a.inject({ match: isLease, fault: { type: 'until', promise: hang.promise } });
    const from = performance.now();
    expect(await a.ended).toBe('lost');
    expect(performance.now() - from).toBeLessThan(4000);
    hang.resolve();
  }));

it('does not send a refused write again after leadership was lost', () =>
  inNamespace(async (namespace) => {
    await using a = busy('a', namespace);
    await vi.waitFor(() => expect(a.manager.leading).toBe(true));
    const refuse = proxies.a.inject({ match: isWork, fault: { type: 'answer', code: 429, retryAfter: 1 } });
    await makeParent(namespace);
    await vi.waitFor(() => expect(refuse.hits()).toBe(1));
    await giveToB(a, namespace);
    expect(await a.ended).toBe('lost');
    const hits = refuse.hits();
    refuse.remove();
    // The manager ends after the last reconcile has, so nothing can come any more.
    expect(writesOf('a')).toHaveLength(hits);
  }));

const giveToB = (a: Harness, namespace: string) =>
  a.kube.mergePatch(Lease, lease(namespace), { spec: { holderIdentity: 'b' } });

it('goes on leading when the wall clock jumps a year ahead and back', () =>
  inNamespace(async (namespace) => {
    await using a = busy('a', namespace);
    await vi.waitFor(() => expect(a.manager.leading).toBe(true));
    await using b = busy('b', namespace);
    await vi.waitFor(() => expect(b.logs().some((l) => l['msg'] === 'another leads')).toBe(true));
    const renewals = () => proxies.a.requests.filter((r) => isLease(r) && r.verb === 'patch' && r.code === 200).length;
    for (const year of [2030, 2020]) {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(year, 0, 1) });
      const before = renewals();
      // More than a whole lease of renewals under the wrong time.
      await vi.waitFor(() => expect(renewals()).toBeGreaterThan(before + 8), { timeout: 10_000 });
      expect([a.manager.leading, b.manager.leading]).toEqual([true, false]);
    }
  }));

const spawnBusy = (namespace: string): ChildProcess =>
  spawn(
    process.execPath,
    [join(import.meta.dirname, '..', '..', 'testing', 'busy.ts'), proxies.a.url, namespace, 'a'],
    {
      stdio: 'ignore',
    },
  );

it('has a process that was frozen for longer than its lease write nothing when it wakes, and exit with an error', () =>
  inNamespace(async (namespace) => {
    await makeParent(namespace);
    const a = spawnBusy(namespace);
    const exited = once(a, 'exit');
    try {
      await vi.waitFor(() => expect(writesOf('a').length).toBeGreaterThan(10), { timeout: 10_000 });
      a.kill('SIGSTOP');
      await using other = busy('b', namespace);
      await vi.waitFor(() => expect(writesOf('b').length).toBeGreaterThan(10), { timeout: 10_000 });
      expect(other.manager.leading).toBe(true);
      a.kill('SIGCONT');
      expect(await exited).toEqual([1, null]);
      expect(last(writesOf('a'))).toBeLessThan(first(writesOf('b')));
    } finally {
      a.kill('SIGKILL');
    }
  }));

it('takes over at once from a container of the same pod that was killed', () =>
  inNamespace(async (namespace) => {
    await makeParent(namespace);
    const a = spawnBusy(namespace);
    const exited = once(a, 'exit');
    await vi.waitFor(() => expect(writesOf('a').length).toBeGreaterThan(3), { timeout: 10_000 });
    a.kill('SIGKILL');
    await exited;
    await using again = operate({
      namespace,
      caches: [ConfigMap],
      controllers: [busyController('again')],
      election: quickElection(namespace, 'a'),
    });
    // A stranger would wait for 3 s.
    await vi.waitFor(() => expect(again.manager.leading).toBe(true), { timeout: 1500 });
  }));

it('ends an idle process on SIGTERM with code 0 and the lease released', () =>
  inNamespace(async (namespace) => {
    await using setup = operate({ namespace, caches: [] });
    const a = spawnBusy(namespace);
    const exited = once(a, 'exit');
    const holder = async () => (await setup.kube.get(Lease, lease(namespace)))?.spec?.holderIdentity;
    await vi.waitFor(async () => expect(await holder()).toBe('a'), { timeout: 10_000 });
    a.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(await holder()).toBe('');
  }));
