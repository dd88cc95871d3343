import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { createGunzip } from 'node:zlib';
import xz from 'xz-decompress';
import { createBudget, metered, type Budget } from './budget.ts';
import { bunzip } from './bunzip.ts';
import { damageOf } from './damage.ts';
import { archive, type Entry } from './entry.ts';
import { FetchFailure } from './failure.ts';
import { archiveKind, headBytes, kindsText, type ArchiveKind } from '../archive/kind.ts';
import type { Limits } from './options.ts';
import { placeAll, type Placed } from './place.ts';
import { tarEntries } from './tar.ts';
import { unzstd } from './unzstd.ts';
import { noTar } from '../archive/tarheader.ts';
import { createTree } from './tree.ts';
import { zipEntries } from './zip.ts';

/** Unpacked is what came out of an archive. */
export interface Unpacked {
  readonly kind: ArchiveKind;
  readonly bytes: number;
  readonly entries: number;
  /** Entries that were left out because macOS alone has a use for them. */
  readonly leftOut: number;
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
  throw new FetchFailure('ArchiveUnsupported', `${what}: ${kindsText} can be unpacked.`);
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
    case 'tar.zst': {
      const packed = file();
      return { stream: Readable.from(unzstd(packed), { objectMode: false }), close: () => void packed.destroy() };
    }
  }
};

/** entriesOf reads the entries of an archive and counts the bytes that come out of it. */
async function* entriesOf(path: string, kind: ArchiveKind, budget: Budget): AsyncGenerator<Entry, void, undefined> {
  if (kind === 'zip') {
    for await (const entry of zipEntries(path))
      yield entry.type === 'file' ? { ...entry, content: metered(entry.content, budget) } : entry;
    return;
  }
  const { stream, close } = tarStream(path, kind);
  try {
    yield* tarEntries(metered(stream, budget));
  } finally {
    close();
  }
}

/** unpack puts an archive file of any kind into place, all of it or nothing; limits hold while it streams. */
export const unpack = async (path: string, place: string, limits: Limits): Promise<Unpacked> => {
  const kind = identify(path);
  const budget = createBudget(limits, statSync(path).size, archive);
  const tree = createTree(place, budget.addEntry, archive);
  let placed: Placed;
  try {
    placed = await placeAll(entriesOf(path, kind, budget), {
      tree,
      budget,
      maxDepth: limits.maxDepth,
      subject: archive,
    });
    tree.finish(!placed.exact);
  } catch (error) {
    tree.discard();
    const failure = damageOf(error);
    if (kind !== 'tar' && budget.entries === 0 && failure.message.includes(noTar))
      throw new FetchFailure(
        'ArchiveUnsupported',
        `The file is ${kind.slice(4)}-compressed, but holds no tar archive.`,
      );
    throw failure;
  }
  return { kind, bytes: budget.bytes, entries: budget.entries, leftOut: placed.leftOut };
};
