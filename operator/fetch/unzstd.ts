import { Readable } from 'node:stream';
import { constants, createZstdDecompress } from 'node:zlib';
import { isSkippable, zstdFrame } from '../archive/kind.ts';
import { bytesOf, type Bytes } from './bytes.ts';
import { rejectArchive } from './entry.ts';

/** The decoder keeps so much of what came before (2^26 bytes): the step has 256 MiB in all, and `zstd -19` needs 8 MiB. */
const windowLogMax = 26;
const tooWide = (): never =>
  rejectArchive(
    'The archive needs more than 64 MiB of memory to unpack (zstd --long, --ultra): pack it with zstd -19.',
  );

const need = async (bytes: Bytes, count: number): Promise<Buffer> => {
  const found = await bytes.read(count);
  if (found === undefined) throw new Error('it ends early');
  return found;
};

/** What the header of a frame holds beside its first byte, by that byte (RFC 8878, 3.1.1.1). */
const dictionarySizes = [0, 1, 2, 4] as const;
const contentSizes = [0, 2, 4, 8] as const;
const headerOf = (first: number) => {
  const isSingleSegment = (first & 0x20) !== 0;
  const contentSize = contentSizes[(first >> 6) as 0 | 1 | 2 | 3] || (isSingleSegment ? 1 : 0);
  return {
    hasWindow: !isSingleSegment,
    hasChecksum: (first & 0x04) !== 0,
    size: (isSingleSegment ? 0 : 1) + dictionarySizes[(first & 3) as 0 | 1 | 2 | 3] + contentSize,
  };
};

const runLength = 1;

/** frameOf gives the bytes of one frame, of which the first four were read, and not one more. */
async function* frameOf(bytes: Bytes): AsyncGenerator<Buffer, void, undefined> {
  const first = await need(bytes, 1);
  const { hasWindow, hasChecksum, size } = headerOf(first[0] ?? 0);
  const rest = await need(bytes, size);
  if (hasWindow && 10 + ((rest[0] ?? 0) >> 3) > windowLogMax) tooWide();
  yield Buffer.concat([zstdFrame, first, rest]);
  for (let isLast = false; !isLast;) {
    const block = await need(bytes, 3);
    const word = block.readUIntLE(0, 3);
    isLast = (word & 1) === 1;
    yield block;
    yield* bytes.pass(((word >> 1) & 3) === runLength ? 1 : word >> 3);
  }
  if (hasChecksum) yield await need(bytes, 4);
}

async function* decode(frame: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const decoder = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: windowLogMax } });
  const packed = Readable.from(frame, { objectMode: false }).on('error', (error) => decoder.destroy(error));
  try {
    yield* packed.pipe(decoder) as AsyncIterable<Buffer>;
  } finally {
    packed.destroy();
    decoder.destroy();
  }
}

/**
 * unzstd unpacks zstd, one frame after the other: the stream of Node.js drops what follows the first frame in the same chunk
 * (nodejs/node#64741), and `epinio push`, pzstd and `cat` all make many.
 */
export async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  const bytes = bytesOf(source[Symbol.asyncIterator]());
  for (let magic = await bytes.read(4); magic !== undefined; magic = await bytes.read(4)) {
    if (isSkippable(magic)) await bytes.skip((await need(bytes, 4)).readUInt32LE());
    else if (magic.equals(zstdFrame)) yield* decode(frameOf(bytes));
    else throw new Error('it has something else where a frame of zstd should be');
  }
}
