import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startStorage, type TestStorage } from '../../operator/testing/minioserver.ts';
import { run, say } from '../cluster/shell.ts';
import { mean, rounded } from './numbers.ts';
import { range } from './parallel.ts';

/** Packing is what a push costs on the machine that pushes, beside what a shell does with the same folder in the same run. */
export interface Packing {
  readonly files: number;
  readonly megabytes: number;
  /** Seconds of each round. */
  readonly ours: readonly { readonly packed: number; readonly sent: number }[];
  readonly shell: readonly { readonly packed: number; readonly sent: number }[];
  readonly ratio: number;
  readonly packedMB: { readonly ours: number; readonly gzip: number; readonly zstd: number };
  readonly peakMB: number;
}

const rounds = 3;

/** createNumbers gives numbers that look like chance and are the same in each run (xorshift). */
const createNumbers = (seed: number) => (): number => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed >>> 0;
};

const words = 'const return import from export function async await if else for of readonly string number this'.split(
  ' ',
);

/** sourceOf writes something that packs about as well as sources do: words that come often, and names that do not. */
const sourceOf = (size: number, next: () => number): string => {
  const lines: string[] = [];
  for (let length = 0; length < size;) {
    const name = (next() % 20_000).toString(36);
    const line = `${'  '.repeat(next() % 4)}${words[next() % words.length]} ${name}.${words[next() % words.length]}(${(next() % 1000).toString()}, '${name}');\n`;
    lines.push(line);
    length += line.length;
  }
  return lines.join('').slice(0, size);
};

/** One file of ten is a picture or the like, which packs no further. */
const pictureOf = (size: number, next: () => number): Buffer =>
  Buffer.concat(range(Math.ceil(size / 32)).map(() => createHash('sha256').update(String(next())).digest())).subarray(
    0,
    size,
  );

const makeTree = (folder: string, files: number, megabytes: number): void => {
  const next = createNumbers(20_000);
  const size = Math.floor((megabytes * 1e6) / files);
  for (const i of range(files)) {
    const parent = join(folder, `module${i % 100}`, `part${Math.floor(i / 100) % 5}`);
    mkdirSync(parent, { recursive: true });
    const content = i % 10 === 0 ? pictureOf(size, next) : sourceOf(size, next);
    writeFileSync(join(parent, i % 10 === 0 ? `picture${i}.png` : `source${i}.ts`), content);
  }
};

const addressFor = ({ storage }: TestStorage, of: { sha256: string; size: number }) =>
  storage.presignPut({ key: storage.blobKey('bench', of.sha256), ...of, expiresSeconds: 600 });

interface Ours {
  readonly packedMs: number;
  readonly sentMs: number;
  readonly peakMB: number;
  readonly size: number;
  readonly key: string;
}

/** pushOnce runs packer.ts: by itself it would share its memory with the benchmark. */
const pushOnce = async (folder: string, storage: TestStorage): Promise<Ours> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'packer.ts'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = async <T>(): Promise<T> => JSON.parse(String((await lines.next()).value)) as T;
  const packed = await told<{ sha256: string; size: number }>();
  child.stdin.end(`${JSON.stringify(await addressFor(storage, packed))}\n`);
  const times = await told<{ packedMs: number; sentMs: number; peakMB: number }>();
  return { ...times, size: packed.size, key: storage.storage.blobKey('bench', packed.sha256) };
};

/** shellOnce does the same with what every machine has. */
const shellOnce = async (folder: string, scratch: string, storage: TestStorage) => {
  const file = join(scratch, 'shell.tgz');
  const startedAt = performance.now();
  const said = await run('sh', ['-c', `tar -cf - . | gzip -6 | tee '${file}' | sha256sum`], { cwd: folder });
  const packedMs = performance.now() - startedAt;
  const { size } = statSync(file);
  const sha256 = said.slice(0, 64);
  const { url, headers } = await addressFor(storage, { sha256, size });
  const args = Object.entries(headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const sentAt = performance.now();
  await run('curl', ['-sSf', '-T', file, ...args, url]);
  const sentMs = performance.now() - sentAt;
  await storage.storage.remove(storage.storage.blobKey('bench', sha256));
  return { packedMs, sentMs, size };
};

const inSeconds = ({ packedMs, sentMs }: { readonly packedMs: number; readonly sentMs: number }) => ({
  packed: rounded(packedMs / 1000),
  sent: rounded(sentMs / 1000),
});
const megabytesOf = (bytes: number): number => rounded(bytes / 1e6, 1);

/** measurePacking packs, hashes and uploads a tree, and has a shell do so, in turns. */
export const measurePacking = async (files: number, megabytes: number): Promise<Packing> => {
  await using storage = await startStorage();
  const scratch = mkdtempSync(join(tmpdir(), 'epinio-packing-'));
  try {
    const folder = join(scratch, 'tree');
    makeTree(folder, files, megabytes);
    say(`packing ${files} files with ${megabytes} MB`);
    const ours: Ours[] = [];
    const shell: { packedMs: number; sentMs: number; size: number }[] = [];
    // The first round warms the file system's cache, for both.
    for (const round of range(rounds + 1)) {
      const theirs = await shellOnce(folder, scratch, storage);
      const own = await pushOnce(folder, storage);
      await storage.storage.remove(own.key);
      if (round > 0) [ours[round - 1], shell[round - 1]] = [own, theirs];
    }
    const zstd = Number(await run('sh', ['-c', 'tar -cf - . | zstd -c | wc -c'], { cwd: folder }));
    const total = ({ packedMs, sentMs }: { packedMs: number; sentMs: number }): number => packedMs + sentMs;
    return {
      files,
      megabytes,
      ours: ours.map(inSeconds),
      shell: shell.map(inSeconds),
      ratio: rounded(mean(ours.map(total)) / mean(shell.map(total))),
      packedMB: {
        ours: megabytesOf(ours[0]?.size ?? 0),
        gzip: megabytesOf(shell[0]?.size ?? 0),
        zstd: megabytesOf(zstd),
      },
      peakMB: Math.max(...ours.map(({ peakMB }) => peakMB)),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};
