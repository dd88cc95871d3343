import { beforeEach, describe, expect, it } from 'vitest';
import { App } from '../api/app.ts';
import { blobKey, blobValue } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { Namespace, type Resource } from '../kube/resource.ts';
import { createLogger } from '../telemetry/log.ts';
import { blobSweeper } from './blobs.ts';
import type { SweepContext, SweepCounts } from './index.ts';
import { maxMarks, readMarks, writeMarks } from './marks.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 1);
const prefix = 'one/';
const sha = (n: number): string => n.toString(16).padStart(64, '0');
const key = (namespace: string, n: number): string => blobKey(prefix, namespace, sha(n));
const stateKey = `${prefix}sweep/archives.json`;

let objects: Map<string, string>;
/** What the cache knows, and what the API server does. */
let cached: Set<string>;
let live: Map<Resource, Set<string>>;
let uid: string | undefined;
let removed: string[][];
let refused: Set<string>;

const name = (
  namespace: string,
  n: number,
  where: 'cache' | 'server' | 'both' = 'both',
  kind: Resource = App,
): void => {
  if (where !== 'server') cached.add(`${kind.kind} ${blobValue(namespace, sha(n))}`);
  if (where !== 'cache') live.get(kind)?.add(blobValue(namespace, sha(n)));
};

const storage = {
  list: async function* (from: string) {
    for (const k of [...objects.keys()].sort())
      if (k.startsWith(from)) yield await Promise.resolve({ key: k, size: 10 });
  },
  removeAll: (keys: readonly string[]) => {
    removed.push([...keys]);
    for (const k of keys) if (!refused.has(k)) objects.delete(k);
    return Promise.resolve(keys.filter((k) => refused.has(k)));
  },
  read: (k: string) => Promise.resolve(objects.get(k)),
  write: (k: string, text: string) => Promise.resolve(void objects.set(k, text)),
};

const kube = {
  get: (r: Resource) => Promise.resolve(r === Namespace && uid !== undefined ? { metadata: { uid } } : undefined),
  // Pages of one, so that the last page counts too.
  list: (r: Resource, o: { namespace?: string; continue?: string }) => {
    const mine = [...(live.get(r) ?? [])].filter((value) => value.startsWith(`${o.namespace}/`));
    const at = Number(o.continue ?? 0);
    const items = mine
      .slice(at, at + 1)
      .map((value) => ({ spec: { source: { blob: { sha256: value.split('/')[1] } } } }));
    return Promise.resolve({ metadata: at + 1 < mine.length ? { continue: String(at + 1) } : {}, items });
  },
};

const cache = {
  byIndex: (r: Resource, _index: string, value: string) => (cached.has(`${r.kind} ${value}`) ? [{}] : []),
};

const pass = (at: number, o: Partial<SweepContext> & { watch?: string[] } = {}): Promise<SweepCounts | undefined> =>
  blobSweeper({
    config: { s3: { prefix } as never, watchNamespaces: o.watch ?? [] },
    home: 'home',
    storage,
  }).pass({
    kube,
    cache,
    log: createLogger('fatal'),
    signal: new AbortController().signal,
    now: new Date(start + at),
    afterMs: 24 * hour,
    dryRun: false,
    ...o,
  } as unknown as SweepContext);

const blobs = (): string[] => [...objects.keys()].filter((k) => k !== stateKey).sort();

beforeEach(() => {
  objects = new Map();
  cached = new Set();
  live = new Map<Resource, Set<string>>([
    [App, new Set()],
    [StageRun, new Set()],
  ]);
  uid = 'one';
  removed = [];
  refused = new Set();
});

