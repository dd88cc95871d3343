import { bytesOf, type Bytes } from './bytes.ts';
import { rejectArchive, textOf, type Entry } from './entry.ts';
import { exactComment } from '../archive/exact.ts';
import { readSparse } from './sparse.ts';
import {
  blockSize,
  isEmpty,
  isHeader,
  parseHeader,
  parsePax,
  type Header,
  type PaxRecord,
} from '../archive/tarheader.ts';

// Not tar-stream, with which we pack: it decodes names as UTF-8 whatever they are, knows no sparse files, keeps of a keyword
// that comes many times the last one, and does not show global headers.

/** As much may come before one entry in headers that say more about it. */
const maxExtra = 1024 ** 2;

/** Extra is what headers before an entry said about it. */
interface Extra {
  readonly records: readonly PaxRecord[];
  readonly name?: Buffer | undefined;
  readonly target?: Buffer | undefined;
}

const noExtra: Extra = { records: [] };
const maxRecords = 250_000;
const maxGlobals = 1000;

const padding = (size: number): number => (blockSize - (size % blockSize)) % blockSize;

const readExtra = async (bytes: Bytes, { size }: Header): Promise<Buffer> => {
  if (size > maxExtra) rejectArchive('The archive has a header of more than 1 MiB.');
  const data =
    size === 0 ? Buffer.alloc(0) : ((await bytes.read(size)) ?? rejectArchive('The archive is damaged: it ends early'));
  await bytes.skip(padding(size));
  return data;
};

const untilNul = (data: Buffer): Buffer => (data.includes(0) ? data.subarray(0, data.indexOf(0)) : data);

/** extend takes in what a header says about the entry that follows; undefined where it is that entry. */
const extend = async (bytes: Bytes, header: Header, extra: Extra): Promise<Extra | undefined> => {
  switch (header.type) {
    case 'x':
    case 'X':
      return { ...extra, records: [...extra.records, ...parsePax(await readExtra(bytes, header))] };
    case 'L':
      return { ...extra, name: untilNul(await readExtra(bytes, header)) };
    case 'K':
      return { ...extra, target: untilNul(await readExtra(bytes, header)) };
    default:
      return undefined;
  }
};

const valueOf = (records: readonly PaxRecord[], keyword: string): Buffer | undefined =>
  records.findLast(([key]) => key === keyword)?.[1];

/** resolve lets the headers before an entry, and global ones, have their say. */
const resolve = (header: Header, extra: Extra, globals: readonly PaxRecord[]): Header => {
  const records = [...globals, ...extra.records];
  const size = valueOf(records, 'size');
  const told = size === undefined ? header.size : Number(size.toString('latin1'));
  if (!Number.isSafeInteger(told) || told < 0) throw new Error('a pax header in it has no size');
  return {
    ...header,
    name: valueOf(records, 'path') ?? extra.name ?? header.name,
    target: valueOf(records, 'linkpath') ?? extra.target ?? header.target,
    size: told,
  };
};

async function* entryOf(
  bytes: Bytes,
  header: Header,
  records: readonly PaxRecord[],
): AsyncGenerator<Entry, void, undefined> {
  const { type, mode, size } = header;
  const name = textOf(header.name);
  switch (type) {
    case '5':
      return yield { type: 'folder', name };
    case '2':
      return yield { type: 'link', name, target: textOf(header.target) };
    case '1':
      return yield { type: 'hardLink', name, target: textOf(header.target) };
    case '0':
    case '7':
    case 'S': {
      // Before POSIX there was no other way to say that it is a folder.
      if (name.endsWith('/')) return yield { type: 'folder', name };
      const file = await readSparse(header, records, bytes);
      const content = bytes.pass(file?.stored ?? size);
      const real = file?.name === undefined ? name : textOf(file.name);
      yield { type: 'file', name: real, executable: (mode & 0o100) !== 0, content, sparse: file?.sparse };
      // The last block of an entry is filled up, whatever of it was the map of a sparse file.
      return await bytes.skip(padding(size));
    }
    case 'V':
      return;
    default:
      return rejectArchive(`The archive has an entry that is no file, folder or link: ${name} (tar type ${type})`);
  }
}

/** nextHeader gives the next block that is a header; behind the end there may be another tar, or anything else. */
const nextHeader = async (bytes: Bytes): Promise<Header | undefined> => {
  for (let zeros = 0; ; zeros++) {
    const block = await bytes.read(blockSize);
    if (block === undefined) return undefined;
    if (isEmpty(block)) continue;
    return zeros >= 2 && !isHeader(block) ? undefined : parseHeader(block);
  }
};

/** tarEntries reads a tar. */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<Entry, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  const bytes = bytesOf(iterator);
  let globals: readonly PaxRecord[] = [];
  let extra: Extra = noExtra;
  let isFirst = true;
  try {
    for (let header = await nextHeader(bytes); header !== undefined; header = await nextHeader(bytes)) {
      if (header.type === 'g') {
        globals = [...globals, ...parsePax(await readExtra(bytes, header))].slice(-maxGlobals);
        if (isFirst && valueOf(globals, 'comment')?.equals(Buffer.from(exactComment)) === true) yield { type: 'exact' };
      } else {
        const extended = await extend(bytes, header, extra);
        if (extended === undefined) yield* entryOf(bytes, resolve(header, extra, globals), extra.records);
        extra = extended ?? noExtra;
        if (extra.records.length > maxRecords) rejectArchive('The archive has too many headers for one entry.');
      }
      isFirst = false;
    }
  } finally {
    await iterator.return?.();
  }
}
