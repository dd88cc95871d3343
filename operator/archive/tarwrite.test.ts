import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isHeader, parseHeader, parsePax } from './tarheader.ts';
import { padded, paxRecords, tarEnd, tarHeader, type TarEntry } from './tarwrite.ts';

const file = (name: string, size = 0): TarEntry => ({ name, type: '0', mode: 0o644, size });

describe('the header of an entry', () => {
  it.each<[string, TarEntry]>([
    ['a file', { ...file('a/b.txt', 12), mode: 0o755 }],
    ['a folder', { name: 'a/', type: '5', mode: 0o755, size: 0 }],
    ['a link', { name: 'l', type: '2', mode: 0o777, size: 0, target: '../x' }],
    ['a name that just fits', file('n'.repeat(100))],
    ['the largest size', file('big', 8 ** 11 - 1)],
  ])('is one block that says all: %s', (_, entry) => {
    const header = tarHeader(entry);
    expect(header.length).toBe(512);
    const { name, type, mode, size, target } = parseHeader(header);
    const told = { name: name.toString(), type, mode, size, ...(entry.target && { target: target.toString() }) };
    expect(told).toEqual(entry);
  });

  it.each<[string, TarEntry, Record<string, string>]>([
    ['a long name', file('n'.repeat(101)), { path: 'n'.repeat(101) }],
    ['a name that is not ASCII', file('grün.txt'), { path: 'grün.txt' }],
    ['a long target', { ...file('l'), type: '2', target: 'ü/'.repeat(60) }, { linkpath: 'ü/'.repeat(60) }],
    ['8 GiB', file('big', 8 ** 11), { size: String(8 ** 11) }],
  ])('says in records of pax what does not fit: %s', (_, entry, records) => {
    const header = tarHeader(entry);
    const { type, size } = parseHeader(header.subarray(0, 512));
    expect(type).toBe('x');
    const found = parsePax(header.subarray(512, 512 + size)).map(([key, value]) => [key, value.toString()]);
    expect(Object.fromEntries(found)).toEqual(records);
    expect(isHeader(header.subarray(512 + padded(size)))).toBe(true);
  });

  it.each([91, 92, 93, 94, 983, 984, 985, 986])('counts the digits of a length into it: a value of %i', (length) => {
    const value = 'v'.repeat(length);
    expect(parsePax(paxRecords('p', 'x', { path: value }).subarray(512))).toEqual([['path', Buffer.from(value)]]);
  });
});

it('is understood by GNU tar', () => {
  const long = `${'ordner/'.repeat(30)}ü`;
  const tar = Buffer.concat([
    tarHeader({ name: 'd/', type: '5', mode: 0o755, size: 0 }),
    tarHeader({ ...file(long, 3), mode: 0o755 }),
    Buffer.from('abc'.padEnd(512, '\0')),
    tarHeader({ name: 'd/l', type: '2', mode: 0o777, size: 0, target: long }),
    tarEnd(),
  ]);
  const listed = execFileSync('tar', ['-tvf', '-'], {
    input: tar,
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  const lines = listed.toString().trimEnd().split('\n');
  expect(lines.map((line) => line.replace(/ +/g, ' '))).toEqual([
    'drwxr-xr-x 0/0 0 1970-01-01 00:00 d/',
    `-rwxr-xr-x 0/0 3 1970-01-01 00:00 ${long}`,
    `lrwxrwxrwx 0/0 0 1970-01-01 00:00 d/l -> ${long}`,
  ]);
});
