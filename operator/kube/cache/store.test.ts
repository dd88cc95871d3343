import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPacker } from './pack.ts';
import { keyString, resource, type KubeObject } from '../resource.ts';
import { Store } from './store.ts';

type Labelled = KubeObject & { data?: Record<string, string> };

const Things = resource<Labelled>({ group: 'test.io', version: 'v1', kind: 'Thing', plural: 'things' });

const object = (name: string, version: number, rest: Partial<Labelled> = {}): Labelled => ({
  metadata: { namespace: 'a', name, uid: `uid-${name}`, resourceVersion: String(version), ...rest.metadata },
  ...(rest.data && { data: rest.data }),
});

const owned = (name: string, version: number, uid: string): Labelled =>
  object(name, version, {
    metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Owner', name: 'o', uid, controller: true }] },
  });

const owner = (uid: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Owner',
  metadata: { namespace: 'a', name: 'o', uid },
});

describe('Store', () => {
  test('what is read is shared, and in tests nobody can change it, however deep', () => {
    const store = new Store({ resource: Things, recent: 1 });
    const key = { namespace: 'a', name: 'x' };
    store.put(object('x', 1, { data: { a: '1' } }));
    const written = store.get(key);
    store.put(object('y', 1));
    const unpacked = store.get(key);
    expect(store.get(key)).toBe(unpacked);
    for (const read of [written, unpacked])
      expect(() => {
        (read!.data as Record<string, string>)['a'] = 'changed';
      }).toThrow(/read only/);
    expect(unpacked).toEqual(written);
  });

  test('a large object is not kept parsed', () => {
    const store = new Store({ resource: Things });
    const key = { namespace: 'a', name: 'x' };
    store.put(object('x', 1, { data: { a: 'y'.repeat(100_000) } }));
    expect(store.get(key)).not.toBe(store.get(key));
    expect(store.get(key)).toEqual(store.get(key));
  });

  test('an object comes back with apiVersion and kind, which lists leave out', () => {
    const store = new Store({ resource: Things });
    store.put(object('x', 1));
    expect(store.list()).toMatchObject([{ apiVersion: 'test.io/v1', kind: 'Thing', metadata: { name: 'x' } }]);
  });

  test('managed fields, last-applied and what trim drops are not kept', () => {
    const store = new Store({ resource: Things, trim: (o) => void delete o.data });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' };
    store.put(object('x', 1, { metadata: { managedFields: [{}], annotations }, data: { a: 'b' } }));
    const held = store.get({ namespace: 'a', name: 'x' });
    expect(held?.metadata).toMatchObject({ annotations: { kept: 'yes' } });
    expect(held?.metadata?.managedFields).toBeUndefined();
    expect(held?.data).toBeUndefined();
  });

  test('the same version again is no change', () => {
    const store = new Store({ resource: Things });
    expect(store.put(object('x', 1))).toMatchObject({ after: { metadata: { name: 'x' } } });
    expect(store.put(object('x', 1))).toBeUndefined();
    expect(store.put(object('x', 2))).toMatchObject({ before: { metadata: { resourceVersion: '1' } } });
    expect(store.remove({ namespace: 'a', name: 'x' })).toMatchObject({
      before: { metadata: { resourceVersion: '2' } },
    });
    expect(store.remove({ namespace: 'a', name: 'x' })).toBeUndefined();
  });

  test('indexes follow changes and deletions, also where several objects share a value', () => {
    const store = new Store({ resource: Things });
    const names = (uid: string): string[] => store.ownedBy(owner(uid)).map((o) => o.metadata?.name ?? '');
    store.put(owned('x', 1, 'u1'));
    store.put(owned('y', 2, 'u1'));
    expect(names('u1')).toEqual(['x', 'y']);
    store.put(owned('x', 3, 'u2'));
    expect([names('u1'), names('u2')]).toEqual([['y'], ['x']]);
    store.remove({ namespace: 'a', name: 'y' });
    expect(names('u1')).toEqual([]);
    expect(() => store.byIndex('none', 'x')).toThrow('no index none');
  });

  test.each<[string, string, object]>([
    ['is of another namespace', 'b', {}],
    ['names another kind', 'a', { kind: 'Stranger' }],
    ['names another group', 'a', { apiVersion: 'x.io/v1' }],
    ['names another name', 'a', { name: 'other' }],
    ['is not controlled by it', 'a', { controller: false }],
  ])('an object with the owner’s uid is no child of it where it %s', (_, namespace, more) => {
    const store = new Store({ resource: Things });
    const reference = { apiVersion: 'v1', kind: 'Owner', name: 'o', uid: 'u1', controller: true };
    store.put(object('x', 1, { metadata: { namespace, ownerReferences: [{ ...reference, ...more }] } }));
    store.put(owned('y', 2, 'u1'));
    expect(store.ownedBy(owner('u1')).map((o) => o.metadata?.name)).toEqual(['y']);
  });

  test('an object whose trim or index throws changes nothing, and comes in as soon as it does not', () => {
    let broken = true;
    const fussy = (o: Labelled): readonly string[] => {
      if (broken && o.data?.a === '2') throw new Error('cannot read this');
      return [o.data?.a ?? ''];
    };
    for (const how of ['index', 'trim']) {
      broken = true;
      const store = new Store<Labelled>({
        resource: Things,
        // Before and behind the one that throws there are others, which must not be half changed.
        indexes: { name: (o) => [`${o.data?.a}`], ...(how === 'index' && { fussy }), last: (o) => [`${o.data?.a}`] },
        ...(how === 'trim' && { trim: (o) => void fussy(o) }),
      });
      store.put(object('x', 1, { data: { a: '1' } }));
      expect(() => store.put(object('x', 2, { data: { a: '2' } })), how).toThrow('cannot read this');
      expect(() => store.put(object('y', 3, { data: { a: '2' } })), how).toThrow('cannot read this');
      expect(store.version({ namespace: 'a', name: 'x' })).toBe('1');
      expect(store.size).toBe(1);
      for (const index of ['name', 'last'])
        expect([store.byIndex(index, '1').length, store.byIndex(index, '2').length]).toEqual([1, 0]);
      broken = false;
      expect(store.put(object('x', 2, { data: { a: '2' } }))).toMatchObject({ before: { data: { a: '1' } } });
      for (const index of ['name', 'last'])
        expect([store.byIndex(index, '1').length, store.byIndex(index, '2').length]).toEqual([0, 1]);
    }
  });

  test('of versions that are given a second time the content tells what changed', () => {
    const store = new Store({ resource: Things });
    store.put(object('x', 5, { data: { a: '1' } }));
    expect(store.put(object('x', 5, { data: { a: '1' } }), true)).toBeUndefined();
    expect(store.put(object('x', 5, { data: { a: '2' } }), true)).toMatchObject({ before: { data: { a: '1' } } });
    expect(store.put(object('x', 3, { data: { a: '2' } }))).toMatchObject({
      after: { metadata: { resourceVersion: '3' } },
    });
    expect(store.version({ namespace: 'a', name: 'x' })).toBe('3');
  });

  test('what cannot be packed is kept as it is', () => {
    const packer = createPacker();
    const full = (): never => {
      throw new Error('no memory');
    };
    const store = new Store<Labelled>({ resource: Things, recent: 1, packer: { ...packer, pack: full } });
    const names = ['x', 'y', 'z'];
    names.forEach((name, i) => store.put(object(name, i + 1, { data: { a: 'ä€😀'.repeat(100) } })));
    for (const name of names) expect(store.get({ namespace: 'a', name })?.data).toEqual({ a: 'ä€😀'.repeat(100) });
    expect(store.put(object('x', 9))).toMatchObject({ before: { data: {} } });
  });

  test('behaves like a plain map under any sequence of changes', () => {
    const step = fc.record({
      namespace: fc.constantFrom('a', 'b'),
      name: fc.constantFrom('x', 'y', 'z'),
      data: fc.option(fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' }))),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const store = new Store({
          resource: Things,
          recent: 2,
          indexes: { name: (o) => [o.metadata?.name ?? ''] },
        });
        const model = new Map<string, Labelled>();
        steps.forEach(({ namespace, name, data }, i) => {
          const key = keyString({ namespace, name });
          const o = { metadata: { namespace, name, resourceVersion: String(i) }, ...(data && { data }) };
          if (data === null) {
            expect(store.remove({ namespace, name }) === undefined).toBe(!model.delete(key));
          } else {
            model.set(key, structuredClone(o));
            store.put(o);
          }
        });
        const sorted = (all: Labelled[]): unknown => all.map((o) => JSON.stringify([o.metadata, o.data])).sort();
        expect(sorted(store.list())).toEqual(sorted([...model.values()]));
        for (const namespace of ['a', 'b'])
          expect(store.keys(namespace).map(keyString).sort()).toEqual(
            [...model.keys()].filter((k) => k.startsWith(namespace)).sort(),
          );
        for (const name of ['x', 'y', 'z'])
          expect(store.byIndex('name', name).length).toBe(
            [...model.values()].filter((o) => o.metadata?.name === name).length,
          );
      }),
    );
  });
});

describe('createPacker', () => {
  test('gives back every text, whatever was packed before it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 500 }),
      fc.json(),
      fc.string({ minLength: 9000, maxLength: 20000 }),
    );
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), (texts) => {
        const packer = createPacker();
        const packed = texts.map((t) => packer.pack(t));
        expect(packed.map((p) => packer.unpack(p))).toEqual(texts);
      }),
      { numRuns: 50 },
    );
  });

  test('learns a new dictionary when the first text was not typical', () => {
    const packer = createPacker();
    const typical = (i: number): string =>
      JSON.stringify({ i, list: Array.from({ length: 40 }, (_, n) => Math.sin(n + 1)) });
    packer.pack(JSON.stringify({ odd: 'x'.repeat(400) }));
    const sizes = Array.from({ length: 600 }, (_, i) => packer.pack(typical(i)).bytes.length);
    expect(sizes.at(-1)).toBeLessThan((sizes[0] ?? 0) / 4);
  });
});
