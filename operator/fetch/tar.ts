import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Extract } from 'tar-stream';
import { metered, type Budget } from './budget.ts';
import { FetchFailure } from './exits.ts';
import type { Tree } from './tree.ts';

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/** writeAll writes a stream to an open file, as it comes. */
export const writeAll = async (fd: number, content: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const chunk of content) for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
};

const place = async (entry: Entry, tree: Tree): Promise<void> => {
  const { type, name, mode, linkname } = entry.header;
  switch (type) {
    case 'file':
    case 'contiguous-file':
      return tree.file(name, (mode & 0o100) !== 0, (fd) => writeAll(fd, entry as unknown as AsyncIterable<Uint8Array>));
    case 'directory':
      return tree.folder(name);
    case 'symlink':
      return tree.link(name, linkname);
    case 'link':
      throw new FetchFailure('ArchiveRejected', `The archive has a hard link: ${name}. Pack with --hard-dereference.`);
    case 'block-device':
    case 'character-device':
    case 'fifo':
    default:
      throw new FetchFailure(
        'ArchiveRejected',
        `The archive has an entry that is no file, folder or link: ${name} (${type})`,
      );
  }
};

/** untar puts the entries of a tar stream into the tree. */
export const untar = async (source: Readable, tree: Tree, budget: Budget): Promise<void> => {
  const parser = extract();
  const fed = pipeline(source, metered(budget), parser).catch((error: unknown) => error);
  try {
    for await (const entry of parser) {
      budget.addEntry();
      await place(entry, tree);
      entry.resume();
    }
  } catch (error) {
    parser.destroy();
    const cause = await fed;
    // What ended the source is the cause; the parser only saw its stream end.
    throw cause instanceof Error && !(error instanceof FetchFailure) ? cause : error;
  }
  const failure = await fed;
  if (failure instanceof Error) throw failure;
};
