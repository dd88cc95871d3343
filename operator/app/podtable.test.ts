import { describe, expect, it } from 'vitest';
import type { Cache, Change } from '../kube/types.ts';
import type { Key } from '../kube/resource.ts';
import type { PodObject } from './observed.ts';
import { followPods } from './podtable.ts';
import { runningImage } from './pods.ts';
import { ago, aPod, digest } from './testing/objects.ts';

type Wishes = NonNullable<Parameters<typeof aPod>[0]> & { readonly app?: string; readonly deleting?: boolean };

const pod = (name: string, { app, deleting, ...wishes }: Wishes = {}): PodObject => {
  const one = aPod(wishes);
  const labels = { ...one.metadata?.labels, ...(app !== undefined && { 'epinio.io/app': app }) };
  return {
    ...one,
    metadata: { ...one.metadata, name, labels, ...(deleting === true && { deletionTimestamp: ago(1) }) },
  };
};

/** world is a cache with pods, and a table that follows it. */
const world = () => {
  const held = new Map<string, PodObject>();
  let read = 0;
  let tell: (change: Change<PodObject>) => void = () => undefined;
  const pods = followPods({ subscribe: (_, handler) => ((tell = handler as never), () => undefined) });
  const cache = { get: (_: unknown, { name }: Key) => (read++, held.get(name)) } as unknown as Cache;
  const set = (name: string, after: PodObject | undefined): void => {
    const before = held.get(name);
    if (after === undefined) held.delete(name);
    else held.set(name, after);
    tell({ ...(before && { before }), ...(after && { after }) });
  };
  return {
    put: (...all: PodObject[]) => all.forEach((one) => set(one.metadata?.name ?? '', one)),
    remove: (name: string) => set(name, undefined),
    reads: () => read,
    newest: (updated: number, app = 'shop') => pods.newest(cache, { namespace: 'team', app, process: 'web' }, updated),
  };
};

const names = (found: readonly PodObject[]): (string | undefined)[] => found.map(({ metadata }) => metadata?.name);

describe('the pods of the template that a Deployment has now', () => {
  it.each<[string, PodObject[], number, string[], number]>([
    [
      'are the youngest',
      [pod('old', { hash: 'a', created: 90 }), pod('new', { hash: 'b', created: 5 })],
      1,
      ['new'],
      0,
    ],
    [
      'are as many as the Deployment says, should it have gone back to an earlier template',
      [pod('x', { hash: 'a', created: 90 }), pod('y', { hash: 'a', created: 80 }), pod('z', { hash: 'b' })],
      2,
      ['y', 'x'],
      0,
    ],
    [
      'are of two of one second those that are not ready yet',
      [pod('old', { hash: 'a', ready: true }), pod('new', { hash: 'b' })],
      3,
      ['new'],
      0,
    ],
    ['are none that go', [pod('x', { deleting: true })], 1, [], 0],
    ['are none of another App', [pod('x', { app: 'blog' })], 1, [], 0],
    [
      'are told by those that are not ready, and one that is',
      [pod('x', { ready: true, created: 9 }), pod('y', { ready: true, created: 8 }), pod('z', { created: 7 })],
      3,
      ['z', 'x'],
      2,
    ],
  ])('%s', (_, pods, updated, some, ready) => {
    const { put, newest } = world();
    put(...pods);
    const found = newest(updated);
    expect([names(found.some), found.ready]).toEqual([some, ready]);
  });

  it('follow what becomes of them', () => {
    const { put, remove, newest } = world();
    put(pod('x'), pod('y'));
    put(pod('x', { ready: true, imageID: `example.org/shop@${digest}` }));
    expect(newest(2).ready).toBe(1);
    expect(runningImage(newest(2))).toBe(`example.org/shop@${digest}`);
    put(pod('x', { app: 'blog' }));
    expect([names(newest(1).some), names(newest(1, 'blog').some)]).toEqual([['y'], ['x']]);
    remove('y');
    expect(newest(1)).toEqual({ ready: 0, some: [] });
  });

  it('are read up to a bound, the same ones again, however many a tenant labels', () => {
    const { put, newest, reads } = world();
    const crowd = Array.from({ length: 10_000 }, (_, i) => pod(`p${i}`, { hash: `h${i % 3}`, ready: i % 2 === 0 }));
    put(...crowd);
    const first = newest(1);
    expect(first.ready).toBeGreaterThan(1_000);
    expect(reads()).toBeLessThan(100);
    put(...crowd.slice(0, 30).map((one) => ({ ...one, status: { ...one.status } })));
    expect(names(newest(1).some)).toEqual(names(first.some));
  });
});
