import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Cluster as ClusterEntry, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { connectTo } from './client.ts';
import { UserError } from './errors.ts';

/** ClusterFlags choose the cluster, the namespace and the user, by the names and rules that kubectl has for them. */
export interface ClusterFlags {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly server?: string;
  readonly token?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
  readonly asUid?: string;
  readonly certificateAuthority?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** Milliseconds; 0: as long as it takes. */
  readonly requestTimeout?: number;
}

interface Impersonation {
  readonly groups: readonly string[];
  readonly uid: string | undefined;
}

/** Configuration is a KubeConfig that acts for somebody else with groups and uid too. */
class Configuration extends KubeConfig {
  impersonation: Impersonation = { groups: [], uid: undefined };

  override async applyToHTTPSOptions(options: RequestOptions): Promise<void> {
    await super.applyToHTTPSOptions(options);
    const { groups, uid } = this.impersonation;
    if (groups.length > 0) Object.assign((options.headers ??= {}), { 'Impersonate-Group': [...groups] });
    if (uid !== undefined) Object.assign((options.headers ??= {}), { 'Impersonate-Uid': uid });
  }
}

/** homeKubeconfig is the file that is read and written where nothing else is said. */
const homeKubeconfig = (): string => join(homedir(), '.kube', 'config');

/** kubeconfigFiles are the files that are there, the first of them counts most. */
export const kubeconfigFiles = ({ kubeconfig }: Pick<ClusterFlags, 'kubeconfig'>): string[] => {
  if (kubeconfig !== undefined) return [kubeconfig];
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  // As kubectl does: a file of the list need not be there.
  return (listed.length > 0 ? listed : [homeKubeconfig()]).filter((file) => existsSync(file));
};

const first = <T extends { readonly name: string }>(entries: readonly T[]): T[] =>
  entries.filter((entry, at) => entries.findIndex(({ name }) => name === entry.name) === at);

const readFile = (file: string): KubeConfig => {
  const config = new KubeConfig();
  try {
    // An empty file is an empty configuration.
    if (readFileSync(file, 'utf8').trim() !== '') config.loadFromFile(file);
    return config;
  } catch (error) {
    throw new UserError(
      `the kubeconfig ${file} cannot be read: ${(error as Error).message}`,
      'see --kubeconfig, KUBECONFIG or ~/.kube/config',
    );
  }
};

/** load reads all files into one configuration; in a pod without any, its ServiceAccount. */
const load = (flags: ClusterFlags): Configuration => {
  const files = kubeconfigFiles(flags).map(readFile);
  const config = new Configuration();
  config.loadFromOptions({
    clusters: first(files.flatMap((file) => file.getClusters())),
    users: first(files.flatMap((file) => file.getUsers())),
    contexts: first(files.flatMap((file) => file.getContexts())),
    currentContext: files.map((file) => file.getCurrentContext()).find((name) => (name as string | undefined) !== ''),
  });
  const inPod = existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token');
  if (config.getContexts().length === 0 && inPod && flags.kubeconfig === undefined) config.loadFromCluster();
  return config;
};

const names = (entries: readonly { readonly name: string }[]): string =>
  entries.length === 0
    ? 'it has none at all: see --kubeconfig, KUBECONFIG or ~/.kube/config'
    : `it has: ${entries.map(({ name }) => name).join(', ')}`;

const named = <T extends { readonly name: string }>(what: string, name: string, entries: readonly T[]): T => {
  const found = entries.find((entry) => entry.name === name);
  if (found === undefined) throw new UserError(`the kubeconfig has no ${what} ${name}`, names(entries));
  return found;
};

