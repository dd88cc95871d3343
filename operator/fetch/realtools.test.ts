import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tar, zip } from '../testing/archives.ts';
import { unpackBytes } from '../testing/fetch.ts';
import { exactMark } from '../archive/exact.ts';

// Archives as people make them: packed here by the programs that they use.

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'epinio-tools-'));
  folder = join(root, 'app');
  mkdirSync(folder);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (path: string, text: string | Buffer): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const run = (command: string, ...args: string[]): Buffer =>
  execFileSync(command, args, { cwd: root, maxBuffer: 1024 ** 3, stdio: ['ignore', 'pipe', 'pipe'] });

const long = 'long-name-'.repeat(12);

describe('a folder of an app arrives as it is', () => {
  const tree = {
    'index.html': '<h1>hi</h1>',
    bin: 'folder',
    'bin/run': '#!/bin/sh',
    'bin/again': '#!/bin/sh',
    'bin/link': '-> ../index.html',
    'grün und blau.txt': 'ü',
    empty: 'folder',
  };
  const deep = { ...tree, [long]: 'folder', [`${long}/${long}`]: 'deep' };
  const fill = (withLong = true): void => {
    write('index.html', '<h1>hi</h1>');
    write('bin/run', '#!/bin/sh');
    linkSync(join(folder, 'bin/run'), join(folder, 'bin/again'));
    symlinkSync('../index.html', join(folder, 'bin/link'));
    write('grün und blau.txt', 'ü');
    mkdirSync(join(folder, 'empty'));
    if (withLong) write(`${long}/${long}`, 'deep');
  };

  it.each(['gnu', 'oldgnu', 'posix'])('by GNU tar in the format %s', async (format) => {
    fill();
    const unpacked = await unpackBytes(run('tar', '-cf', '-', `--format=${format}`, 'app'));
    expect(unpacked).toMatchObject({ failure: undefined, tree: deep });
  });

  it.each(['-3', '-19', '--ultra -20 -T2', '--fast=5 --no-check'])('by GNU tar and zstd %s', async (flags) => {
    fill();
    const unpacked = await unpackBytes(run('tar', '-cf', '-', '-I', `zstd ${flags}`, 'app'));
    expect(unpacked).toMatchObject({ failure: undefined, tree: deep });
  });

  it.each(['v7', 'ustar'])('by GNU tar in the format %s, which knows no long names', async (format) => {
    fill(false);
    const unpacked = await unpackBytes(run('tar', '-cf', '-', `--format=${format}`, 'app'));
    expect(unpacked).toMatchObject({ failure: undefined, tree });
  });

  it.each(['pax', 'paxr', 'gnutar'])('by libarchive in the format %s', async (format) => {
    fill();
    const unpacked = await unpackBytes(run('bsdtar', '-cf', '-', '--format', format, 'app'));
    expect(unpacked).toMatchObject({ failure: undefined, tree: deep });
  });

  it.each<[string, string[]]>([
    ['', []],
    ['as zip64', ['-fz']],
    ['without compression', ['-0']],
  ])('by zip %s', async (_name, flags) => {
    fill();
    run('zip', '-qry', ...flags, 'a.zip', 'app');
    const unpacked = await unpackBytes(readFileSync(join(root, 'a.zip')));
    expect(unpacked).toMatchObject({ failure: undefined, tree: deep });
  });

  it('by zip into a pipe, where sizes come after the content', async () => {
    fill();
    // Zip cannot store links in a pipe.
    const { 'bin/link': _, ...withoutLink } = deep;
    rmSync(join(folder, 'bin/link'));
    const unpacked = await unpackBytes(run('zip', '-qr', '-', 'app'));
    expect(unpacked).toMatchObject({ failure: undefined, tree: withoutLink });
  });

  it('by libarchive as zip', async () => {
    fill();
    run('bsdtar', '-cf', 'a.zip', '--format', 'zip', 'app');
    const unpacked = await unpackBytes(readFileSync(join(root, 'a.zip')));
    expect(unpacked.failure).toBeUndefined();
    expect(unpacked.tree).toMatchObject({
      'index.html': '<h1>hi</h1>',
      'grün und blau.txt': 'ü',
      [`${long}/${long}`]: 'deep',
    });
  });

  it('in members of gzip, one after the other, and with another tar behind its end', async () => {
    write('a', 'a');
    const first = run('tar', '-cf', '-', 'app');
    rmSync(join(folder, 'a'));
    write('b', 'b');
    const second = run('tar', '-cf', '-', 'app');
    const members = Buffer.concat([gzipSync(first.subarray(0, 700)), gzipSync(first.subarray(700)), gzipSync(second)]);
    expect(await unpackBytes(members)).toMatchObject({ failure: undefined, tree: { a: 'a', b: 'b' } });
    const junk = Buffer.concat([first, Buffer.from('junk'.repeat(1000))]);
    expect(await unpackBytes(junk)).toMatchObject({ failure: undefined, tree: { a: 'a' } });
  });

  it('with names that differ in case alone', async () => {
    write('readme', 'lower');
    write('README', 'upper');
    const unpacked = await unpackBytes(run('tar', '-cf', '-', 'app'));
    expect(unpacked.tree).toEqual({ readme: 'lower', README: 'upper' });
  });
});

