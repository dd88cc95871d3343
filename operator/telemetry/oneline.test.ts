import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyUnicode } from '../testing/texts.ts';
import { oneLine } from './oneline.ts';

describe('a message of a condition or an event', () => {
  it.each([
    ['line breaks of all kinds', 'a\nb\r\nc\u2028d\u0085e', 'a b c d e'],
    ['tabs and runs of blanks', '  a\t\tb   c ', 'a b c'],
    ['colours', 'ERROR: \u001b[31;1mno\u001b[0m luck', 'ERROR: no luck'],
    ['control characters', 'a\u0000b\u001bc\u009bd\u007fe', 'a b c d e'],
    ['marks that turn the order of the text around', 'user\u202egnp.exe\u2066x', 'usergnp.exex'],
    ['half a surrogate pair', 'a\ud800b', 'a\ufffdb'],
    ['secrets, also over a line break', 'password:\nhunter2 is wrong', 'password: *** is wrong'],
    ['secrets, also with a colour in the middle', 'pass\u001b[1mword=hunter2', 'password=***'],
    ['a plain sentence', 'The build waits for its turn: 3 are ahead.', 'The build waits for its turn: 3 are ahead.'],
  ])('is one line of plain words: %s', (_, text, expected) => expect(oneLine(text)).toBe(expected));

  it('is bounded in bytes and never cut within a character', () => {
    const cut = oneLine('🙂'.repeat(1000));
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(2048);
    expect(cut).toMatch(/^(🙂)+…$/u);
    expect(Buffer.byteLength(oneLine('é'.repeat(100), 64))).toBeLessThanOrEqual(64);
  });

  it('is one line whatever it is made of, and stays the same when it is read back', () => {
    const anyText = fc.oneof(
      anyUnicode(60),
      fc.string({
        unit: fc.constantFrom('\n', '\u001b[', '1m', '\ud83d', '\u0085', ' ', 'token=', 'é', '🙂'),
        maxLength: 60,
      }),
    );
    fc.assert(
      fc.property(anyText, fc.integer({ min: 16, max: 128 }), (text, max) => {
        const line = oneLine(text, max);
        expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(line).toBe(line.trim());
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(max);
        expect(oneLine(line, max)).toBe(line);
      }),
    );
  });

  it.each(['\u001b[', '\u001b[0', ' ', '\n', '\u200b', 'a\u0000', 'password=\n'])(
    'is done at once with a text full of %j, which may come to hold the operator up',
    (text) => {
      const start = performance.now();
      oneLine(text.repeat(262_144 / text.length));
      expect(performance.now() - start).toBeLessThan(10_000);
    },
  );
});
