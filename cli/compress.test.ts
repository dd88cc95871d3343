import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { unzstd } from '../operator/fetch/unzstd.ts';
import { compressed } from './compress.ts';

const pieces = Array.from({ length: 9 }, (_, i) =>
  Buffer.concat([Buffer.alloc(100_000, `piece ${i} `), randomBytes(i * 50_000)]),
);
async function* given(): AsyncGenerator<Buffer> {
  yield* pieces;
}
const sha = async (chunks: AsyncIterable<Buffer>): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
};

it('gives the same bytes on any number of cores', async () => {
  const alone = await sha(compressed(given(), 1));
  for (const atOnce of [0, 2, 3, 8, 100]) expect(await sha(compressed(given(), atOnce))).toBe(alone);
});

it('keeps the pieces in order, whichever is ready first', async () => {
  const whole = createHash('sha256').update(Buffer.concat(pieces)).digest('hex');
  expect(await sha(unzstd(compressed(given(), 4)))).toBe(whole);
});

it('never has more pieces in hand than it may', async () => {
  let asked = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for (const piece of pieces) {
      asked += 1;
      yield piece;
    }
  }
  let given = 0;
  for await (const _ of compressed(counted(), 2)) {
    given += 1;
    expect(asked - given).toBeLessThanOrEqual(2);
  }
  expect(given).toBe(pieces.length);
});

it('ends with the error of what gives the pieces', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from('a');
    throw new Error('the file went away');
  }
  await expect(sha(compressed(broken(), 4))).rejects.toThrow('the file went away');
});