describe('a sparse file arrives with its holes', () => {
  const size = 3_000_000;
  /** makeSparse writes a few bytes every so often, and a hole at the end. */
  const makeSparse = (parts: number): Buffer => {
    const fd = openSync(join(folder, 'data'), 'w');
    const content = Buffer.alloc(size);
    for (let i = 0; i < parts; i++) {
      const text = `part ${i}`;
      const at = Math.floor((i * (size - 200_000)) / parts);
      writeSync(fd, text, at);
      content.write(text, at);
    }
    ftruncateSync(fd, size);
    closeSync(fd);
    write('z', 'behind it');
    return content;
  };

  it.each<[string, number, string[]]>([
    ['GNU tar, old format', 3, ['tar', '--format=gnu', '-S']],
    ['GNU tar, old format, of many parts', 40, ['tar', '--format=gnu', '-S']],
    ['GNU tar, pax 0.0', 30, ['tar', '--format=posix', '-S', '--sparse-version=0.0']],
    ['GNU tar, pax 0.1', 30, ['tar', '--format=posix', '-S', '--sparse-version=0.1']],
    ['GNU tar, pax 1.0', 30, ['tar', '--format=posix', '-S', '--sparse-version=1.0']],
    ['libarchive, by itself', 30, ['bsdtar', '--format=pax']],
  ])('packed by %s', async (_name, parts, [command = '', ...flags]) => {
    const content = makeSparse(parts);
    const bytes = run(command, '-cf', '-', ...flags, 'app');
    // Else the file system kept no holes, and this would prove nothing.
    expect(bytes.length).toBeLessThan(size / 2);
    const unpacked = await unpackBytes(bytes, { maxRatio: 1000 }, ['data']);
    expect(unpacked.failure).toBeUndefined();
    expect(Object.keys(unpacked.tree)).toEqual(['data', 'z']);
    expect(unpacked.contents['data']?.equals(content)).toBe(true);
    expect(unpacked.tree['z']).toBe('behind it');
  });

  it('within the limits: holes count', async () => {
    makeSparse(2);
    const bytes = run('tar', '-cf', '-', '--format=posix', '-S', 'app');
    const { failure } = await unpackBytes(bytes, { maxBytes: 1_000_000 });
    expect(failure?.message).toMatch(/unpacks to more than/);
  });

  it('unless its map is wrong', async () => {
    const record = (key: string, value: string) => ({ [`GNU.sparse.${key}`]: value });
    const sparse = { ...record('major', '1'), ...record('minor', '0'), ...record('realsize', '10') };
    const map = (text: string) => `${text}`.padEnd(512, '\0');
    for (const content of [
      map('1\n5\n10\n') + 'x'.repeat(10),
      map('2\n5\n2\n3\n2\n') + 'xxxx',
      map('1\nx\n'),
      map('1\n0\n3\n') + 'xxxx',
    ]) {
      const { failure } = await unpackBytes(await tar([{ name: 'f', content, pax: sparse }]));
      expect(failure?.message).toMatch(/the map of a sparse file in it is wrong/);
    }
  });
});

describe('what macOS adds is left out', () => {
  const appleDouble = Buffer.concat([Buffer.from('00051607', 'hex'), Buffer.from('attributes')]);

  it('of a zip by the Finder: UTF-8 without the mark, and a folder beside the one that is meant', async () => {
    const utf8 = (text: string): Buffer => Buffer.from(text);
    const file = 0o100644;
    const bytes = zip([
      { name: utf8('Café/'), mode: 0o040755 },
      { name: utf8('Café/index.html'), content: 'hi', mode: file },
      { name: utf8('Café/.DS_Store'), content: 'looks', mode: file },
      { name: utf8('__MACOSX/'), mode: 0o040755 },
      { name: utf8('__MACOSX/Café/._index.html'), content: appleDouble, mode: file },
      { name: utf8('Café/grün.txt'), content: 'ü', mode: file },
    ]);
    expect(await unpackBytes(bytes)).toMatchObject({
      failure: undefined,
      tree: { 'index.html': 'hi', 'grün.txt': 'ü' },
    });
  });

  it('of a tar of a Mac, but no file that is only named like it', async () => {
    const bytes = await tar([
      { name: './._app', content: appleDouble },
      { name: './app/index.html', content: 'hi' },
      { name: './app/._index.html', content: appleDouble },
      { name: './app/._mine', content: 'mine' },
      { name: './app/._', content: '' },
    ]);
    const unpacked = await unpackBytes(bytes);
    expect(unpacked).toMatchObject({ failure: undefined, tree: { 'index.html': 'hi', '._mine': 'mine', '._': '' } });
    expect(Object.keys(unpacked.tree)).toHaveLength(3);
  });
});

