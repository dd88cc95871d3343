import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyString } from '../kube/resource.ts';
import { admit, BuildQueue, orderFairly, shownPosition, type Caps, type Waiting } from './queue.ts';

const run = (namespace: string, name: string, since: number): Waiting => ({
  key: { namespace, name },
  since: new Date(since * 1000).toISOString(),
});
const names = (runs: readonly Waiting[]) => runs.map((r) => keyString(r.key));

const anyWaiting = fc
  .uniqueArray(fc.record({ ns: fc.integer({ min: 0, max: 4 }), n: fc.nat(30), since: fc.nat(50) }), {
    selector: (r) => `${r.ns}/${r.n}`,
    maxLength: 40,
  })
  .map((runs) => runs.map((r) => run(`ns${r.ns}`, `r${r.n}`, r.since)));
const anyHeld = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.nat(3)))
  .map((pairs) => new Map(pairs.map(([ns, n]) => [`ns${ns}`, n])));
const anyCaps: fc.Arbitrary<Caps> = fc.record({
  cluster: fc.integer({ min: 1, max: 12 }),
  perNamespace: fc.integer({ min: 1, max: 5 }),
});

describe('the order of waiting runs', () => {
  it('takes the oldest first within a namespace', () => {
    expect(names(orderFairly([run('a', 'new', 2), run('a', 'old', 1)], new Map()))).toEqual(['a/old', 'a/new']);
  });

  it('alternates between namespaces, so that a burst of one does not keep the others waiting', () => {
    const burst = [1, 2, 3].map((i) => run('a', `r${i}`, i));
    expect(names(orderFairly([...burst, run('b', 'late', 9)], new Map()))).toEqual(['a/r1', 'b/late', 'a/r2', 'a/r3']);
  });

  it('puts a namespace that builds already behind one that does not', () => {
    expect(names(orderFairly([run('a', 'x', 1), run('b', 'y', 2)], new Map([['a', 1]])))).toEqual(['b/y', 'a/x']);
  });

  it('keeps every run exactly once and never reorders a namespace', () => {
    fc.assert(
      fc.property(anyWaiting, anyHeld, (waiting, held) => {
        const order = orderFairly(waiting, held);
        expect(names(order).toSorted()).toEqual(names(waiting).toSorted());
        for (const ns of new Set(order.map((r) => r.key.namespace))) {
          const since = order.filter((r) => r.key.namespace === ns).map((r) => r.since);
          expect(since).toEqual(since.toSorted());
        }
      }),
    );
  });
});

describe('admission', () => {
  it('never exceeds a cap by what it admits, and leaves no slot empty that somebody may take', () => {
    fc.assert(
      fc.property(anyWaiting, anyHeld, anyCaps, (waiting, held, caps) => {
        const turns = admit(waiting, held, caps);
        const admitted = waiting.filter((r) => turns.get(keyString(r.key))?.type === 'admitted');
        const counts = new Map(held);
        for (const r of admitted) counts.set(r.key.namespace, (counts.get(r.key.namespace) ?? 0) + 1);
        const heldBefore = [...held.values()].reduce((a, b) => a + b, 0);
        expect(heldBefore + admitted.length).toBeLessThanOrEqual(Math.max(caps.cluster, heldBefore));
        for (const [ns, n] of counts) expect(n).toBeLessThanOrEqual(Math.max(caps.perNamespace, held.get(ns) ?? 0));
        const full = heldBefore + admitted.length >= caps.cluster;
        for (const r of waiting) {
          if (turns.get(keyString(r.key))?.type === 'admitted' || full) continue;
          expect(counts.get(r.key.namespace)).toBeGreaterThanOrEqual(caps.perNamespace);
        }
      }),
    );
  });

  it('is fair: among namespaces below their cap that still wait, slots differ by at most one beyond what was held', () => {
    fc.assert(
      fc.property(anyWaiting, anyCaps, (waiting, caps) => {
        const turns = admit(waiting, new Map(), caps);
        const given = new Map<string, number>();
        const queued = new Set<string>();
        for (const r of waiting) {
          const ns = r.key.namespace;
          if (turns.get(keyString(r.key))?.type === 'admitted') given.set(ns, (given.get(ns) ?? 0) + 1);
          else queued.add(ns);
        }
        const most = Math.max(0, ...given.values());
        for (const ns of queued) {
          expect(given.get(ns) ?? 0).toBeGreaterThanOrEqual(Math.min(caps.perNamespace, most - 1));
        }
      }),
    );
  });

  it('numbers those who wait from 0 without gaps', () => {
    const turns = admit(
      [1, 2, 3, 4].map((i) => run('a', `r${i}`, i)),
      new Map(),
      { cluster: 2, perNamespace: 2 },
    );
    expect([...turns.values()]).toEqual([
      { type: 'admitted' },
      { type: 'admitted' },
      { type: 'queued', ahead: 0 },
      { type: 'queued', ahead: 1 },
    ]);
  });
});

describe('the ledger', () => {
  const caps = { cluster: 2, perNamespace: 2 };

  it('gives a slot to one run only, however often and in whatever order runs ask', () => {
    const queue = new BuildQueue(caps);
    expect(queue.enter(run('b', '1', 5)).type).toBe('admitted');
    expect(queue.enter(run('b', '2', 6)).type).toBe('admitted');
    expect(queue.enter(run('a', 'older', 1))).toEqual({ type: 'queued', ahead: 0 });
    expect(queue.enter(run('b', '1', 5)).type).toBe('admitted');
  });

  it('names who is next when a slot is free again', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    queue.enter(run('a', '1', 1));
    queue.enter(run('a', '2', 2));
    queue.enter(run('b', '3', 3));
    expect(queue.next()).toEqual([]);
    expect(queue.leave({ namespace: 'a', name: '1' })).toBe(true);
    expect(queue.next()).toEqual([{ namespace: 'a', name: '2' }]);
  });

  it('counts a Job that is there even beyond the caps, as after a restart with smaller ones', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    queue.hold({ namespace: 'a', name: '1' });
    queue.hold({ namespace: 'a', name: '2' });
    expect(queue.enter(run('b', '3', 3)).type).toBe('queued');
    queue.leave({ namespace: 'a', name: '1' });
    expect(queue.next()).toEqual([]);
  });

  it('frees nothing when a run leaves that only waited', () => {
    const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
    queue.enter(run('a', '1', 1));
    queue.enter(run('a', '2', 2));
    expect(queue.leave({ namespace: 'a', name: '2' })).toBe(false);
  });

  it('orders a thousand runs in far less than the time between two Job events', () => {
    const queue = new BuildQueue({ cluster: 4, perNamespace: 2 });
    const started = performance.now();
    for (let i = 0; i < 1000; i++) queue.enter(run(`ns${i % 50}`, `r${i}`, i));
    expect(performance.now() - started).toBeLessThan(10_000);
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
