/** ArchiveKind is what an archive is by its first bytes. */
export type ArchiveKind = 'tar' | 'tar.gz' | 'tar.bz2' | 'tar.xz' | 'zip';

/** kindsText names them for people. */
export const kindsText = 'tar, tar.gz, tar.bz2, tar.xz or zip';

/** headBytes is how much of a file archiveKind needs: one tar header. */
export const headBytes = 512;

const magics: readonly [ArchiveKind, string][] = [
  ['tar.gz', '1f8b'],
  ['tar.bz2', '425a68'],
  ['tar.xz', 'fd377a585a00'],
  ['zip', '504b0304'],
  ['zip', '504b0506'],
];

const octal = (field: Buffer): number => Number.parseInt(field.toString('latin1').replaceAll('\0', ' ').trim(), 8);

/** A tar from before POSIX has no magic; its header has a checksum, counted with blanks in its own place. */
const isTarHeader = (head: Buffer): boolean => {
  if (head.length < headBytes) return false;
  const sum = head.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return octal(head.subarray(148, 156)) === sum;
};

/** An empty tar begins with the zeros that end every tar. */
const isEmptyTar = (head: Buffer): boolean => head.length === headBytes && head.every((byte) => byte === 0);

/** archiveKind tells what an archive is, by magic bytes as Epinio does; undefined where it is none. */
export const archiveKind = (head: Buffer): ArchiveKind | undefined =>
  magics.find(([, magic]) => head.subarray(0, magic.length / 2).toString('hex') === magic)?.[0] ??
  (isTarHeader(head) || isEmptyTar(head) ? 'tar' : undefined);
