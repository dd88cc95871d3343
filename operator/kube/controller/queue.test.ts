import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, settled } from '../../testing/clock.ts';
import { rateLimiter } from '../backoff.ts';
import { freshPriority, Queue, stalePriority, type Item, type QueueMetrics } from './queue.ts';

let clock: ManualClock;
let queue: Queue;

beforeEach(() => {
  clock = new ManualClock();
  queue = new Queue({ clock });
});

/** take gets everything that is ready, without giving it back. */
const take = async (q = queue): Promise<string[]> => {
  const keys: string[] = [];
  while (q.depth > 0) keys.push((await q.get())?.key ?? '');
  return keys;
};

describe('what is handed out', () => {
  it('hands a key out once however often it was added', async () => {
    for (let i = 0; i < 5; i++) queue.add('a');
    expect(await take()).toEqual(['a']);
  });

  it('keeps the order of arrival within a priority', async () => {
    ['c', 'a', 'b', 'a'].forEach((k) => queue.add(k));
    expect(await take()).toEqual(['c', 'a', 'b']);
  });

  it('lets a fresh edit overtake ten thousand keys of an initial list', async () => {
    for (let i = 0; i < 10_000; i++) queue.add(`k${i}`, { priority: stalePriority });
    queue.add('edited');
    expect((await queue.get())?.key).toBe('edited');
  });

  it('lifts a waiting key to the priority of a fresh edit, behind the fresh ones that were there', async () => {
    queue.add('stale', { priority: stalePriority });
    queue.add('fresh');
    queue.add('stale');
    expect(await queue.get()).toEqual({ key: 'fresh', priority: freshPriority });
    expect(await queue.get()).toEqual({ key: 'stale', priority: freshPriority });
  });

  it('never lowers a priority', async () => {
    queue.add('a');
    queue.add('a', { priority: stalePriority });
    expect((await queue.get())?.priority).toBe(freshPriority);
  });

  it('wakes waiting workers in turn', async () => {
    const got = [queue.get(), queue.get()];
    queue.add('a');
    queue.add('b');
    expect((await Promise.all(got)).map((i) => i?.key)).toEqual(['a', 'b']);
  });
});

describe('namespaces', () => {
  const flood = (n: number, priority = freshPriority): void => {
    for (let i = 0; i < n; i++) queue.add(`crowd/k${i}`, { priority });
  };
  const takeSome = async (n: number): Promise<string[]> => {
    const keys: string[] = [];
    for (let i = 0; i < n; i++) keys.push((await queue.get())?.key ?? '');
    return keys;
  };

  it('take turns, each with its own keys in their order', async () => {
    flood(10_000);
    ['a/1', 'b/1', 'a/2'].forEach((k) => queue.add(k));
    expect(await takeSome(6)).toEqual(['crowd/k0', 'a/1', 'b/1', 'crowd/k1', 'a/2', 'crowd/k2']);
  });

  it('keep their turn when keys are lifted to another priority from the middle', async () => {
    flood(10, stalePriority);
    queue.add('a/1', { priority: stalePriority });
    queue.add('crowd/k5');
    expect(await takeSome(3)).toEqual(['crowd/k5', 'crowd/k0', 'a/1']);
  });

  it('that are never quiet leave one turn in eight to what only was in the initial list', async () => {
    for (let i = 0; i < 100; i++) queue.add(`old/k${i}`, { priority: stalePriority });
    const keys: string[] = [];
    for (let i = 0; i < 80; i++) {
      queue.add(`crowd/k${i}`);
      queue.add(`crowd/l${i}`);
      keys.push(...(await takeSome(1)));
    }
    expect(keys.filter((key) => key.startsWith('old/'))).toHaveLength(10);
  });

  it('have no more keys worked on at once than they may, while those of others go on', async () => {
    queue = new Queue({ clock, perNamespace: 2 });
    flood(10);
    queue.add('crowd/late', { priority: stalePriority });
    expect(await takeSome(2)).toEqual(['crowd/k0', 'crowd/k1']);
    const next = queue.get();
    queue.add('a/1');
    expect((await next)?.key).toBe('a/1');
    const more = queue.get();
    queue.done('crowd/k0');
    expect((await more)?.key).toBe('crowd/k2');
    expect(queue.depth).toBe(8);
  });
});

