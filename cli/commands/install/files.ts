import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..', '..', '..');

const below = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .toSorted();

/** manifestFiles are the files of manifests/ and crds/, by path. The bundle has them in itself: bundle.ts replaces this module. */
export const manifestFiles = (): ReadonlyMap<string, string> =>
  new Map(['manifests', 'crds'].flatMap(below).map((path) => [path, readFileSync(join(root, path), 'utf8')]));
