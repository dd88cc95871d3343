import { describe, expect, test } from 'vitest';
import { Progress } from '../cache/progress.ts';
import { resourceId } from '../paths.ts';
import { resource, type Key, type KubeObject } from '../resource.ts';
import { Store } from '../cache/store.ts';
import type { ChangeHandler, WatchedCache } from '../types.ts';
import { notOlder } from '../resourceversion.ts';
import { trackWrites } from './writetracker.ts';

const Thing = resource({ group: 'test.io', version: 'v1', kind: 'Thing', plural: 'things' });
const Other = resource({ group: 'test.io', version: 'v1', kind: 'Other', plural: 'others' });
const key: Key = { namespace: 'a', name: 'x' };

const object = (version: string, uid = 'u', rest: KubeObject['metadata'] = {}): KubeObject => ({
  metadata: { ...key, uid, resourceVersion: version, ...rest },
});

/** A cache of one kind, fed by hand. */
const handFed = (): WatchedCache & { put(o: KubeObject): void; drop(): void; reach(version: string): void } => {
  const store = new Store({ resource: Thing });
  const handlers = new Set<ChangeHandler>();
  const progress = new Progress();
  progress.advance('1');
  const tell: ChangeHandler = (change, initial) => handlers.forEach((handler) => handler(change, initial));
  return {
    get: (_, k) => store.get(k) as never,
    list: () => [],
    byIndex: () => [],
    keysByIndex: () => [],
    ownedBy: () => [],
    keys: () => store.keys(),
    start: () => undefined,
    stop: () => Promise.resolve(),
    synced: () => Promise.resolve(),
    isSynced: () => true,
    coverage: (r) => (resourceId(r) === 'things.test.io' ? { complete: true, metadataOnly: false } : undefined),
    resourceVersion: (_, k) => store.version(k),
    progress: () => progress.version,
    whenSeen: (_, __, version, seen) => progress.when(version, seen),
    trouble: () => undefined,
    isServed: () => true,
    subscribeServed: () => () => undefined,
    subscribe: (_, handler) => {
      handlers.add(handler as ChangeHandler);
      return () => void handlers.delete(handler as ChangeHandler);
    },
    put: (o) => tell(store.put(o) ?? {}, false),
    drop: () => tell(store.remove(key) ?? {}, false),
    reach: (version) => progress.advance(version),
  };
};

test.each([
  ['2', '2', true],
  ['10', '9', true],
  ['9', '10', false],
  [undefined, '1', false],
  ['b', 'a', false],
  ['a', 'a', true],
  ['99999999999999999999', '99999999999999999998', true],
])('notOlder(%s, %s) is %s', (seen, wanted, expected) => expect(notOlder(seen, wanted)).toBe(expected));

describe('trackWrites', () => {
  test('a write is stale until the cache has that version or a newer one', async () => {
    const cache = handFed();
    const tracker = trackWrites(cache);
    cache.put(object('2'));
    tracker.wrote('me', Thing, key, '5');
    expect([tracker.isStale('me'), tracker.isStale('other')]).toEqual([true, false]);
    const caughtUp = tracker.caughtUp('me', { timeoutMs: 5000 });
    cache.put(object('4'));
    expect(tracker.isStale('me')).toBe(true);
    cache.put(object('6'));
    expect(await caughtUp).toBe(true);
    expect(tracker.isStale('me')).toBe(false);
  });

  test('a write of an object that was deleted since is seen by its event or by the progress of its kind', async () => {
    const cache = handFed();
    const tracker = trackWrites(cache);
    tracker.wrote('me', Thing, key, '5');
    expect(tracker.isStale('me')).toBe(true);
    cache.reach('7');
    expect(tracker.isStale('me')).toBe(false);
  });

  test('whoever waits is woken by the progress of the kind alone, when all its writes are proven', async () => {
    const cache = handFed();
    const tracker = trackWrites(cache);
    tracker.wrote('me', Thing, key, '5');
    tracker.wrote('me', Thing, { ...key, name: 'y' }, '10');
    tracker.wrote('you', Thing, key, '7');
    tracker.wrote('he', Thing, key, 'odd');
    const woken: string[] = [];
    const wait = async (by: string, timeoutMs: number): Promise<boolean> => {
      const seen = await tracker.caughtUp(by, { timeoutMs });
      woken.push(by);
      return seen;
    };
    const all = [wait('me', 5000), wait('you', 5000), wait('he', 20)];
    cache.reach('9');
    expect(await all[1]).toBe(true);
    expect(woken).toEqual(['you']);
    cache.reach('11');
    expect(await all[0]).toBe(true);
    expect(await all[2]).toBe(false);
  });

  test('a delete is seen when the uid is gone or terminating', async () => {
    const cache = handFed();
    const tracker = trackWrites(cache);
    cache.put(object('2'));
    tracker.removed('me', Thing, key, 'u');
    tracker.removed('you', Thing, key, 'u');
    expect(tracker.isStale('me')).toBe(true);
    cache.put(object('3', 'u', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(tracker.isStale('me')).toBe(false);
    cache.drop();
    cache.put(object('4', 'v'));
    expect(tracker.isStale('you')).toBe(false);
  });

  test('the wait ends with its time or its signal, and what was waited for in vain is forgotten', async () => {
    const tracker = trackWrites(handFed());
    tracker.wrote('me', Thing, key, '5');
    const stop = new AbortController();
    const aborted = tracker.caughtUp('me', { signal: stop.signal, timeoutMs: 5000 });
    stop.abort(new Error('stopping'));
    await expect(aborted).rejects.toThrow('stopping');
    expect(tracker.isStale('me')).toBe(true);
    expect(await tracker.caughtUp('me', { timeoutMs: 5 })).toBe(false);
    expect(tracker.isStale('me')).toBe(false);
  });

  test('kinds that are not cached never hold anybody up', () => {
    const tracker = trackWrites(handFed());
    tracker.wrote('me', Other, key, '5');
    expect(tracker.isStale('me')).toBe(false);
  });
});