describe('a key that is being worked on', () => {
  it('is not handed out a second time until it is given back', async () => {
    queue.add('a');
    await queue.get();
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await take()).toEqual(['a']);
  });

  it('is not handed out again if nothing happened meanwhile', async () => {
    queue.add('a');
    await queue.get();
    queue.done('a');
    expect(queue.size).toBe(0);
  });

  it('waits for its end even when its delay is over', async () => {
    queue.add('a');
    await queue.get();
    queue.add('a', { afterMs: 10 });
    await clock.advance(10);
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await take()).toEqual(['a']);
  });

  it('may be given back twice without harm', async () => {
    queue.add('a');
    await queue.get();
    queue.done('a');
    queue.done('a');
    expect(queue.size).toBe(0);
  });
});

describe('delays', () => {
  it('hands out at the earliest of the times asked for', async () => {
    queue.add('a', { afterMs: 100 });
    queue.add('a', { afterMs: 30 });
    queue.add('a', { afterMs: 60 });
    await clock.advance(29);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await take()).toEqual(['a']);
    queue.done('a');
    await clock.advance(1000);
    expect(queue.size).toBe(0);
  });

  it('does not wait when the key is added without a delay', async () => {
    queue.add('a', { afterMs: 1e9 });
    queue.add('a');
    expect(await take()).toEqual(['a']);
  });

  it('uses one timer however many keys wait', async () => {
    for (let i = 0; i < 1000; i++) queue.add(`k${i}`, { afterMs: 1000 - i });
    expect(clock.timers).toBe(1);
    await clock.advance(1000);
    const keys = await take();
    expect(keys.slice(0, 3)).toEqual(['k999', 'k998', 'k997']);
    expect(keys).toHaveLength(1000);
    expect(clock.timers).toBe(0);
  });

  it('keeps the priority of a delayed key', async () => {
    queue.add('late', { afterMs: 10, priority: stalePriority });
    await clock.advance(10);
    queue.add('fresh');
    expect(await take()).toEqual(['fresh', 'late']);
  });
});

describe('retries', () => {
  it('waits 5 ms · 2ⁿ up to 5 minutes, and begins anew after forget', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 20; i++) {
      const before = clock.monotonic();
      queue.retry('a');
      await clock.advance(Math.min(5 * 2 ** i, 300_000) - 1);
      expect(queue.depth).toBe(0);
      await clock.advance(1);
      waits.push(clock.monotonic() - before);
      await take();
      queue.done('a');
    }
    expect(waits.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
    expect(waits.slice(-3)).toEqual([300_000, 300_000, 300_000]);
    expect(queue.failures('a')).toBe(20);
    queue.forget('a');
    queue.retry('a');
    await clock.advance(5);
    expect(await take()).toEqual(['a']);
  });

  it('waits at least as long as the server asked', async () => {
    queue.retry('a', freshPriority, 2000);
    await clock.advance(1999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
  });

  it('lets at most 10 keys a second of a namespace through once a hundred failed together', () => {
    const limiter = rateLimiter(clock);
    const waits = Array.from({ length: 130 }, (_, i) => limiter.when(`team/k${i}`));
    expect(waits.slice(0, 100).every((w) => w === 5)).toBe(true);
    expect(waits[100]).toBeCloseTo(100);
    expect(waits[129]).toBeCloseTo(3000);
  });

  it('never lets keys of other namespaces wait for a thousand that fail in one', async () => {
    for (let i = 0; i < 1000; i++) queue.retry(`broken/k${i}`);
    queue.retry('team/a');
    await clock.advance(5);
    const ready = await take();
    expect(ready).toHaveLength(101);
    expect(ready).toContain('team/a');
  });

  it('forgets a namespace when its last key succeeds', () => {
    const limiter = rateLimiter(clock);
    for (let i = 0; i < 200; i++) limiter.when(`team/k${i}`);
    for (let i = 0; i < 200; i++) limiter.forget(`team/k${i}`);
    limiter.forget('team/k0');
    expect(limiter.when('team/k0')).toBe(5);
  });
});

