import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyCRDs } from './api.ts';
import { ensureBinary, givenBinary } from './build.ts';
import { authority, certificate, writeKubeconfig } from './certificates.ts';
import { startDaemon, stopDaemon, type Daemon, type Lifetime } from './daemon.ts';
import { ensurePrograms, lightPrograms } from './packages.ts';
import { network } from './settings.ts';
import { succeeds } from './shell.ts';

/** ControlPlaneOptions say where etcd and the API server keep their things and how they are reached. */
export interface ControlPlaneOptions {
  readonly folder: string;
  /** The address that the API server listens on and that pods reach it by. */
  readonly address: string;
  readonly ports: { readonly api: number; readonly etcd: number; readonly etcdPeer: number };
  /** Controllers to run, by the names of kube-controller-manager. */
  readonly controllers: readonly string[];
  readonly lifetime: Lifetime;
}

/** ControlPlane is a running API server with its etcd, and controllers where asked for. */
export interface ControlPlane {
  readonly kubeconfig: string;
  readonly folder: string;
  /** stopApiServer and startApiServer are an outage: same port, same certificates, same data. */
  readonly stopApiServer: () => Promise<void>;
  readonly startApiServer: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What a namespace needs so that owned objects go, Jobs and Deployments get pods, and quotas count. */
const lightControllers = [
  ...['garbage-collector-controller', 'namespace-controller', 'serviceaccount-controller', 'job-controller'],
  ...['deployment-controller', 'replicaset-controller', 'resourcequota-controller', 'disruption-controller'],
  'horizontal-pod-autoscaler-controller',
];

/** Tests need not wait for minutes until pods that nobody needs go. */
const impatience = [
  '--horizontal-pod-autoscaler-sync-period=1s',
  '--horizontal-pod-autoscaler-downscale-stabilization=3s',
];

/** startControlPlane starts API server, etcd and a few controllers for tests, on free ports, in a folder of its own. */
export async function startControlPlane(
  options: { crds?: string; controllers?: readonly string[] } = {},
): Promise<ControlPlane> {
  await ensurePrograms(givenBinary('etcd') ? lightPrograms.filter((program) => program !== 'etcd') : lightPrograms);
  const folder = mkdtempSync(join(tmpdir(), 'epinio-control-plane-'));
  const [api, etcd, etcdPeer] = await freePorts();
  const { controllers = lightControllers } = options;
  const plan = { folder, address: '127.0.0.1', ports: { api, etcd, etcdPeer }, controllers, lifetime: 'ours' as const };
  const kubeconfig = join(folder, 'pki', 'admin.kubeconfig');
  const daemons = await controlPlaneDaemons(plan);
  const start = (name: keyof typeof daemons) => startDaemon(folder, daemons[name], 'ours');
  const stop = async () => {
    for (const name of ['kube-controller-manager', 'kube-apiserver', 'etcd']) await stopDaemon(folder, name, 5);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start('etcd');
    await start('apiServer');
    // Before the controllers: the garbage collector looks for new kinds when it starts, and then only now and then.
    if (options.crds) await applyCRDs(kubeconfig, options.crds);
    if (controllers.length > 0) await start('controllerManager');
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kubeconfig,
    folder,
    stop,
    stopApiServer: () => stopDaemon(folder, 'kube-apiserver', 5),
    startApiServer: () => start('apiServer'),
  };
}

/** controlPlaneDaemons makes the certificates and describes the processes; light tests and the native cluster share it. */
export async function controlPlaneDaemons(
  options: ControlPlaneOptions,
): Promise<Record<'etcd' | 'apiServer' | 'controllerManager', Daemon>> {
  const { folder, address, ports } = options;
  const pki = join(folder, 'pki');
  const server = `https://${address}:${ports.api}`;
  mkdirSync(folder, { recursive: true });
  await authority(pki);
  const hosts = [network.apiService, '127.0.0.1', address, 'localhost', 'kubernetes', 'kubernetes.default.svc'];
  await certificate(pki, 'api-server', { name: 'kube-apiserver', group: 'system:masters', hosts: [...new Set(hosts)] });
  await certificate(pki, 'admin', { name: 'epinio-admin', group: 'system:masters' });
  await certificate(pki, frontProxy, { name: frontProxy });
  await certificate(pki, 'controller-manager', { name: 'system:kube-controller-manager' });
  writeKubeconfig(pki, 'admin', server);
  writeKubeconfig(pki, 'controller-manager', server);
  return {
    etcd: etcd(options),
    apiServer: await apiServer(options, pki),
    controllerManager: await controllerManager(options, pki),
  };
}

function etcd({ folder, ports, lifetime }: ControlPlaneOptions): Daemon {
  const url = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  return {
    name: 'etcd',
    command: givenBinary('etcd') ?? 'etcd',
    args: [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--quota-backend-bytes=4294967296',
      // A crash of the machine may cost a test cluster its data: it is remade in seconds.
      ...(lifetime === 'ours' ? ['--unsafe-no-fsync'] : []),
    ],
    ready: async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok ?? false,
    seconds: 30,
  };
}

/** As who the API server speaks to the servers behind it, such as metrics-server: they believe it whom it speaks for. */
const frontProxy = 'front-proxy-client';

async function apiServer({ folder, address, ports }: ControlPlaneOptions, pki: string): Promise<Daemon> {
  const file = (name: string) => join(pki, name);
  return {
    name: 'kube-apiserver',
    command: await ensureBinary('kube-apiserver'),
    args: [
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      `--bind-address=${address}`,
      `--advertise-address=${address}`,
      `--secure-port=${ports.api}`,
      `--service-cluster-ip-range=${network.serviceCIDR}`,
      `--cert-dir=${folder}`,
      `--tls-cert-file=${file('api-server.crt')}`,
      `--tls-private-key-file=${file('api-server.key')}`,
      `--client-ca-file=${file('ca.crt')}`,
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--authorization-mode=Node,RBAC',
      `--kubelet-certificate-authority=${file('ca.crt')}`,
      `--kubelet-client-certificate=${file('api-server.crt')}`,
      `--kubelet-client-key=${file('api-server.key')}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--requestheader-client-ca-file=${file('ca.crt')}`,
      `--requestheader-allowed-names=${frontProxy}`,
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${file(`${frontProxy}.crt`)}`,
      `--proxy-client-key-file=${file(`${frontProxy}.key`)}`,
      '--endpoint-reconciler-type=lease',
      '--allow-privileged=true',
      '--profiling=false',
    ],
    ready: () => answers(pki, `https://${address}:${ports.api}/readyz`),
    seconds: 90,
  };
}

async function controllerManager({ folder, controllers }: ControlPlaneOptions, pki: string): Promise<Daemon> {
  const file = (name: string) => join(pki, name);
  const port = controllers.includes('*') ? 10257 : 0;
  return {
    name: 'kube-controller-manager',
    command: await ensureBinary('kube-controller-manager'),
    args: [
      `--kubeconfig=${file('controller-manager.kubeconfig')}`,
      `--controllers=${controllers.join(',')}`,
      '--use-service-account-credentials=true',
      `--root-ca-file=${file('ca.crt')}`,
      `--service-account-private-key-file=${file('sa.key')}`,
      `--cluster-signing-cert-file=${file('ca.crt')}`,
      `--cluster-signing-key-file=${file('ca.key')}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${pki}`,
      `--flex-volume-plugin-dir=${join(folder, 'volume-plugins')}`,
      '--leader-elect=false',
      '--concurrent-gc-syncs=4',
      ...(port === 0 ? impatience : []),
      '--profiling=false',
    ],
    // Without a port it is ready when it has started: its controllers catch up with whatever came before.
    ready: async () => port === 0 || answers(pki, `https://127.0.0.1:${port}/healthz`, ['--insecure']),
    seconds: 60,
  };
}

/** answers tells whether a server of the cluster says yes to a request by its administrator. */
export const answers = (pki: string, url: string, options: readonly string[] = []): Promise<boolean> => {
  const identity = ['--cacert', 'ca.crt', '--cert', 'admin.crt', '--key', 'admin.key'].map((word) =>
    word.startsWith('-') ? word : join(pki, word),
  );
  return succeeds('curl', [
    '-fsS',
    '--noproxy',
    '*',
    '--max-time',
    '2',
    ...identity,
    ...options,
    '-o',
    '/dev/null',
    url,
  ]);
};

/** freePorts asks the kernel for three ports; all are held until the last is known, so that they differ. */
async function freePorts(): Promise<[number, number, number]> {
  const listeners = [0, 1, 2].map(() => createServer().listen(0, '127.0.0.1'));
  await Promise.all(listeners.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const [a = 0, b = 0, c = 0] = listeners.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(listeners.map((server) => new Promise((resolve) => server.close(resolve))));
  return [a, b, c];
}
