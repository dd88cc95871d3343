import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pack } from './pack.ts';

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
  createReadStream(file).pipe(createGunzip()).pipe(tar);
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
    await first.dispose();
    await second.dispose();
  });

  it('keeps executables, empty folders and links inside, sorted', async () => {
    await write('run.sh');
    await chmod(join(root, 'run.sh'), 0o700);
    await mkdir(join(root, 'empty'));
    await symlink('run.sh', join(root, 'start'));
    const archive = await pack(root);
    expect(await list(archive.file)).toEqual(['directory empty/ 755', 'file run.sh 755', 'symlink start 777']);
    await archive.dispose();
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
    await archive.dispose();
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
    await write('app.zip', 'PK');
    const archive = await pack(join(root, 'app.zip'));
    expect(archive).toMatchObject({ size: 2, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  });
});
