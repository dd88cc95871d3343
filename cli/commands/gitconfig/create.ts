import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { isAlreadyExists } from '../../../operator/kube/errors.ts';
import { Secret } from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import type { Run } from '../run.ts';
import { credentialOf } from './credential.ts';

interface Flags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly sshKey?: string;
  readonly knownHosts?: string;
  readonly certFile?: string;
}

const read = async (file: string | undefined): Promise<string | undefined> => {
  if (file === undefined) return undefined;
  try {
    return await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`, undefined, { code: exits.usage });
  }
};

const passwordOf = async ({ password, passwordFile }: Flags): Promise<string | undefined> => {
  if (password !== undefined && passwordFile !== undefined)
    throw new UserError('--password and --password-file say the same thing twice', 'leave one of them away', {
      code: exits.usage,
    });
  // An editor ends a file with a new line; no password has one.
  const found = password ?? (await read(passwordFile))?.replace(/\r?\n$/, '');
  if (found === '') throw new UserError('the password is empty', undefined, { code: exits.usage });
  return found;
};

export const run: Run<[string, string], Flags> = async (tools, [name, url], flags) => {
  const { kube, namespace, signal, output } = tools;
  const { username, sshKey, knownHosts, certFile } = flags;
  const [password, key, hosts, ca] = await Promise.all([
    passwordOf(flags),
    ...[sshKey, knownHosts, certFile].map(read),
  ]);
  const { metadata, ...rest } = credentialOf(name, { url, username, password, sshKey: key, knownHosts: hosts, ca });
  try {
    await kube.create(Secret, { ...rest, metadata: { ...metadata, namespace } }, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    throw new UserError(
      `there is a Secret ${name} in namespace ${namespace} already`,
      `epinio gitconfig delete ${name} removes it, or choose another name`,
      { cause: error },
    );
  }
  output.step(`Made ${name} for ${url}`);
  output.step(`An App uses it with: epinio push --git ${url} --git-config ${name}`);
};
