import { ensureBinary, programs } from './build.ts';
import { kubeconfigPath } from './access.ts';
import { report } from './doctor.ts';
import { install } from './install.ts';
import { down, status, up } from './native.ts';
import { say } from './shell.ts';

const usage = `usage: main.ts <command>
  up                  start the cluster; what runs already is left as it is
  install             bring Epinio and what it needs into the cluster
  down                stop the cluster and remove all that it left on this machine
  status              tell what runs
  doctor              tell what this machine lacks for a native cluster
  build [--light | program …]   build Kubernetes and what runs in it into the cache
  kubeconfig          print the path of the cluster's kubeconfig`;

const light = ['kube-apiserver', 'kube-controller-manager'];

/** commands of the cluster tool, by name. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<unknown>>> = {
  up,
  install,
  down,
  status,
  doctor: report,
  build: async (args) => {
    const wanted = args.includes('--light') ? light : args.length > 0 ? args : programs;
    for (const program of wanted) console.log(await ensureBinary(program));
  },
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
