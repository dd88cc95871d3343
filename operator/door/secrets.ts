import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { readPullKeys } from '../registry/index.ts';
import type { DoorSecrets } from './decide.ts';

/** Folders of the mounted Secrets; shared need not exist. */
export interface SecretFolders {
  readonly keys: string;
  readonly shared: string;
}

/** The kubelet writes a new folder and moves a link: reading behind the link, all files are of one version of the Secret. */
const readFolder = async (folder: string): Promise<Record<string, string>> => {
  const behind = await realpath(join(folder, '..data')).catch(() => folder);
  const names = (await readdir(behind)).filter((name) => !name.startsWith('.'));
  const read = async (name: string): Promise<[string, string]> => [name, await readFile(join(behind, name), 'utf8')];
  return Object.fromEntries(await Promise.all(names.map(read)));
};

const readSecrets = async (folders: SecretFolders): Promise<DoorSecrets | undefined> => {
  const pull = readPullKeys(await readFolder(folders.keys));
  const none: Record<string, string> = {};
  const { username, password } = await readFolder(folders.shared).catch(() => none);
  const shared = username && password ? { username, password } : undefined;
  return pull && { pull, shared };
};

const freshMs = 2_000;

/** secretsFrom gives the Secrets as they are mounted, at most two seconds old; what cannot be read leaves the last ones. */
export const secretsFrom = (folders: SecretFolders): (() => Promise<DoorSecrets | undefined>) => {
  let known: DoorSecrets | undefined;
  let reading: Promise<void> | undefined;
  let readAt = -Infinity;
  const renew = async (): Promise<void> => {
    known = (await readSecrets(folders).catch(() => undefined)) ?? known;
    readAt = performance.now();
    reading = undefined;
  };
  return async () => {
    if (performance.now() - readAt > freshMs) await (reading ??= renew());
    return known;
  };
};
