import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { nativeEngine } from './buildah.ts';
import { controlPlaneDaemons } from './control-plane.ts';
import { ensureBinaries, programs } from './build.ts';
import { runningPid, startDaemon, stopDaemon, type Daemon } from './daemon.ts';
import { doctor } from './doctor.ts';
import { baseImage, systemImages } from './images.ts';
import { kubectl } from './kubectl.ts';
import { noteMachine, restoreMachine, restOfEarlier } from './machine.ts';
import { connectNetwork } from './network.ts';
import { containerd, kubeProxy, kubelet, scheduler } from './node.ts';
import { ensurePrograms, nativePrograms } from './packages.ts';
import { onlyPrograms } from './programs.ts';
import { here, network, ports, stateDir } from './settings.ts';
import { run, say } from './shell.ts';

/** Every process of the cluster, in the order of its start. */
const daemons = [
  ...['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
  ...['containerd', 'kubelet', 'kube-proxy'],
];

const kubeconfig = join(stateDir, 'pki', 'admin.kubeconfig');

/** up starts the native cluster; what runs already is left as it is. */
export async function up(): Promise<void> {
  await removeRests();
  if (!isRunning()) await doctor();
  await ensurePrograms(nativePrograms);
  noteMachine();
  process.env.PATH = onlyPrograms(nativePrograms, join(stateDir, 'programs'));
  // The base image is mostly unpacked packages: made while the compilers run.
  await Promise.all([ensureBinaries(programs), baseImage(nativeEngine)]);
  const images = await systemImages(nativeEngine);
  const start = Date.now();
  await connectNetwork();
  const plane = await controlPlaneDaemons({
    folder: stateDir,
    address: network.gateway,
    ports,
    controllers: ['*'],
    lifetime: 'detached',
  });
  await launch(plane.etcd);
  await Promise.all([launch(plane.apiServer), launch(containerd()).then(() => nativeEngine.load(images))]);
  await Promise.all([
    launch(plane.controllerManager),
    launch(await scheduler()),
    launch(await kubelet()),
    launch(await kubeProxy()),
  ]);
  await kubectl(['apply', '--server-side', '--filename', join(here, 'manifests.yaml')]);
  await provideVolumes();
  await kubectl(['wait', '--for=condition=Ready', `node/${network.nodeName}`, '--timeout=60s']);
  await kubectl(['--namespace', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=90s']);
  say(`the cluster runs (${Math.round((Date.now() - start) / 1000)} s); kubeconfig: ${kubeconfig}`);
}

async function launch(daemon: Daemon): Promise<void> {
  const fresh = runningPid(stateDir, daemon.name) === undefined;
  await startDaemon(stateDir, daemon, 'detached');
  if (fresh) say(`${daemon.name} is ready`);
}

/** provideVolumes makes the few volumes that the bundled components claim; any user may write to them. */
async function provideVolumes(): Promise<void> {
  const volumes = [1, 2, 3].map((number) => {
    const path = join(stateDir, 'volumes', `${number}`);
    mkdirSync(path, { recursive: true });
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `local-${number}` },
      spec: {
        capacity: { storage: '50Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path },
      },
    };
  });
  await run('chmod', ['-R', '0777', join(stateDir, 'volumes')]);
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: volumes });
  await kubectl(['apply', '--server-side', '--filename', '-'], { input });
}

/** removeRests removes what an earlier cluster left that is none any more: nothing could be started upon it. */
async function removeRests(): Promise<void> {
  const why = await restOfEarlier(runningDaemons().length);
  if (why === undefined) return;
  say(`removing the rest of an earlier cluster (${why})`);
  await down();
}

/** down ends the native cluster and removes everything of it from the machine; the cache stays. */
export async function down(): Promise<void> {
  const there = existsSync(stateDir) || (await restOfEarlier(0)) !== undefined;
  // The kubelet first, so that nothing restarts what is being ended. No patience: what they hold is removed anyway, and
  // one that does not end is a process to be removed like any other.
  for (const names of [['kubelet'], daemons])
    await Promise.all(names.map((name) => stopDaemon(stateDir, name, 3).catch((error: Error) => say(error.message))));
  await restoreMachine();
  say(there ? 'the cluster is gone' : 'there is no cluster');
}

/** status tells what runs. */
export async function status(): Promise<void> {
  for (const name of daemons) {
    const pid = runningPid(stateDir, name);
    say(`${name.padEnd(24)} ${pid === undefined ? 'stopped' : `running, pid ${pid}`}`);
  }
  if (runningPid(stateDir, 'kube-apiserver') !== undefined)
    say(await kubectl(['get', 'nodes,pods', '--all-namespaces']));
}

const runningDaemons = (): string[] => daemons.filter((name) => runningPid(stateDir, name) !== undefined);

/** isRunning tells whether all processes of the native cluster run. */
export const isRunning = (): boolean => runningDaemons().length === daemons.length;
