import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ListReader } from './listreader.ts';

const read = (text: Buffer, cuts: readonly number[] = []): { items: unknown[]; list: unknown } => {
  const items: unknown[] = [];
  const reader = new ListReader((item) => items.push(item));
  const at = [0, ...cuts.map((c) => c % (text.length + 1)).sort((a, b) => a - b), text.length];
  at.slice(1).forEach((to, i) => reader.push(text.subarray(at[i], to)));
  return { items, list: reader.end() };
};

test('any list, cut anywhere, gives its items in order and itself without them', () => {
  const item = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue());
  const list = fc.record({
    before: fc.dictionary(fc.string(), fc.jsonValue()),
    items: fc.array(item, { maxLength: 5 }),
    after: fc.record({ metadata: fc.record({ continue: fc.string(), nested: fc.constant({ items: [{ a: 1 }] }) }) }),
    space: fc.constantFrom(undefined, 2),
  });
  fc.assert(
    fc.property(list, fc.array(fc.nat(), { maxLength: 8 }), ({ before, items, after, space }, cuts) => {
      const whole = { ...before, items, ...after };
      const text = Buffer.from(JSON.stringify(whole, undefined, space));
      const { items: found, list: rest } = read(text, cuts);
      const parsed = JSON.parse(text.toString()) as typeof whole;
      expect(found).toEqual(parsed.items);
      expect(rest).toEqual({ ...parsed, items: [] });
    }),
  );
});

test('a list without items, with null for them, and with metadata first', () => {
  expect(read(Buffer.from('{"items":null,"metadata":{"resourceVersion":"1"}}')).items).toEqual([]);
  expect(read(Buffer.from('{"metadata":{},"items":[]}'))).toEqual({ items: [], list: { metadata: {}, items: [] } });
  expect(read(Buffer.from('{"metadata":{"x":"\\"items\\":["},"items":[{"a":[{}]},{}]}')).items).toEqual([
    { a: [{}] },
    {},
  ]);
});

test('what was cut, or is no JSON, is an error and not a shorter list', () => {
  for (const text of ['{"items":[{"a":1},{"b"', '{"items":[{"a":1}]', '', 'oops', '{"items":[{a}]}'])
    expect(() => read(Buffer.from(text)), text).toThrow('no JSON');
});
