import { ignoreFile } from '../operator/archive/ignored.ts';
import type { Entry } from './folder.ts';
import { bytes } from './output.ts';

/** What builds make by themselves, by name. */
const made: ReadonlySet<string> = new Set(['node_modules', 'target', '.venv']);
const much = 100 * 1024 ** 2;

interface Load {
  readonly files: number;
  readonly size: number;
}
const none: Load = { files: 0, size: 0 };

const counted = (files: number): string => (files === 1 ? '1 file' : `${files.toLocaleString('en-US')} files`);

/** madeIn is the folder in a path that a build makes, if there is one. */
const madeIn = (path: string): string | undefined => {
  const parts = path.split('/').slice(0, -1);
  const at = parts.findIndex((part) => made.has(part));
  return at < 0 ? undefined : parts.slice(0, at + 1).join('/');
};

const advice = `list it in ${ignoreFile} if the build makes it itself`;

/** heavyHints say what goes along that is probably not meant to. */
export const heavyHints = (entries: readonly Entry[]): string[] => {
  const folders = new Map<string, Load>();
  let rest = none;
  for (const { path, kind, size } of entries) {
    if (kind !== 'file') continue;
    const folder = madeIn(path);
    const { files, size: before } = folder === undefined ? rest : (folders.get(folder) ?? none);
    const load = { files: files + 1, size: before + size };
    if (folder === undefined) rest = load;
    else folders.set(folder, load);
  }
  const hints = [...folders]
    .toSorted(([, a], [, b]) => b.size - a.size)
    .slice(0, 3)
    .map(([folder, { files, size }]) => `${folder} goes along (${bytes(size)} in ${counted(files)}): ${advice}`);
  if (rest.size <= much) return hints;
  return [...hints, `The sources have ${bytes(rest.size)}: ${ignoreFile} lists what is not part of them`];
};
