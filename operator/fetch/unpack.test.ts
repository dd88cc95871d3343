import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { compressors, tar, zip, type ArchiveEntry, type ZipEntry } from '../testing/archives.ts';
import { fetchBytes, unpackBytes } from '../testing/fetch.ts';
import { exits } from '../api/fetchresult.ts';

// Each test starts a process; machines that are busy take their time.
vi.setConfig({ testTimeout: 60_000 });

const app: ArchiveEntry[] = [
  { name: 'app/', type: 'directory' },
  { name: 'app/index.html', content: '<h1>hi</h1>' },
  { name: 'app/bin/run', content: '#!/bin/sh', mode: 0o755 },
  { name: 'app/bin/link', type: 'symlink', linkname: '../index.html' },
  { name: 'app/empty/', type: 'directory' },
  { name: `app/${'long-name-'.repeat(20)}/ü.txt`, content: 'deep' },
];
const appTree = {
  'index.html': '<h1>hi</h1>',
  bin: 'folder',
  'bin/run': '#!/bin/sh',
  'bin/link': '-> ../index.html',
  empty: 'folder',
  ['long-name-'.repeat(20)]: 'folder',
  [`${'long-name-'.repeat(20)}/ü.txt`]: 'deep',
};
/** Folders that the archive does not name. */
const implied = 2;
const folderMode = 0o040755;
const linkMode = 0o120777;
const zipOf = (entries: readonly ArchiveEntry[]): ZipEntry[] =>
  entries.map((e) => ({
    name: e.name,
    content: e.type === 'symlink' ? (e.linkname ?? '') : (e.content ?? ''),
    mode: e.type === 'symlink' ? linkMode : e.type === 'directory' ? folderMode : 0o100000 | (e.mode ?? 0o644),
  }));

describe('an archive is unpacked', () => {
  test.each(['tar', 'tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst'] as const)('%s, told by its first bytes', async (kind) => {
    const bytes = compressors[kind](await tar(app));
    const fetched = await fetchBytes(bytes);
    expect(fetched).toMatchObject({ exitCode: 0, tree: appTree, scratch: [] });
    expect(fetched.report).toMatchObject({ reason: 'Fetched', size: bytes.length, entries: app.length + implied });
    expect(fetched.log).toContain(`from a ${kind} archive`);
    expect(fetched.log).not.toContain('secret');
  });

  test('zip, packed on Unix', async () => {
    expect(await fetchBytes(zip(zipOf(app)))).toMatchObject({ exitCode: 0, tree: appTree });
  });

  test('zip, packed on Windows: no modes, and backslashes in names', async () => {
    const fetched = await fetchBytes(
      zip([
        { name: 'a\\b.txt', content: 'b' },
        { name: 'c.txt', content: 'c' },
      ]),
    );
    expect(fetched).toMatchObject({ exitCode: 0, tree: { a: 'folder', 'a/b.txt': 'b', 'c.txt': 'c' } });
    expect(fetched.modes).toMatchObject({ 'a/b.txt': '644' });
  });

  test('with modes that depend on nothing but the executable bit: they end up in the digest of the image', async () => {
    const entries: ArchiveEntry[] = [
      { name: 'suid', mode: 0o6777 },
      { name: 'private', mode: 0o600 },
      { name: 'nothing', mode: 0 },
      { name: 'dir/', type: 'directory', mode: 0o1777 },
    ];
    const { modes } = await fetchBytes(await tar(entries));
    expect(modes).toEqual({ suid: '755', private: '644', nothing: '644', dir: '755' });
  });

  test.each<[string, ArchiveEntry[], Record<string, string>]>([
    [
      'two things at the top',
      [
        { name: 'a/x', content: '1' },
        { name: 'b', content: '2' },
      ],
      { a: 'folder', 'a/x': '1', b: '2' },
    ],
    [
      'a link beside the folder',
      [
        { name: 'a/x', content: '1' },
        { name: 'b', type: 'symlink', linkname: 'a' },
      ],
      { a: 'folder', 'a/x': '1', b: '-> a' },
    ],
    ['a single file', [{ name: 'a', content: '1' }], { a: '1' }],
    [
      './ before names',
      [
        { name: './', type: 'directory' },
        { name: './a/', type: 'directory' },
        { name: './a/x', content: '1' },
      ],
      { x: '1' },
    ],
    ['a folder in a folder', [{ name: 'a/b/x', content: '1' }], { b: 'folder', 'b/x': '1' }],
    ['a folder that is named like the one within', [{ name: 'a/a/x', content: '1' }], { a: 'folder', 'a/x': '1' }],
  ])('and its single top folder lifted, unless there is %s', async (_name, entries, tree) => {
    expect(await unpackBytes(await tar(entries))).toMatchObject({ failure: undefined, tree });
  });

  test('and the last of two entries of one name wins, whether file or link', async () => {
    const entries: ArchiveEntry[] = [
      { name: 'a', content: 'first' },
      { name: 'a', content: 'second' },
      { name: 'b', type: 'symlink', linkname: 'a' },
      { name: 'b', content: 'a file now' },
      { name: 'c', content: 'a file' },
      { name: 'c', type: 'symlink', linkname: 'a' },
    ];
    expect((await unpackBytes(await tar(entries))).tree).toEqual({ a: 'second', b: 'a file now', c: '-> a' });
  });

  test('as it streams: many megabytes in little memory', async () => {
    const block = randomBytes(1024 ** 2);
    const content = Buffer.concat(Array.from({ length: 64 }, () => block));
    const bytes = compressors['tar.gz'](
      await tar([
        { name: 'big', content },
        { name: 'small', content: 'x' },
      ]),
    );
    const fetched = await fetchBytes(bytes);
    expect(fetched).toMatchObject({ exitCode: 0, tree: { big: `${content.length} bytes` } });
    expect(fetched.log).toContain('Downloaded 50 % of');
    expect(fetched.memory).toBeLessThan(200);
  });

  test('bzip2 of many blocks, and of two streams after one another', async () => {
    const content = randomBytes(2_000_000).toString('hex');
    const bytes = await tar([
      { name: 'a', content },
      { name: 'b', content: 'b' },
    ]);
    const half = bytes.length / 2;
    const joined = [bytes.subarray(0, half), bytes.subarray(half)].map(compressors['tar.bz2']);
    expect(await fetchBytes(Buffer.concat(joined))).toMatchObject({
      exitCode: 0,
      tree: { a: `${content.length} bytes`, b: 'b' },
    });
  });
});

