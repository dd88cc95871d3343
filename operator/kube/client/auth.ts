import type { RequestOptions } from 'node:https';
// The file itself, not the package: its index pulls in the generated API (62 MB), which nothing here uses.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Cluster } from '@kubernetes/client-node/dist/config_types.js';
import { ApiError } from '../errors.ts';

/** TlsMaterial is what a TLS connection to the API server needs. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly pfx?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Credentials of one moment: tokens rotate, client certificates of exec plugins expire. */
export interface Credentials {
  /** A list is sent as several headers of the name. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly tls: TlsMaterial;
}

/** Auth knows where the API server is and how to prove who we are. */
export interface Auth {
  readonly server: string;
  /** Namespace of the context, or of the pod. */
  readonly namespace: string | undefined;
  /** The HTTP proxy to go through, as the kubeconfig's proxy-url has it. */
  readonly proxy?: URL | undefined;
  /** credentials are at hand, or must be read first; an exec plugin may take its time over that. */
  credentials(): Credentials | Promise<Credentials>;
  /** refresh drops what is cached, because the server answered 401 to these credentials. It does nothing twice. */
  refresh(refused: Credentials): void;
}

/** How long credentials are kept: KubeConfig reads the CA file synchronously at every call, and exec tokens expire. */
const keepMs = 10_000;

/** tlsKey is equal for what makes equal connections. */
export const tlsKey = (t: TlsMaterial): string =>
  [t.ca, t.cert, t.key, t.pfx, t.passphrase, t.servername, t.rejectUnauthorized]
    .map((part) => (Buffer.isBuffer(part) ? part.toString('latin1') : String(part)))
    .join('\n');

const isSame = (a: Credentials, b: Credentials): boolean =>
  JSON.stringify(a.headers) === JSON.stringify(b.headers) && tlsKey(a.tls) === tlsKey(b.tls);

/** proxyOf reads the cluster's proxy-url. To dial past a proxy that was asked for would be worse than not to start. */
const proxyOf = ({ server, proxyUrl }: Cluster): URL | undefined => {
  if (proxyUrl === undefined || proxyUrl === '') return undefined;
  const proxy = URL.canParse(proxyUrl) ? new URL(proxyUrl) : undefined;
  if (proxy?.protocol === 'http:' && server.startsWith('https:')) return proxy;
  // Without the login that it may have.
  const shown = proxy === undefined ? proxyUrl : `${proxy.protocol}//${proxy.host}`;
  throw new Error(
    `the kubeconfig's proxy-url ${shown} is not supported for ${server}: ` +
      'it must be an http:// proxy in front of an https:// server; use one, or remove proxy-url',
  );
};

const headerOf = (value: unknown): string | string[] =>
  Array.isArray(value) ? value.map((part) => String(part).trim()) : String(value).trim();

const readCredentials = async (kc: KubeConfig): Promise<Credentials> => {
  const o: RequestOptions = {};
  await kc.applyToHTTPSOptions(o);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(o.headers ?? {})) headers[name.toLowerCase()] = headerOf(value);
  if (typeof o.auth === 'string') headers['authorization'] = `Basic ${Buffer.from(o.auth).toString('base64')}`;
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = o as TlsMaterial;
  return {
    headers,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(pfx === undefined ? {} : { pfx }),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
};

/** clusterOf also finds out a kubeconfig that is being written: half of one loads without complaint. */
const clusterOf = (kc: KubeConfig): Cluster => {
  const cluster = kc.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current cluster');
  return cluster;
};

const none: Credentials = { headers: {}, tls: {} };

/** Keeper reads the credentials of a KubeConfig and keeps them for a while. */
class Keeper {
  readonly #load: () => KubeConfig;
  readonly #now: () => number;
  /** undefined: to be loaded anew. */
  #kc: KubeConfig | undefined;
  #kept: Credentials | undefined;
  #keptAt = 0;
  #reading: Promise<Credentials> | undefined;

  constructor(load: () => KubeConfig, kc: KubeConfig, now: () => number) {
    this.#load = load;
    this.#kc = kc;
    this.#now = now;
  }

  credentials(): Credentials | Promise<Credentials> {
    if (this.#kept !== undefined && this.#now() - this.#keptAt <= keepMs) return this.#kept;
    // All that ask while an exec plugin runs wait for that one.
    if (this.#reading !== undefined) return this.#reading;
    const reading = this.#read().finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    this.#reading = reading;
    return reading;
  }

  refresh(refused: Credentials): void {
    if (refused !== this.#kept) return;
    // A new KubeConfig, because exec plugins' tokens are cached inside of the old one for as long as they claim to be valid.
    this.#kc = undefined;
    this.#kept = undefined;
    this.#reading = undefined;
  }

  async #read(): Promise<Credentials> {
    try {
      const kc = this.#kc ?? this.#load();
      clusterOf(kc);
      this.#kc = kc;
      const read = await readCredentials(kc);
      if (kc !== this.#kc) return read;
      // Unchanged credentials stay the same object: so refresh knows them again, and comparing them costs nothing.
      if (this.#kept === undefined || !isSame(this.#kept, read)) this.#kept = read;
      this.#keptAt = this.#now();
      return this.#kept;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ApiError({ code: 0, reason: 'NoCredentials', message: `no credentials to be had: ${why}`, cause });
    }
  }
}

/** authFrom makes an Auth of whatever loads a KubeConfig; it is loaded again when the server refuses the credentials. */
export const authFrom = (load: () => KubeConfig, now: () => number = () => performance.now()): Auth => {
  const kc = load();
  const cluster = clusterOf(kc);
  const server = cluster.server.replace(/\/+$/, '');
  const namespace = kc.getContextObject(kc.getCurrentContext())?.namespace;
  const proxy = proxyOf(cluster);
  // A credential never goes over a connection that anybody can read; `kubectl proxy` and test proxies need none.
  if (server.startsWith('http:')) return { server, namespace, credentials: () => none, refresh: () => undefined };
  const keeper = new Keeper(load, kc, now);
  return {
    server,
    namespace,
    proxy,
    credentials: () => keeper.credentials(),
    refresh: (refused) => keeper.refresh(refused),
  };
};

/** loadAuth finds the API server as kubectl does: the file given, KUBECONFIG, ~/.kube/config, else the pod's ServiceAccount. */
export const loadAuth = (o: { readonly kubeconfig?: string; readonly context?: string } = {}): Auth =>
  authFrom(() => {
    const kc = new KubeConfig();
    if (o.kubeconfig === undefined) kc.loadFromDefault();
    else kc.loadFromFile(o.kubeconfig);
    if (o.context !== undefined) kc.setCurrentContext(o.context);
    return kc;
  });

/** plainAuth is for an API server behind a plain HTTP door on this machine: kubectl proxy, the fault proxy. */
export const plainAuth = (server: string, headers: Readonly<Record<string, string>> = {}): Auth => {
  const credentials: Credentials = { headers, tls: {} };
  return {
    server: server.replace(/\/+$/, ''),
    namespace: undefined,
    credentials: () => credentials,
    refresh: () => undefined,
  };
};
