import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyUnicode } from '../../testing/texts.ts';
import { applyBody } from './applybody.ts';

test.each([
  ['DEL and C1 controls', 'a\u007f\u0085\u009fb', String.raw`"a\u007f\u0085\u009fb"`],
  ['line and paragraph separators', '\u2028\u2029', String.raw`"\u2028\u2029"`],
  ['a byte order mark and noncharacters', '\ufeff\ufffe\uffff', String.raw`"\ufeff\ufffe\uffff"`],
  ['C0 controls', '\u0000\t\n\u001f', String.raw`"\u0000\t\n\u001f"`],
  ['half a surrogate pair', 'a\ud83d', '"a\ufffd"'],
  ['a whole pair', '🙂', '"🙂"'],
  ['what only looks like an escape', String.raw`\ud83d`, String.raw`"\\ud83d"`],
  ['an escape behind half a pair', '\\\ud83d\\', '"\\\\\ufffd\\\\"'],
])('%s', (_, value, body) => expect(applyBody(value)).toBe(body));

test('keys are escaped like values', () => expect(applyBody({ 'a\u0085': 1 })).toBe(String.raw`{"a\u0085":1}`));

test('a key that is too long for a YAML parser is announced', () => {
  const long = 'é'.repeat(1000);
  expect(applyBody({ [long]: long, b: [long] })).toBe(`{? "${long}":"${long}","b":["${long}"]}`);
});

test('whatever is written is JSON of the same value, made well-formed', () => {
  fc.assert(
    fc.property(anyUnicode(50), fc.string({ maxLength: 5 }), (text, half) => {
      for (const value of [text, `${text}\ud800${half}`]) {
        expect(JSON.parse(applyBody(value))).toBe(value.toWellFormed());
      }
    }),
  );
});
