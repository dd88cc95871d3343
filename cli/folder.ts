import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { dirname, join, normalize, posix, sep } from 'node:path';
import type { Ignore } from 'ignore';
import { ignoreFile, ignoreRules } from '../operator/archive/ignored.ts';
import { UserError } from './errors.ts';

/** Entry of a folder that is packed. */
export interface Entry {
  /** Path in the archive, with slashes. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly size: number;
  readonly target?: string;
}

/** Found is what a folder has to pack, and what of it cannot be packed. */
export interface Found {
  readonly entries: readonly Entry[];
  /** Paths of sockets, pipes and devices: they are no source. */
  readonly leftOut: readonly string[];
}

const ignoreHint = `list it in ${ignoreFile} if it is not part of the sources`;

/** unreadable says which path cannot be read, and what to do. */
export const unreadable = (path: string, error: unknown): UserError => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return new UserError(
      `${path} went away while it was packed`,
      'push again when nothing changes the folder any more',
      { cause: error },
    );
  const why = code === 'EACCES' || code === 'EPERM' ? 'there is no permission to' : message;
  return new UserError(`cannot read ${path}: ${why}`, `make it readable (chmod), or ${ignoreHint}`, { cause: error });
};

const readRules = async (root: string): Promise<Ignore> => {
  try {
    return ignoreRules(await readFile(join(root, ignoreFile), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ignoreRules();
    throw unreadable(ignoreFile, error);
  }
};

const linkEntry = async (root: string, path: string): Promise<Entry> => {
  const target = await readlink(join(root, path));
  const landing = normalize(join(dirname(path), target));
  if (target.startsWith('/') || landing === '..' || landing.startsWith(`..${sep}`))
    throw new UserError(
      `the symbolic link ${path} points outside of the pushed folder (${target})`,
      `replace it by what it points to, or list it in ${ignoreFile}`,
    );
  return { path, kind: 'symlink', mode: 0o777, size: 0, target };
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Archives name files in UTF-8, and a name is never altered in silence. */
const nameOf = (raw: Buffer, folder: string): string => {
  try {
    return decoder.decode(raw);
  } catch (error) {
    const shown = posix.join(folder, raw.toString('latin1').replace(/[^ -~]/g, '?'));
    throw new UserError(`the name of ${shown} is not UTF-8`, 'rename it, with convmv for example', { cause: error });
  }
};

const namesIn = async (root: string, folder: string): Promise<string[]> => {
  try {
    const names = await readdir(join(root, folder), { encoding: 'buffer' });
    return names.map((raw) => nameOf(raw, folder)).sort();
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(folder === '' ? root : folder, error);
  }
};

interface Walk {
  readonly root: string;
  readonly rules: Ignore;
  readonly signal: AbortSignal;
  readonly entries: Entry[];
  readonly leftOut: string[];
}

/** walk lists what is to be packed, sorted by path, so that equal folders give equal archives on any machine. */
const walk = async (of: Walk, folder: string): Promise<void> => {
  of.signal.throwIfAborted();
  for (const name of await namesIn(of.root, folder)) {
    const path = folder === '' ? name : posix.join(folder, name);
    const info = await lstat(join(of.root, path)).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    if (of.rules.ignores(info.isDirectory() ? `${path}/` : path)) continue;
    if (info.isDirectory()) {
      of.entries.push({ path, kind: 'directory', mode: 0o755, size: 0 });
      await walk(of, path);
    } else if (info.isSymbolicLink()) of.entries.push(await linkEntry(of.root, path));
    else if (info.isFile())
      of.entries.push({ path, kind: 'file', mode: info.mode & 0o111 ? 0o755 : 0o644, size: info.size });
    else of.leftOut.push(path);
  }
};

/** look finds out what a folder has to pack. */
export const look = async (root: string, signal: AbortSignal): Promise<Found> => {
  const of: Walk = { root, rules: await readRules(root), signal, entries: [], leftOut: [] };
  await walk(of, '');
  return of;
};
