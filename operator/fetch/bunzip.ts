import { fstatSync, readSync } from 'node:fs';
import bitIterator from 'unbzip2-stream/lib/bit_iterator.js';
import bzip2 from 'unbzip2-stream/lib/bzip2.js';

const inputSize = 64 * 1024;
const outputSize = 64 * 1024;

/** createBlock collects bytes in pieces: a block of 900 kB may unpack to 46 MB of repeated bytes. */
const createBlock = (): { push: (byte: number) => void; take: () => Buffer[] } => {
  const full: Buffer[] = [];
  let piece = Buffer.allocUnsafe(outputSize);
  let length = 0;
  return {
    push: (byte) => {
      if (length === outputSize) {
        full.push(piece);
        piece = Buffer.allocUnsafe(outputSize);
        length = 0;
      }
      piece[length++] = byte;
    },
    take: () => [...full, piece.subarray(0, length)],
  };
};

/**
 * bunzip unpacks a bzip2 file one block at a time, as its reader asks for more. The stream of unbzip2-stream unpacks all it
 * has at once, without backpressure: a few kilobytes could fill the memory before anything is counted.
 */
export function* bunzip(fd: number): Generator<Buffer> {
  const { size } = fstatSync(fd);
  const bits = bitIterator(() => {
    const input = Buffer.allocUnsafe(inputSize);
    const count = readSync(fd, input, 0, inputSize, null);
    if (count === 0) throw new Error('the bzip2 data ends early');
    return input.subarray(0, count);
  });
  do {
    const blockSize = 100_000 * bzip2.header(bits);
    const work = new Int32Array(blockSize);
    let crc: number | null = 0;
    for (;;) {
      const block = createBlock();
      crc = bzip2.decompress(bits, block.push, work, blockSize, crc);
      if (crc === null) break;
      yield* block.take();
    }
  } while (bits.bytesRead < size);
}
