import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Asked } from '../asked.ts';
import { createBreath } from '../breath.ts';
import { choose } from '../choose.ts';
import { exits, UserError } from '../errors.ts';
import { look } from '../folder.ts';
import { readManifest } from '../manifest/read.ts';
import { packSource, type Packed } from '../push.ts';
import type { Tools } from '../follow.ts';
import type { DevFlags } from '../pushcommand.ts';
import { readFlags } from '../pushflags.ts';
import type { Changes } from './changes.ts';

const wrong = (message: string, hint: string): UserError => new UserError(message, hint, { code: exits.usage });

/** folderOf is the folder that is watched. */
const folderOf = async ({ origin }: Asked): Promise<string> => {
  if (origin?.type === 'remote')
    throw wrong(
      'epinio dev pushes what is saved in a folder, and the manifest names another source',
      'use epinio push',
    );
  const folder = origin?.path ?? process.cwd();
  if ((await stat(folder).catch(() => undefined))?.isFile() === true)
    throw wrong(`${folder} is no folder`, 'epinio dev pushes what is saved in a folder');
  return folder;
};

const readAsked = async (manifest: string | undefined, flags: DevFlags): Promise<Asked> => {
  const [one, ...more] = choose(await readManifest(manifest), readFlags(flags));
  if (one === undefined || more.length > 0) throw wrong('the manifest has several Apps', 'say which one with --name');
  return one;
};

/** As often folders may come while they are listed; the next save lists them again. */
const mostLooks = 5;

/** watchSources watches the folders that are packed, the manifest, and whether the folder itself is another one. */
const watchSources = async (changes: Changes, asked: Asked, signal: AbortSignal): Promise<void> => {
  const { manifest, ignore } = asked;
  const root = await folderOf(asked);
  const beside = manifest === undefined ? [root] : [root, manifest];
  for (let nth = 0; nth < mostLooks; nth++) {
    const { entries } = await look(root, { breathe: createBreath(signal), ignore, manifest });
    const below = entries.flatMap(({ kind, path }) => (kind === 'directory' ? [join(root, path)] : []));
    if (!changes.watch([root, ...below], beside)) return;
  }
};

/** Saved is what is to be pushed, as it was at one moment. */
export interface Saved {
  readonly asked: Asked;
  readonly packed: Packed;
  /** What packing said of it. */
  readonly said: readonly string[];
  /** The same for equal sources with equal settings. */
  readonly identity: string;
}

/** createReader reads what is to be pushed, as it is now, and watches it from before that on. */
export const createReader =
  (
    { output, signal, memory }: Pick<Tools, 'output' | 'signal' | 'memory'>,
    changes: Changes,
    given: { readonly manifest: string | undefined; readonly flags: DevFlags },
  ) =>
  async (): Promise<Saved> => {
    const asked = await readAsked(given.manifest, given.flags);
    await watchSources(changes, asked, signal);
    const said: string[] = [];
    const quiet = { ...output, step: (text: string) => void said.push(text) };
    const packed = await packSource({ output: quiet, signal, ...(memory && { memory }) }, asked);
    return { asked, packed, said, identity: JSON.stringify([asked, packed.source]) };
  };
