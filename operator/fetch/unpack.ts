import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { createGunzip } from 'node:zlib';
import xz from 'xz-decompress';
import { createBudget, type Budget } from './budget.ts';
import { bunzip } from './bunzip.ts';
import { damageOf } from './damage.ts';
import { FetchFailure } from './exits.ts';
import { archiveKind, headBytes, type ArchiveKind } from './kind.ts';
import type { Limits } from './options.ts';
import { untar } from './tar.ts';
import { createTree, type Tree } from './tree.ts';
import { unzip } from './zip.ts';

/** Unpacked is what came out of an archive. */
export interface Unpacked {
  readonly kind: ArchiveKind;
  readonly bytes: number;
  readonly entries: number;
}

const readHead = (path: string): Buffer => {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(fd, head, 0, headBytes, 0));
  } finally {
    closeSync(fd);
  }
};

const identify = (path: string): ArchiveKind => {
  const head = readHead(path);
  const kind = archiveKind(head);
  if (kind !== undefined) return kind;
  const what = head.length === 0 ? 'The file is empty' : 'The file is no archive';
  throw new FetchFailure('ArchiveUnsupported', `${what}: tar, tar.gz, tar.bz2, tar.xz and zip can be unpacked.`);
};

/** tarStream gives the tar within a file. */
const tarStream = (path: string, kind: Exclude<ArchiveKind, 'zip'>): { stream: Readable; close: () => void } => {
  const close = (): void => undefined;
  const file = (): Readable => createReadStream(path);
  switch (kind) {
    case 'tar':
      return { stream: file(), close };
    case 'tar.gz': {
      const gunzip = createGunzip();
      return {
        stream: file()
          .on('error', (error) => gunzip.destroy(error))
          .pipe(gunzip),
        close,
      };
    }
    case 'tar.bz2': {
      const fd = openSync(path, 'r');
      return { stream: Readable.from(bunzip(fd), { objectMode: false }), close: () => closeSync(fd) };
    }
    case 'tar.xz': {
      const packed = Readable.toWeb(file()) as ReadableStream<Uint8Array>;
      return { stream: Readable.fromWeb(new xz.XzReadableStream(packed)), close };
    }
  }
};

const fill = async (
  path: string,
  kind: ArchiveKind,
  { tree, budget }: { tree: Tree; budget: Budget },
): Promise<void> => {
  if (kind === 'zip') return unzip(path, tree, budget);
  const { stream, close } = tarStream(path, kind);
  try {
    await untar(stream, tree, budget);
  } finally {
    close();
  }
};

/** unpack puts an archive file of any kind into place, all of it or nothing; limits hold while it streams. */
export const unpack = async (path: string, place: string, limits: Limits): Promise<Unpacked> => {
  const kind = identify(path);
  const budget = createBudget(limits, statSync(path).size);
  const tree = createTree(place);
  try {
    await fill(path, kind, { tree, budget });
    tree.finish();
  } catch (error) {
    tree.discard();
    const failure = damageOf(error);
    if (kind !== 'tar' && budget.entries === 0 && /Invalid tar header/.test(failure.message))
      throw new FetchFailure(
        'ArchiveUnsupported',
        `The file is ${kind.slice(4)}-compressed, but holds no tar archive.`,
      );
    throw failure;
  }
  return { kind, bytes: budget.bytes, entries: budget.entries };
};
