import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyString, type Key } from '../kube/resource.ts';
import { BuildQueue, keepMs, shownPosition, type Caps, type Turn, type Waiting } from './queue.ts';

const now = new Date('2026-11-21T04:00:00Z');
const later = (ms: number) => new Date(now.getTime() + ms);
const run = (namespace: string, name: string, since: number): Waiting => ({
  key: { namespace, name },
  since: new Date(since * 1000).toISOString(),
});

/** Held is a Job that is there. */
interface Held {
  readonly key: Key;
  readonly stalled: boolean;
}

/** The rules in their plainest form, which the ledger has to agree with: line everybody up, and give away slots from the front. */
const turnsOf = (waiting: readonly Waiting[], holding: readonly Held[], caps: Caps): Map<string, Turn> => {
  const jobs = (ns: string, stalled: boolean) =>
    holding.filter((h) => h.key.namespace === ns && h.stalled === stalled).length;
  // Of one second, the first that came.
  const older = (a: Waiting, b: Waiting) =>
    Date.parse(a.since) - Date.parse(b.since) || waiting.indexOf(a) - waiting.indexOf(b);
  const lined = waiting.toSorted(older).map((one, i, all) => {
    const ns = one.key.namespace;
    const before = all.slice(0, i).filter((other) => other.key.namespace === ns).length;
    return { one, round: jobs(ns, false) + jobs(ns, true) + before };
  });
  const building = new Map<string, number>();
  for (const { key } of [...waiting, ...holding]) building.set(key.namespace, jobs(key.namespace, false));
  const turns = new Map<string, Turn>();
  let ahead = 0;
  let used = [...building.values()].reduce((sum, n) => sum + Math.min(n, caps.perNamespace), 0);
  for (const { one } of lined.toSorted((a, b) => a.round - b.round || older(a.one, b.one))) {
    const ns = one.key.namespace;
    const here = (building.get(ns) ?? 0) + Math.max(0, jobs(ns, true) - caps.perNamespace);
    if (used < caps.cluster && here < caps.perNamespace) {
      used += 1;
      building.set(ns, (building.get(ns) ?? 0) + 1);
      turns.set(keyString(one.key), { type: 'admitted' });
    } else turns.set(keyString(one.key), { type: 'queued', ahead: ahead++ });
  }
  return turns;
};

const anyCaps: fc.Arbitrary<Caps> = fc.record({
  cluster: fc.integer({ min: 1, max: 8 }),
  perNamespace: fc.integer({ min: 1, max: 4 }),
});
const anyStep = fc.record({
  do: fc.constantFrom('request', 'request', 'request', 'acquire', 'stall', 'release'),
  ns: fc.integer({ min: 0, max: 4 }),
  n: fc.nat(7),
  since: fc.nat(50),
});