it('remembers for five seconds how many keys came together', async () => {
  expect(queue.peakDepth).toBe(0);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  queue.add('later', { afterMs: 10_000 });
  expect(queue.peakDepth).toBe(3);
  expect(await take()).toEqual(['a', 'b', 'c']);
  for (const key of ['a', 'b', 'c']) queue.done(key);
  await clock.advance(4000);
  queue.add('d');
  expect(queue.peakDepth).toBe(3);
  await clock.advance(1000);
  expect(queue.peakDepth).toBe(1);
});

describe('shutdown', () => {
  it('lets workers go and takes nothing more', async () => {
    const waiting = queue.get();
    queue.add('b', { afterMs: 5 });
    await queue.shutdown();
    queue.add('a');
    await clock.advance(10);
    expect(await waiting).toBeUndefined();
    expect(await queue.get()).toBeUndefined();
    expect(queue.size).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('resolves when the last key is given back', async () => {
    queue.add('a');
    queue.add('b');
    await queue.get();
    await queue.get();
    let drained = false;
    const end = queue.shutdown().then(() => (drained = true));
    queue.done('a');
    await settled();
    expect(drained).toBe(false);
    queue.done('b');
    await end;
    expect(drained).toBe(true);
  });
});

it('counts depth, adds, waits and work as client-go does', async () => {
  const seen = { depth: 0, adds: 0, retries: 0, waits: [] as number[], work: [] as number[] };
  const metrics: QueueMetrics = {
    added: () => void (seen.depth++, seen.adds++),
    removed: () => void seen.depth--,
    retried: () => void seen.retries++,
    got: (ms) => void seen.waits.push(ms),
    finished: (ms) => void seen.work.push(ms),
  };
  const q = new Queue({ clock, metrics });
  q.add('a');
  q.add('a');
  q.add('b', { afterMs: 20 });
  await clock.advance(50);
  expect(seen).toEqual({ depth: 2, adds: 2, retries: 1, waits: [], work: [] });
  await take(q);
  await clock.advance(7);
  q.done('a');
  expect(seen).toEqual({ depth: 0, adds: 2, retries: 1, waits: [50, 30], work: [7] });
});

it('never loses a key and never hands one out twice at once, whatever happens in which order', async () => {
  const key = fc.constantFrom('a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'c');
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key, priority: fc.constantFrom(0, -100) }),
    fc.record({ do: fc.constant('delay' as const), key, ms: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ do: fc.constant('get' as const) }),
    fc.record({ do: fc.constant('done' as const), nth: fc.nat(5) }),
    fc.record({ do: fc.constant('time' as const), ms: fc.nat(60) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const c = new ManualClock();
      const q = new Queue({ clock: c, perNamespace: 2 });
      const working: string[] = [];
      const wanted = new Set<string>();
      const wrong: string[] = [];
      const got = (item: Item | undefined): void => {
        const key = item?.key ?? '';
        if (working.includes(key) || !wanted.delete(key)) wrong.push(key);
        working.push(key);
        if (working.filter((other) => other.startsWith(key.slice(0, 2))).length > 2)
          wrong.push(`${key} is one too many`);
      };
      const get = async (): Promise<void> => {
        void q.get().then(got);
        await settled();
      };
      const done = (nth: number): void => {
        for (const key of working.splice(nth % Math.max(1, working.length), 1)) q.done(key);
      };
      for (const s of steps) {
        if (s.do === 'add') q.add(s.key, { priority: s.priority });
        if (s.do === 'delay') q.add(s.key, { afterMs: s.ms });
        if (s.do === 'add' || s.do === 'delay') wanted.add(s.key);
        if (s.do === 'get') await get();
        if (s.do === 'done') done(s.nth);
        await settled();
        if (s.do === 'time') await c.advance(s.ms);
      }
      await c.advance(100);
      for (let i = 0; i < 20; i++) {
        await get();
        done(0);
        await settled();
      }
      expect(wrong).toEqual([]);
      expect([...wanted]).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
