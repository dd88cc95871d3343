import type { RequestOptions } from 'node:https';
// The file itself, not the package: its index pulls in the generated API (62 MB), which nothing here uses.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/** TlsMaterial is what a TLS connection to the API server needs. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Credentials of one moment: tokens rotate, client certificates of exec plugins expire. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

/** Auth knows where the API server is and how to prove who we are. */
export interface Auth {
  readonly server: string;
  /** Namespace of the context, or of the pod. */
  readonly namespace: string | undefined;
  credentials(): Promise<Credentials>;
  /** refresh drops what is cached, because the server answered 401. */
  refresh(): void;
}

/** How long credentials are kept: KubeConfig reads the CA file synchronously at every call, and exec tokens expire. */
const keepMs = 10_000;

const text = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value)).trim();

const readCredentials = async (kc: KubeConfig): Promise<Credentials> => {
  const o: RequestOptions = {};
  await kc.applyToHTTPSOptions(o);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(o.headers ?? {})) headers[name.toLowerCase()] = text(value);
  if (typeof o.auth === 'string') headers['authorization'] = `Basic ${Buffer.from(o.auth).toString('base64')}`;
  const { ca, cert, key, servername, rejectUnauthorized } = o as TlsMaterial;
  return {
    headers,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
};

/** authFrom makes an Auth of whatever loads a KubeConfig; it is loaded again when the server refuses the credentials. */
export const authFrom = (load: () => KubeConfig, now: () => number = () => performance.now()): Auth => {
  let kc = load();
  const cluster = kc.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current cluster');
  // A credential never goes over a connection that anybody can read; `kubectl proxy` and test proxies need none.
  const plain = cluster.server.startsWith('http:');
  let held: Promise<Credentials> | undefined;
  let heldAt = 0;
  const read = (): Promise<Credentials> => {
    const reading = readCredentials(kc);
    reading.catch(() => {
      held = undefined;
    });
    return reading;
  };
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: kc.getContextObject(kc.getCurrentContext())?.namespace,
    credentials() {
      if (plain) return Promise.resolve({ headers: {}, tls: {} });
      if (held === undefined || now() - heldAt > keepMs) {
        heldAt = now();
        held = read();
      }
      return held;
    },
    refresh() {
      // A new KubeConfig, because exec plugins' tokens are cached inside of the old one for as long as they claim to be valid.
      kc = load();
      held = undefined;
    },
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
export const plainAuth = (server: string, headers: Readonly<Record<string, string>> = {}): Auth => ({
  server: server.replace(/\/+$/, ''),
  namespace: undefined,
  credentials: () => Promise.resolve({ headers, tls: {} }),
  refresh: () => undefined,
});