const file: ArchiveEntry = { name: 'ok', content: 'ok' };

describe('an archive is rejected', () => {
  test('with a message that names its own fault, an exit code, and nothing left in scratch', async () => {
    const evil = await fetchBytes(await tar([file, { name: '../x\n\u001b[31m' }]));
    expect(evil).toMatchObject({ exitCode: exits.ArchiveRejected, scratch: [] });
    expect(evil.tree).toEqual({});
    expect(evil.report).toMatchObject({ reason: 'ArchiveRejected' });
    expect(evil.report?.message).toBe('A path in the archive leads outside of it: ../x?[31m');
    expect(evil.beside).toEqual(['scratch', 'termination-log', 'url', 'workspace']);
    const text = await fetchBytes(Buffer.from('text'));
    expect(text).toMatchObject({ exitCode: exits.ArchiveUnsupported, report: { reason: 'ArchiveUnsupported' } });
  });

  test.each<[string, ArchiveEntry[], RegExp]>([
    ['an absolute path', [{ name: '/etc/x' }], /absolute path: \/etc\/x/],
    ['a path that leads out', [{ name: '../x' }], /leads outside/],
    ['a path that leads out in the middle', [{ name: 'a/../../x' }], /leads outside/],
    [
      'a hard link to what is not there',
      [file, { name: 'hard', type: 'link', linkname: 'later' }, { name: 'later' }],
      /hard link to a file that does not come before it: hard -> later. Pack with --hard-dereference/,
    ],
    [
      'a hard link that leads out',
      [file, { name: 'hard', type: 'link', linkname: '../archive' }],
      /leads outside of it: \.\.\/archive/,
    ],
    [
      'a hard link to a symbolic link',
      [file, { name: 'l', type: 'symlink', linkname: 'ok' }, { name: 'hard', type: 'link', linkname: 'l' }],
      /does not come before it: hard -> l/,
    ],
    ['a device', [file, { name: 'dev', type: 'character-device' }], /no file, folder or link: dev \(tar type 3\)/],
    ['a pipe', [file, { name: 'pipe', type: 'fifo' }], /no file, folder or link: pipe/],
    ['an absolute link', [file, { name: 'l', type: 'symlink', linkname: '/etc/passwd' }], /absolute or broken: l/],
    [
      'a link that leads out',
      [file, { name: 'l', type: 'symlink', linkname: '../x' }],
      /leads outside of it: l -> \.\.\/x/,
    ],
    [
      'a link that leads out once its folder is lifted',
      [{ name: 'a/x' }, { name: 'a/l', type: 'symlink', linkname: '../y' }],
      /leads outside/,
    ],
    [
      'links that lead out together',
      [
        file,
        { name: 'd/up', type: 'symlink', linkname: '..' },
        { name: 'l', type: 'symlink', linkname: 'd/up/../etc' },
      ],
      /leads outside/,
    ],
    [
      'links in a circle',
      [file, { name: 'a', type: 'symlink', linkname: 'b' }, { name: 'b', type: 'symlink', linkname: 'a' }],
      /leads back to itself, or through more than 40 others: a -> b/,
    ],
    [
      'a file through a link',
      [file, { name: 'l', type: 'symlink', linkname: '.' }, { name: 'l/x' }],
      /goes through a symbolic link/,
    ],
    ['a file within a file', [{ name: 'a' }, { name: 'a/b' }], /as a file and as a folder/],
    ['a file where a folder is', [{ name: 'a/b' }, { name: 'a' }], /as a folder and as something else/],
    [
      'a link where a folder is',
      [{ name: 'a/b' }, { name: 'a', type: 'symlink', linkname: 'c' }],
      /as a folder and as something else/,
    ],
    ['a name that is too long', [{ name: 'n'.repeat(300) }], /cannot be made \(ENAMETOOLONG\)/],
    ['no files', [{ name: 'a/', type: 'directory' }], /holds no files/],
    ['nothing at all', [], /holds no files/],
  ])('for %s', async (_name, entries, message) => {
    const { failure, beside, tree } = await unpackBytes(await tar(entries));
    expect(tree).toEqual({});
    expect(failure?.message).toMatch(message);
    expect(failure?.reason).toBe('ArchiveRejected');
    expect(beside).toEqual(['archive', 'workspace']);
  });

  const limits = { FETCH_MAX_BYTES: '40000000', FETCH_MAX_ENTRIES: '10', FETCH_MAX_RATIO: '100' };
  const zeros = Buffer.alloc(30_000_000);

  test.each(['tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst'] as const)('as a bomb: %s', async (kind) => {
    const fetched = await fetchBytes(compressors[kind](await tar([{ name: 'zeros', content: zeros }])), limits);
    expect(fetched.report?.message).toMatch(/more than 100 times its size/);
    expect(fetched).toMatchObject({ exitCode: exits.ArchiveRejected });
    expect(fetched.memory).toBeLessThan(250);
  });

  test('for a window of zstd that fills the memory of the step', async () => {
    const bytes = execFileSync('zstd', ['--long=27', '-c'], { input: await tar([{ name: 'a', content: 'a' }]) });
    const { failure } = await unpackBytes(bytes);
    expect(failure?.reason).toBe('ArchiveRejected');
    expect(failure?.message).toMatch(/needs more than 64 MiB of memory to unpack .*zstd -19/);
  });

  test('as a bomb: zip', async () => {
    const fetched = await fetchBytes(zip([{ name: 'zeros', content: zeros }]), limits);
    expect(fetched.report?.message).toMatch(/more than 100 times its size/);
  });

  test('as a bomb of many bzip2 streams, without filling the memory', async () => {
    const one = compressors['tar.bz2'](Buffer.alloc(45_000_000));
    const many = Buffer.concat(Array.from({ length: 500 }, () => one));
    const fetched = await fetchBytes(many, { FETCH_MAX_BYTES: '100000000', FETCH_MAX_RATIO: '1000000' });
    expect(fetched.report?.message).toMatch(/more than 95\.4 MiB/);
    expect(fetched.memory).toBeLessThan(250);
  });

  test('for more bytes than allowed, packed or unpacked', async () => {
    const bytes = await tar([{ name: 'big', content: randomBytes(50_000) }]);
    const packed = await fetchBytes(bytes, { FETCH_MAX_BYTES: '40000' });
    expect(packed.report?.message).toMatch(/this installation allows 39\.1 KiB/);
    expect(packed.log).not.toContain('Downloading');
    const unpacked = await fetchBytes(gzipSync(await tar([{ name: 'a', content: 'a'.repeat(50_000) }])), {
      FETCH_MAX_BYTES: '40000',
    });
    expect(unpacked.report?.message).toMatch(/unpacks to more than 39\.1 KiB/);
  });

  test('for more folders than allowed, where entries only imply them', async () => {
    const deep = [{ name: 'a/b/c/d/e/f/g/h/i/j/k' }];
    for (const bytes of [await tar(deep), zip(deep)]) {
      const fetched = await fetchBytes(bytes, limits);
      expect(fetched.report?.message).toMatch(/more than 10 entries/);
    }
  });

  test('for folders in folders without end: a few hundred bytes keep a node busy for minutes', async () => {
    const entries = [{ name: `${'d/'.repeat(1900)}f` }];
    for (const bytes of [await tar(entries), zip(entries)]) {
      const { failure, tree } = await unpackBytes(bytes);
      expect(failure?.message).toBe(
        'The archive has folders in folders, more than 100 deep, the limit of this installation: d/d/d/…',
      );
      expect(tree).toEqual({});
    }
    const fits = await unpackBytes(await tar([{ name: `${'d/'.repeat(99)}f`, content: 'x' }]));
    expect(fits.failure).toBeUndefined();
  });

  test('for more entries than allowed', async () => {
    const entries = Array.from({ length: 11 }, (_, i) => ({ name: `f${i}` }));
    for (const bytes of [await tar(entries), zip(entries)]) {
      const fetched = await fetchBytes(bytes, limits);
      expect(fetched.report?.message).toMatch(/more than 10 entries/);
    }
  });

  test.each(['tar', 'tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst'] as const)(
    'where its end is missing: %s',
    async (kind) => {
      const bytes = compressors[kind](await tar([{ name: 'a', content: randomBytes(300_000) }]));
      const { failure } = await unpackBytes(bytes.subarray(0, bytes.length - 100_000));
      expect(failure?.reason).toBe('ArchiveRejected');
      expect(failure?.message).toMatch(/is damaged/);
    },
  );

  test.each(['tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst'] as const)('where bytes in it are wrong: %s', async (kind) => {
    const bytes = compressors[kind](await tar([{ name: 'a', content: randomBytes(300_000) }]));
    bytes.fill(0x55, 150_000, 150_100);
    expect((await unpackBytes(bytes)).failure?.reason).toBe('ArchiveRejected');
  });

  test.each<[string, ZipEntry[], RegExp]>([
    ['a path that leads out', [{ name: '../x' }], /leads outside of it: \.\.\/x/],
    ['an absolute path', [{ name: '/x' }], /absolute path/],
    ['a link that leads out', [{ name: 'ok' }, { name: 'l', mode: linkMode, content: '../../x' }], /leads outside/],
    ['a device', [{ name: 'd', mode: 0o020666 }], /no file, folder or link/],
    ['an encrypted file', [{ name: 'e', encrypted: true }], /encrypted file: e/],
    ['a wrong checksum', [{ name: 'c', content: 'c', checksum: 1 }], /another checksum/],
    ['a file through a link', [{ name: 'l', mode: linkMode, content: '.' }, { name: 'l/x' }], /goes through/],
    ['no files', [], /holds no files/],
  ])('as zip for %s', async (_name, entries, message) => {
    const { failure, beside } = await unpackBytes(zip(entries));
    expect(failure?.message).toMatch(message);
    expect(failure?.reason).toBe('ArchiveRejected');
    expect(beside).toEqual(['archive', 'workspace']);
  });
});

describe('a file is no archive', () => {
  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /The file is empty/],
    ['text', Buffer.from('just text\n'.repeat(100)), /no archive: tar, tar\.gz, tar\.bz2, tar\.xz, tar\.zst or zip/],
    ['a page', Buffer.from('<html></html>'), /no archive/],
    ['rar', Buffer.from('Rar!\x1a\x07\x00'.padEnd(600, 'x')), /no archive/],
    ['gzip of something else', gzipSync(Buffer.from('text'.repeat(500))), /gz-compressed, but holds no tar/],
  ])('%s', async (_name, bytes, message) => {
    const { failure, tree } = await unpackBytes(bytes);
    expect(failure?.message).toMatch(message);
    expect(failure?.reason).toBe('ArchiveUnsupported');
    expect(tree).toEqual({});
  });
});
