import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kubeconfigPath, kubectlPath } from './access.ts';
import { binaryPath, ensureBinary, pinnedVersion } from './build.ts';
import { goVersion } from './go.ts';
import { doctorOfKind } from './kind-doctor.ts';
import { kubectl } from './kubectl.ts';
import { publicImages } from './public-images.ts';
import { cacheDir, here, ports, type WebPorts } from './settings.ts';
import { during, run, say, succeeds, until } from './shell.ts';

/** clusterName is the name of the kind cluster; kind.yaml has it too. */
export const clusterName = 'epinio';

/** nodeContainer is its only node. */
export const nodeContainer = `${clusterName}-control-plane`;

/** A network of its own instead of `kind`, which other clusters of the machine may be using: it can go with the cluster. */
const dockerNetwork = { KIND_EXPERIMENTAL_DOCKER_NETWORK: clusterName };

/** Written into the node when everything is there: what is interrupted before that is no cluster. */
const made = '/etc/epinio-made';

/** door is the registry as the kubelet knows it: plain HTTP on the node's loopback. */
const door = `127.0.0.1:${ports.registry}`;

/** withPorts puts the chosen web ports of this machine into kind's configuration. */
export const withPorts = (config: string, { http, https }: WebPorts): string =>
  config.replace(/hostPort: (80|443),/g, (_, port: string) => `hostPort: ${port === '80' ? http : https},`);

/** Node is what Docker knows of the node's container. */
export type Node = 'absent' | 'stopped' | 'running';

/** nextStep says what brings a cluster up, from what is there; looking into a node needs it to run. */
export function nextStep(node: Node, isMade: boolean): 'create' | 'start' | 'remove' | 'use' {
  if (node === 'absent') return 'create';
  if (node === 'stopped') return 'start';
  return isMade ? 'use' : 'remove';
}

async function nodeState(): Promise<Node> {
  const args = ['inspect', '--type', 'container', '--format', '{{.State.Running}}', nodeContainer];
  const running = (await run('docker', args, { mayFail: true })).trim();
  return running === '' ? 'absent' : running === 'true' ? 'running' : 'stopped';
}

const isMade = (): Promise<boolean> => succeeds('docker', ['exec', nodeContainer, 'test', '-e', made]);

/** kindUp brings up the kind cluster: one that runs is left as it is, a stopped one is started, a half-made one made anew. */
export async function kindUp(): Promise<void> {
  await doctorOfKind(await nodeState());
  await completeNode(3);
  await ensureKubectl();
  await provideKubeconfig();
  await until(
    'the API server of the kind cluster answers',
    120,
    async () => (await kubectl(['get', '--raw', '/readyz'], { mayFail: true })).trim() === 'ok',
  );
  await samePorts();
  await kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=120s']);
  say(`the kind cluster runs; kubeconfig: ${kubeconfigPath()}`);
}

/** completeNode takes one step after the other: a stopped node may turn out to be half-made, and then there is none. */
async function completeNode(steps: number): Promise<void> {
  const node = await nodeState();
  const step = nextStep(node, node === 'running' && (await isMade()));
  if (step === 'use') return;
  if (steps === 0)
    throw new Error(`the kind cluster does not come up: docker logs ${nodeContainer}, or make demo-down`);
  if (step === 'create') await create();
  if (step === 'start') {
    say('the kind cluster is stopped: starting it');
    await run('docker', ['start', nodeContainer]);
  }
  if (step === 'remove') {
    say('a kind cluster was not made to the end: making it anew');
    await removeNode();
  }
  return completeNode(steps - 1);
}

async function create(): Promise<void> {
  const kind = await kindProgram();
  const image = process.env.KIND_NODE_IMAGE || publicImages.node;
  mkdirSync(dirname(kubeconfigPath()), { recursive: true });
  const config = withPorts(readFileSync(join(here, 'kind.yaml'), 'utf8'), ports);
  const args = [
    'create',
    'cluster',
    '--config',
    '-',
    '--image',
    image,
    '--kubeconfig',
    kubeconfigPath(),
    '--wait',
    '120s',
  ];
  try {
    await during(`creating the kind cluster (${image})`, 'about 1 min, and the download of the image', () =>
      run(kind, args, { input: config, env: dockerNetwork }),
    );
  } catch (error) {
    throw new Error(`${String(error)}\nAnother node image is chosen by KIND_NODE_IMAGE.`, { cause: error });
  }
  const folder = `/etc/containerd/certs.d/${door}`;
  const hosts = `server = "http://${door}"\n[host."http://${door}"]\n  capabilities = ["pull", "resolve"]\n`;
  const write = ['sh', '-c', `mkdir -p ${folder} && cat > ${folder}/hosts.toml && touch ${made}`];
  await run('docker', ['exec', '--interactive', nodeContainer, ...write], { input: hosts });
}

/** samePorts refuses a cluster that was made with other ports: what Docker forwards cannot be changed. */
async function samePorts(): Promise<void> {
  await samePort(80, ports.http, 'EPINIO_HTTP_PORT');
  await samePort(443, ports.https, 'EPINIO_HTTPS_PORT');
}

async function samePort(inside: number, wanted: number, variable: string): Promise<void> {
  const said = await run('docker', ['port', nodeContainer, `${inside}/tcp`], { mayFail: true });
  const port = /:(\d+)\s*$/m.exec(said)?.[1];
  if (port === undefined) throw new Error(`the kind cluster has no port ${wanted}: make demo-down first`);
  if (Number(port) !== wanted)
    throw new Error(`the kind cluster has port ${port}, not ${wanted}: ${variable}=${port}, or make demo-down first`);
}

