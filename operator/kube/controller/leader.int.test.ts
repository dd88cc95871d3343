import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { ManualClock, settled } from '../../testing/clock.ts';
import { loadAuth } from '../client/auth.ts';
import { createClient, type KubeClient } from '../client/client.ts';
import { Elector, electionIdentity, type ElectionOptions, type Term } from './leader.ts';
import { Lease, type Key } from '../resource.ts';

let kube: KubeClient;
/** The electors' client: counts the requests on their way, so that the clock waits for them. */
let counting: ElectionOptions['kube'];
let onTheWay = 0;
let stop: AbortController;

beforeEach(() => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
  stop = new AbortController();
  const count = <T>(request: Promise<T>): Promise<T> => {
    onTheWay++;
    return request.finally(() => onTheWay--);
  };
  counting = {
    get: (...a) => count(kube.get(...a)),
    create: (...a) => count(kube.create(...a)),
    mergePatch: (...a) => count(kube.mergePatch(...a)),
  };
});
afterEach(async () => {
  stop.abort();
  await kube.close();
});

const lease = (namespace: string): Key => ({ namespace, name: 'operator' });
const log = createLogger('silent');
const elector = (namespace: string, identity: string, o: Partial<ElectionOptions> = {}): Elector =>
  new Elector({ kube: counting, lease: lease(namespace), identity, log, ...o });
const read = async (namespace: string) => (await kube.get(Lease, lease(namespace)))?.spec;

/** run moves the clock in steps of a second, when no request is on its way, until `until` holds. */
const run = async (clock: ManualClock, seconds: number, until: () => boolean = () => false): Promise<number> => {
  for (let s = 0; s < seconds; s++) {
    if (until()) return s;
    await clock.advance(1000);
    do await settled();
    while (onTheWay > 0);
  }
  return seconds;
};

const campaign = (e: Elector): { term: () => Term | undefined } => {
  let won: Term | undefined;
  e.campaign(stop.signal).then(
    (term) => (won = term),
    () => undefined,
  );
  return { term: () => won };
};

/** leaderAndFollower are two electors on one clock, of which a leads. */
const leaderAndFollower = async (namespace: string, clock: ManualClock) => {
  const a = campaign(elector(namespace, 'a', { clock }));
  await vi.waitFor(() => expect(a.term()).toBeDefined());
  return { a, b: campaign(elector(namespace, 'b', { clock })) };
};

