/** commitHash is a full id of a commit: SHA-1 or SHA-256, in hex. */
export const commitHash = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * gitUrlPattern is the shape of an address of a git repository. No `%` in the host, since git decodes all of a URL, no `-` that a
 * program could take for an option, and no escapes of control characters.
 */
export const gitUrlPattern =
  /^(https:\/\/|ssh:\/\/([A-Za-z0-9_][A-Za-z0-9._-]*@)?)([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(\/([A-Za-z0-9._~+,=:@-]|%[2-9A-Fa-f][0-9A-Fa-f])+)+\/?$/;

/** GitUrl is the address of a git repository, taken apart. */
export interface GitUrl {
  readonly scheme: 'https' | 'ssh';
  /** Name at an ssh server. */
  readonly user: string | undefined;
  /** Name or address of the server in lower case, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** All of it as one text that git takes. */
  readonly text: string;
}

const defaultPorts = { https: 443, ssh: 22 } as const;
const maxUrl = 2048;

const parts = /^(https|ssh):\/\/(?:([^@/]+)@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?(\/.*)$/;

/** parseGitUrl reads an address; undefined where it is none that may be fetched from. */
export const parseGitUrl = (text: string): GitUrl | undefined => {
  const match = text.length <= maxUrl && gitUrlPattern.test(text) ? parts.exec(text) : null;
  if (match === null) return undefined;
  const [, scheme, user, host = '', port, path = ''] = match;
  const given = { scheme: scheme as GitUrl['scheme'], user, host: host.toLowerCase().replace(/^\[|\]$/g, ''), path };
  const number = port === undefined ? defaultPorts[given.scheme] : Number(port);
  if (number < 1 || number > 65_535) return undefined;
  return { ...given, port: number, text: textOf({ ...given, port: number }) };
};

const textOf = (url: Omit<GitUrl, 'text'>): string =>
  `${url.scheme}://${url.user === undefined ? '' : `${url.user}@`}${serverOf(url)}${url.path}`;

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** serverOf is the server of an address as people write it: the port only where it is not the usual one. */
export const serverOf = ({ scheme, host, port }: Pick<GitUrl, 'scheme' | 'host' | 'port'>): string =>
  port === defaultPorts[scheme] ? bracketed(host) : `${bracketed(host)}:${port}`;

/** isSameServer tells whether a credential for one address may be sent to another. */
export const isSameServer = (a: GitUrl, b: GitUrl): boolean =>
  a.scheme === b.scheme && a.host === b.host && a.port === b.port;

/**
 * isAllowedServer tells whether a server is in a list such as `github.com`, `*.example.org`, `git.example.org:8443`. An entry
 * without a port allows the usual ports of https and ssh alone. An empty list allows all.
 */
export const isAllowedServer = (url: GitUrl, allowed: readonly string[]): boolean => {
  const server = serverOf(url);
  return (
    allowed.length === 0 ||
    allowed.some((entry) => (entry.startsWith('*.') ? server.endsWith(entry.slice(1)) : server === entry))
  );
};

/** joinGitUrl resolves an address that may be relative to another one, as those of submodules are; undefined where it is none. */
export const joinGitUrl = (base: GitUrl, relative: string): GitUrl | undefined => {
  if (!/^\.\.?\//.test(relative)) return parseGitUrl(relative) ?? parseGitUrl(fromScp(relative));
  const path = base.path.replace(/\/$/, '').split('/');
  for (const step of relative.replace(/\/$/, '').split('/')) {
    if (step === '..' && path.pop() === '') return undefined;
    if (step !== '..' && step !== '.') path.push(step);
  }
  return parseGitUrl(textOf({ ...base, path: path.join('/') }));
};

/** fromScp writes `git@host:path` as the URL that it stands for. */
const fromScp = (text: string): string => text.replace(/^([^@/:]+@[^@/:]+):(?!\/\/)\/?/, 'ssh://$1/');
