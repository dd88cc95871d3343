import { homedir } from 'node:os';
import { join } from 'node:path';

const env = process.env;

/** cacheDir holds what is built once for all clusters: tool binaries and images, each under a key of its inputs. */
export const cacheDir = env.EPINIO_CACHE || join(env.HOME ?? homedir(), '.cache', 'epinio');

/** stateDir holds everything that belongs to the one native cluster of this machine; `down` removes it. */
export const stateDir = env.EPINIO_CLUSTER_DIR || '/var/lib/epinio-cluster';

/** runDir holds containerd's sockets and mounts; its path is short because socket paths may not be long. */
export const runDir = env.EPINIO_CLUSTER_RUN_DIR || '/run/epinio-cluster';

/** here is the folder of the cluster's own files (kind.yaml, tools/). */
export const here = import.meta.dirname;

/** repoDir is the root of the project. */
export const repoDir = join(here, '..', '..');

/** network names every address of the native cluster; the bridge and its routes are made and removed by network.ts. */
export const network = {
  bridge: 'epinio0',
  gateway: '10.244.0.1',
  podCIDR: '10.244.0.0/16',
  serviceCIDR: '10.96.0.0/16',
  apiService: '10.96.0.1',
  dns: '10.96.0.10',
  nodeName: 'epinio-node',
} as const;

/** WebPorts are where browsers on this machine reach the cluster. */
export interface WebPorts {
  readonly http: number;
  readonly https: number;
}

/** ports are the host's ports that a cluster needs; kind only those of the web, and that of the registry inside its node. */
export const ports = {
  http: Number(env.EPINIO_HTTP_PORT || 80),
  https: Number(env.EPINIO_HTTPS_PORT || 443),
  /** The node's plain, read-only door to the bundled registry. */
  registry: 30500,
  api: Number(env.EPINIO_API_PORT || 6443),
  etcd: 12379,
  etcdPeer: 12380,
  kubelet: 10250,
  kubeletHealth: 10248,
  kubeProxyHealth: 10256,
  controllerManager: 10257,
  scheduler: 10259,
} as const;
