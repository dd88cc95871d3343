import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { serverOf, type GitUrl } from '../../api/giturl.ts';
import type { Outcome } from './process.ts';

/** SshOptions are what an ssh client needs, as files in a folder of our own. */
export interface SshOptions {
  readonly folder: string;
  readonly key: string | undefined;
  readonly knownHosts: string;
}

/** Nothing of the machine takes part: no configuration, no agent, no other key, no forwarding, no question. */
const hardened = [
  ...['BatchMode=yes', 'IdentitiesOnly=yes', 'IdentityAgent=none', 'PreferredAuthentications=publickey'],
  ...[
    'GlobalKnownHostsFile=/dev/null',
    'UpdateHostKeys=no',
    'HashKnownHosts=no',
    'CheckHostIP=no',
    'VerifyHostKeyDNS=no',
  ],
  ...['ProxyCommand=none', 'ProxyJump=none', 'PermitLocalCommand=no', 'CanonicalizeHostname=no', 'ControlMaster=no'],
  ...['ControlPath=none', 'ForwardAgent=no', 'ForwardX11=no', 'ClearAllForwardings=yes', 'Tunnel=no', 'RequestTTY=no'],
  ...['EscapeChar=none', 'SendEnv=-*', 'ConnectTimeout=15', 'ServerAliveInterval=15', 'ServerAliveCountMax=4'],
  ...['LogLevel=ERROR', 'AddKeysToAgent=no', 'NumberOfPasswordPrompts=0'],
];

const args = (options: readonly string[]): string[] => ['-F', 'none', '-T', ...options.flatMap((one) => ['-o', one])];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const isKnownUser = (): boolean => {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
};

/**
 * userEnv lets ssh run as any user: it ends at once where the user has no entry in /etc/passwd, and builds run as whatever
 * user the builder says. libnss_wrapper shows it a file of ours in its place.
 */
export const userEnv = (folder: string, isKnown = isKnownUser()): Record<string, string> => {
  if (isKnown) return {};
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  writeFileSync(join(folder, 'passwd'), `build:x:${uid}:${gid}:build:${folder}:/bin/false\n`);
  writeFileSync(join(folder, 'group'), `build:x:${gid}:\n`);
  return {
    LD_PRELOAD: 'libnss_wrapper.so',
    NSS_WRAPPER_PASSWD: join(folder, 'passwd'),
    NSS_WRAPPER_GROUP: join(folder, 'group'),
  };
};

/** sshCommand writes the files of a client and gives the command that git starts it with. */
export const sshCommand = ({ folder, key, knownHosts }: SshOptions): string => {
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const options = [
    ...hardened,
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${file('known_hosts', `${knownHosts}\n`)}`,
    `IdentityFile=${key === undefined ? 'none' : file('key', key)}`,
  ];
  const env = Object.entries(userEnv(folder)).map(([name, value]) => `${name}=${quoted(value)}`);
  return [...env, 'ssh', ...args(options).map(quoted)].join(' ');
};

/** HostKey is what an ssh server shows of itself. */
export interface HostKey {
  readonly type: string;
  readonly fingerprint: string;
  /** The line for known_hosts. */
  readonly line: string;
}

const keyLine = /^(\S+) (ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9-]+) ([A-Za-z0-9+/]+=*)$/;

/** parseHostKey reads what ssh wrote into an empty known_hosts. */
const parseHostKey = (text: string): HostKey | undefined => {
  const match = keyLine.exec(text.trim().split('\n')[0] ?? '');
  if (match === null) return undefined;
  const [line, , type = '', key = ''] = match;
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return { type, fingerprint: `SHA256:${digest.replace(/=+$/, '')}`, line };
};

/** Start runs ssh with some arguments and further environment. */
type Start = (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<Outcome>;

/** askHostKey connects once without any credential, only to learn which key the server shows. */
export const askHostKey = async (url: GitUrl, folder: string, start: Start): Promise<HostKey | undefined> => {
  const file = join(folder, 'shown_hosts');
  rmSync(file, { force: true });
  const options = [
    ...hardened.map((one) => (one.startsWith('PreferredAuthentications') ? 'PreferredAuthentications=none' : one)),
    ...['StrictHostKeyChecking=accept-new', `UserKnownHostsFile=${file}`, 'IdentityFile=none'],
  ];
  await start(
    [...args(options), '-p', String(url.port), '-l', url.user ?? 'git', '--', url.host, 'true'],
    userEnv(folder),
  );
  try {
    return parseHostKey(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};

/** hostKeyMessage says what the server shows, and what to do about it. */
export const hostKeyMessage = (url: GitUrl, shown: HostKey | undefined, changed: boolean): string => {
  const server = serverOf(url);
  const first = changed
    ? `The ssh server ${server} shows another key than known_hosts has: it was exchanged, or somebody stands in between.`
    : `The key of the ssh server ${server} is not in known_hosts.`;
  if (shown === undefined) return `${first} Add it to known_hosts in the Secret of source.git.secretRef.`;
  const how = changed ? 'put this line in the place of those for it' : 'add this line';
  return (
    `${first} It shows ${shown.fingerprint} (${shown.type}). If that is what its owner publishes, ${how} ` +
    `in known_hosts of the Secret of source.git.secretRef: ${shown.line}`
  );
};