describe('an archive', () => {
  beforeEach(() => void objects.set(key('team', 1), ''));

  it('that nobody names goes when passes of a whole day found it so, not earlier', async () => {
    expect(await pass(0)).toEqual({ all: 1, unused: 1, strange: 0 });
    await pass(12 * hour);
    await pass(24 * hour - 1000);
    expect(blobs()).toHaveLength(1);
    await pass(24 * hour);
    expect(blobs()).toEqual([]);
    expect(await pass(25 * hour)).toEqual({ all: 0, unused: 0, strange: 0 });
  });

  it('goes in time though it was first seen by a clock that was years ahead', async () => {
    await pass(100_000 * hour);
    await pass(0);
    await pass(24 * hour);
    expect(blobs()).toEqual([]);
  });

  it.each([App, StageRun])('that an object of the kind $kind names stays', async (kind) => {
    name('team', 1, 'both', kind);
    for (const at of [0, 30 * hour, 60 * hour]) await pass(at);
    expect(blobs()).toHaveLength(1);
  });

  it.each([App, StageRun])('that a $kind names which the cache does not know yet stays', async (kind) => {
    name('team', 0, 'server', kind);
    name('team', 1, 'server', kind);
    for (const at of [0, 30 * hour, 60 * hour]) await pass(at);
    expect(blobs()).toHaveLength(1);
    expect(removed).toEqual([]);
  });

  it('that was named in between begins its day anew', async () => {
    await pass(0);
    name('team', 1);
    await pass(12 * hour);
    cached.clear();
    live.get(App)?.clear();
    await pass(23 * hour);
    await pass(25 * hour);
    expect(blobs()).toHaveLength(1);
    await pass(47 * hour);
    expect(blobs()).toEqual([]);
  });

  it('that another namespace names is of no use to this one', async () => {
    name('other', 1);
    await pass(0);
    await pass(24 * hour);
    expect(blobs()).toEqual([]);
  });

  it('that the server does not delete is tried again', async () => {
    refused.add(key('team', 1));
    await pass(0);
    await pass(24 * hour);
    refused.clear();
    await pass(25 * hour);
    expect(blobs()).toEqual([]);
  });

  it('is only told of in a dry run', async () => {
    await pass(0, { dryRun: true });
    expect(await pass(48 * hour, { dryRun: true })).toEqual({ all: 1, unused: 1, strange: 0 });
    expect(removed).toEqual([]);
  });
});

describe('what is not the operator’s', () => {
  it.each([
    ['other keys', 'one/blobs/team/readme.txt'],
    ['digests in upper case', `one/blobs/team/${'A'.repeat(64)}`],
    ['longer keys', `one/blobs/team/${sha(1)}/more`],
    ['names that no namespace has', `one/blobs/Team/${sha(1)}`],
    ['keys without a namespace', `one/blobs/${sha(1)}`],
  ])('is never touched: %s', async (_, strange) => {
    objects.set(strange, '');
    await pass(0);
    expect(await pass(48 * hour)).toEqual({ all: 0, unused: 0, strange: 1 });
    expect(blobs()).toEqual([strange]);
  });

  it('is never touched: other prefixes, and namespaces that are not watched', async () => {
    objects
      .set(key('alien', 1), '')
      .set(`two/blobs/team/${sha(1)}`, '')
      .set(key('team', 1), '');
    await pass(0, { watch: ['team'] });
    await pass(48 * hour, { watch: ['team'] });
    expect(blobs()).toEqual([key('alien', 1), `two/blobs/team/${sha(1)}`]);
  });

  it('is never touched: a bucket and prefix that another installation uses', async () => {
    objects.set(key('team', 1), '');
    await pass(0);
    uid = 'two';
    expect(await pass(48 * hour)).toBeUndefined();
    expect(blobs()).toHaveLength(1);
    // Neither does the one that was first, for it would remove what the other uses; until somebody decides.
    uid = 'one';
    for (const at of [49, 80]) expect(await pass(at * hour)).toBeUndefined();
    expect(blobs()).toHaveLength(1);
    objects.delete(stateKey);
    await pass(81 * hour);
    await pass(105 * hour);
    expect(blobs()).toEqual([]);
  });
});

describe('the memory of the sweep', () => {
  it('that cannot be read begins anew, and removes nothing early', async () => {
    objects.set(key('team', 1), '');
    await pass(0);
    objects.set(stateKey, '{"marks": 7}');
    await pass(24 * hour);
    expect(blobs()).toHaveLength(1);
    await pass(48 * hour);
    expect(blobs()).toEqual([]);
  });

  it('is the same after writing and reading', () => {
    const kept = {
      installation: 'one',
      rivals: ['two'],
      known: ['a/b'],
      left: { at: new Date(start), bytes: new Map([['team', 10]]) },
      marks: new Map([1, 1, 2].map((at, i) => [`a/${i}`, at])),
    };
    expect(readMarks(writeMarks(kept))).toEqual(kept);
  });

  it('has a bound with 100,000 keys, which all go in the end, a thousand at a time', async () => {
    for (let i = 0; i < 100_000; i++) objects.set(key(`team-${i % 3}`, i), '');
    for (let at = 0; at <= 3; at++) await pass(at * 24 * hour);
    expect(blobs()).toEqual([]);
    expect(Math.max(...removed.map((keys) => keys.length))).toBe(1000);
    const first = readMarks(objects.get(stateKey) ?? '');
    expect(first?.marks.size).toBeLessThanOrEqual(maxMarks);
    // A request deletes within one namespace, whose Apps were looked at just before.
    for (const keys of removed) expect(new Set(keys.map((k) => k.split('/')[2])).size).toBe(1);
  }, 30_000);
});
