import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, normalize, posix, relative, sep } from 'node:path';
import type { Ignore } from 'ignore';
import { ignoreFile, ignoreRules } from '../operator/archive/ignored.ts';
import type { Breath } from './breath.ts';
import { UserError } from './errors.ts';

/** Entry of a folder that is packed. */
export interface Entry {
  /** Path in the archive, with slashes. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly size: number;
  readonly target?: string;
  /** Which file it is, and when anything of it changed last, in milliseconds of the epoch. */
  readonly inode?: number;
  readonly changedAt?: number;
}

/** Found is what a folder has to pack, and what of it cannot be packed. */
export interface Found {
  readonly entries: readonly Entry[];
  /** Paths of sockets, pipes and devices: they are no source. */
  readonly leftOut: readonly string[];
  /** Links that lead nowhere. */
  readonly broken: readonly string[];
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

/** FolderOptions say what of a folder is no source, beside what its .epinioignore says. */
export interface FolderOptions {
  readonly breathe: Breath;
  /** Rules of .gitignore; those of .epinioignore count more. */
  readonly ignore: readonly string[];
  /** The manifest that is pushed, as an absolute path: whoever changes how an App runs does not change its sources. */
  readonly manifest: string | undefined;
}

/** Only this one file: what stands for itself in a rule stays as it is. */
const ruleOf = (path: string): string => `/${path.replace(/[\\*?[\]!# ]/g, '\\$&')}`;

const readIgnored = (root: string): string => {
  try {
    return readFileSync(join(root, ignoreFile), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw unreadable(ignoreFile, error);
  }
};

const readRules = (root: string, o: FolderOptions): Ignore => {
  const manifest = o.manifest === undefined ? '..' : relative(root, o.manifest);
  const itself = manifest.startsWith('..') ? [] : [ruleOf(manifest.split(sep).join('/'))];
  return ignoreRules(...o.ignore, readIgnored(root), ...itself);
};

const linkEntry = (root: string, path: string): Entry => {
  const target = readlinkSync(join(root, path));
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

const namesIn = (root: string, folder: string): string[] => {
  try {
    const names = readdirSync(join(root, folder), { encoding: 'buffer' });
    return names.map((raw) => nameOf(raw, folder)).sort();
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(folder === '' ? root : folder, error);
  }
};

interface Walk {
  readonly root: string;
  readonly rules: Ignore;
  readonly breathe: Breath;
  readonly entries: Entry[];
  readonly leftOut: string[];
  readonly broken: string[];
}

const infoOf = (root: string, path: string): Stats => {
  try {
    return lstatSync(join(root, path));
  } catch (error) {
    throw unreadable(path, error);
  }
};

/** walk lists what is to be packed, sorted by path, so that equal folders give equal archives on any machine. */
const walk = async (of: Walk, folder: string): Promise<void> => {
  for (const name of namesIn(of.root, folder)) {
    await of.breathe();
    const path = folder === '' ? name : posix.join(folder, name);
    const info = infoOf(of.root, path);
    if (of.rules.ignores(info.isDirectory() ? `${path}/` : path)) continue;
    if (info.isDirectory()) {
      of.entries.push({ path, kind: 'directory', mode: 0o755, size: 0 });
      await walk(of, path);
    } else if (info.isSymbolicLink()) {
      of.entries.push(linkEntry(of.root, path));
      if (!existsSync(join(of.root, path))) of.broken.push(path);
    } else if (info.isFile())
      of.entries.push({
        ...{ path, kind: 'file', mode: info.mode & 0o111 ? 0o755 : 0o644, size: info.size },
        ...{ inode: info.ino, changedAt: info.ctimeMs },
      });
    else of.leftOut.push(path);
  }
};

/** look finds out what a folder has to pack. */
export const look = async (root: string, o: FolderOptions): Promise<Found> => {
  const of: Walk = { root, rules: readRules(root, o), breathe: o.breathe, entries: [], leftOut: [], broken: [] };
  await walk(of, '');
  return of;
};
