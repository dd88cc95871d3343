import { beforeEach, describe, expect, it } from 'vitest';
import { logKey, type RunKey } from '../api/names.ts';
import { Namespace, type Key, type Resource } from '../kube/resource.ts';
import { createLogger } from '../telemetry/log.ts';
import type { SweepContext, SweepCounts } from './index.ts';
import { logSweeper } from './logs.ts';

const hour = 3_600_000;
const run: RunKey = { namespace: 'team', name: 'shop-1' };
const uidOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const key = (n: number, of = run): string => logKey('p/', of, uidOf(n));

let objects: Map<string, string>;
let said: { which?: string[]; msg: string }[];
/** uids of the runs that the cache knows, and that the API server does, by `<namespace>/<name>`. */
let cached: Map<string, string>;
let live: Map<string, string>;

const storage = {
  list: async function* (from: string) {
    for (const k of [...objects.keys()].sort())
      if (k.startsWith(from)) yield await Promise.resolve({ key: k, size: 10 });
  },
  removeAll: (keys: readonly string[]) => (keys.forEach((k) => objects.delete(k)), Promise.resolve([])),
  read: (k: string) => Promise.resolve(objects.get(k)),
  write: (k: string, text: string) => Promise.resolve(void objects.set(k, text)),
};

const found = (all: Map<string, string>, { namespace, name }: Key) => {
  const uid = all.get(`${namespace}/${name}`);
  return uid === undefined ? undefined : { metadata: { namespace, name, uid } };
};

const pass = (at: number, o: Partial<SweepContext> & { watch?: string[] } = {}): Promise<SweepCounts | undefined> =>
  logSweeper({ config: { s3: { prefix: 'p/' } as never, watchNamespaces: o.watch ?? [] }, home: 'home', storage }).pass(
    {
      kube: {
        get: (r: Resource) => Promise.resolve(r === Namespace ? { metadata: { uid: 'one' } } : undefined),
        list: (_: Resource, { namespace }: { namespace: string }) => {
          const items = [...live].flatMap(([id]) => {
            const [of = '', name = ''] = id.split('/');
            return of === namespace ? [found(live, { namespace, name })] : [];
          });
          return Promise.resolve({ metadata: {}, items });
        },
      },
      cache: { get: (_: Resource, k: Key) => found(cached, k) },
      log: createLogger('info', { write: (line: string) => void said.push(JSON.parse(line) as (typeof said)[number]) }),
      signal: new AbortController().signal,
      now: new Date(Date.UTC(2026, 0, 1) + at * hour),
      afterMs: 24 * hour,
      dryRun: false,
      ...o,
    } as unknown as SweepContext,
  );

const logs = (): string[] => [...objects.keys()].filter((k) => !k.startsWith('p/sweep/')).sort();

beforeEach(() => {
  objects = new Map();
  said = [];
  cached = new Map();
  live = new Map();
});

describe('the log of a build', () => {
  it('stays as long as its run', async () => {
    objects.set(key(1), '');
    for (const known of [cached, live]) known.set('team/shop-1', uidOf(1));
    for (const at of [0, 30, 60]) expect(await pass(at)).toEqual({ all: 1, unused: 0, strange: 0 });
    expect(logs()).toEqual([key(1)]);
  });

  it('goes a day after its run, and so does that of a run which was made again', async () => {
    for (const n of [1, 2]) objects.set(key(n), '');
    for (const known of [cached, live]) known.set('team/shop-1', uidOf(2));
    await pass(0);
    await pass(23);
    expect(logs()).toEqual([key(1), key(2)]);
    await pass(24);
    expect(logs()).toEqual([key(2)]);
    for (const known of [cached, live]) known.clear();
    for (const at of [25, 50]) await pass(at);
    expect(logs()).toEqual([]);
  });

  it('stays where the API server knows a run that the cache does not', async () => {
    objects.set(key(1), '');
    live.set('team/shop-1', uidOf(1));
    for (const at of [0, 30, 60]) await pass(at);
    expect(logs()).toEqual([key(1)]);
  });

  it.each([
    'p/logs/team/shop-1/readme.txt',
    'p/logs/team/shop-1/x.log',
    `p/logs/team/${uidOf(1)}.log`,
    `p/logs/team/a/b/${uidOf(1)}.log`,
    `p/logs/Team/a/${uidOf(1)}.log`,
  ])('is not what somebody else put there: %s', async (strange) => {
    objects.set(strange, '');
    for (const at of [0, 30, 60]) expect(await pass(at)).toEqual({ all: 0, unused: 0, strange: 1 });
    expect(logs()).toEqual([strange]);
  });

  it('of a namespace that is not watched stays', async () => {
    const beside = key(1, { namespace: 'other', name: 'shop-1' });
    objects.set(beside, '').set(key(1), '');
    for (const at of [0, 30]) await pass(at, { watch: ['team'] });
    expect(logs()).toEqual([beside]);
  });
});

describe('a dry run', () => {
  it('removes nothing, and names all that it would remove', async () => {
    const keys = Array.from({ length: 250 }, (_, n) => key(n));
    for (const k of keys) objects.set(k, '');
    for (const at of [0, 30]) await pass(at, { dryRun: true });
    expect(logs()).toHaveLength(250);
    expect(said.every(({ msg }) => msg === 'would remove unused logs')).toBe(true);
    const named = said.flatMap(({ which = [] }) => which);
    expect(named).toEqual(keys.map((_, n) => `team/shop-1/${uidOf(n)}`));
    expect(Math.max(...said.map(({ which = [] }) => which.length))).toBe(100);
  });
});
