import type { ListedObject } from './types.ts';

/** What the operator reads back are notes of its own; the largest has some 10 MB. */
const maxText = 64 * 1024 ** 2;

const strange = (code: string, message: string): Error => Object.assign(new Error(message), { code });

/** inOrder passes a listing on as long as it goes forward: one that goes round would have no end. */
export async function* inOrder(items: AsyncIterable<ListedObject>): AsyncGenerator<ListedObject, void, undefined> {
  let last: Buffer | undefined;
  for await (const item of items) {
    const key = Buffer.from(item.key);
    if (last !== undefined && key.compare(last) <= 0)
      throw strange('UnorderedList', 'it lists keys twice, or not in their order.');
    last = key;
    yield item;
  }
}

/** textOf reads an object that is text, of a size that fits into memory. */
export const textOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxText) throw strange('EntityTooLarge', 'the object has more than 64 MiB.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};
