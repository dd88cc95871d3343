import { describe, expect, test, vi } from 'vitest';
import { ConfigMap, keyString, Secret, type Key, type KubeObject, type Resource } from '../kube/resource.ts';
import type { Cache, Kube } from '../kube/types.ts';
import { ManualClock } from '../testing/clock.ts';
import { contentKeyName } from './contentkey.ts';
import { ContentReader, type Reference } from './contents.ts';

type Data = Readonly<Record<string, string>>;

/** Cluster is an API server with a cache that shows everything at once, and counts what is read from it. */
const cluster = () => {
  const objects = new Map<string, KubeObject & { data?: Data; binaryData?: Data }>();
  let version = 0;
  const idOf = (r: Resource, key: Key): string => `${r.kind} ${keyString(key)}`;
  const reads: string[] = [];
  const put = (r: Resource, key: Key, content: object): void => {
    objects.set(idOf(r, key), { metadata: { ...key, resourceVersion: String(++version) }, ...content });
  };
  const cache = {
    get: (r: Resource, key: Key) => {
      const metadata = objects.get(idOf(r, key))?.metadata;
      return metadata && { metadata };
    },
    coverage: () => ({ complete: true, metadataOnly: true }),
  } as unknown as Cache;
  const kube = {
    get: async (r: Resource, key: Key) => {
      reads.push(idOf(r, key));
      return objects.get(idOf(r, key));
    },
    create: async (r: Resource, object: KubeObject) => {
      put(r, { namespace: object.metadata?.namespace ?? '', name: object.metadata?.name ?? '' }, object);
      return objects.get(idOf(r, { namespace: 'home', name: object.metadata?.name ?? '' }));
    },
  } as unknown as Kube;
  return {
    ctx: { cache, kube },
    objects,
    secret: (name: string, data: Data, namespace = 'team') => put(Secret, { namespace, name }, { data }),
    configMap: (name: string, content: { data?: Data; binaryData?: Data }) =>
      put(ConfigMap, { namespace: 'team', name }, content),
    remove: (r: Resource, name: string, namespace = 'team') => objects.delete(idOf(r, { namespace, name })),
    /** Reads of tenants' objects since the last call. */
    reads: () => reads.splice(0).filter((id) => !id.includes(contentKeyName)),
  };
};

const secretRef = (name: string, more: Partial<Reference> = {}): Reference => ({
  kind: 'Secret',
  name,
  rolls: true,
  field: 'spec.configurations',
  ...more,
});

const start = () => {
  const world = cluster();
  const clock = new ManualClock();
  const reader = new ContentReader({ home: 'home', clock });
  const look = (...references: Reference[]) => reader.look(world.ctx, 'team', references);
  return { ...world, clock, look };
};

