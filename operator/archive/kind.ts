import { blockSize, isEmpty, isHeader } from './tarheader.ts';

/** ArchiveKind is what an archive is by its first bytes. */
export type ArchiveKind = 'tar' | 'tar.gz' | 'tar.bz2' | 'tar.xz' | 'tar.zst' | 'zip';

/** kindsText names them for people. */
export const kindsText = 'tar, tar.gz, tar.bz2, tar.xz, tar.zst or zip';

/** headBytes is how much of a file archiveKind needs: one tar header. */
export const headBytes = blockSize;

/** zstdFrame is what each frame of zstd begins with. */
export const zstdFrame = Buffer.from('28b52ffd', 'hex');

/** isSkippable tells whether these bytes begin a frame of zstd that decoders pass over: pzstd writes sizes there. */
export const isSkippable = (head: Buffer): boolean =>
  head.length >= 4 && (head.readUInt32LE() & 0xfffffff0) >>> 0 === 0x184d2a50;

const magics: readonly [ArchiveKind, string][] = [
  ['tar.gz', '1f8b'],
  ['tar.bz2', '425a68'],
  ['tar.xz', 'fd377a585a00'],
  ['tar.zst', zstdFrame.toString('hex')],
  ['zip', '504b0304'],
  ['zip', '504b0506'],
];

/** archiveKind tells what an archive is, by magic bytes as Epinio does; undefined where it is none. */
export const archiveKind = (head: Buffer): ArchiveKind | undefined =>
  magics.find(([, magic]) => head.subarray(0, magic.length / 2).toString('hex') === magic)?.[0] ??
  (isSkippable(head) ? 'tar.zst' : undefined) ??
  // An empty tar begins with the zeros that end every tar.
  (isHeader(head) || (head.length === headBytes && isEmpty(head)) ? 'tar' : undefined);
