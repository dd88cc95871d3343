import { binaryPath, ensureBinaries, ensureDefinitions, programs } from './build.ts';
import { addCertManager, removeCertManager } from './cert-manager.ts';
import { addGateway, removeGateway } from './gateway.ts';
import { builderContext } from './builder.ts';
import { chosenCluster, kubeconfigPath, type Kind } from './access.ts';
import { develop } from './develop.ts';
import { report } from './doctor.ts';
import { install } from './install.ts';
import { kindDoctor, kindDown, kindStatus, kindUp } from './kind.ts';
import { kubectl } from './kubectl.ts';
import { addMetricsServer, removeMetricsServer } from './metrics-server.ts';
import { alone } from './lock.ts';
import { down, isRunning, status, up } from './native.ts';
import { runWith } from './with.ts';
import { say } from './shell.ts';

const usage = `usage: main.ts <command>
  up                  start the cluster; what runs already is left as it is
  install             bring Epinio and what it needs into the cluster
  down                stop the cluster and remove all that it left on this machine
  status              tell what runs
  doctor              tell what this machine lacks for the cluster
  build [--light | program …]   build Kubernetes and what runs in it into the cache
  with program … -- command …   run a command that finds these programs, installed where missing, and no other packages'
                      ("cluster": what the chosen cluster needs)
  builder-context DIR fill a folder with what docker build needs for the test builder and its run image
  develop [node option …]   run the operator from its sources in the place of the installed one, with a debugger's port
  add cert-manager    bring cert-manager's controllers into the running cluster; remove cert-manager takes them away
  add gateway         bring the Gateway API, and let Traefik serve it beside Ingresses; remove gateway takes it away
  add metrics-server  bring metrics-server into the running cluster; remove metrics-server takes it away
  kubeconfig          print the path of the cluster's kubeconfig
CLUSTER=native|kind|current chooses the cluster: by default kind where a Docker daemon answers, else native.`;

const light = ['kube-apiserver', 'kube-controller-manager'];

type Work = () => Promise<void>;

/** A cluster that was there before is used as it is: what is installed in it is its owner's choice. */
const current: Record<'up' | 'down' | 'status' | 'install', Work> = {
  up: async () => say(await kubectl(['version'])),
  down: async () => say('the current cluster is not ours to stop'),
  status: async () => say(await kubectl(['get', 'nodes'])),
  install: async () => void (await kubectl(['get', 'crd', 'apps.epinio.io'])),
};

const clusters: Record<Kind, Record<'up' | 'down' | 'status' | 'install', Work>> = {
  native: { up, down, status, install },
  kind: { up: kindUp, down: kindDown, status: kindStatus, install },
  current,
};

const doctors: Record<Kind, Work> = {
  native: async () => (isRunning() ? say('the native cluster runs') : report()),
  kind: kindDoctor,
  current: current.status,
};

const chosen = (step: keyof typeof current) => () => clusters[chosenCluster()][step]();
const chosenAlone = (step: keyof typeof current) => () => alone(chosen(step));

/** What a cluster has only where somebody asks for it. */
const parts: Readonly<Record<string, { readonly add: Work; readonly remove: Work }>> = {
  'cert-manager': { add: addCertManager, remove: removeCertManager },
  gateway: { add: addGateway, remove: removeGateway },
  'metrics-server': { add: addMetricsServer, remove: removeMetricsServer },
};

function partOf([name = '']: readonly string[]): { readonly add: Work; readonly remove: Work } {
  const part = parts[name];
  if (!part) throw new Error(`no part ${name}; there are: ${Object.keys(parts).join(', ')}`);
  return part;
}

/** commands of the cluster tool, by name. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<unknown>>> = {
  up: chosenAlone('up'),
  install: chosenAlone('install'),
  down: chosenAlone('down'),
  status: chosen('status'),
  doctor: () => doctors[chosenCluster()](),
  build: async (args) => {
    const wanted = args.includes('--light') ? light : args.length > 0 ? args : programs;
    const tools = wanted.flatMap((name) => /^(.+)-crds$/.exec(name)?.[1] ?? []);
    const built = wanted.filter((name) => !name.endsWith('-crds'));
    await ensureBinaries(built);
    for (const program of built) console.log(binaryPath(program));
    for (const tool of tools) console.log(await ensureDefinitions(tool));
  },
  with: runWith,
  add: (args) => alone(() => partOf(args).add()),
  remove: (args) => alone(() => partOf(args).remove()),
  'builder-context': builderContext,
  develop,
  kubeconfig: async () => console.log(kubeconfigPath()),
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  say(usage);
  process.exitCode = 2;
} else {
  try {
    await command(args);
  } catch (error) {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
