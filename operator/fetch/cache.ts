import { lstatSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { bytesText, type Log } from './log.ts';

/** CacheVolume is where earlier builds left layers for this one, and how many bytes it was asked to have. */
export interface CacheVolume {
  readonly folder: string;
  readonly bytes: number;
}

/** A cache that fills so much of its volume has no room for the next one beside it, which is written before the old one goes. */
const fullShare = 0.9;
const leastFree = 0.05;

/** The file system's own folder is nobody's to remove. */
const contentsOf = (folder: string): string[] => readdirSync(folder).filter((name) => name !== 'lost+found');

/** usedBy adds up files, each once: what a new cache takes over from the old one is linked. */
const usedBy = (path: string, counted = new Set<number>()): number => {
  const stat = lstatSync(path);
  if (stat.isDirectory()) return contentsOf(path).reduce((sum, name) => sum + usedBy(join(path, name), counted), 0);
  if (counted.has(stat.ino)) return 0;
  counted.add(stat.ino);
  return stat.size;
};

/** isFull tells whether a build could leave nothing there any more: by what was asked for, or by what the file system has. */
const isFull = ({ folder, bytes }: CacheVolume): boolean => {
  const { blocks, bavail, files, ffree } = statfsSync(folder);
  return usedBy(folder) >= bytes * fullShare || bavail < blocks * leastFree || ffree < files * leastFree;
};

/**
 * tendCache empties a volume that is full. The lifecycle goes on with a cache that it cannot write, and only warns: it would read
 * the same old layers for ever.
 */
export const tendCache = (volume: CacheVolume, log: Log): void => {
  const { folder, bytes } = volume;
  try {
    const old = contentsOf(folder);
    if (old.length === 0 || !isFull(volume)) return;
    for (const name of old) rmSync(join(folder, name), { recursive: true, force: true });
    log(`Emptied the cache of earlier builds: its volume of ${bytesText(bytes)} was full (build.cache.size)`);
  } catch (error) {
    // Without its cache a build takes longer, and is right all the same.
    log(`The cache of earlier builds cannot be looked through: ${(error as Error).message}`);
  }
};
