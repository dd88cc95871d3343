import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { exactMark } from '../operator/archive/exact.ts';
import { padded, tarEnd, tarHeader } from '../operator/archive/tarwrite.ts';
import type { Breath } from './breath.ts';
import { UserError } from './errors.ts';
import { unreadable, type Entry } from './folder.ts';

/**
 * pieceSize is what is compressed at once, by itself: large enough that little is lost by it, small enough that several at a
 * time are no burden. It decides the bytes of an archive, and so which archives are the same.
 */
export const pieceSize = 8 * 1024 ** 2;
/** So much of a file is read at once. */
const readSize = 1024 ** 2;

/** Pieces collects bytes into buffers of the same size. */
interface Pieces {
  /** room is where the next bytes go; fill says how many came. */
  room(): Buffer;
  fill(count: number): void;
  add(bytes: Buffer): void;
  /** take gives the pieces that are full. */
  take(): Buffer[];
  rest(): Buffer;
}

const createPieces = (): Pieces => {
  let piece = Buffer.allocUnsafeSlow(pieceSize);
  let used = 0;
  let full: Buffer[] = [];
  const fill = (count: number): void => {
    used += count;
    if (used < pieceSize) return;
    full.push(piece);
    piece = Buffer.allocUnsafeSlow(pieceSize);
    used = 0;
  };
  return {
    room: () => piece.subarray(used),
    fill,
    add: (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const count = bytes.copy(piece, used, at);
        at += count;
        fill(count);
      }
    },
    take: () => {
      const taken = full;
      full = [];
      return taken;
    },
    rest: () => piece.subarray(0, used),
  };
};

const changed = (path: string): UserError =>
  new UserError(
    `${path} changed while it was packed`,
    'push again when nothing writes to it any more, or list it in .epinioignore if it is not part of the sources',
  );

/** attempt names the file of what goes wrong with it. */
const attempt = <T>(path: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    throw unreadable(path, error);
  }
};

/** Not a pipe that took the place of a file, which would wait for ever. */
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const isSame = (a: BigIntStats, b: BigIntStats): boolean => a.size === b.size && a.mtimeNs === b.mtimeNs;

/** addFile adds exactly what the header announced, and yields after each read; a file that is another one at the end is refused. */
function* addFile(root: string, { path, size }: Entry, pieces: Pieces): Generator<number> {
  const fd = attempt(path, () => openSync(join(root, path), flags));
  try {
    const before = attempt(path, () => fstatSync(fd, { bigint: true }));
    if (!before.isFile() || Number(before.size) !== size) throw changed(path);
    for (let left = size; left > 0;) {
      const room = pieces.room().subarray(0, Math.min(left, readSize));
      const count = attempt(path, () => readSync(fd, room));
      if (count === 0) throw changed(path);
      left -= count;
      pieces.fill(count);
      yield count;
    }
    if (
      !isSame(
        before,
        attempt(path, () => fstatSync(fd, { bigint: true })),
      )
    )
      throw changed(path);
  } finally {
    closeSync(fd);
  }
}

const headerOf = ({ path, kind, mode, size, target }: Entry): Buffer => {
  switch (kind) {
    case 'file':
      return tarHeader({ name: path, type: '0', mode, size });
    case 'directory':
      return tarHeader({ name: `${path}/`, type: '5', mode, size: 0 });
    case 'symlink':
      return tarHeader({ name: path, type: '2', mode, size: 0, target: target ?? '' });
  }
};

/** Folder is what is packed, how it may breathe, and who is told how many bytes of files were read. */
export interface Folder {
  readonly root: string;
  readonly entries: readonly Entry[];
  readonly breathe: Breath;
  readonly onRead: (count: number) => void;
}

/** tarFolder gives a folder as a tar that says that it is exact, in pieces of one size; the last one has what is left. */
export async function* tarFolder({ root, entries, breathe, onRead }: Folder): AsyncGenerator<Buffer, void, undefined> {
  const pieces = createPieces();
  pieces.add(exactMark());
  for (const entry of entries) {
    pieces.add(headerOf(entry));
    if (entry.kind === 'file') {
      for (const count of addFile(root, entry, pieces)) {
        onRead(count);
        yield* pieces.take();
        await breathe();
      }
      pieces.add(Buffer.alloc(padded(entry.size) - entry.size));
    }
    yield* pieces.take();
    await breathe();
  }
  pieces.add(tarEnd());
  yield* pieces.take();
  if (pieces.rest().length > 0) yield pieces.rest();
}
