import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { configSchema, type Config } from '../../operator/config.ts';
import { loadAuth } from '../../operator/kube/client/auth.ts';
import { createClient, type KubeClient } from '../../operator/kube/client/client.ts';
import { Namespace, Secret } from '../../operator/kube/resource.ts';
import { asOperator } from '../../operator/testing/role.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { runningPid } from '../cluster/daemon.ts';
import { cpuOf, type Cpu } from './cpu.ts';
import { OperatorProcess, type OperatorOptions } from './operator.ts';
import { sockets } from './parallel.ts';

const crds = join(import.meta.dirname, '..', '..', 'crds');

/** World is a fresh kube-apiserver with etcd, an administrator's client, and all that an operator needs to start. */
export interface World extends AsyncDisposable {
  readonly kube: KubeClient;
  readonly config: Config;
  /** Where logs and profiles go; removed with the world. */
  readonly folder: string;
  /** operator starts the shipped bundle with exactly the rights of an installed operator. */
  operator(o?: Pick<OperatorOptions, 'profile'>): Promise<OperatorProcess>;
  namespace(name: string): Promise<string>;
  /** cpu is what API server, etcd and the benchmark itself have used so far. */
  cpu(): Cpu;
}

/** Only images are run, so the storage is never needed and never there. */
const settings = {
  domain: 'apps.test',
  routeTemplate: '{app}.{namespace}.{domain}',
  s3: { endpoint: 'http://127.0.0.1:1', bucket: 'epinio' },
  registry: { push: 'registry.test:5000', pull: '127.0.0.1:30500' },
  builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
  ingress: { className: 'traefik' },
};

/** Outside is what a world that builds has outside of the cluster: what differs in the configuration, and the operator's Secrets. */
export interface Outside {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const nothing: Outside = { settings: {}, secrets: { 'epinio-s3': { accessKey: 'none', secretKey: 'none' } } };

/** createWorld starts it; controllers are those of kube-controller-manager that run beside it. */
export const createWorld = async (controllers: readonly string[], outside: Outside = nothing): Promise<World> => {
  const plane = await startControlPlane({ crds, controllers });
  const folder = mkdtempSync(join(tmpdir(), 'epinio-bench-'));
  const kube = createClient({ auth: loadAuth({ kubeconfig: plane.kubeconfig }), maxSockets: sockets });
  const kubeconfig = join(folder, 'operator.kubeconfig');
  const config = join(folder, 'config.yaml');
  writeFileSync(kubeconfig, (await asOperator(plane.kubeconfig)).exportConfig());
  const all = { ...settings, ...outside.settings };
  writeFileSync(config, stringify(all));
  for (const [name, stringData] of Object.entries(outside.secrets))
    await kube.create(Secret, { metadata: { namespace: 'epinio-system', name }, stringData });
  return {
    kube,
    config: configSchema.parse(all),
    folder,
    operator: (o) => OperatorProcess.start({ kubeconfig, config, folder, ...o }),
    namespace: async (name) => {
      await kube.create(Namespace, { metadata: { name } });
      return name;
    },
    cpu: () => ({
      ...Object.fromEntries(
        ['kube-apiserver', 'etcd'].map((name) => [name, cpuOf(runningPid(plane.folder, name) ?? 0)]),
      ),
      benchmark: cpuOf(process.pid),
    }),
    [Symbol.asyncDispose]: async () => {
      await kube.close();
      await plane.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
