import { isUtf8 } from 'node:buffer';
import type { Entry } from '../entry.ts';
import { FetchFailure } from '../failure.ts';
import { repository, type Content, type Item, type Repository } from './repository.ts';

/** Part is what one repository gives to the source, and below which folder. */
export interface Part {
  readonly repository: Repository;
  readonly below: string;
  readonly items: readonly Item[];
}

const maxTarget = 4095;
const maxRules = 1024 ** 2;
const pointer = Buffer.from('version https://git-lfs.github.com/spec/v1\n');
/** git-lfs itself takes no larger file for a pointer. */
const maxPointer = 1024;

const whole = async ({ size, bytes, item }: Content, most: number): Promise<Buffer> => {
  if (size > most) repository.reject(`The repository has ${item.path} with more than ${most} bytes.`);
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** textOf reads a small text. */
export const textOf = async (opened: Repository, item: Item): Promise<string> => {
  for await (const content of opened.contents([item])) return (await whole(content, maxRules)).toString('utf8');
  return '';
};

async function* again(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

const fileEntry = async (name: string, content: Content): Promise<Entry> => {
  const executable = content.item.kind === 'program';
  if (content.size > maxPointer) return { type: 'file', name, executable, content: content.bytes };
  const text = await whole(content, maxPointer);
  if (text.subarray(0, pointer.length).equals(pointer))
    throw new FetchFailure(
      'GitLFSUnsupported',
      `The content of ${name} is in git LFS, which is not fetched: keep it in the repository itself (git lfs migrate export), ` +
        'list it in .epinioignore if the build does not need it, or push an archive.',
    );
  return { type: 'file', name, executable, content: again(text) };
};

const linkEntry = async (name: string, content: Content): Promise<Entry> => {
  const target = await whole(content, maxTarget);
  if (!isUtf8(target)) repository.reject(`The repository has a symbolic link whose target is not UTF-8: ${name}`);
  return { type: 'link', name, target: target.toString('utf8') };
};

/** entriesOf gives all files and links as they are in the repository: no filter, no attribute and no hook has a part in it. */
export async function* entriesOf(parts: readonly Part[]): AsyncGenerator<Entry, void, undefined> {
  // What is in a repository is meant: nothing is lifted or left out.
  yield { type: 'exact' };
  for (const { repository: from, below, items } of parts) {
    const named = (path: string): string => (below === '' ? path : `${below}/${path}`);
    for (const { path, kind } of items) if (kind === 'submodule') yield { type: 'folder', name: named(path) };
    for await (const content of from.contents(items.filter(({ kind }) => kind !== 'submodule'))) {
      const name = named(content.item.path);
      yield content.item.kind === 'link' ? await linkEntry(name, content) : await fileEntry(name, content);
    }
  }
}
