import { execFileSync } from 'node:child_process';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';

/** Entry of an archive that a test makes: a header as tar-stream takes it, and the content of a file. */
export type ArchiveEntry = Partial<Header> & { readonly name: string; readonly content?: string | Buffer };

/** tar packs entries, however wrong they are. */
export const tar = async (entries: readonly ArchiveEntry[]): Promise<Buffer> => {
  const packer = pack();
  for (const { content = '', ...header } of entries) packer.entry({ ...header }, Buffer.from(content));
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const maxBuffer = 1024 ** 3;

/** compressors by the ending of a file's name. */
export const compressors = {
  tar: (bytes: Buffer): Buffer => bytes,
  'tar.gz': (bytes: Buffer): Buffer => gzipSync(bytes),
  'tar.bz2': (bytes: Buffer): Buffer => execFileSync('bzip2', ['-c'], { input: bytes, maxBuffer }),
  'tar.xz': (bytes: Buffer): Buffer => execFileSync('xz', ['-c'], { input: bytes, maxBuffer }),
  'tar.zst': (bytes: Buffer): Buffer => execFileSync('zstd', ['-c'], { input: bytes, maxBuffer }),
} as const;

/** ZipEntry of a zip file that a test makes; mode 0 as Windows packs it. */
export interface ZipEntry {
  /** Bytes are a name that is not marked as UTF-8. */
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  readonly mode?: number;
  readonly encrypted?: boolean;
  /** Number of the method to claim instead of Deflate. */
  readonly method?: number;
  /** Checksum to claim instead of the right one. */
  readonly checksum?: number;
}

const local = 0x04034b50;
const central = 0x02014b50;
const end = 0x06054b50;
const deflated = 8;
const unixVersion = (3 << 8) | 20;

const fields = (parts: readonly (readonly [value: number, bytes: 2 | 4])[]): Buffer => {
  const buffer = Buffer.alloc(parts.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of parts) at = buffer.writeUIntLE(value >>> 0, at, bytes);
  return buffer;
};

/** zip packs entries, however wrong they are: nothing here checks a name. */
export const zip = (entries: readonly ZipEntry[]): Buffer => {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? '');
    const packed = deflateRawSync(content);
    const name = Buffer.from(entry.name);
    const common = [
      [entry.encrypted === true ? 1 : typeof entry.name === 'string' ? 0x800 : 0, 2],
      [entry.method ?? deflated, 2],
      [0, 4],
      [entry.checksum ?? crc32(content), 4],
      [packed.length, 4],
      [content.length, 4],
      [name.length, 2],
      [0, 2],
    ] as const;
    const body = Buffer.concat([fields([[local, 4], [20, 2], ...common]), name, packed]);
    const attributes = (entry.mode ?? 0) * 2 ** 16;
    const head = [[central, 4], [entry.mode === undefined ? 20 : unixVersion, 2], [20, 2], ...common] as const;
    directory.push(fields([...head, [0, 2], [0, 2], [0, 2], [attributes, 4], [offset, 4]]), name);
    bodies.push(body);
    offset += body.length;
  }
  const size = Buffer.concat(directory).length;
  const count = entries.length;
  const tail = fields([
    [end, 4],
    [0, 2],
    [0, 2],
    [count, 2],
    [count, 2],
    [size, 4],
    [offset, 4],
    [0, 2],
  ]);
  return Buffer.concat([...bodies, ...directory, tail]);
};
