import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Bounds } from './process.ts';

const memoryBytes = 1024 ** 3;
const outputBytes = 32 * 1024 ** 2;
/** Room for what is no pack: configuration, indexes, references. */
const least = 1024 ** 2;

const packsBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.pack') || name.startsWith('tmp_pack_'))
    .map(({ parentPath, name }) => join(parentPath, name));

const sizesOf = (files: readonly string[]): number => files.reduce((sum, file) => sum + statSync(file).size, 0);

/** boundsOf are those of the next git command: its packs may have what is left of the bytes for all repositories below a folder. */
export const boundsOf = (folder: string, maxBytes: number): Bounds => ({
  fileBytes: Math.max(maxBytes - sizesOf(packsBelow(folder)), least),
  memoryBytes,
  outputBytes,
});

/** takeUnfinished removes packs that were not received to their end, and tells whether one was as long as it may be. */
export const takeUnfinished = (gitDir: string, { fileBytes }: Bounds): boolean => {
  const unfinished = packsBelow(join(gitDir, 'objects', 'pack')).filter((file) => file.includes('/tmp_pack_'));
  const full = unfinished.some((file) => statSync(file).size >= fileBytes - 4096);
  for (const file of unfinished) rmSync(file, { force: true });
  return full;
};
