import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverOf, type GitUrl } from '../../api/giturl.ts';
import { FetchFailure } from '../failure.ts';

/** Credential is what a Secret of the App's namespace holds for one server. */
export interface Credential {
  /** Name of the Secret, for messages. */
  readonly name: string;
  /** Value of the header Authorization. */
  readonly authorization: string | undefined;
  /** Private key for ssh. */
  readonly key: string | undefined;
  /** Lines of known_hosts. */
  readonly knownHosts: string;
  /** PEM of CAs that sign the server's certificate. */
  readonly ca: string | undefined;
}

/** Shorter texts are in ordinary words, too; a name that is longer than this one may be a token. */
const shortest = 4;
const longestName = 16;

/** secretsOf are the texts that must not come back from a server to a log or a message. */
const secretsOf = ({ authorization = '' }: Pick<Credential, 'authorization'>): string[] => {
  const [scheme, value = ''] = authorization.split(' ');
  const [name = '', ...password] = scheme === 'Basic' ? Buffer.from(value, 'base64').toString().split(':') : [];
  return [value, password.join(':'), ...(name.length > longestName ? [name] : [])].filter(
    (text) => text.length >= shortest,
  );
};

/** hiderOf takes a credential out of what a server says: some answer with the headers that they were sent. */
export const hiderOf = (credential: Pick<Credential, 'authorization'> | undefined): ((text: string) => string) => {
  const secrets = credential === undefined ? [] : secretsOf(credential);
  const written = new Set(secrets.flatMap((text) => [text, encodeURIComponent(text)]));
  return (text) => [...written].reduce((left, secret) => left.replaceAll(secret, '***'), text);
};

const maxFile = 1024 ** 2;

/** fileOf reads one key of the Secret; one that holds nothing is the same as one that is not there. */
const fileOf = (folder: string, key: string): string | undefined => {
  try {
    const text = readFileSync(join(folder, key), 'utf8').slice(0, maxFile);
    return text.trim() === '' ? undefined : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Many end their values with a line break that they do not mean. */
const lineOf = (folder: string, key: string): string | undefined => fileOf(folder, key)?.replace(/[\r\n]+$/, '');

const headerOf = (folder: string, name: string): string | undefined => {
  const token = lineOf(folder, 'bearerToken');
  if (token !== undefined) {
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new FetchFailure('GitAuthFailed', `bearerToken of the Secret "${name}" has characters that no token has.`);
    return `Bearer ${token}`;
  }
  const password = lineOf(folder, 'password');
  // Servers take a token as the password of any name.
  const username = lineOf(folder, 'username') ?? 'git';
  return password === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
};

/** The keys of kubernetes.io/ssh-auth, and those that Flux uses. */
const keyOf = (folder: string): string | undefined => {
  const key = fileOf(folder, 'ssh-privatekey') ?? fileOf(folder, 'identity');
  // ssh refuses a key whose last line has no end, or whose lines end as on Windows.
  return key === undefined ? undefined : `${key.replaceAll('\r\n', '\n').trim()}\n`;
};

/** readCredential reads a mounted Secret, and says what it lacks for this server. */
export const readCredential = (url: GitUrl, secret: { folder: string; name: string }): Credential => {
  const { folder, name } = secret;
  const credential: Credential = {
    name,
    authorization: url.scheme === 'https' ? headerOf(folder, name) : undefined,
    key: url.scheme === 'ssh' ? keyOf(folder) : undefined,
    knownHosts: fileOf(folder, 'known_hosts') ?? '',
    ca: fileOf(folder, 'ca.crt'),
  };
  if (url.scheme === 'ssh' && credential.key === undefined)
    throw new FetchFailure(
      'GitAuthFailed',
      `The Secret "${name}" has no ssh-privatekey, which ${serverOf(url)} needs: add a private key without a passphrase.`,
    );
  if (url.scheme === 'https' && credential.authorization === undefined && credential.ca === undefined)
    throw new FetchFailure(
      'GitAuthFailed',
      `The Secret "${name}" has none of the keys for ${serverOf(url)}: add username and password (or a token as password), or bearerToken.`,
    );
  return credential;
};