describe('who leads', () => {
  it('is one of two, and says so in the lease', () =>
    inNamespace(async (ns) => {
      const [a, b] = [campaign(elector(ns, 'a')), campaign(elector(ns, 'b'))];
      await vi.waitFor(() => expect(a.term() ?? b.term()).toBeDefined());
      const holder = (await read(ns))?.holderIdentity;
      expect([a.term() !== undefined, b.term() !== undefined]).toEqual([holder === 'a', holder === 'b']);
      expect(await read(ns)).toMatchObject({ leaseDurationSeconds: 15, leaseTransitions: 0 });
    }));

  it('stays the same while it renews, however long', () =>
    inNamespace(async (ns) => {
      const clock = new ManualClock();
      const { a, b } = await leaderAndFollower(ns, clock);
      await run(clock, 120);
      expect(a.term()?.leads()).toBe(true);
      expect(b.term()).toBeUndefined();
      expect(await read(ns)).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
    }));

  it('changes only after nothing was observed for a whole lease, whatever the times in the lease and the wall clock say', () =>
    inNamespace(async (ns) => {
      // b's wall clock is a year ahead of a's: to b the lease looks long expired, yet only what b observes counts.
      const clockOfA = new ManualClock();
      const clockOfB = new ManualClock(Date.UTC(2027, 0, 1));
      const a = campaign(elector(ns, 'a', { clock: clockOfA }));
      await vi.waitFor(() => expect(a.term()).toBeDefined());
      const b = campaign(elector(ns, 'b', { clock: clockOfB }));
      await run(clockOfB, 14);
      expect(b.term()).toBeUndefined();
      const waited = await run(clockOfB, 10, () => b.term() !== undefined);
      expect(waited).toBeGreaterThan(0);
      expect(b.term()?.leads()).toBe(true);
      expect(await read(ns)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    }));
});

describe('a leader that cannot renew', () => {
  it('stops leading 10 s after its last renewal was sent, 5 s before another may begin', () =>
    inNamespace(async (ns) => {
      const clock = new ManualClock();
      let away = false;
      const flaky: ElectionOptions['kube'] = {
        get: (...args) => (away ? Promise.reject(new Error('away')) : counting.get(...args)),
        create: (...args) => counting.create(...args),
        mergePatch: (...args) => (away ? Promise.reject(new Error('away')) : counting.mergePatch(...args)),
      };
      const a = campaign(elector(ns, 'a', { clock, kube: flaky }));
      await vi.waitFor(() => expect(a.term()).toBeDefined());
      const b = campaign(elector(ns, 'b', { clock }));
      await run(clock, 6);
      away = true;
      const lostAt = await run(clock, 20, () => a.term()?.lost.aborted === true);
      expect(lostAt).toBeLessThanOrEqual(10);
      expect(b.term()).toBeUndefined();
      const takenAt = lostAt + (await run(clock, 20, () => b.term() !== undefined));
      expect(takenAt - lostAt).toBeGreaterThanOrEqual(4);
      expect(a.term()?.leads()).toBe(false);
    }));

  it('does not lead by the clock even before any timer could tell it so', () =>
    inNamespace(async (ns) => {
      let frozen = 0;
      const clock = new ManualClock();
      const skewed = {
        monotonic: () => clock.monotonic() + frozen,
        date: () => clock.date(),
        after: (ms: number, callback: () => void) => clock.after(ms, callback),
      };
      const a = campaign(elector(ns, 'a', { clock: skewed }));
      await vi.waitFor(() => expect(a.term()).toBeDefined());
      expect(a.term()?.leads()).toBe(true);
      frozen = 10_001;
      expect(a.term()?.lost.aborted).toBe(false);
      expect(a.term()?.leads()).toBe(false);
    }));

  it('stops at once when it sees another lead', () =>
    inNamespace(async (ns) => {
      const clock = new ManualClock();
      const a = campaign(elector(ns, 'a', { clock }));
      await vi.waitFor(() => expect(a.term()).toBeDefined());
      await kube.mergePatch(Lease, lease(ns), { spec: { holderIdentity: 'intruder' } });
      const after = await run(clock, 20, () => a.term()?.lost.aborted === true);
      expect(after).toBeLessThanOrEqual(3);
      expect((await read(ns))?.holderIdentity).toBe('intruder');
    }));

  it('goes on when somebody else only labels the lease or deletes it', () =>
    inNamespace(async (ns) => {
      const clock = new ManualClock();
      const a = campaign(elector(ns, 'a', { clock }));
      await vi.waitFor(() => expect(a.term()).toBeDefined());
      await kube.mergePatch(Lease, lease(ns), { metadata: { labels: { a: 'b' } } });
      await run(clock, 6);
      const found = await kube.get(Lease, lease(ns));
      await kube.remove(Lease, lease(ns), { uid: found?.metadata?.uid ?? '' });
      await run(clock, 6);
      expect(a.term()?.leads()).toBe(true);
      expect((await read(ns))?.holderIdentity).toBe('a');
    }));
});

describe('a lease that is deleted', () => {
  const removed = async (namespace: string): Promise<void> => {
    const found = await kube.get(Lease, lease(namespace));
    await kube.remove(Lease, lease(namespace), { uid: found?.metadata?.uid ?? '' });
  };

  it('is not made by one that saw another hold it moments ago, but by its holder', () =>
    inNamespace(async (ns) => {
      const [clockOfA, clockOfB] = [new ManualClock(), new ManualClock()];
      const a = campaign(elector(ns, 'a', { clock: clockOfA }));
      await vi.waitFor(() => expect(a.term()).toBeDefined());
      const b = campaign(elector(ns, 'b', { clock: clockOfB }));
      await run(clockOfB, 5);
      await removed(ns);
      // b looks again several times before a does.
      await run(clockOfB, 14);
      expect([a.term()?.leads(), b.term()]).toEqual([true, undefined]);
      expect(await read(ns)).toBeUndefined();
      await run(clockOfA, 3);
      expect((await read(ns))?.holderIdentity).toBe('a');
      await run(clockOfB, 10);
      expect([a.term()?.leads(), b.term()]).toEqual([true, undefined]);
    }));

  it('goes to another a whole lease later where its holder is cut off: never do two lead', () =>
    inNamespace(async (ns) => {
      const clock = new ManualClock();
      let away: 'a' | 'b' | undefined;
      const reach = (who: 'a' | 'b'): ElectionOptions['kube'] => {
        const unless = <T>(call: () => Promise<T>): Promise<T> =>
          away === who ? Promise.reject(new Error('away')) : call();
        return {
          get: (...x) => unless(() => counting.get(...x)),
          create: (...x) => unless(() => counting.create(...x)),
          mergePatch: (...x) => unless(() => counting.mergePatch(...x)),
        };
      };
      const a = campaign(elector(ns, 'a', { clock, kube: reach('a') }));
      await vi.waitFor(() => expect(a.term()).toBeDefined());
      const b = campaign(elector(ns, 'b', { clock, kube: reach('b') }));
      await run(clock, 5);
      // b does not see a's last renewals: its own memory of the lease is older than what a may rely on.
      away = 'b';
      await run(clock, 10);
      away = 'a';
      await removed(ns);
      const both = (): boolean => a.term()?.leads() === true && b.term() !== undefined;
      const taken = await run(clock, 30, () => b.term() !== undefined || both());
      expect(both()).toBe(false);
      expect(taken).toBeGreaterThanOrEqual(15);
      expect(b.term()?.leads()).toBe(true);
    }));
});

describe('handing over', () => {
  it('leaves the lease to run out when the term is abandoned: no renewal comes any more', () =>
    inNamespace(async (ns) => {
      const clock = new ManualClock();
      const { a, b } = await leaderAndFollower(ns, clock);
      await run(clock, 5);
      a.term()?.abandon();
      expect([a.term()?.leads(), a.term()?.lost.aborted]).toEqual([false, false]);
      const renewed = (await read(ns))?.renewTime;
      await run(clock, 9);
      expect(await read(ns)).toMatchObject({ holderIdentity: 'a', renewTime: renewed });
      expect(await run(clock, 20, () => b.term() !== undefined)).toBeLessThanOrEqual(10);
      // What ended stays ended.
      await a.term()?.resign();
      expect((await read(ns))?.holderIdentity).toBe('b');
    }));

  it('lets the other lead at its next try when the leader resigns', () =>
    inNamespace(async (ns) => {
      const clock = new ManualClock();
      const { a, b } = await leaderAndFollower(ns, clock);
      await run(clock, 5);
      await a.term()?.resign();
      expect(await read(ns)).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
      expect(a.term()?.leads()).toBe(false);
      expect(a.term()?.lost.aborted).toBe(false);
      expect(await run(clock, 20, () => b.term() !== undefined)).toBeLessThanOrEqual(3);
      expect((await read(ns))?.holderIdentity).toBe('b');
    }));

  it('leads at once after a restart under the same identity', () =>
    inNamespace(async (ns) => {
      const identity = electionIdentity('operator-7d4f-x2x');
      const before = campaign(elector(ns, identity, { clock: new ManualClock() }));
      await vi.waitFor(() => expect(before.term()).toBeDefined());
      const acquired = (await read(ns))?.acquireTime;
      const after = campaign(elector(ns, identity, { clock: new ManualClock() }));
      await vi.waitFor(() => expect(after.term()?.leads()).toBe(true));
      expect(await read(ns)).toMatchObject({ leaseTransitions: 0, acquireTime: acquired });
    }));

  it('gives an identity of its own to a process outside of a pod', () => {
    expect(electionIdentity('pod-1')).toBe('pod-1');
    expect(electionIdentity()).not.toBe(electionIdentity());
    expect(electionIdentity('')).toMatch(/_/);
  });
});

it('refuses times that would let two lead', () => {
  expect(() => elector('ns', 'a', { leaseMs: 10_000, renewMs: 10_000 })).toThrow('leaseMs > renewMs');
});