describe('the ledger', () => {
  it('gives the same turns as lining everybody up and giving away slots from the front, whatever happened before', () => {
    fc.assert(
      fc.property(
        anyCaps,
        fc.integer({ min: 1, max: 9 }),
        fc.array(anyStep, { maxLength: 60 }),
        (caps, near, steps) => {
          const queue = new BuildQueue(caps, near);
          const waiting = new Map<string, Waiting>();
          const holding = new Map<string, Held>();
          for (const step of steps) {
            const one = run(`ns${step.ns}`, `r${step.n}`, step.since);
            const id = keyString(one.key);
            if (step.do === 'release') {
              expect(queue.release(one.key)).toBe(holding.delete(id));
              waiting.delete(id);
            } else if (step.do === 'request' && !holding.has(id)) {
              if (waiting.get(id)?.since !== one.since) {
                waiting.delete(id);
                waiting.set(id, one);
              }
              const turn = turnsOf([...waiting.values()], [...holding.values()], caps).get(id);
              expect(queue.request(one, now)).toEqual(turn);
              if (turn?.type === 'admitted') {
                waiting.delete(id);
                holding.set(id, { key: one.key, stalled: false });
              }
            } else if (step.do === 'request') {
              expect(queue.request(one, now)).toEqual({ type: 'admitted' });
            } else {
              queue[step.do](one.key, now);
              waiting.delete(id);
              holding.set(id, { key: one.key, stalled: step.do === 'stall' });
            }
            const turns = turnsOf([...waiting.values()], [...holding.values()], caps);
            const admitted = [...turns].filter(([, turn]) => turn.type === 'admitted').map(([name]) => name);
            expect(queue.next().map(keyString)).toEqual(admitted);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives a slot to one run only, however often and in whatever order runs ask', () => {
    const queue = new BuildQueue({ cluster: 2, perNamespace: 2 });
    expect(queue.request(run('b', '1', 5), now).type).toBe('admitted');
    expect(queue.request(run('b', '2', 6), now).type).toBe('admitted');
    expect(queue.request(run('a', 'older', 1), now)).toEqual({ type: 'queued', ahead: 0 });
    expect(queue.request(run('b', '1', 5), now).type).toBe('admitted');
  });

  it('alternates between namespaces, so that a burst of one does not keep the others waiting', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    queue.acquire({ namespace: 'x', name: 'builds' }, now);
    for (const i of [1, 2, 3]) queue.request(run('a', `r${i}`, i), now);
    expect(queue.request(run('b', 'late', 9), now)).toEqual({ type: 'queued', ahead: 1 });
  });

  it('puts a namespace that builds already behind one that does not', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 3 });
    queue.acquire({ namespace: 'a', name: 'builds' }, now);
    expect(queue.request(run('a', 'x', 1), now)).toEqual({ type: 'queued', ahead: 0 });
    expect(queue.request(run('b', 'y', 2), now)).toEqual({ type: 'queued', ahead: 0 });
    expect(queue.request(run('a', 'x', 1), now)).toEqual({ type: 'queued', ahead: 1 });
  });

  it('names who is next when a slot is free again', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    queue.request(run('a', '1', 1), now);
    queue.request(run('a', '2', 2), now);
    queue.request(run('b', '3', 3), now);
    expect(queue.next()).toEqual([]);
    expect(queue.release({ namespace: 'a', name: '1' })).toBe(true);
    expect(queue.next()).toEqual([{ namespace: 'a', name: '2' }]);
  });

  it('counts a Job that is there even beyond the caps, as after a restart with smaller ones', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    queue.acquire({ namespace: 'a', name: '1' }, now);
    queue.acquire({ namespace: 'a', name: '2' }, now);
    expect(queue.request(run('b', '3', 3), now).type).toBe('queued');
    queue.release({ namespace: 'a', name: '1' });
    expect(queue.next()).toEqual([]);
  });

  it('frees nothing when a run leaves that only waited', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    queue.request(run('a', '1', 1), now);
    queue.request(run('a', '2', 2), now);
    expect(queue.release({ namespace: 'a', name: '2' })).toBe(false);
  });

  it('gives the slot of a stalled build to others, and takes note when it goes on after all', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    const stuck = { namespace: 'a', name: 'stuck' };
    queue.request({ key: stuck, since: '' }, now);
    expect(queue.request(run('b', '1', 1), now).type).toBe('queued');
    queue.stall(stuck, now);
    expect(queue.request(run('b', '1', 1), now).type).toBe('admitted');
    queue.release({ namespace: 'b', name: '1' });
    queue.acquire(stuck, now);
    expect(queue.request(run('b', '2', 2), now).type).toBe('queued');
  });

  it('lets a namespace have no more stalled Jobs than it may have builds, before it has to wait for them', () => {
    const queue = new BuildQueue({ cluster: 9, perNamespace: 2 });
    for (const name of ['1', '2', '3', '4']) queue.stall({ namespace: 'a', name }, now);
    expect(queue.request(run('a', '5', 5), now).type).toBe('queued');
    expect(queue.request(run('b', '1', 6), now).type).toBe('admitted');
    queue.release({ namespace: 'a', name: '4' });
    expect(queue.next()).toEqual([{ namespace: 'a', name: '5' }]);
  });

  it('does not charge to others what a namespace has above its cap', () => {
    const queue = new BuildQueue({ cluster: 4, perNamespace: 2 });
    for (let i = 0; i < 50; i++) queue.acquire({ namespace: 'a', name: `woken-${i}` }, now);
    expect(queue.request(run('b', '1', 1), now).type).toBe('admitted');
    expect(queue.request(run('b', '2', 2), now).type).toBe('admitted');
    expect(queue.request(run('c', '1', 3), now).type).toBe('queued');
  });

  it('takes a slot back from a run that keeps it for a minute without a Job', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    const waits = run('a', '1', 1);
    queue.request(waits, now);
    queue.keep(waits.key, later(keepMs - 1));
    expect(queue.request(run('b', '1', 2), now).type).toBe('queued');
    queue.keep(waits.key, later(keepMs));
    expect(queue.next()).toEqual([{ namespace: 'b', name: '1' }]);
  });

  it('lets a run tell its position at most once in 30 s', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    const { key } = run('a', '1', 1);
    const told = Array.from({ length: 121 }, (_, second) => queue.mayTell(key, later(second * 1000)));
    expect(told.flatMap((may, second) => (may ? [second] : []))).toEqual([30, 60, 90, 120]);
  });
});

describe('ten thousand runs at once', () => {
  const size = 10_000;
  const crowds: [string, (i: number) => Waiting][] = [
    ['of one namespace', (i) => run('a', `r${i}`, i)],
    ['of one namespace, the oldest last', (i) => run('a', `r${i}`, size - i)],
    ['of fifty namespaces', (i) => run(`ns${i % 50}`, `r${i}`, i)],
    ['of as many namespaces', (i) => run(`ns${i}`, 'r', i)],
    ['of as many namespaces, the oldest last', (i) => run(`ns${i}`, 'r', size - i)],
    ['of one second', (i) => run(`ns${i % 500}`, `r${i}`, 0)],
  ];

  it.each(crowds)('enter without a look at all the others for each, and look again so: %s', (_, one) => {
    const queue = new BuildQueue({ cluster: 10, perNamespace: 3 });
    const entered = performance.now();
    const turns = Array.from({ length: size }, (__, i) => queue.request(one(i), now));
    const looked = performance.now();
    const positions = Array.from({ length: size }, (__, i) => queue.request(one(i), now));
    expect(looked - entered).toBeLessThan(10_000);
    expect(performance.now() - looked).toBeLessThan(10_000);
    const waiting = positions.flatMap((turn) => (turn.type === 'queued' ? [turn.ahead] : []));
    expect(waiting.toSorted((a, b) => a - b)).toEqual(waiting.map((__, i) => i));
    expect(turns.filter(({ type }) => type === 'admitted').length).toBeGreaterThan(0);
  });
});

describe('the shown position', () => {
  it.each([
    [0, 0],
    [20, 20],
    [21, 30],
    [100, 100],
    [101, 150],
    [312, 350],
  ])('shows %i ahead as %i', (ahead, shown) => {
    expect(shownPosition(ahead)).toBe(shown);
  });
});