describe('an archive that says that it is exact', () => {
  it('keeps its single folder and all that is in it', async () => {
    const entries = await tar([
      { name: 'app/index.html', content: 'hi' },
      { name: 'app/.DS_Store', content: 'looks' },
    ]);
    const exact = await unpackBytes(Buffer.concat([exactMark(), entries]));
    expect(exact.tree).toEqual({ app: 'folder', 'app/index.html': 'hi', 'app/.DS_Store': 'looks' });
    expect((await unpackBytes(entries)).tree).toEqual({ 'index.html': 'hi' });
  });

  it('is taken for an ordinary one by GNU tar and libarchive, which say nothing', async () => {
    const bytes = Buffer.concat([exactMark(), await tar([{ name: 'app/index.html', content: 'hi' }])]);
    writeFileSync(join(root, 'a.tar'), bytes);
    for (const command of ['tar', 'bsdtar']) {
      const listed = execFileSync(command, ['-tf', 'a.tar'], {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(listed).toBe('app/index.html\n');
    }
    run('sh', '-c', 'tar -xf a.tar 2>&1 | tee said');
    expect(readFileSync(join(root, 'said'), 'utf8')).toBe('');
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toBe('hi');
  });

  it('is not one that git packs, nor one that only says so later', async () => {
    const ordinary = await tar([{ name: 'app/index.html', content: 'hi' }]);
    const body = ordinary.subarray(0, -1024);
    const later = Buffer.concat([body, exactMark(), await tar([{ name: 'app/b', content: 'b' }])]);
    expect((await unpackBytes(later)).tree).toEqual({ 'index.html': 'hi', b: 'b' });
    write('index.html', 'hi');
    run('git', 'init', '-q');
    run('git', '-c', 'user.name=x', '-c', 'user.email=x@example.org', 'commit', '-q', '--allow-empty', '-m', 'x');
    run('git', 'add', 'app');
    run('git', '-c', 'user.name=x', '-c', 'user.email=x@example.org', 'commit', '-q', '-m', 'x');
    expect((await unpackBytes(run('git', 'archive', '--format=tar', 'HEAD'))).tree).toEqual({ 'index.html': 'hi' });
  });
});

describe('what cannot be unpacked is refused with its name', () => {
  const latin1 = Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9])]);

  it.each<[string, string[]]>([
    ['GNU tar', ['tar', '--format=gnu']],
    ['GNU tar, posix', ['tar', '--format=posix']],
    ['libarchive', ['bsdtar', '--format=pax']],
  ])('a name that is not UTF-8, by %s', async (_name, [command = '', ...flags]) => {
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), latin1]), 'x');
    const { failure, tree } = await unpackBytes(run(command, '-cf', '-', ...flags, 'app'));
    expect(tree).toEqual({});
    expect(failure?.message).toMatch(/has a name that is not UTF-8: app\/caf\?/);
  });

  it('a zip with a password', async () => {
    write('a', 'a');
    run('zip', '-qr', '-P', 'secret', 'a.zip', 'app');
    const { failure } = await unpackBytes(readFileSync(join(root, 'a.zip')));
    expect(failure?.message).toBe('The archive has an encrypted file: app/a. Pack it without a password.');
  });

  it.each([
    [9, 'Deflate64'],
    [93, 'Zstandard'],
    [77, 'an unknown method'],
  ])('a zip by the method %d', async (method, name) => {
    const { failure } = await unpackBytes(zip([{ name: 'a', content: 'a', method }]));
    expect(failure?.message).toBe(
      `The archive has a file that is packed with ${name} (zip method ${method}): a. ` +
        'Pack it with Deflate (7z: -mm=Deflate), or use tar.gz.',
    );
  });

  it('a zip by bzip2, as zip itself packs it', async () => {
    write('a', 'a'.repeat(10_000));
    run('zip', '-qr', '-Z', 'bzip2', 'a.zip', 'app');
    const { failure } = await unpackBytes(readFileSync(join(root, 'a.zip')));
    expect(failure?.message).toMatch(/packed with bzip2 \(zip method 12\): app\/a/);
  });

  it('a cpio', async () => {
    write('a', 'a');
    const { failure } = await unpackBytes(run('bsdtar', '-cf', '-', '--format', 'cpio', 'app'));
    expect(failure).toMatchObject({ reason: 'ArchiveUnsupported' });
  });
});
