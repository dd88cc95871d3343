import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ensureBinary } from './build.ts';
import { certificate, writeKubeconfig } from './certificates.ts';
import { answers } from './control-plane.ts';
import type { Daemon } from './daemon.ts';
import { network, ports, runDir, stateDir } from './settings.ts';
import { succeeds } from './shell.ts';

const pki = join(stateDir, 'pki');
const server = `https://${network.gateway}:${ports.api}`;

/** containerdSocket is where our containerd, not the machine's, answers. */
export const containerdSocket = join(runDir, 'containerd.sock');

/** ctr are the arguments that make `ctr` speak to our containerd, in the namespace of the kubelet. */
export const ctr = ['--address', containerdSocket, '--namespace', 'k8s.io'] as const;

/** pauseImage holds a pod's namespaces. */
export const pauseImage = 'localhost/epinio/pause:dev';

/** writeFile leaves a file of the same content alone: kube-proxy ends when its configuration is written. */
function writeFile(path: string, content: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  if (!existsSync(path) || readFileSync(path, 'utf8') !== content) writeFileSync(path, content);
  return path;
}

/** containerd describes the container runtime: own root, state and socket, so that one of the machine's is left alone. */
export function containerd(): Daemon {
  const config = writeFile(join(stateDir, 'containerd', 'config.toml'), containerdConfig());
  writeFile(join(stateDir, 'cni', 'net.d', '10-epinio.conflist'), JSON.stringify(cni(), null, 2));
  // The node's door to the bundled registry speaks plain HTTP, on loopback only.
  const door = `127.0.0.1:${ports.registry}`;
  writeFile(
    join(stateDir, 'containerd', 'certs.d', door, 'hosts.toml'),
    `server = "http://${door}"\n[host."http://${door}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  return {
    name: 'containerd',
    command: 'containerd',
    args: ['--config', config],
    ready: () => succeeds('ctr', [...ctr, 'version']),
    seconds: 30,
  };
}

const containerdConfig = (): string => `version = 2
root = "${stateDir}/containerd/root"
state = "${runDir}/containerd"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${stateDir}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  stream_server_address = "127.0.0.1"
  # Without CAP_SYS_RESOURCE no process may lower its score: every sandbox would fail.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${stateDir}/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${stateDir}/containerd/certs.d"
`;

/** cni is the pods' network. isGateway stays off: it would turn on forwarding for the whole machine. */
const cni = () => ({
  cniVersion: '1.0.0',
  name: 'epinio',
  plugins: [
    {
      type: 'bridge',
      bridge: network.bridge,
      isGateway: false,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: join(runDir, 'cni'),
        ranges: [[{ subnet: network.podCIDR, rangeStart: '10.244.0.10', gateway: network.gateway }]],
        routes: [{ dst: '0.0.0.0/0', gw: network.gateway }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

/** kubelet describes the node's agent. */
export async function kubelet(): Promise<Daemon> {
  const { nodeName, gateway } = network;
  await certificate(pki, 'kubelet', {
    name: `system:node:${nodeName}`,
    group: 'system:nodes',
    hosts: [gateway, nodeName],
  });
  const config = writeFile(join(stateDir, 'kubelet.yaml'), stringify(kubeletConfig()));
  return {
    name: 'kubelet',
    command: await ensureBinary('kubelet'),
    args: [
      `--config=${config}`,
      `--kubeconfig=${writeKubeconfig(pki, 'kubelet', server)}`,
      `--root-dir=${join(stateDir, 'kubelet')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${gateway}`,
    ],
    ready: () => answers(pki, `http://127.0.0.1:${ports.kubeletHealth}/healthz`),
    seconds: 60,
  };
}

const kubeletConfig = () => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: network.gateway,
  port: ports.kubelet,
  healthzBindAddress: '127.0.0.1',
  healthzPort: ports.kubeletHealth,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: join(pki, 'ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  tlsCertFile: join(pki, 'kubelet.crt'),
  tlsPrivateKeyFile: join(pki, 'kubelet.key'),
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  cgroupDriver: 'cgroupfs',
  failSwapOn: false,
  failCgroupV1: false,
  clusterDomain: 'cluster.local',
  clusterDNS: [network.dns],
  // Not the machine's: a name that the cluster does not know is not looked for outside.
  resolvConf: writeFile(join(stateDir, 'resolv.conf'), `nameserver ${network.dns}\n`),
  podLogsDir: join(stateDir, 'pods'),
  volumePluginDir: join(stateDir, 'kubelet', 'volume-plugins'),
  makeIPTablesUtilChains: false,
  serializeImagePulls: false,
  // Images are imported, not pulled: one that is collected as garbage would be gone.
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '2%', 'imagefs.available': '2%' },
});

/** kubeProxy describes what makes Service addresses work. */
export async function kubeProxy(): Promise<Daemon> {
  await certificate(pki, 'kube-proxy', { name: 'system:kube-proxy' });
  const config = writeFile(
    join(stateDir, 'kube-proxy.yaml'),
    stringify(kubeProxyConfig(writeKubeconfig(pki, 'kube-proxy', server))),
  );
  return {
    name: 'kube-proxy',
    command: await ensureBinary('kube-proxy'),
    args: [`--config=${config}`],
    ready: () => answers(pki, `http://127.0.0.1:${ports.kubeProxyHealth}/healthz`),
    seconds: 60,
  };
}

const kubeProxyConfig = (kubeconfig: string) => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  clientConnection: { kubeconfig },
  hostnameOverride: network.nodeName,
  bindAddress: network.gateway,
  healthzBindAddress: `127.0.0.1:${ports.kubeProxyHealth}`,
  metricsBindAddress: '127.0.0.1:10249',
  mode: 'iptables',
  clusterCIDR: network.podCIDR,
  nodePortAddresses: [`${network.gateway}/32`],
  // The machine's sysctls are not ours: no route_localnet for all interfaces, no other conntrack limits.
  iptables: { localhostNodePorts: false, minSyncPeriod: '200ms' },
  conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
});

/** scheduler describes kube-scheduler. */
export async function scheduler(): Promise<Daemon> {
  await certificate(pki, 'scheduler', { name: 'system:kube-scheduler' });
  return {
    name: 'kube-scheduler',
    command: await ensureBinary('kube-scheduler'),
    args: [
      `--kubeconfig=${writeKubeconfig(pki, 'scheduler', server)}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${ports.scheduler}`,
      `--cert-dir=${pki}`,
      '--leader-elect=false',
    ],
    ready: () => answers(pki, `https://127.0.0.1:${ports.scheduler}/healthz`, ['--insecure']),
    seconds: 60,
  };
}
