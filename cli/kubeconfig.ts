import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Command } from 'commander';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { connectTo } from './client.ts';
import { UserError } from './errors.ts';

/** ClusterFlags choose the cluster and the namespace, by the names that kubectl has for them. */
export interface ClusterFlags {
  readonly namespace?: string;
  readonly context?: string;
}

/** Cluster is where a command works. */
export interface Cluster {
  readonly kube: KubeClient;
  readonly namespace: string;
}

/** withClusterFlags adds them to a command. */
export const withClusterFlags = (command: Command): Command =>
  command
    .option('--namespace <namespace>', 'namespace of the App (default: that of the kubeconfig context)')
    .option('--context <context>', 'context of the kubeconfig');

const loadKubeConfig = ({ context }: ClusterFlags): KubeConfig => {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    throw new UserError(
      `the kubeconfig cannot be read: ${(error as Error).message}`,
      'see KUBECONFIG or ~/.kube/config',
    );
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const names = config.getContexts().map(({ name }) => name);
      throw new UserError(
        `the kubeconfig has no context ${context}`,
        names.length === 0 ? 'it has none at all: see KUBECONFIG or ~/.kube/config' : `it has: ${names.join(', ')}`,
      );
    }
    config.setCurrentContext(context);
  }
  if (!config.getCurrentCluster())
    throw new UserError(
      'there is no cluster to talk to',
      'set KUBECONFIG, or choose a context with kubectl config use-context',
    );
  return config;
};

/** namespaceOf is the namespace that a command works in. */
const namespaceOf = (flags: ClusterFlags): string => {
  const config = loadKubeConfig(flags);
  return flags.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
};

/** withCluster runs work against the cluster that the flags choose, and ends all connections afterwards. */
export const withCluster = async <T>(flags: ClusterFlags, work: (cluster: Cluster) => Promise<T>): Promise<T> => {
  const namespace = namespaceOf(flags);
  const kube = connectTo(() => loadKubeConfig(flags));
  try {
    return await work({ kube, namespace });
  } finally {
    await kube.close();
  }
};