describe('the hash of contents', () => {
  test('changes with the content, and with nothing else', async () => {
    const { secret, look, clock } = start();
    secret('db', { a: '1', b: '2' });
    const first = await look(secretRef('db'));
    const contents: [Data, boolean][] = [
      [{ b: '2', a: '1' }, true],
      [{ a: '1', b: '3' }, false],
      [{ a: '1' }, false],
      [{ a: '1', b: '2', c: '' }, false],
      [{ a: '12', b: '' }, false],
      [{ a1: '', b: '2' }, false],
    ];
    for (const [data, same] of contents) {
      await clock.advance(600_000);
      secret('db', data);
      expect((await look(secretRef('db'))).hash === first.hash, JSON.stringify(data)).toBe(same);
    }
  });

  test('counts what is named: one key, or all of them', async () => {
    const { secret, look, clock } = start();
    secret('db', { a: '1', b: '2' });
    const [one, all] = [await look(secretRef('db', { key: 'a' })), await look(secretRef('db'))];
    await clock.advance(600_000);
    secret('db', { a: '1', b: '3' });
    expect((await look(secretRef('db', { key: 'a' }))).hash).toBe(one.hash);
    expect((await look(secretRef('db'))).hash).not.toBe(all.hash);
  });

  test('tells text from bytes in ConfigMaps', async () => {
    const { configMap, look, clock } = start();
    const ref: Reference = { ...secretRef('settings'), kind: 'ConfigMap' };
    const hashes = new Set<string | undefined>();
    for (const content of [{ data: { a: 'YQ==' } }, { binaryData: { a: 'YQ==' } }, { data: { a: 'a' } }, {}]) {
      configMap('settings', content);
      hashes.add((await look(ref)).hash);
      await clock.advance(600_000);
    }
    expect(hashes.size).toBe(4);
  });

  test('does not tell that two namespaces hold the same', async () => {
    const { ctx, secret } = start();
    const reader = new ContentReader({ home: 'home' });
    for (const namespace of ['one', 'two']) secret('db', { a: '1' }, namespace);
    const [one, two] = [
      await reader.look(ctx, 'one', [secretRef('db')]),
      await reader.look(ctx, 'two', [secretRef('db')]),
    ];
    expect(one.hash).not.toBe(two.hash);
  });

  test('stays the same in the next operator, and is another one under another key', async () => {
    const { ctx, secret, remove } = start();
    secret('db', { a: '1' });
    const hash = async () =>
      (await new ContentReader({ home: 'home' }).look(ctx, 'team', [secretRef('db')])).hash ?? '';
    const first = await hash();
    expect(await hash()).toBe(first);
    remove(Secret, contentKeyName, 'home');
    const second = await hash();
    expect(second.split('.')[0]).not.toBe(first.split('.')[0]);
  });

  test('does not count what is not to roll the pods', async () => {
    const { secret, look, clock } = start();
    secret('db', { a: '1' });
    const before = await look(secretRef('db', { rolls: false }));
    await clock.advance(600_000);
    secret('db', { a: '2' });
    expect((await look(secretRef('db', { rolls: false }))).hash).toBe(before.hash);
  });

  test('a key that a person typed is no key', async () => {
    const { secret, look } = start();
    secret('db', { a: '1' });
    secret(contentKeyName, { key: Buffer.from('secret').toString('base64') }, 'home');
    await expect(look(secretRef('db'))).rejects.toThrow(/delete it/);
  });
});

describe('what is missing', () => {
  test('is told, by object and by key, unless it may be', async () => {
    const { secret, look } = start();
    secret('db', { a: '1' });
    const wanted = [secretRef('gone'), secretRef('db', { key: 'b' }), secretRef('db')];
    const optional = [secretRef('gone', { optional: true }), secretRef('db', { key: 'c', optional: true })];
    expect((await look(...wanted, ...optional)).missing).toEqual([
      { reference: wanted[0], keyOnly: false },
      { reference: wanted[1], keyOnly: true },
    ]);
  });

  test('is looked for again, also where it was missing when all was seen last', async () => {
    const { ctx, secret, look } = start();
    const first = await look(secretRef('db'));
    expect(first.missing).toHaveLength(1);
    const known = { hash: first.hash ?? '', versions: first.versions ?? '' };
    const next = new ContentReader({ home: 'home' });
    expect((await next.look(ctx, 'team', [secretRef('db')], known)).missing).toHaveLength(1);
    secret('db', {});
    expect((await next.look(ctx, 'team', [secretRef('db')], known)).missing).toEqual([]);
  });

  test('what an optional one holds counts as soon as it is there', async () => {
    const { secret, look } = start();
    const ref = secretRef('db', { optional: true });
    const before = await look(ref);
    secret('db', {});
    expect((await look(ref)).hash).not.toBe(before.hash);
  });

  test('a name that leads elsewhere leads nowhere', async () => {
    const { secret, look, reads } = start();
    secret('db', { a: '1' }, 'other');
    for (const name of ['other/db', '../other/db', '../../other/secrets/db', ''])
      expect((await look(secretRef(name))).missing, name).toHaveLength(1);
    expect(reads()).toEqual([]);
  });
});

