import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sameQuantity } from './quantity.ts';
import { canonical } from '../canonical.ts';
import { differences, pruned } from './subset.ts';

const same = (wanted: unknown, found: unknown): boolean => differences(wanted, found).length === 0;

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('value'), { maxKeys: 4 }),
}));

/** withExtras adds fields of others to every object, as defaulting and other managers do. */
const withExtras = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withExtras);
  if (typeof value !== 'object' || value === null) return value;
  return { ...Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withExtras(v)])), Foreign: 'field' };
};

describe('differences', () => {
  test('anything is a subset of itself', () => {
    fc.assert(fc.property(json.object, (o) => same(o, structuredClone(o))));
  });

  test('fields of others anywhere are no difference', () => {
    fc.assert(fc.property(json.object, (o) => same(o, withExtras(o))));
  });

  test('a selector is one value: what others add to it changes what it means', () => {
    const wanted = { spec: { selector: { app: 'shop' } } };
    expect(same(wanted, { spec: { selector: { app: 'shop', tier: 'db' } } })).toBe(false);
    expect(same(wanted, { spec: { selector: { app: 'shop', tier: '' } } })).toBe(true);
  });

  test('a changed leaf is one difference', () => {
    fc.assert(
      fc.property(json.object, fc.stringMatching(/^[A-Z]{3}$/), fc.integer({ min: 1 }), (o, name, n) => {
        expect(differences({ ...o, [name]: n }, { ...o, [name]: n + 1 })).toMatchObject([
          { path: name, wanted: n, found: n + 1 },
        ]);
      }),
    );
  });

  test('a missing field is a difference unless it is empty', () => {
    fc.assert(
      fc.property(
        json.object,
        (o) => same({ ...o, gone: 1 }, o) === false && same({ ...o, gone: [{}] }, { ...o, gone: [{}] }),
      ),
    );
    for (const empty of [undefined, null, '', [], {}, { a: {} }]) expect(same({ a: empty }, {})).toBe(true);
    for (const full of [false, 0, 'x', [1], { a: false }]) expect(same({ a: full }, {})).toBe(false);
  });

  test.each([
    [
      'quantities by value',
      { resources: { limits: { cpu: '1000m', memory: '1Gi' } } },
      { resources: { limits: { cpu: '1', memory: '1024Mi' } } },
      true,
    ],
    ['quantities that differ', { resources: { limits: { cpu: '1' } } }, { resources: { limits: { cpu: '2' } } }, false],
    ['a label that looks like a quantity is text', { labels: { a: '1000m' } }, { labels: { a: '1' } }, false],
    ['int or string', { targetPort: 8080 }, { targetPort: '8080' }, true],
    [
      'a container somebody injected',
      { containers: [{ name: 'web', image: 'a' }] },
      { containers: [{ name: 'mesh' }, { name: 'web', image: 'a' }] },
      true,
    ],
    ['a container somebody removed', { containers: [{ name: 'web' }] }, { containers: [{ name: 'mesh' }] }, false],
    [
      'container ports with the default protocol',
      { ports: [{ containerPort: 80 }] },
      { ports: [{ containerPort: 80, protocol: 'TCP' }] },
      true,
    ],
    [
      'service ports by number and protocol',
      { ports: [{ port: 53, protocol: 'UDP', name: 'u' }] },
      {
        ports: [
          { port: 53, protocol: 'TCP' },
          { port: 53, protocol: 'UDP', name: 'u' },
        ],
      },
      true,
    ],
    ['an atomic list with one more', { rules: [{ host: 'a' }] }, { rules: [{ host: 'a' }, { host: 'b' }] }, false],
    ['an atomic list in another order', { args: ['a', 'b'] }, { args: ['b', 'a'] }, false],
    ['finalizers of others', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }, true],
    ['an owner that was stripped', { ownerReferences: [{ uid: 'u' }] }, {}, false],
    [
      'an environment variable with an empty value',
      { env: [{ name: 'A', value: '' }] },
      { env: [{ name: 'A' }] },
      true,
    ],
  ])('%s', (_, wanted, found, expected) => expect(same(wanted, found)).toBe(expected));
});

test('pruned drops what an apply cannot say, and nothing else', () => {
  expect(pruned({ a: undefined, b: null, c: [], d: {}, e: '', f: false, g: 0, h: [{ i: [] }] })).toEqual({
    d: {},
    e: '',
    f: false,
    g: 0,
    h: [{}],
  });
});

test('canonical does not depend on the order of fields', () => {
  fc.assert(
    fc.property(json.object, (o) => {
      const reversed = Object.fromEntries(Object.entries(o as object).reverse());
      expect(canonical(reversed)).toBe(canonical(o));
      expect(JSON.parse(canonical(o))).toEqual(o);
    }),
  );
});

test('sameQuantity knows every way to write a number', () => {
  for (const [a, b] of [
    ['1', '1000m'],
    ['1.5', '1500m'],
    ['1Ki', '1024'],
    ['1e3', '1k'],
    ['0.5Gi', '512Mi'],
    ['1E', '1e18'],
    [2, '2'],
    ['.5', '500m'],
    ['-1', '-1000m'],
  ])
    expect(sameQuantity(a, b), `${a} ${b}`).toBe(true);
  for (const [a, b] of [
    ['1', '2'],
    ['', '0'],
    ['one', 'one'],
    ['1Gi', '1G'],
    ['1 ', '1'],
  ])
    expect(sameQuantity(a, b), `${a} ${b}`).toBe(false);
});
