import type { Bytes } from './bytes.ts';
import { rejectArchive, type Part, type Sparse } from './entry.ts';
import { blockSize, numberAt, type Header, type PaxRecord } from '../archive/tarheader.ts';

/** So many parts no file has that people push. */
const maxParts = 100_000;

const broken = (): never => rejectArchive('The archive is damaged: the map of a sparse file in it is wrong.');

const count = (text: string): number => {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : broken();
};

const pairs = (numbers: readonly number[]): Part[] => {
  if (numbers.length % 2 !== 0) broken();
  return numbers.flatMap((offset, i) => (i % 2 === 0 ? [{ offset, length: numbers[i + 1] ?? 0 }] : []));
};

/** checked makes sure that parts lie one after the other in a file of this size, and are all that the archive has of it. */
const checked = (size: number, parts: readonly Part[], stored: number): Sparse => {
  let at = 0;
  let sum = 0;
  for (const { offset, length } of parts) {
    if (offset < at || offset + length > size) broken();
    at = offset + length;
    sum += length;
  }
  return sum === stored && Number.isSafeInteger(size) ? { size, parts } : broken();
};

/** Old GNU: four parts in the header, 21 in each block that follows it, and the size of the whole file. */
const oldGnu = async ({ block, size }: Header, bytes: Bytes): Promise<Sparse> => {
  const parts: Part[] = [];
  const collect = (from: Buffer, at: number, most: number): void => {
    for (let i = 0; i < most; i++) {
      const offset = numberAt(from, at + i * 24, 12);
      const length = numberAt(from, at + i * 24 + 12, 12);
      if (Number.isNaN(offset) || Number.isNaN(length) || parts.length > maxParts) broken();
      if (from[at + i * 24 + 12] !== 0) parts.push({ offset, length });
    }
  };
  collect(block, 386, 4);
  for (let more = block[482] !== 0; more;) {
    const next = (await bytes.read(blockSize)) ?? broken();
    collect(next, 0, 21);
    more = next[504] !== 0;
  }
  return checked(numberAt(block, 483, 12), parts, size);
};

/** Version 1.0 of pax: the map is text at the beginning of the content, filled up to a block. */
const mapInContent = async (bytes: Bytes): Promise<{ parts: Part[]; length: number }> => {
  let text = '';
  let length = 0;
  const lines = (): string[] => text.split('\n').slice(0, -1);
  const wanted = (): number => (lines().length === 0 ? 1 : 1 + 2 * Math.min(count(lines()[0] ?? ''), maxParts));
  while (lines().length < wanted()) {
    if (length > maxParts * 32) broken();
    text += ((await bytes.read(blockSize)) ?? broken()).toString('latin1');
    length += blockSize;
  }
  return { parts: pairs(lines().slice(1, wanted()).map(count)), length };
};

/** SparseContent is a sparse file, and how many bytes of its entry are its content. */
export interface SparseContent {
  readonly sparse: Sparse;
  readonly stored: number;
  /** The name that the file has: the entry's own is made up. */
  readonly name: Buffer | undefined;
}

const of = (records: readonly PaxRecord[], keyword: string): string[] =>
  records.filter(([key]) => key === `GNU.sparse.${keyword}`).map(([, value]) => value.toString('latin1'));

/** readSparse reads the map of a sparse file in any of the four ways that GNU tar and libarchive write it. */
export const readSparse = async (
  header: Header,
  records: readonly PaxRecord[],
  bytes: Bytes,
): Promise<SparseContent | undefined> => {
  if (header.type === 'S') return { sparse: await oldGnu(header, bytes), stored: header.size, name: undefined };
  const one = (keyword: string): string | undefined => of(records, keyword).at(-1);
  const size = one('realsize') ?? one('size');
  if (size === undefined) return undefined;
  const name = records.findLast(([key]) => key === 'GNU.sparse.name')?.[1];
  if (one('major') === '1') {
    const { parts, length } = await mapInContent(bytes);
    const stored = header.size - length;
    return { sparse: checked(count(size), parts, stored), stored, name };
  }
  const map = one('map');
  const offsets = of(records, 'offset');
  const lengths = of(records, 'numbytes');
  const numbers = map === undefined ? offsets.flatMap((offset, i) => [offset, lengths[i] ?? '']) : map.split(',');
  const parts = numbers.length > 2 * maxParts ? broken() : pairs(numbers.map(count));
  return { sparse: checked(count(size), parts, header.size), stored: header.size, name };
};
