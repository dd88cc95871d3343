/** Credential opens a registry: a password or a bearer token. */
export type Credential =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token: string };

const pair = (username: string, password: string): string => Buffer.from(`${username}:${password}`).toString('base64');

/** authorizationOf is the value of the Authorization header. */
export const authorizationOf = (c: Credential): string =>
  c.type === 'bearer' ? `Bearer ${c.token}` : `Basic ${pair(c.username, c.password)}`;

/** Keyring opens registries: by host. */
export type Keyring = Readonly<Record<string, Credential>>;

/** lifecycleAuth is the JSON of CNB_REGISTRY_AUTH: host → Authorization header. The only form in which the lifecycle takes a bearer token. */
export const lifecycleAuth = (credentials: Keyring): string =>
  JSON.stringify(Object.fromEntries(Object.entries(credentials).map(([host, c]) => [host, authorizationOf(c)])));

/** dockerConfig is the content of a kubernetes.io/dockerconfigjson Secret for one registry. */
export const dockerConfig = (host: string, username: string, password: string): string =>
  JSON.stringify({ auths: { [host]: { username, password, auth: pair(username, password) } } });

/** readBasic reads the value of an Authorization header; undefined where it is no user name and password. */
export const readBasic = (header = ''): { readonly username: string; readonly password: string } | undefined => {
  const [, value = ''] = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header) ?? [];
  const [, username, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString()) ?? [];
  return username === undefined || password === undefined ? undefined : { username, password };
};

const hostOf = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
const aliases = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

interface Entry {
  readonly auth?: unknown;
  readonly username?: unknown;
  readonly password?: unknown;
}

const credentialOf = (entry: Entry): Credential | undefined => {
  if (typeof entry.username === 'string' && typeof entry.password === 'string')
    return { type: 'basic', username: entry.username, password: entry.password };
  if (typeof entry.auth !== 'string') return undefined;
  const [, username, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(entry.auth, 'base64').toString()) ?? [];
  return username === undefined || password === undefined ? undefined : { type: 'basic', username, password };
};

/** readDockerConfig finds the credential for host in a dockerconfigjson; undefined where there is none or the text is none. */
export const readDockerConfig = (text: string, host: string): Credential | undefined => {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const auths = (data as { auths?: Record<string, Entry> } | null)?.auths;
  if (typeof auths !== 'object' || auths === null) return undefined;
  const same = (key: string): boolean => hostOf(key) === host || (aliases.has(host) && aliases.has(hostOf(key)));
  const entry = Object.entries(auths).find(([key]) => same(key))?.[1];
  return entry === undefined || entry === null ? undefined : credentialOf(entry);
};
