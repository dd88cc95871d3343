import { ftruncateSync, writeSync } from 'node:fs';
import type { Budget } from './budget.ts';
import type { Entry, Sparse, Subject } from './entry.ts';
import { isMacMetadata, withoutAppleDouble } from './macos.ts';
import { pathOf, type Tree } from './tree.ts';

/** Placed is what was made of the entries of an archive. */
export interface Placed {
  /** The archive says that it is exact: nothing is lifted or left out. */
  readonly exact: boolean;
  /** How many entries were left out because macOS alone has a use for them. */
  readonly leftOut: number;
}

/** writeAt writes all of a chunk at a place of a file. */
const writeAt = (fd: number, chunk: Uint8Array, position: number): void => {
  for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at, chunk.length - at, position + at);
};

const writeAll = async (fd: number, content: AsyncIterable<Uint8Array>): Promise<number> => {
  let size = 0;
  for await (const chunk of content) {
    writeAt(fd, chunk, size);
    size += chunk.length;
  }
  return size;
};

/** writeParts writes a file with holes where it had holes. */
const writeParts = async (fd: number, content: AsyncIterable<Uint8Array>, { size, parts }: Sparse): Promise<number> => {
  ftruncateSync(fd, size);
  let part = 0;
  let within = 0;
  for await (const chunk of content)
    for (let at = 0; at < chunk.length;) {
      const { offset, length } = parts[part] ?? { offset: 0, length: 0 };
      const piece = chunk.subarray(at, at + length - within);
      writeAt(fd, piece, offset + within);
      at += piece.length;
      within += piece.length;
      if (within === length) [part, within] = [part + 1, 0];
    }
  return size;
};

/** Holes cost whoever reads the file as much as zeros. */
const holesOf = ({ size, parts }: Sparse): number => parts.reduce((left, { length }) => left - length, size);

interface Where {
  readonly tree: Tree;
  readonly budget: Budget;
  readonly maxDepth: number;
  readonly subject: Subject;
}

/** placeAll puts the entries of an archive or a repository into the tree, within the budget. */
export const placeAll = async (entries: AsyncIterable<Entry>, where: Where): Promise<Placed> => {
  const { tree, budget, maxDepth, subject } = where;
  let exact = false;
  let leftOut = 0;
  for await (const entry of entries) {
    if (entry.type === 'exact') {
      exact = true;
      continue;
    }
    budget.addEntry();
    const path = pathOf(entry.name, maxDepth, subject);
    if (!exact && isMacMetadata(path)) {
      leftOut += 1;
      continue;
    }
    switch (entry.type) {
      case 'folder':
        tree.folder(path);
        break;
      case 'link':
        tree.link(path, entry.target);
        break;
      case 'hardLink':
        budget.addBytes(tree.hardLink(path, pathOf(entry.target, maxDepth, subject)));
        break;
      case 'file': {
        const { sparse, executable } = entry;
        if (sparse !== undefined) budget.addBytes(holesOf(sparse));
        const content = exact ? entry.content : await withoutAppleDouble(path, entry.content);
        if (content === undefined) leftOut += 1;
        else
          await tree.file(path, executable, (fd) =>
            sparse === undefined ? writeAll(fd, content) : writeParts(fd, content, sparse),
          );
      }
    }
  }
  return { exact, leftOut };
};
