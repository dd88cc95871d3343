/** blockSize is what all of a tar is made of. */
export const blockSize = 512;

/** Header is one block of a tar that begins an entry. Names are bytes: their encoding is not known yet. */
export interface Header {
  readonly name: Buffer;
  /** The type as one character: '0' for a file, '5' for a folder, 'x' for pax records, … */
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly target: Buffer;
  readonly block: Buffer;
}

const text = (block: Buffer, at: number, length: number): Buffer => {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
};

/** numberAt reads a number as octal digits or, where they do not suffice, in base 256. */
export const numberAt = (block: Buffer, at: number, length: number): number => {
  const field = block.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) === 0) {
    const digits = field
      .toString('latin1')
      .replace(/^[\0 ]+/, '')
      .replace(/[\0 ][\s\S]*$/, '');
    return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : NaN;
  }
  const value = field.reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & 0x7f : byte), 0);
  return Number.isSafeInteger(value) ? value : NaN;
};

/** isHeader tells whether a block has the checksum of a header; old programs counted bytes as signed. */
export const isHeader = (block: Buffer): boolean => {
  if (block.length < blockSize) return false;
  const sum = (valueOf: (byte: number) => number): number =>
    block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : valueOf(byte)), 0);
  const told = numberAt(block, 148, 8);
  return told === sum((byte) => byte) || told === sum((byte) => (byte > 127 ? byte - 256 : byte));
};

/** isEmpty: blocks of zeros end a tar. */
export const isEmpty = (block: Buffer): boolean => block.every((byte) => byte === 0);

/** noTar is what is said of a block that should be a header and is none. */
export const noTar = 'it has something else where the header of a tar should be';

/** parseHeader reads a block; it throws where it is none that can be understood. */
export const parseHeader = (block: Buffer): Header => {
  if (!isHeader(block)) throw new Error(noTar);
  const size = numberAt(block, 124, 12);
  if (!Number.isSafeInteger(size) || size < 0) throw new Error('a header in it has no size');
  const name = text(block, 0, 100);
  // GNU has other things where POSIX has the prefix, and before POSIX there was nothing.
  const isPosix = block.subarray(257, 263).equals(Buffer.from('ustar\0'));
  const prefix = isPosix ? text(block, 345, 155) : Buffer.alloc(0);
  const flag = block[156] ?? 0;
  return {
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    type: flag === 0 ? '0' : String.fromCharCode(flag),
    mode: numberAt(block, 100, 8) || 0,
    size,
    target: text(block, 157, 100),
    block,
  };
};

/** PaxRecord is a keyword and its value, which may be any bytes. */
export type PaxRecord = readonly [keyword: string, value: Buffer];

/** parsePax reads records of the form `length keyword=value\n`, in their order: some keywords come many times. */
export const parsePax = (data: Buffer): PaxRecord[] => {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length;) {
    const blank = data.indexOf(0x20, at);
    const length = Number(data.subarray(at, blank).toString('latin1'));
    const end = at + length;
    const equals = data.indexOf(0x3d, blank);
    // What fills up the block.
    if (data[at] === 0) break;
    if (blank < 0 || !Number.isInteger(length) || equals < blank || equals >= end || data[end - 1] !== 0x0a)
      throw new Error('a pax header in it is broken');
    records.push([data.subarray(blank + 1, equals).toString('utf8'), data.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
};
