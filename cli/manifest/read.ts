import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { text as textOfStream } from 'node:stream/consumers';
import type { Asked } from '../asked.ts';
import { UserError } from '../errors.ts';
import { readAppManifest } from './appyml.ts';
import { readDocuments } from './document.ts';
import { readEpinioManifest } from './epinioyml.ts';

/** What a manifest is called where none is named. */
const usual = ['epinio.yml', 'epinio.yaml'];

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

const textOf = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new UserError(`cannot read the manifest ${file}: ${(error as Error).message}`, undefined, { cause: error });
  }
};

const usualIn = async (folder: string): Promise<{ file: string; text: string } | undefined> => {
  for (const name of usual) {
    const file = join(folder, name);
    const text = await textOf(file);
    if (text !== undefined) return { file, text };
  }
  return undefined;
};

const find = async (given: string | undefined): Promise<{ file: string; text: string } | undefined> => {
  if (given === undefined) return usualIn('.');
  if (given === '-') return { file: 'stdin', text: await textOfStream(process.stdin) };
  const isFolder = await stat(given).then(
    (info) => info.isDirectory(),
    () => false,
  );
  const found = isFolder ? await usualIn(given) : undefined;
  const text = found === undefined && !isFolder ? await textOf(given) : undefined;
  if (text !== undefined) return { file: given, text };
  if (found !== undefined) return found;
  throw isFolder
    ? new UserError(`there is no ${usual[0]} in ${given}`, `push a folder without a manifest with --path ${given}`)
    : new UserError(
        `there is no manifest ${given}`,
        'give the path of a manifest, or the folder of your sources with --path',
      );
};

/** readManifest reads what is asked for, of each App in it; nothing where no file is named and none is there. */
export const readManifest = async (given: string | undefined): Promise<Asked[]> => {
  const found = await find(given);
  if (found === undefined) return [];
  const file = relative('.', found.file) || found.file;
  const folder = dirname(resolve(found.file));
  const documents = readDocuments(file, found.text);
  if (documents.length === 0) throw new UserError(`${file} is empty`, 'see docs/cli.md for what a manifest may have');
  return documents.map((document) => ({
    ...(document.isApp ? readAppManifest(document, folder) : readEpinioManifest(document, folder)),
    manifest: resolve(found.file),
  }));
};
