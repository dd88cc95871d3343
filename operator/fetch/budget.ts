import type { Subject } from './entry.ts';
import type { Limits } from './options.ts';
import { bytesText } from './log.ts';

/** Below this, the ratio says nothing: a small file of blanks packs a thousandfold. */
const ratioFloor = 16 * 1024 ** 2;

/** Budget counts what an archive unpacks to and ends the work where a limit is passed. */
export interface Budget {
  readonly bytes: number;
  readonly entries: number;
  readonly addBytes: (count: number) => void;
  readonly addEntry: () => void;
}

/** createBudget starts the count for what is packed into packedBytes; Infinity where the ratio says nothing. */
export const createBudget = (limits: Limits, packedBytes: number, { noun, reject }: Subject): Budget => {
  let bytes = 0;
  let entries = 0;
  return {
    get bytes() {
      return bytes;
    },
    get entries() {
      return entries;
    },
    addBytes: (count) => {
      bytes += count;
      if (bytes > limits.maxBytes)
        reject(`The ${noun} unpacks to more than ${bytesText(limits.maxBytes)}, the limit of this installation.`);
      if (bytes > ratioFloor && bytes > packedBytes * limits.maxRatio)
        reject(`The ${noun} unpacks to more than ${limits.maxRatio} times its size, the limit of this installation.`);
    },
    addEntry: () => {
      entries += 1;
      if (entries > limits.maxEntries)
        reject(`The ${noun} has more than ${limits.maxEntries} entries, the limit of this installation.`);
    },
  };
};

/** metered counts the bytes that pass. */
export async function* metered(
  source: AsyncIterable<Uint8Array>,
  budget: Budget,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    budget.addBytes(chunk.length);
    yield chunk;
  }
}