async function provideKubeconfig(): Promise<void> {
  if (existsSync(kubeconfigPath())) return;
  mkdirSync(dirname(kubeconfigPath()), { recursive: true });
  const args = ['export', 'kubeconfig', '--name', clusterName, '--kubeconfig', kubeconfigPath()];
  await run(await kindProgram(), args);
}

/** kindProgram is a kind at least as new as the pinned one: the machine's own, or one that is built. */
export async function kindProgram(): Promise<string> {
  if (existsSync(binaryPath('kind'))) return binaryPath('kind');
  const pinned = pinnedVersion(readFileSync(join(here, 'tools', 'kind', 'go.mod'), 'utf8'), 'sigs.k8s.io/kind');
  const found = /v\d+\.\d+\.\d+/.exec(await run('kind', ['version']).catch(() => ''))?.[0];
  return found && isAtLeast(found, pinned) ? 'kind' : ensureBinary('kind');
}

/** isAtLeast compares two versions such as v0.30.0. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [have, want] = [version, wanted].map((text) => text.slice(1).split('.').map(Number));
  const different = want?.findIndex((part, index) => part !== have?.[index]) ?? -1;
  return different < 0 || (have?.[different] ?? 0) > (want?.[different] ?? 0);
}

/** ensureKubectl finds one that fits: built, the node's own where this machine can run it, or what the machine has. */
async function ensureKubectl(): Promise<void> {
  if (await succeeds(kubectlPath(), ['version', '--client'])) return;
  const copied = join(cacheDir, 'kind', 'kubectl');
  mkdirSync(dirname(copied), { recursive: true });
  await run('docker', ['cp', `${nodeContainer}:/usr/bin/kubectl`, `${copied}.new`]);
  renameSync(`${copied}.new`, copied);
  if (await succeeds(copied, ['version', '--client'])) return;
  rmSync(copied);
  say(`the node's kubectl does not run here (${process.platform}): building one, or install kubectl to save that`);
  await ensureBinary('kubectl');
}

/** removeNode does what `kind delete cluster` does, without a kind. */
const removeNode = async (): Promise<void> => {
  await run('docker', ['rm', '--force', '--volumes', nodeContainer]);
  rmSync(kubeconfigPath(), { force: true });
};

/** Step is one thing that `down` removes, and how a person would. */
interface Step {
  readonly what: string;
  readonly command: readonly string[];
}

async function remains(): Promise<Step[]> {
  const list = async (...args: string[]) => (await run('docker', args)).split('\n').filter(Boolean);
  const node = await nodeState();
  const networks = await list('network', 'ls', '--filter', `name=^${clusterName}$`, '--format', '{{.Name}}');
  const images = await list(
    'images',
    '--filter',
    'reference=localhost/epinio/*',
    '--format',
    '{{.Repository}}:{{.Tag}}',
  );
  return [
    ...(node === 'absent' ? [] : [{ what: 'the node', command: ['rm', '--force', '--volumes', nodeContainer] }]),
    ...networks.map((name) => ({ what: `the network ${name}`, command: ['network', 'rm', name] })),
    ...images.map((image) => ({ what: `the image ${image}`, command: ['rmi', image] })),
  ];
}

/** kindDown removes node, network, images and kubeconfig; what fails holds up nothing else and is named at the end. */
export async function kindDown(): Promise<void> {
  const steps = await remains();
  const failed: string[] = [];
  for (const { what, command } of steps)
    await run('docker', command).catch((error: Error) =>
      failed.push(`  - ${what}: docker ${command.join(' ')}\n      ${error.message.trim().split('\n').at(-1)}`),
    );
  rmSync(kubeconfigPath(), { force: true });
  if (failed.length > 0)
    throw new Error(
      `not everything of the cluster could be removed. Left, with the command that removes it:\n${failed.join('\n')}`,
    );
  say(
    steps.length > 0
      ? 'the kind cluster is gone, with its network and the images made for it'
      : 'there is no kind cluster',
  );
  await sayWhatStays();
}

/** Public images stay, as the cache does: the next cluster starts without a download. */
async function sayWhatStays(): Promise<void> {
  const wanted = [process.env.KIND_NODE_IMAGE || publicImages.node, publicImages.nodejs, publicImages.go];
  const there = await Promise.all(wanted.map((image) => succeeds('docker', ['image', 'inspect', image])));
  const kept = wanted.filter((_, index) => there[index]);
  if (kept.length > 0) say(`pulled images stay; to remove them: docker rmi ${kept.join(' ')}`);
}

/** kindStatus tells whether the kind cluster runs. */
export async function kindStatus(): Promise<void> {
  const node = await nodeState();
  say(node === 'absent' ? 'there is no kind cluster' : `the node of the kind cluster is ${node}`);
  if (node === 'running') say(await kubectl(['get', 'nodes,pods', '--all-namespaces'], { mayFail: true }));
}

/** kindDoctor tells what a first start will fetch or build, and what is missing. */
export async function kindDoctor(): Promise<void> {
  const node = await nodeState().catch((): Node => 'absent');
  await doctorOfKind(node);
  if (node === 'running') return say('the kind cluster runs');
  const own = existsSync(binaryPath('kind')) || (await succeeds('kind', ['version']));
  if (!own) say((await goVersion()).fits ? 'kind will be built with Go' : `kind will be built in ${publicImages.go}`);
  say(`this machine can run the kind cluster; images that it pulls:\n  ${Object.values(publicImages).join('\n  ')}`);
}
