import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exactMark } from '../operator/archive/exact.ts';
import { unzstd } from '../operator/fetch/unzstd.ts';
import { unreadable } from './folder.ts';
import { pack, whereFull } from './pack.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'epinio-pack-test-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const write = async (path: string, text = path): Promise<void> => {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text);
};

const list = async (file: string): Promise<string[]> => {
  const tar = extract();
  Readable.from(unzstd(createReadStream(file)), { objectMode: false }).pipe(tar);
  const found: string[] = [];
  for await (const entry of tar) {
    found.push(`${entry.header.type} ${entry.header.name} ${(entry.header.mode ?? 0).toString(8)}`);
    entry.resume();
  }
  return found;
};

describe('packing a folder', () => {
  it('gives the same digest for the same files, whatever their times and order of creation', async () => {
    await write('b/two.txt');
    await write('a.txt');
    const first = await pack(root);
    await utimes(join(root, 'a.txt'), 1, 1);
    await rm(join(root, 'b'), { recursive: true });
    await write('b/two.txt');
    const second = await pack(root);
    expect(second.sha256).toBe(first.sha256);
    expect(second.size).toBe(first.size);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });

  it('keeps executables, empty folders and links inside, sorted', async () => {
    await write('run.sh');
    await chmod(join(root, 'run.sh'), 0o700);
    await mkdir(join(root, 'empty'));
    await symlink('run.sh', join(root, 'start'));
    const archive = await pack(root);
    expect(await list(archive.file)).toEqual(['directory empty/ 755', 'file run.sh 755', 'symlink start 777']);
    await archive[Symbol.asyncDispose]();
  });

  it('leaves out version control and what .epinioignore lists', async () => {
    await write('.git/config');
    await write('.epinioignore', 'node_modules/\n*.log\n!keep.log\n');
    await write('node_modules/x/index.js');
    await write('debug.log');
    await write('keep.log');
    await write('index.html');
    const archive = await pack(root);
    expect(await list(archive.file)).toEqual(['file index.html 644', 'file keep.log 644']);
    await archive[Symbol.asyncDispose]();
  });

  it('leaves out what the manifest ignores, unless .epinioignore takes it back, and the manifest that is pushed', async () => {
    await write('.epinioignore', '!keep.log\n!.git\n');
    await write('.git/config');
    await write('a.log');
    await write('keep.log');
    await write('my [1].yml');
    await write('sub/my [1].yml');
    const archive = await pack(root, { ignore: ['*.log', '!.gitignore'], manifest: join(root, 'my [1].yml') });
    expect(await list(archive.file)).toEqual(['file keep.log 644', 'directory sub/ 755', 'file sub/my [1].yml 644']);
    await archive[Symbol.asyncDispose]();
  });

  it.each([
    ['a link to outside', async () => symlink('../../etc/passwd', join(root, 'evil')), /evil points outside/],
    ['an absolute link', async () => symlink('/etc/passwd', join(root, 'abs')), /abs points outside/],
    ['no file at all', async () => mkdir(join(root, 'only-a-folder')), /no file to push/],
  ])('refuses %s, with a hint', async (_, prepare, message) => {
    await prepare();
    await expect(pack(root)).rejects.toThrow(message);
  });

  it('says that a path does not exist', async () => {
    await expect(pack(join(root, 'nowhere'))).rejects.toThrow(/does not exist/);
  });

  it('takes a file as the archive that it is', async () => {
    await writeFile(join(root, 'app.tar'), exactMark());
    const archive = await pack(join(root, 'app.tar'));
    expect(archive).toMatchObject({ size: 1024, entries: undefined });
    expect(archive.sha256).toBe(createHash('sha256').update(exactMark()).digest('hex'));
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['nothing', '', /is empty/],
    ['a text', 'just text', /is no archive/],
    ['a page', '<html>'.repeat(200), /is no archive/],
    ['a compressed text', gzipSync('text'.repeat(1000)), /is compressed, but holds no tar/],
    ['a text in zstd', zstdCompressSync('text'.repeat(1000)), /is compressed, but holds no tar/],
  ])('refuses a file that holds %s, before anything is sent', async (_, content, message) => {
    await writeFile(join(root, 'app.tgz'), content);
    await expect(pack(join(root, 'app.tgz'))).rejects.toThrow(message);
  });

  it('follows a link that is given as the folder', async () => {
    await write('sources/index.html');
    await symlink('sources', join(root, 'link'));
    await using archive = await pack(join(root, 'link'));
    expect(await list(archive.file)).toEqual(['file index.html 644']);
  });

  it('tells upper case from lower case in rules', async () => {
    await write('.epinioignore', 'README\n*.LOG\n');
    await write('README');
    await write('readme');
    await write('a.log');
    await using archive = await pack(root);
    expect(await list(archive.file)).toEqual(['file a.log 644', 'file readme 644']);
  });

  it('names what it leaves out because it is no file', async () => {
    await write('index.html');
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const notes: string[] = [];
    await using archive = await pack(root, { note: (text) => notes.push(text) });
    expect(archive.entries).toBe(1);
    expect(notes).toEqual(['Left out, because it is no file, folder or link: pipe']);
  });

  it('refuses a name that is not UTF-8: it would arrive as another one', async () => {
    await write('index.html');
    await writeFile(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), 'x');
    await expect(pack(root)).rejects.toThrow('the name of caf? is not UTF-8');
  });

  it('refuses a file that grows while it is packed, by its name', async () => {
    await write('app.log', 'x'.repeat(30_000_000));
    const growing = spawn('sh', ['-c', 'while :; do echo more; done >> app.log'], { cwd: root });
    try {
      await expect.poll(() => statSync(join(root, 'app.log')).size, { interval: 1 }).toBeGreaterThan(30_000_000);
      await expect(pack(root)).rejects.toThrow('app.log changed while it was packed');
    } finally {
      growing.kill();
    }
  });

  it('leaves nothing behind when it is ended', async () => {
    await write('big', 'x'.repeat(200_000_000));
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('epinio-push-'));
    const stop = new AbortController();
    const packing = pack(root, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('ended')), 5);
    await expect(packing).rejects.toThrow('ended');
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('epinio-push-') && !before.includes(name))).toEqual(
      [],
    );
  });

  it('ends with one error wherever it is in its work when it is ended', async () => {
    for (let i = 0; i < 40; i++) await write(`f${i}`, 'x'.repeat(i % 3 === 0 ? 200_000 : 10));
    // An error that no stream listens to any more fails the whole run of the tests.
    const ends = Array.from({ length: 60 }, async (_, i) => {
      const stop = new AbortController();
      setTimeout(() => stop.abort(new Error('ended')), i / 3);
      await using _archive = await pack(root, { signal: stop.signal });
    });
    for (const end of await Promise.allSettled(ends))
      if (end.status === 'rejected') expect(String(end.reason)).toBe('Error: ended');
  });

  it('leaves out what the manifest lists, where .epinioignore does not have the last word', async () => {
    await write('.epinioignore', '!kept.md\n');
    for (const name of ['a.md', 'kept.md', 'index.html']) await write(name);
    await using archive = await pack(root, { ignore: ['*.md'] });
    expect(await list(archive.file)).toEqual(['file index.html 644', 'file kept.md 644']);
  });

  it('says what goes along that builds make, and how far it is', async () => {
    await write('node_modules/a.js', 'x'.repeat(3000));
    const notes: string[] = [];
    const told: string[] = [];
    await using _ = await pack(root, { note: (text) => notes.push(text), progress: (text) => told.push(text) });
    expect(notes).toEqual([
      'node_modules goes along (2.9 KiB in 1 file): list it in .epinioignore if the build makes it itself',
    ]);
    expect(told).toEqual(['Packing: 2.9 KiB of 2.9 KiB']);
  });

  it('gives no more bytes than tar | gzip -6 and tar | zstd do', async () => {
    const sources = join(import.meta.dirname, '..', 'operator');
    const tar = execFileSync('tar', ['-cf', '-', '.'], { cwd: sources, maxBuffer: 1024 ** 3 });
    await using archive = await pack(sources);
    expect(archive.size).toBeLessThanOrEqual(gzipSync(tar, { level: 6 }).length);
    expect(archive.size).toBeLessThanOrEqual(zstdCompressSync(tar).length);
  });

  it.each([
    ['ENOSPC', 'there is no room for the archive in /tmp/x', /TMPDIR/],
    ['EDQUOT', 'there is no room for the archive in /tmp/x', /TMPDIR/],
    ['EIO', 'broken', undefined],
  ])('says which folder is full: %s', (code, message, hint) => {
    const told = whereFull(Object.assign(new Error('broken'), { code }), '/tmp/x') as {
      message: string;
      hint?: string;
    };
    expect(told.message).toBe(message);
    if (hint !== undefined) expect(told.hint).toMatch(hint);
  });

  it.each([
    ['EACCES', 'cannot read a/b: there is no permission to', /chmod/],
    ['ENOENT', 'a/b went away while it was packed', /push again/],
    ['EIO', 'cannot read a/b: broken', /.epinioignore/],
  ])('names what cannot be read, and what to do: %s', (code, message, hint) => {
    const told = unreadable('a/b', Object.assign(new Error('broken'), { code }));
    expect(told.message).toBe(message);
    expect(told.hint).toMatch(hint);
  });
});
