import { blockSize } from './tarheader.ts';

/** TarEntry is what a header says of one thing in a tar. */
export interface TarEntry {
  readonly name: string;
  /** '0' a file, '2' a symbolic link, '5' a folder, 'g' records for all that follows, 'x' for the next entry. */
  readonly type: '0' | '2' | '5' | 'g' | 'x';
  readonly mode: number;
  readonly size: number;
  readonly target?: string;
}

/** padded is a size as a tar stores it: in whole blocks. */
export const padded = (size: number): number => Math.ceil(size / blockSize) * blockSize;

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

/** record is `length key=value\n` of pax, where the length counts itself, in bytes. */
const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes;
  while (String(length).length + bytes !== length) length = String(length).length + bytes;
  return `${length}${rest}`;
};

/** No times, no owners: equal folders give equal archives. */
const block = ({ name, type, mode, size, target = '' }: TarEntry): Buffer => {
  const header = Buffer.alloc(blockSize);
  header.write(name, 0, 100);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(target, 157, 100);
  header.write('ustar\0' + '00', 257);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${octal(sum, 7)} `, 148);
  return header;
};

/** paxRecords are records as an entry of their own, in front of what they speak of. */
export const paxRecords = (name: string, type: 'g' | 'x', records: Readonly<Record<string, string>>): Buffer => {
  const text = Buffer.from(
    Object.entries(records)
      .map(([key, value]) => record(key, value))
      .join(''),
  );
  const filled = Buffer.alloc(padded(text.length));
  text.copy(filled);
  return Buffer.concat([block({ name, type, mode: 0o644, size: text.length }), filled]);
};

/** Eleven octal digits. */
const largest = 8 ** 11 - 1;
const fits = (text: string): boolean => text.length <= 100 && /^[\x20-\x7e]*$/.test(text);

/** tarHeader is the header of an entry; what does not fit into a block of 1979 stands in records of pax before it. */
export const tarHeader = (entry: TarEntry): Buffer => {
  const { name, size, target = '' } = entry;
  const records = {
    ...(!fits(name) && { path: name }),
    ...(!fits(target) && { linkpath: target }),
    ...(size > largest && { size: String(size) }),
  };
  if (Object.keys(records).length === 0) return block(entry);
  const short = { ...entry, name: fits(name) ? name : 'PaxEntry', size: Math.min(size, largest) };
  return Buffer.concat([
    paxRecords('PaxHeader', 'x', records),
    block({ ...short, target: fits(target) ? target : 'PaxTarget' }),
  ]);
};

/** tarEnd ends a tar. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * blockSize);
