import { createHash } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack as tarPack, type Pack } from 'tar-stream';
import { exactMark } from '../operator/archive/exact.ts';
import { identify } from './archive.ts';
import { UserError } from './errors.ts';
import { look, unreadable, type Entry } from './folder.ts';
import { makeScratch } from './lifetime.ts';

/** Archive is a packed source: a file, its SHA-256 (64 hex) and its size in bytes. Disposing of it removes what pack made. */
export interface Archive extends AsyncDisposable {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
  /** Files, folders and links in it; undefined where somebody else packed it. */
  readonly entries: number | undefined;
}

/** PackOptions: what ends it, and who is told what was left out. */
export interface PackOptions {
  readonly signal?: AbortSignal;
  readonly note?: (text: string) => void;
}

const changed = (path: string): UserError =>
  new UserError(
    `${path} changed while it was packed`,
    'push again when nothing writes to it any more, or list it in .epinioignore if it is not part of the sources',
  );

/** openFile opens what was a file a moment ago; not a pipe that took its place, which would wait for ever. */
const openFile = async (root: string, path: string): Promise<FileHandle> => {
  try {
    return await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, error);
  }
};

/**
 * toldByPipeline listens to a stream whose errors the promise of its pipeline tells: where an abort meets the very end of a
 * pipeline, the pipeline has ceased to listen, and an error that nobody listens to ends the process.
 */
const toldByPipeline = (): void => undefined;

/** addFile packs exactly what the header announces; a file that is another one at the end is refused. */
const addFile = async (tar: Pack, root: string, entry: Entry, signal: AbortSignal): Promise<void> => {
  const file = await openFile(root, entry.path);
  try {
    const before = await file.stat({ bigint: true });
    if (!before.isFile() || Number(before.size) !== entry.size) throw changed(entry.path);
    const sink = tar.entry({ ...headerOf(entry), type: 'file', size: entry.size });
    const content =
      entry.size === 0 ? Readable.from([]) : file.createReadStream({ end: entry.size - 1, autoClose: false });
    content.on('error', toldByPipeline);
    sink.on('error', toldByPipeline);
    await pipeline(content, sink, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw /Size mismatch/.test(String(error)) ? changed(entry.path) : unreadable(entry.path, error);
    });
    const after = await file.stat({ bigint: true });
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) throw changed(entry.path);
  } finally {
    await file.close();
  }
};

const headerOf = ({ path, mode }: Entry) => ({ name: path, mode, mtime: new Date(0), uid: 0, gid: 0 });

const addEntry = async (tar: Pack, root: string, entry: Entry, signal: AbortSignal): Promise<void> => {
  if (entry.kind === 'file') return addFile(tar, root, entry, signal);
  const header =
    entry.kind === 'symlink'
      ? { ...headerOf(entry), type: 'symlink' as const, linkname: entry.target ?? '' }
      : { ...headerOf(entry), name: `${entry.path}/`, type: 'directory' as const };
  await new Promise<void>((resolve, reject) => {
    tar.entry(header, (error) => (error ? reject(error) : resolve()));
  });
};

/** Digest counts and hashes what passes. */
const createDigest = () => {
  const hash = createHash('sha256');
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      hash.update(chunk);
      size += chunk.length;
      callback(null, chunk);
    },
  });
  return { meter, result: () => ({ sha256: hash.digest('hex'), size }) };
};

async function* exactly(tar: Pack): AsyncGenerator<Uint8Array> {
  yield exactMark();
  yield* tar as unknown as AsyncIterable<Uint8Array>;
}

const writeTar = async (
  { root, entries, file }: { readonly root: string; readonly entries: readonly Entry[]; readonly file: string },
  signal: AbortSignal,
): Promise<{ sha256: string; size: number }> => {
  const tar = tarPack();
  tar.on('error', toldByPipeline);
  const { meter, result } = createDigest();
  const written = pipeline(exactly(tar), createGzip({ level: 6 }), meter, createWriteStream(file), { signal });
  const added = (async () => {
    for (const entry of entries) await addEntry(tar, root, entry, signal);
    tar.finalize();
  })();
  const [adding, writing] = await Promise.allSettled([
    added.catch((error: unknown) => {
      tar.destroy();
      throw error;
    }),
    written,
  ]);
  signal.throwIfAborted();
  if (adding.status === 'rejected') throw adding.reason;
  if (writing.status === 'rejected') throw writing.reason;
  return result();
};

const names = (paths: readonly string[]): string =>
  paths.length <= 3 ? paths.join(', ') : `${paths.slice(0, 3).join(', ')} and ${paths.length - 3} more`;

/** packFolder makes a deterministic tar.gz of a folder: sorted, no times, no owners, and unpacked exactly as it is. */
const packFolder = async (root: string, { signal, note }: Required<PackOptions>): Promise<Archive> => {
  const { entries, leftOut } = await look(root, signal);
  if (!entries.some((e) => e.kind === 'file'))
    throw new UserError(
      `there is no file to push in ${root}`,
      'give the folder of your sources: epinio push --path DIR',
    );
  if (leftOut.length > 0) note(`Left out, because it is no file, folder or link: ${names(leftOut)}`);
  const scratch = await makeScratch();
  try {
    const file = join(scratch.path, 'source.tgz');
    const packed = await writeTar({ root, entries, file }, signal);
    return { file, ...packed, entries: entries.length, [Symbol.asyncDispose]: scratch.dispose };
  } catch (error) {
    await scratch.dispose();
    throw error;
  }
};

const hashFile = async (file: string, { signal }: Required<PackOptions>): Promise<Archive> => {
  await identify(file);
  const { meter, result } = createDigest();
  meter.resume();
  await pipeline(createReadStream(file), meter, { signal });
  return { file, ...result(), entries: undefined, [Symbol.asyncDispose]: async () => {} };
};

/** pack turns a folder into an archive; a file must be one already. */
export const pack = async (path: string, options: PackOptions = {}): Promise<Archive> => {
  const all = { signal: new AbortController().signal, note: () => undefined, ...options };
  const shown = relative(process.cwd(), path) || path;
  const info = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(shown, error);
    throw new UserError(`${shown} does not exist`, 'give an existing folder or archive with --path', { cause: error });
  });
  if (info.isDirectory()) return packFolder(path, all);
  if (info.isFile()) return hashFile(path, all);
  throw new UserError(`${shown} is neither a folder nor a file`, 'give a folder or an archive with --path');
};