const clusterOf = (flags: ClusterFlags, config: KubeConfig, context: Context | undefined): ClusterEntry => {
  const name = flags.cluster ?? context?.cluster;
  const found = name === undefined ? undefined : named('cluster', name, config.getClusters());
  const server = flags.server ?? found?.server;
  if (server === undefined)
    throw new UserError(
      'there is no cluster to talk to',
      'set KUBECONFIG, or choose a context with kubectl config use-context',
    );
  const { certificateAuthority, tlsServerName, insecureSkipTlsVerify } = flags;
  return {
    ...found,
    name: found?.name ?? 'server',
    server: server.replace(/\/+$/, ''),
    skipTLSVerify: insecureSkipTlsVerify ?? found?.skipTLSVerify ?? false,
    ...(certificateAuthority !== undefined && { caFile: certificateAuthority, caData: undefined }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    // A certificate that nobody looks at needs no authority; TLS stacks refuse the two together.
    ...(insecureSkipTlsVerify === true && { caFile: undefined, caData: undefined }),
  } as ClusterEntry;
};

const userOf = (flags: ClusterFlags, config: KubeConfig, context: Context | undefined): User => {
  const name = flags.user ?? context?.user;
  const found = name === undefined ? undefined : named('user', name, config.getUsers());
  const { token, clientCertificate, clientKey, as } = flags;
  return {
    // A token of the command line is used instead of whatever else would make one.
    ...(token === undefined ? found : { token }),
    name: found?.name ?? 'user',
    ...(clientCertificate !== undefined && { certFile: clientCertificate, certData: undefined }),
    ...(clientKey !== undefined && { keyFile: clientKey, keyData: undefined }),
    ...(as !== undefined && { impersonateUser: as }),
  } as User;
};

const checkImpersonation = ({ as, asGroup = [], asUid }: ClusterFlags, server: string): void => {
  if (as === undefined && (asGroup.length > 0 || asUid !== undefined))
    throw new UserError('--as-group and --as-uid need --as', 'say who it is with --as');
  if (as !== undefined && server.startsWith('http:'))
    throw new UserError(
      `--as cannot be used with ${server}`,
      'credentials go to https:// servers only: this one would answer with the rights of whoever runs it',
    );
};

/** loadKubeConfig finds the cluster as kubectl does: flags, then the context, of the file given, KUBECONFIG, ~/.kube/config. */
export const loadKubeConfig = (flags: ClusterFlags): KubeConfig => {
  const config = load(flags);
  const chosen = flags.context ?? config.getCurrentContext();
  // There may be none, whatever the library's types say.
  const wanted = chosen ? chosen : undefined;
  const context = wanted === undefined ? undefined : named('context', wanted, config.getContexts());
  const cluster = clusterOf(flags, config, context);
  const user = userOf(flags, config, context);
  checkImpersonation(flags, cluster.server);
  const current: Context = { ...context, name: context?.name ?? 'flags', cluster: cluster.name, user: user.name };
  // Credentials go to https:// servers only, by every way: requests, exec and port-forward.
  const users = cluster.server.startsWith('http:') ? [{ name: user.name }] : [user];
  config.loadFromOptions({ clusters: [cluster], users, contexts: [current], currentContext: current.name });
  config.impersonation = { groups: flags.asGroup ?? [], uid: flags.asUid };
  return config;
};

/** namespaceOf is the namespace that a command works in. */
export const namespaceOf = (flags: ClusterFlags, config: KubeConfig): string =>
  flags.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';

/** Cluster is where a command works. */
export interface Cluster {
  readonly kube: KubeClient;
  readonly namespace: string;
  /** The configuration that the client was made of. */
  readonly config: KubeConfig;
}

/** withCluster runs work against the cluster that the flags choose, and ends all connections afterwards. */
export const withCluster = async <T>(flags: ClusterFlags, work: (cluster: Cluster) => Promise<T>): Promise<T> => {
  const config = loadKubeConfig(flags);
  const namespace = namespaceOf(flags, config);
  const kube = connectTo(() => loadKubeConfig(flags), flags.requestTimeout);
  try {
    return await work({ kube, namespace, config });
  } finally {
    await kube.close();
  }
};
