import { randomUUID } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { FetchFailure } from './exits.ts';
import { staysInside } from './links.ts';

/** Tree is a folder that is filled with the entries of an archive: nothing is ever written outside it or through a link. */
export interface Tree {
  /** folder makes a folder and those above it. */
  folder(name: string): void;
  /** file makes a file and gives write access to it for as long as `write` runs. */
  file(name: string, executable: boolean, write: (fd: number) => Promise<void>): Promise<void>;
  /** link remembers a symbolic link: links are made last, so that no file can be written through one. */
  link(name: string, target: string): void;
  /** finish judges and makes the links, lifts a single folder that holds everything, and moves all to its place. */
  finish(): void;
  /** discard removes what was unpacked so far. */
  discard(): void;
}

const maxTarget = 4095;

const reject = (message: string): never => {
  throw new FetchFailure('ArchiveRejected', message);
};

/** pathOf reads the name of an entry; '' is the root itself. */
export const pathOf = (name: string): string => {
  if (name.includes('\0')) reject('A name in the archive has a NUL character.');
  if (name.startsWith('/')) reject(`The archive has an absolute path: ${name}`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) reject(`A path in the archive leads outside of it: ${name}`);
  return parts.join('/');
};

const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0));

/** What may not go through a condition of the file system: names that are too long, or that fit in no other way. */
const misfits = new Set(['ENAMETOOLONG', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EINVAL', 'EILSEQ']);

const attempt = <T>(path: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (misfits.has(String((error as NodeJS.ErrnoException).code)))
      reject(`The archive has an entry that cannot be made (${(error as NodeJS.ErrnoException).code}): ${path}`);
    throw error;
  }
};

/** createTree fills `place`, an empty folder, by way of a folder of its own within it. */
export const createTree = (place: string): Tree => {
  if (readdirSync(place).some((name) => name !== 'lost+found'))
    throw new FetchFailure('Misconfigured', `${place} is not empty`);
  const root = join(place, `.${randomUUID()}`);
  mkdirSync(root, 0o755);
  const folders = new Set(['']);
  const files = new Set<string>();
  const links = new Map<string, string>();
  const at = (path: string): string => join(root, path);

  const makeFolder = (path: string): void => {
    if (folders.has(path)) return;
    if (files.has(path)) reject(`The archive has ${path} as a file and as a folder.`);
    if (links.has(path)) reject(`The archive has an entry that goes through a symbolic link: ${path}`);
    makeFolder(parentOf(path));
    attempt(path, () => mkdirSync(at(path), 0o755));
    folders.add(path);
  };
  /** The last entry of a name wins, as with tar. */
  const claim = (path: string): void => {
    if (folders.has(path)) reject(`The archive has ${path || '.'} as a folder and as something else.`);
    makeFolder(parentOf(path));
    if (files.delete(path)) unlinkSync(at(path));
    links.delete(path);
  };
  const topFolder = (): string => {
    const tops = new Set([...folders, ...files, ...links.keys()].filter((p) => p !== '').map((p) => p.split('/')[0]));
    const [only = ''] = tops;
    return tops.size === 1 && folders.has(only) ? only : '';
  };

  return {
    folder: (name) => makeFolder(pathOf(name)),
    file: async (name, executable, write) => {
      const path = pathOf(name);
      claim(path);
      const fd = attempt(path, () => openSync(at(path), 'wx', executable ? 0o755 : 0o644));
      files.add(path);
      try {
        await write(fd);
      } finally {
        closeSync(fd);
      }
    },
    link: (name, target) => {
      const path = pathOf(name);
      if (target === '' || target.includes('\0') || target.length > maxTarget || target.startsWith('/'))
        reject(`The archive has a symbolic link that is absolute or broken: ${path}`);
      claim(path);
      links.set(path, target);
    },
    finish: () => {
      if (files.size === 0) reject('The archive holds no files.');
      const top = topFolder();
      for (const [path, target] of links) {
        if (!staysInside(path, links, top === '' ? 0 : 1))
          reject(`The archive has a symbolic link that leads outside of it: ${path} -> ${target}`);
        attempt(path, () => symlinkSync(target, at(path)));
      }
      const source = at(top);
      for (const child of readdirSync(source)) renameSync(join(source, child), join(place, child));
      if (top !== '') rmdirSync(source);
      rmdirSync(root);
    },
    discard: () => rmSync(root, { recursive: true, force: true }),
  };
};
