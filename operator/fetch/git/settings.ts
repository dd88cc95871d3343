import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/** Setting is a line of a git configuration file, with its section. */
type Setting = readonly [section: string, key: string, value: string | number | boolean];

/**
 * hardened is all of the configuration that git reads: none of the system, of a user or of the repository takes part, since
 * there is no work tree, and the repository on disk is made by ourselves.
 */
const hardened: readonly Setting[] = [
  ['protocol', 'allow', 'never'],
  ['protocol "https"', 'allow', 'always'],
  ['protocol "ssh"', 'allow', 'always'],
  ['transfer', 'credentialsInUrl', 'die'],
  ['http', 'followRedirects', false],
  ['http', 'sslVerify', true],
  // Silence is what ends a transfer: a server that counts what it has says so with a few bytes now and then.
  ['http', 'lowSpeedLimit', 1],
  ['credential', 'helper', ''],
  ['core', 'hooksPath', '/dev/null'],
  ['core', 'fsmonitor', false],
  ['core', 'askPass', ''],
  ['core', 'attributesFile', '/dev/null'],
  ['submodule', 'recurse', false],
  ['fetch', 'recurseSubmodules', false],
  // One pack for each fetch, so that the limit of its size holds for all that comes.
  ['fetch', 'unpackLimit', 1],
  ['gc', 'auto', 0],
  ['maintenance', 'auto', false],
  // Memory: one thread, small windows, and large files pass as streams.
  ['pack', 'threads', 1],
  ['core', 'bigFileThreshold', '1m'],
  ['core', 'packedGitWindowSize', '16m'],
  ['core', 'packedGitLimit', '64m'],
  ['core', 'deltaBaseCacheLimit', '16m'],
];

const quoted = (value: Setting[2]): string =>
  `"${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;

const lines = (settings: readonly Setting[]): string =>
  settings.map(([section, key, value]) => `[${section}]\n\t${key} = ${quoted(value)}\n`).join('');

/** RemoteSettings are what differs from one remote to the next. */
export interface RemoteSettings {
  /** Address without a credential. */
  readonly url: string;
  /** Scheme, host and port that the credential is for. */
  readonly origin: string;
  readonly authorization: string | undefined;
  /** File with the CAs to trust for this server; absent = those of the system. */
  readonly caFile: string | undefined;
  readonly idleSeconds: number;
}

/** configText is the configuration of git for one remote, `origin`; the credential is bound to its server. */
export const configText = ({ url, origin, authorization, caFile, idleSeconds }: RemoteSettings): string =>
  lines([
    ...hardened,
    ['http', 'lowSpeedTime', Math.ceil(idleSeconds)],
    ['remote "origin"', 'url', url],
    ...(authorization === undefined
      ? []
      : [[`http "${origin}/"`, 'extraHeader', `Authorization: ${authorization}`] as const]),
    ...(caFile === undefined ? [] : [[`http "${origin}/"`, 'sslCAInfo', caFile] as const]),
  ]);

const systemBundle = '/etc/ssl/certs/ca-certificates.crt';

/** caBundle adds CAs to those of the system; undefined where there is nothing to add. */
export const caBundle = (...more: readonly (string | undefined)[]): string | undefined => {
  const added = more.filter((pem) => pem !== undefined);
  if (added.length === 0) return undefined;
  let system: string;
  try {
    system = readFileSync(systemBundle, 'utf8');
  } catch {
    system = rootCertificates.join('\n');
  }
  return [system, ...added, ''].join('\n');
};
