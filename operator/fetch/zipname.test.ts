import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { nameOf, type RawName } from './zipname.ts';

const dos = 20;
const unix = (3 << 8) | 20;
const utf8 = 0x800;
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const unicode = (raw: Buffer, name: string, checksum = crc32(raw)) => {
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeUInt32LE(checksum, 1);
  return [{ id: 0x7075, data: Buffer.concat([head, Buffer.from(name)]) }];
};
const raw = (
  fileNameRaw: Buffer,
  versionMadeBy: number,
  flag = 0,
  extraFields: RawName['extraFields'] = [],
): RawName => ({
  fileNameRaw,
  versionMadeBy,
  generalPurposeBitFlag: flag,
  extraFields,
});

it.each<[string, RawName, string]>([
  ['marked as UTF-8', raw(Buffer.from('größe/ü'), dos, utf8), 'größe/ü'],
  ['UTF-8 without the mark, as macOS packs', raw(Buffer.from('größe'), unix), 'größe'],
  ['UTF-8 without the mark, from Windows', raw(Buffer.from('größe'), dos), 'größe'],
  ['of DOS', raw(bytes('gr\x94\xe1e'), dos), 'größe'],
  [
    'of DOS with a field in UTF-8',
    raw(bytes('gr\x94\xe1e'), dos, 0, unicode(bytes('gr\x94\xe1e'), 'größe €')),
    'größe €',
  ],
  ['with a field that is about another name', raw(bytes('renamed'), dos, 0, unicode(bytes('x'), 'old', 1)), 'renamed'],
  ['with backslashes, from Windows', raw(bytes('a\\b\\c.txt'), dos), 'a/b/c.txt'],
  ['with a backslash, from Unix', raw(bytes('a\\b'), unix), 'a\\b'],
  ['with a colon, from Unix', raw(bytes('c:/x'), unix), 'c:/x'],
])('a name %s', (_, name, expected) => {
  expect(nameOf(name)).toBe(expected);
});

it.each<[string, RawName, RegExp]>([
  ['marked as UTF-8 that is none', raw(bytes('caf\xe9'), dos, utf8), /not UTF-8: caf\?/],
  ['from Unix that is not UTF-8', raw(bytes('caf\xe9'), unix), /not UTF-8: caf\?/],
  ['on a drive', raw(bytes('C:\\temp\\x'), dos), /absolute path: C:\/temp\/x/],
])('a name %s is refused', (_, name, message) => {
  expect(() => nameOf(name)).toThrow(message);
});
