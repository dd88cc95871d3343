import { open } from 'node:fs/promises';
import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { archiveKind, headBytes, kindsText, type ArchiveKind } from '../operator/archive/kind.ts';
import { UserError } from './errors.ts';
import { unreadable } from './folder.ts';

/** So much of a compressed file holds more than one tar header. */
const enough = 64 * 1024;

const readHead = async (file: string): Promise<Buffer> => {
  const handle = await open(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(enough), 0, enough, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
};

const refused = (file: string, what: string): UserError =>
  new UserError(`${file} ${what}`, `give a folder, or an archive: ${kindsText}`);

const maxOutputLength = 16 * 1024 ** 2;

/** Decoders that give what there is of a file whose end is missing. */
const decoders: Partial<Record<ArchiveKind, (head: Buffer) => Buffer>> = {
  'tar.gz': (head) => gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength }),
  'tar.zst': (head) => zstdDecompressSync(head, { finishFlush: constants.ZSTD_e_flush, maxOutputLength }),
};

/** insideOf gives the beginning of what is compressed; undefined where that cannot be told from so few bytes. */
const insideOf = (kind: ArchiveKind, head: Buffer): Buffer | undefined => {
  try {
    return decoders[kind]?.(head).subarray(0, headBytes);
  } catch {
    return undefined;
  }
};

/** identify refuses, before anything is sent, what the build could not unpack: by the same first bytes as the build does. */
export const identify = async (file: string): Promise<void> => {
  const head = await readHead(file);
  if (head.length === 0) throw refused(file, 'is empty');
  const kind = archiveKind(head.subarray(0, headBytes));
  if (kind === undefined) throw refused(file, 'is no archive');
  const inner = insideOf(kind, head);
  // Nothing has come yet where frames begin that say only how long others are.
  if (inner !== undefined && inner.length > 0 && archiveKind(inner) !== 'tar')
    throw refused(file, 'is compressed, but holds no tar archive');
};
