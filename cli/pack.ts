import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { identify } from './archive.ts';
import { createBreath } from './breath.ts';
import { compressed } from './compress.ts';
import { UserError } from './errors.ts';
import { look, unreadable, type Entry, type Found } from './folder.ts';
import { heavyHints } from './heavy.ts';
import { makeScratch } from './lifetime.ts';
import { createPace } from './pace.ts';
import { createRate } from './rate.ts';
import type { Digest, Memory } from './remember.ts';
import { tarFolder } from './tarfolder.ts';

/** Archive is a packed source: a file, its SHA-256 (64 hex) and its size in bytes. Disposing of it removes what pack made. */
export interface Archive extends AsyncDisposable {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
  /** Files, folders and links in it; undefined where somebody else packed it. */
  readonly entries: number | undefined;
  /** make makes the file, where it is only remembered what it would be. */
  readonly make?: () => Promise<void>;
}

/** PackOptions: what ends it, who is told what a user should know and how far it is, and what is no source. */
export interface PackOptions {
  readonly signal?: AbortSignal;
  readonly note?: (text: string) => void;
  readonly progress?: (text: string) => void;
  readonly ignore?: readonly string[];
  readonly manifest?: string | undefined;
  /** Where it is remembered what folders were packed into. */
  readonly memory?: Memory | undefined;
}

type Given = Required<PackOptions>;

const full = new Set(['ENOSPC', 'EDQUOT']);

/** whereFull names the folder that has no room: of temporary files nobody thinks. Other errors stay what they are. */
export const whereFull = (error: unknown, folder: string): unknown =>
  full.has(String((error as NodeJS.ErrnoException).code))
    ? new UserError(
        `there is no room for the archive in ${folder}`,
        'make room, or set TMPDIR to a folder that has some',
        {
          cause: error,
        },
      )
    : error;

/** Digest counts and hashes what passes. */
const createDigest = (tell: (size: number) => void = () => {}) => {
  const hash = createHash('sha256');
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      hash.update(chunk);
      size += chunk.length;
      tell(size);
      callback(null, chunk);
    },
  });
  return { meter, result: () => ({ sha256: hash.digest('hex'), size }) };
};

const sizeOf = (entries: readonly Entry[]): number => entries.reduce((sum, { size }) => sum + size, 0);

const write = async (
  { root, entries, file }: { readonly root: string; readonly entries: readonly Entry[]; readonly file: string },
  { signal, progress }: Given,
): Promise<{ sha256: string; size: number }> => {
  const now = (): number => performance.now();
  const [rate, isDue] = [createRate(sizeOf(entries), now), createPace(now)];
  let read = 0;
  const onRead = (count: number): void => {
    read += count;
    if (isDue()) progress(`Packing: ${rate(read)}`);
  };
  const tar = tarFolder({ root, entries, breathe: createBreath(signal), onRead });
  const { meter, result } = createDigest();
  try {
    await pipeline(compressed(tar), meter, createWriteStream(file), { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw whereFull(error, dirname(file));
  }
  return result();
};

/** makeLater packs a folder that is remembered, when somebody wants the archive after all. */
const makeLater = (source: Parameters<typeof write>[0], known: Digest, options: Given): (() => Promise<void>) => {
  let made: Promise<void> | undefined;
  const make = async (): Promise<void> => {
    if ((await write(source, options)).sha256 === known.sha256) return;
    throw new UserError(`something in ${source.root} changed while it was pushed`, 'push again');
  };
  return () => (made ??= make());
};

const names = (paths: readonly string[]): string =>
  paths.length <= 3 ? paths.join(', ') : `${paths.slice(0, 3).join(', ')} and ${paths.length - 3} more`;

/** tellOf says what a user should know of a folder before it is packed. */
const tellOf = (root: string, { entries, leftOut, broken }: Found, { note }: Given): void => {
  if (!entries.some((e) => e.kind === 'file'))
    throw new UserError(
      `there is no file to push in ${root}`,
      'give the folder of your sources: epinio push --path DIR',
    );
  if (leftOut.length > 0) note(`Left out, because it is no file, folder or link: ${names(leftOut)}`);
  if (broken.length > 0) note(`Links that lead nowhere, packed as they are: ${names(broken)}`);
  for (const hint of heavyHints(entries)) note(hint);
};

/** packFolder makes a deterministic tar.zst of a folder: sorted, no times, no owners, and unpacked exactly as it is. */
const packFolder = async (root: string, options: Given): Promise<Archive> => {
  const { signal, memory } = options;
  const listedAt = Date.now();
  const found = await look(root, { ...options, breathe: createBreath(signal) });
  const { entries } = found;
  tellOf(root, found, options);
  const known = await memory?.recall(root, entries);
  const scratch = await makeScratch();
  const base = { entries: entries.length, [Symbol.asyncDispose]: scratch.dispose };
  try {
    const source = { root, entries, file: join(scratch.path, 'source.tar.zst') };
    const { file } = source;
    if (known !== undefined) return { ...base, file, ...known, make: makeLater(source, known, options) };
    const packed = await write(source, options);
    await memory?.keep(root, entries, packed, listedAt);
    return { ...base, file, ...packed };
  } catch (error) {
    await scratch.dispose();
    throw error;
  }
};

const hashFile = async (file: string, size: number, options: Given): Promise<Archive> => {
  const { signal, progress } = options;
  await identify(file);
  const now = (): number => performance.now();
  const [rate, isDue] = [createRate(size, now), createPace(now)];
  const { meter, result } = createDigest((done) => {
    if (isDue()) progress(`Reading: ${rate(done)}`);
  });
  meter.resume();
  await pipeline(createReadStream(file), meter, { signal });
  return { file, ...result(), entries: undefined, [Symbol.asyncDispose]: async () => {} };
};

/** shownPath is a path as its user would write it. */
export const shownPath = (path: string): string => {
  const shown = relative(process.cwd(), path) || '.';
  return shown.startsWith('..') ? path : shown;
};

/** pack turns a folder into an archive; a file must be one already. */
export const pack = async (path: string, options: PackOptions = {}): Promise<Archive> => {
  const all = {
    signal: new AbortController().signal,
    note: () => undefined,
    progress: () => undefined,
    ignore: [],
    manifest: undefined,
    memory: undefined,
    ...options,
  };
  const shown = shownPath(path);
  const info = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(shown, error);
    throw new UserError(`${shown} does not exist`, 'give an existing folder or archive with --path', { cause: error });
  });
  if (info.isDirectory()) return packFolder(path, all);
  if (info.isFile()) return hashFile(path, info.size, all);
  throw new UserError(`${shown} is neither a folder nor a file`, 'give a folder or an archive with --path');
};
