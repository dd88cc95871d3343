/**
 * An archive that says that it is exact is unpacked as it is. Of all others a single folder that holds everything is lifted, as
 * Epinio does: people pack `app/` where they mean what is in it.
 *
 * The mark is a record in a pax global header, in front of everything else: `comment` is the one keyword that POSIX reserves
 * for texts that change nothing, so GNU tar, libarchive and all others unpack such an archive without a word. It goes where
 * somebody unpacks and packs again, and then rightly so. (`git archive` leaves the id of the commit in the same place.)
 */
export const exactComment = 'epinio.io/exact';

const blockSize = 512;

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

/** record is `length key=value\n`, where the length counts itself. */
const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return `${length}${rest}`;
};

const header = (size: number): Buffer => {
  const block = Buffer.alloc(blockSize);
  block.write('pax_global_header', 0);
  for (const [value, length, at] of [
    [0o644, 8, 100],
    [0, 8, 108],
    [0, 8, 116],
    [size, 12, 124],
    [0, 12, 136],
  ] as const)
    block.write(octal(value, length), at);
  block.write('        ', 148);
  block.write('g', 156);
  block.write('ustar\0' + '00', 257);
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte),
      7,
    )} `,
    148,
  );
  return block;
};

/** exactMark is what an exact tar begins with. */
export const exactMark = (): Buffer => {
  const text = Buffer.from(record('comment', exactComment));
  return Buffer.concat([header(text.length), text, Buffer.alloc(blockSize - text.length)]);
};
