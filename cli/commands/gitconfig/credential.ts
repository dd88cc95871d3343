import type { App } from '../../../operator/api/app.ts';
import { annotations, labels } from '../../../operator/api/names.ts';
import { Secret, type ObjectOf } from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import type { Tools } from '../run.ts';

/** Credential is a Secret that opens repositories. */
export type Credential = ObjectOf<typeof Secret>;

/** Given is what was said of a new one. */
export interface Given {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly sshKey?: string | undefined;
  readonly knownHosts?: string | undefined;
  readonly ca?: string | undefined;
}

const usage = (message: string, hint: string): UserError => new UserError(message, hint, { code: exits.usage });

const protocolOf = (url: string): string => {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol !== 'https:' && protocol !== 'ssh:')
    throw usage(
      `${url} is no URL of a git server`,
      'it begins with https:// or ssh://; git@host:path is ssh://git@host/path',
    );
  if (new URL(url).password !== '')
    throw usage('the URL has a password in it', 'leave it out of the URL, and give it with --password-file');
  return protocol;
};

const forHttps = ({ username, password, sshKey, knownHosts, ca }: Given) => {
  if (sshKey !== undefined || knownHosts !== undefined)
    throw usage(
      '--ssh-key and --known-hosts are for ssh, and this is an https URL',
      'give --password-file, or an ssh:// URL',
    );
  if (password === undefined && ca === undefined)
    throw usage('there is nothing to log in with', 'give --password-file FILE, or - to type it in');
  if (password === undefined && username !== undefined)
    throw usage(`--username ${username} has no password`, 'give --password-file FILE, or - for stdin');
  // Servers that take tokens take any name with them, but none at all.
  const login = password === undefined ? {} : { username: username ?? 'git', password };
  return {
    type: password === undefined ? 'Opaque' : 'kubernetes.io/basic-auth',
    data: { ...login, ...(ca !== undefined && { 'ca.crt': ca }) },
  };
};

const forSsh = ({ username, password, sshKey, knownHosts, ca }: Given) => {
  if (username !== undefined || password !== undefined || ca !== undefined)
    throw usage(
      '--username, --password and --cert-file are for https, and this is an ssh URL',
      'the user stands in the URL: ssh://git@host/path',
    );
  if (sshKey === undefined) throw usage('ssh needs a key', 'give --ssh-key FILE');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(sshKey))
    throw usage('the file of --ssh-key has no private key', 'it begins with -----BEGIN OPENSSH PRIVATE KEY-----');
  if (knownHosts === undefined)
    throw usage(
      'ssh needs the keys of the server',
      'give --known-hosts FILE (ssh-keyscan HOST writes one: compare it with what the server publishes)',
    );
  return { type: 'kubernetes.io/ssh-auth', data: { 'ssh-privatekey': sshKey, known_hosts: knownHosts } };
};

/** credentialOf is the Secret of a credential, with the keys that fetch reads. */
export const credentialOf = (name: string, given: Given): Credential => {
  const { type, data } = protocolOf(given.url) === 'ssh:' ? forSsh(given) : forHttps(given);
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')] as const);
  return {
    metadata: { name, labels: { [labels.gitConfig]: 'true' }, annotations: { [annotations.gitUrl]: given.url } },
    type,
    data: Object.fromEntries(encoded),
  };
};

/** urlOf is what a credential was made for; it is a note for people: which server gets it is said by each App. */
export const urlOf = ({ metadata }: Credential): string | undefined => metadata?.annotations?.[annotations.gitUrl];

/** kindOf says how a credential logs in. */
export const kindOf = ({ data = {} }: Credential): string => {
  const name = Buffer.from(data['username'] ?? '', 'base64').toString();
  if (data['ssh-privatekey'] !== undefined || data['identity'] !== undefined) return 'ssh key';
  if (data['password'] !== undefined) return name === '' ? 'token' : `password of ${name}`;
  if (data['bearerToken'] !== undefined) return 'token';
  return data['ca.crt'] === undefined ? 'none' : 'CA only';
};

/** withoutValues is a credential as it may be shown. */
export const withoutValues = (credential: Credential): Credential => ({
  ...credential,
  data: Object.fromEntries(Object.keys(credential.data ?? {}).map((key) => [key, ''])),
});

/** usersOf are the Apps whose source names a Secret. */
export const usersOf = (apps: readonly App[], name: string): string[] =>
  apps.filter(({ spec }) => spec.source?.git?.secretRef?.name === name).map(({ metadata }) => metadata.name);

/** getCredential reads a Secret that must be there and be one. */
export const getCredential = async ({ kube, namespace, signal }: Tools, name: string): Promise<Credential> => {
  const found = await kube.get(Secret, { namespace, name }, { signal });
  if (found === undefined)
    throw new UserError(
      `there is no credential for git ${name} in namespace ${namespace}`,
      'epinio gitconfig list shows those that are there',
    );
  if (found.metadata?.labels?.[labels.gitConfig] !== undefined) return found;
  throw new UserError(
    `Secret ${name} was not made by epinio gitconfig`,
    `kubectl label secret ${name} -n ${namespace} ${labels.gitConfig}=true makes it one, if that is what it is`,
  );
};
