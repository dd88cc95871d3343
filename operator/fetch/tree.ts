import { randomUUID } from 'node:crypto';
import {
  closeSync,
  linkSync,
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
import type { Subject } from './entry.ts';
import { FetchFailure } from './failure.ts';
import { courseOf } from './links.ts';

/** Tree is a folder that is filled with the entries of an archive: nothing is ever written outside it or through a link. */
export interface Tree {
  /** folder makes a folder and those above it. */
  folder(path: string): void;
  /** file makes a file and gives write access to it for as long as `write` runs, which tells how many bytes it wrote. */
  file(path: string, executable: boolean, write: (fd: number) => Promise<number>): Promise<void>;
  /** link remembers a symbolic link: links are made last, so that no file can be written through one. */
  link(path: string, target: string): void;
  /** hardLink gives a file that is there another name, and tells its size. */
  hardLink(path: string, target: string): number;
  /** finish judges and makes the links, lifts a single folder that holds everything if that is wanted, and moves all to its place. */
  finish(lift: boolean): void;
  /** discard removes what was unpacked so far. */
  discard(): void;
}

const maxTarget = 4095;

/** pathOf reads the name of an entry; '' is the root itself. */
export const pathOf = (name: string, maxDepth: number, { noun, reject }: Subject): string => {
  if (name.includes('\0')) reject(`A name in the ${noun} has a NUL character.`);
  if (name.startsWith('/')) reject(`The ${noun} has an absolute path: ${name}`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) reject(`A path in the ${noun} leads outside of it: ${name}`);
  // A few hundred bytes of names cost whoever unpacks, copies or removes the tree minutes: each step walks all of the path.
  if (parts.length > maxDepth)
    reject(
      `The ${noun} has folders in folders, more than ${maxDepth} deep, the limit of this installation: ` +
        `${parts.slice(0, 3).join('/')}/…`,
    );
  return parts.join('/');
};

const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0));

/** What may not go through a condition of the file system: names that are too long, or that fit in no other way. */
const misfits = new Set(['ENAMETOOLONG', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EINVAL', 'EILSEQ', 'EMLINK']);

const faults = {
  outside: 'leads outside of it',
  loop: 'leads back to itself, or through more than 40 others',
} as const;

/** createTree fills `place`, an empty folder, by way of a folder of its own within it; each folder made on the way counts. */
export const createTree = (place: string, countFolder: () => void, { noun, reject }: Subject): Tree => {
  if (readdirSync(place).some((name) => name !== 'lost+found'))
    throw new FetchFailure('Misconfigured', `${place} is not empty`);
  const root = join(place, `.${randomUUID()}`);
  mkdirSync(root, 0o755);
  const folders = new Set(['']);
  const files = new Map<string, number>();
  const links = new Map<string, string>();
  const at = (path: string): string => join(root, path);
  const attempt = <T>(path: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (misfits.has(String((error as NodeJS.ErrnoException).code)))
        reject(`The ${noun} has an entry that cannot be made (${(error as NodeJS.ErrnoException).code}): ${path}`);
      throw error;
    }
  };

  const makeFolder = (path: string): void => {
    if (folders.has(path)) return;
    if (files.has(path)) reject(`The ${noun} has ${path} as a file and as a folder.`);
    if (links.has(path)) reject(`The ${noun} has an entry that goes through a symbolic link: ${path}`);
    makeParent(path);
    attempt(path, () => mkdirSync(at(path), 0o755));
    folders.add(path);
  };
  /** Parents that an archive only implies are folders like all others. */
  const makeParent = (path: string): void => {
    const parent = parentOf(path);
    if (folders.has(parent)) return;
    countFolder();
    makeFolder(parent);
  };
  /** The last entry of a name wins, as with tar. */
  const claim = (path: string): void => {
    if (folders.has(path)) reject(`The ${noun} has ${path || '.'} as a folder and as something else.`);
    makeParent(path);
    if (files.delete(path)) unlinkSync(at(path));
    links.delete(path);
  };
  const topFolder = (): string => {
    const tops = new Set(
      [...folders, ...files.keys(), ...links.keys()].filter((p) => p !== '').map((p) => p.split('/')[0]),
    );
    const [only = ''] = tops;
    return tops.size === 1 && folders.has(only) ? only : '';
  };

  return {
    folder: makeFolder,
    file: async (path, executable, write) => {
      claim(path);
      const fd = attempt(path, () => openSync(at(path), 'wx', executable ? 0o755 : 0o644));
      try {
        files.set(path, await write(fd));
      } finally {
        closeSync(fd);
      }
    },
    link: (path, target) => {
      if (target === '' || target.includes('\0') || target.length > maxTarget || target.startsWith('/'))
        reject(`The ${noun} has a symbolic link that is absolute or broken: ${path}`);
      claim(path);
      links.set(path, target);
    },
    hardLink: (path, target) => {
      const size = files.get(target);
      if (size === undefined)
        return reject(
          `The ${noun} has a hard link to a file that does not come before it: ${path} -> ${target}. ` +
            'Pack with --hard-dereference.',
        );
      if (path === target) return 0;
      claim(path);
      attempt(path, () => linkSync(at(target), at(path)));
      files.set(path, size);
      return size;
    },
    finish: (lift) => {
      if (files.size === 0) reject(`The ${noun} holds no files.`);
      const top = lift ? topFolder() : '';
      for (const [path, target] of links) {
        const course = courseOf(path, links, top === '' ? 0 : 1);
        if (course !== 'inside') reject(`The ${noun} has a symbolic link that ${faults[course]}: ${path} -> ${target}`);
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
