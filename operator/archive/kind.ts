import { blockSize, isEmpty, isHeader } from './tarheader.ts';

/** ArchiveKind is what an archive is by its first bytes. */
export type ArchiveKind = 'tar' | 'tar.gz' | 'tar.bz2' | 'tar.xz' | 'zip';

/** kindsText names them for people. */
export const kindsText = 'tar, tar.gz, tar.bz2, tar.xz or zip';

/** headBytes is how much of a file archiveKind needs: one tar header. */
export const headBytes = blockSize;

const magics: readonly [ArchiveKind, string][] = [
  ['tar.gz', '1f8b'],
  ['tar.bz2', '425a68'],
  ['tar.xz', 'fd377a585a00'],
  ['zip', '504b0304'],
  ['zip', '504b0506'],
];

/** archiveKind tells what an archive is, by magic bytes as Epinio does; undefined where it is none. */
export const archiveKind = (head: Buffer): ArchiveKind | undefined =>
  magics.find(([, magic]) => head.subarray(0, magic.length / 2).toString('hex') === magic)?.[0] ??
  // An empty tar begins with the zeros that end every tar.
  (isHeader(head) || (head.length === headBytes && isEmpty(head)) ? 'tar' : undefined);
