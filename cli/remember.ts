import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Entry } from './folder.ts';

/** Digest is what a folder was packed into. */
export interface Digest {
  readonly sha256: string;
  readonly size: number;
}

/** Memory knows what folders were packed into, as long as nothing in them changed. */
export interface Memory {
  recall(root: string, entries: readonly Entry[]): Promise<Digest | undefined>;
  /** keep remembers what a folder was packed into; listedAt is when its files were looked at, in milliseconds of the epoch. */
  keep(root: string, entries: readonly Entry[], packed: Digest, listedAt: number): Promise<void>;
}

/** Of two changes within so little time a file system may show only one; the coarsest counts in two seconds. */
const grainMs = 2_000;
/** So many folders are remembered, those packed last. */
const most = 64;

interface Known extends Digest {
  readonly root: string;
  readonly fingerprint: string;
}

const isKnown = (value: unknown): value is Known => {
  const { root, fingerprint, sha256, size } = (value ?? {}) as Record<string, unknown>;
  return [root, fingerprint, sha256].every((text) => typeof text === 'string') && typeof size === 'number';
};

/** memoryFile is where it is kept, as the machine has it for what may be deleted at any time. */
export const memoryFile = (
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string => {
  const usual = platform === 'win32' ? (env['LOCALAPPDATA'] ?? homedir()) : join(homedir(), '.cache');
  return join(env['XDG_CACHE_HOME'] || usual, 'epinio', 'packed.json');
};

/** The time of the last change of a file's inode cannot be set by anybody, as that of its content can. */
const fingerprintOf = (entries: readonly Entry[]): string =>
  createHash('sha256')
    // Another version of zstd may pack the same into other bytes.
    .update(`1 ${process.versions.zstd ?? ''}\n`)
    .update(
      entries
        .map(({ path, kind, mode, size, target = '', inode = 0, changedAt = 0 }) =>
          [path, kind, mode, size, target, inode, changedAt].join('\0'),
        )
        .join('\n'),
    )
    .digest('hex');

const read = async (file: string): Promise<readonly Known[]> => {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return Array.isArray(value) ? value.filter(isKnown) : [];
  } catch {
    return [];
  }
};

/** createMemory keeps it in a file. What goes wrong with that costs time and nothing else, so nobody is told. */
export const createMemory = (file: string = memoryFile()): Memory => ({
  recall: async (root, entries) => {
    const known = (await read(file)).find((one) => one.root === resolve(root));
    if (known === undefined || known.fingerprint !== fingerprintOf(entries)) return undefined;
    return { sha256: known.sha256, size: known.size };
  },
  keep: async (root, entries, { sha256, size }, listedAt) => {
    if (entries.some(({ changedAt = 0 }) => changedAt > listedAt - grainMs)) return;
    const one: Known = { root: resolve(root), fingerprint: fingerprintOf(entries), sha256, size };
    const others = (await read(file)).filter((other) => other.root !== one.root).slice(0, most - 1);
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      const made = `${file}.${process.pid}`;
      await writeFile(made, JSON.stringify([one, ...others]), { mode: 0o600 });
      await rename(made, file);
    } catch {
      // A home that is read-only, or full.
    }
  },
});