describe('reading', () => {
  test('happens once for each version, however many Apps ask at once', async () => {
    const { secret, look, reads, clock } = start();
    secret('db', { a: '1', b: '2' });
    await Promise.all(Array.from({ length: 100 }, () => look(secretRef('db'))));
    await look(secretRef('db'));
    expect(reads()).toEqual(['Secret team/db']);
    await clock.advance(600_000);
    secret('db', { a: '2' });
    await Promise.all(Array.from({ length: 100 }, () => look(secretRef('db'))));
    expect(reads()).toEqual(['Secret team/db']);
  });

  test('of what several Apps ask differently happens once for each version too', async () => {
    const { secret, look, reads, clock } = start();
    const asks = () => Promise.all(['a', 'b', 'c'].map((key) => look(secretRef('db', { key }))));
    secret('db', { a: '1', b: '2', c: '3' });
    await asks();
    reads();
    await clock.advance(600_000);
    secret('db', { a: '2', b: '2', c: '3' });
    await asks();
    expect(reads()).toEqual(['Secret team/db']);
  });

  test('is spared where nothing has moved since it was seen by an earlier operator', async () => {
    const { ctx, secret, look, reads } = start();
    secret('db', { a: '1' });
    const { hash = '', versions = '' } = await look(secretRef('db'));
    reads();
    const next = new ContentReader({ home: 'home' });
    const known = { hash, versions };
    expect(await next.look(ctx, 'team', [secretRef('db')], known)).toEqual({ hash, versions, missing: [] });
    expect(reads()).toEqual([]);
    // Another key of the same object was never looked at.
    expect((await next.look(ctx, 'team', [secretRef('db', { key: 'x' })], known)).missing).toHaveLength(1);
    secret('db', { a: '2' });
    expect((await next.look(ctx, 'team', [secretRef('db')], known)).hash).not.toBe(hash);
  });

  test('what changes 20 times a second is read ever more rarely, and its last content is seen all the same', async () => {
    const { secret, look, reads, clock } = start();
    const hashes = new Set<string | undefined>();
    let wait: number | undefined;
    for (let i = 0; i < 20 * 600; i++) {
      secret('db', { a: String(i) });
      const { hash, againMs } = await look(secretRef('db'));
      hashes.add(hash);
      wait = againMs;
      await clock.advance(50);
    }
    // 1, 2, 4 … 60 seconds, and then once a minute.
    expect(reads().length).toBeLessThanOrEqual(18);
    expect(hashes.size).toBeLessThanOrEqual(18);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60_000);
    await clock.advance(wait ?? 0);
    const { hash, againMs } = await look(secretRef('db'));
    expect(againMs).toBeUndefined();
    expect(hashes).not.toContain(hash);
  });

  test('what is changed by a person now and then is read at once each time', async () => {
    const { secret, look, clock } = start();
    for (let i = 0; i < 10; i++) {
      secret('db', { a: String(i) });
      expect(await look(secretRef('db'))).not.toHaveProperty('againMs');
      await clock.advance(5_000);
    }
  });

  test('what is not read yet is never taken for known', async () => {
    const { secret, look } = start();
    secret('db', { a: '1' });
    await look(secretRef('db'));
    secret('db', { a: '2' });
    expect(await look(secretRef('db'))).toMatchObject({ versions: '', againMs: 1_000 });
  });

  test('that fails is tried again', async () => {
    const { ctx, secret, look } = start();
    secret('db', { a: '1' });
    await look(secretRef('db'));
    secret('other', { a: '1' });
    const away = vi.spyOn(ctx.kube, 'get').mockRejectedValueOnce(new Error('away'));
    await expect(look(secretRef('other'))).rejects.toThrow('away');
    away.mockRestore();
    expect((await look(secretRef('other'))).missing).toEqual([]);
  });

  test('of so many that not all are remembered forgets those that were not asked for longest', async () => {
    const { ctx, secret, reads } = start();
    const reader = new ContentReader({ home: 'home', maxEntries: 10 });
    const ask = (i: number) => reader.look(ctx, 'team', [secretRef(`s-${i}`)]);
    for (let i = 0; i < 20; i++) secret(`s-${i}`, {});
    for (let i = 0; i < 20; i++) await ask(i);
    reads();
    await ask(19);
    await ask(0);
    expect(reads()).toEqual(['Secret team/s-0']);
  });
});
