import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';

const compressOne = promisify(zstdCompress);

const options = (size: number) => ({
  params: {
    [constants.ZSTD_c_compressionLevel]: 6,
    // Twice what the level has for so little input: packs no worse than gzip -6 where there is little to find.
    [constants.ZSTD_c_hashLog]: 20,
    [constants.ZSTD_c_checksumFlag]: 1,
  },
  // What can come out at most is taken in one go.
  chunkSize: size + 64 * 1024,
});

/** Node.js has four threads for work of this kind. */
const threads = Math.min(4, availableParallelism());

/**
 * compressed makes a frame of zstd of each piece, as many at once as there are threads, in their order. zstd's own threads
 * (ZSTD_c_nbWorkers) are no way: the stream of Node.js takes input that they did not take yet for the end of all.
 */
export async function* compressed(
  pieces: AsyncIterable<Buffer>,
  atOnce: number = threads,
): AsyncGenerator<Buffer, void, undefined> {
  const frames: Promise<Buffer>[] = [];
  for await (const piece of pieces) {
    const frame = compressOne(piece, options(piece.length));
    // Where something else fails first, nobody waits for it any more.
    frame.catch(() => undefined);
    frames.push(frame);
    // One more than threads: while the next piece is read, none of them waits.
    if (frames.length > atOnce) yield (await frames.shift()) as Buffer;
  }
  yield* frames;
}
