import { open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isMap, isSeq, parseDocument, Scalar, type Document, type YAMLMap } from 'yaml';
import { UserError } from './errors.ts';
import { isPlain } from './format.ts';
import { kubeconfigFiles, type ClusterFlags } from './kubeconfig.ts';

const contextIn = (document: Document, name: string): YAMLMap | undefined => {
  const contexts = document.get('contexts');
  if (!isSeq(contexts)) return undefined;
  const found = contexts.items.find((item) => isMap(item) && item.get('name') === name);
  return isMap(found) ? found : undefined;
};

/** locked runs work while no kubectl, and no other of us, writes the file: client-go keeps the same lock. */
const locked = async <T>(file: string, work: () => Promise<T>): Promise<T> => {
  const lock = `${file}.lock`;
  try {
    await (await open(lock, 'wx', 0o600)).close();
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST'
      ? new UserError(`${file} is being written by somebody else`, `try again; if that lasts, remove ${lock}`)
      : new UserError(`${file} cannot be written: ${(error as Error).message}`);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
};

/** replace writes a file as a whole or not at all, with the rights that it had. */
const replace = async (file: string, text: string): Promise<void> => {
  const { mode } = await stat(file);
  const next = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(next, text, { mode: mode & 0o777, flag: 'wx' });
    await rename(next, file);
  } finally {
    await rm(next, { force: true });
  }
};

/** setNamespace sets the namespace of a context in the file that has the context, and returns the file's name. */
export const setNamespace = async (flags: ClusterFlags, context: string, namespace: string): Promise<string> => {
  for (const name of kubeconfigFiles(flags)) {
    // What a link leads to is replaced, not the link.
    const file = await realpath(name);
    if (contextIn(parseDocument(await readFile(file, 'utf8')), context) === undefined) continue;
    return locked(file, async () => {
      const document = parseDocument(await readFile(file, 'utf8'));
      const value = new Scalar(namespace);
      // kubectl reads `no` as a boolean.
      if (!isPlain(namespace)) value.type = 'QUOTE_DOUBLE';
      contextIn(document, context)?.setIn(['context', 'namespace'], value);
      await replace(file, document.toString({ lineWidth: 0 }));
      return file;
    });
  }
  throw new UserError(
    `no kubeconfig has the context ${context}, so there is nothing to write the namespace to`,
    `say --namespace ${namespace} with each command`,
  );
};
