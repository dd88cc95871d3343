import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdtemp, readFile, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, posix, relative, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import ignore, { type Ignore } from 'ignore';
import { pack as tarPack, type Pack } from 'tar-stream';
import { UserError } from './errors.ts';

/** Archive is a packed source: a file, its SHA-256 (64 hex) and its size in bytes. */
export interface Archive {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
  readonly entries: number;
  /** dispose removes what pack made. */
  dispose(): Promise<void>;
}

/** Never part of a push: version control and credentials, as in Epinio. */
const always = ['.git', '.gitignore', '.gitmodules', '.gitconfig', '.git-credentials', '.epinioignore'];

interface Entry {
  /** Path in the archive, with slashes. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly size: number;
  readonly target?: string;
}

const readRules = async (root: string): Promise<Ignore> => {
  const rules = ignore().add(always);
  try {
    rules.add(await readFile(join(root, '.epinioignore'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return rules;
};

const linkEntry = async (root: string, path: string): Promise<Entry> => {
  const target = await readlink(join(root, path));
  const landing = normalize(join(dirname(path), target));
  if (target.startsWith('/') || landing === '..' || landing.startsWith(`..${sep}`))
    throw new UserError(
      `the symbolic link ${path} points outside of the pushed folder (${target})`,
      'replace it by what it points to, or list it in .epinioignore',
    );
  return { path, kind: 'symlink', mode: 0o777, size: 0, target };
};

/** walk lists what is to be packed, sorted by path, so that equal folders give equal archives on any machine. */
const walk = async (root: string, rules: Ignore, folder = ''): Promise<Entry[]> => {
  const found: Entry[] = [];
  const names = (await readdir(join(root, folder))).sort();
  for (const name of names) {
    const path = folder === '' ? name : posix.join(folder, name);
    const info = await lstat(join(root, path));
    if (rules.ignores(info.isDirectory() ? `${path}/` : path)) continue;
    if (info.isDirectory()) {
      found.push({ path, kind: 'directory', mode: 0o755, size: 0 }, ...(await walk(root, rules, path)));
    } else if (info.isSymbolicLink()) {
      found.push(await linkEntry(root, path));
    } else if (info.isFile()) {
      found.push({ path, kind: 'file', mode: info.mode & 0o111 ? 0o755 : 0o644, size: info.size });
    }
    // Sockets, pipes and devices are no source.
  }
  return found;
};

const addEntry = async (tar: Pack, root: string, entry: Entry): Promise<void> => {
  const header = { name: entry.path, mode: entry.mode, mtime: new Date(0), uid: 0, gid: 0 };
  if (entry.kind !== 'file') {
    const type = entry.kind;
    await new Promise<void>((resolve, reject) => {
      tar.entry(
        type === 'symlink'
          ? { ...header, type, linkname: entry.target ?? '' }
          : { ...header, name: `${entry.path}/`, type },
        (error) => (error ? reject(error) : resolve()),
      );
    });
    return;
  }
  await pipeline(createReadStream(join(root, entry.path)), tar.entry({ ...header, type: 'file', size: entry.size }));
};

/** pack makes a deterministic tar.gz of a folder: sorted, no times, no owners. */
const packFolder = async (root: string): Promise<Archive> => {
  const entries = await walk(root, await readRules(root));
  if (!entries.some((e) => e.kind === 'file'))
    throw new UserError(
      `there is no file to push in ${root}`,
      'give the folder of your sources: epinio push --path DIR',
    );
  const scratch = await mkdtemp(join(tmpdir(), 'epinio-push-'));
  const file = join(scratch, 'source.tgz');
  const hash = createHash('sha256');
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      hash.update(chunk);
      size += chunk.length;
      callback(null, chunk);
    },
  });
  const tar = tarPack();
  const written = pipeline(tar, createGzip({ level: 6 }), meter, createWriteStream(file));
  const added = (async () => {
    for (const entry of entries) await addEntry(tar, root, entry);
    tar.finalize();
  })();
  const dispose = () => rm(scratch, { recursive: true, force: true });
  try {
    await Promise.all([added, written]);
  } catch (error) {
    tar.destroy();
    await dispose();
    throw error;
  }
  return { file, sha256: hash.digest('hex'), size, entries: entries.length, dispose };
};

const hashFile = async (file: string): Promise<Archive> => {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { file, sha256: hash.digest('hex'), size, entries: 1, dispose: async () => {} };
};

/** pack turns a folder into an archive; a file is taken to be one already. */
export const pack = async (path: string): Promise<Archive> => {
  const info = await lstat(path).catch(() => undefined);
  if (!info)
    throw new UserError(
      `${relative(process.cwd(), path) || path} does not exist`,
      'give an existing folder or archive with --path',
    );
  return info.isDirectory() ? packFolder(path) : hashFile(path);
};
