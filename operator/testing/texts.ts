import fc from 'fast-check';

/** anyUnit is one character of Unicode, or half of one. fast-check's own unit 'binary' takes seconds of a busy machine to set up. */
const anyUnit = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code));

/** anyUnicode is text of any characters at all, control characters and halves of surrogate pairs among them. */
export const anyUnicode = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.oneof(
      anyUnit,
      fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCodePoint(code)),
    ),
    maxLength,
  });
