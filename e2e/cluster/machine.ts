import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isBelow, readMounts, type Mount } from './mounts.ts';
import { networkRemains, readSysctls } from './network.ts';
import { containerdSocket } from './node.ts';
import { planRemoval, restsOf, type Remains, type Step } from './removal.ts';
import { runDir, stateDir } from './settings.ts';
import { run } from './shell.ts';

/** Folders at fixed places, outside ours, that kubelet, CNI plugins and buildah fill with things of their own only. */
const filled = ['/var/lib/kubelet', '/var/log/containers', '/var/log/pods', '/var/lib/containers'];

/** Folders in which others may have something too: a containerd of the machine, `ip netns`, another CNI network. */
const shared = [
  ...['/run/containerd/s', '/run/containerd/runc/k8s.io', '/run/containerd/runc', '/run/containerd'],
  ...['/run/netns', '/var/lib/cni/results', '/var/lib/cni'],
];

/** Before is what the machine was like before the cluster's first start. */
interface Before {
  readonly sysctls: Readonly<Record<string, string>>;
  /** Entries of the folders above; a folder that is missing here did not exist. */
  readonly entries: Readonly<Record<string, readonly string[]>>;
  readonly cgroups: readonly string[];
}

const note = join(stateDir, 'before.json');
const goingDown = join(stateDir, 'going-down');

/** noteMachine writes down, once, what `down` has to restore. */
export function noteMachine(): void {
  if (existsSync(note)) return;
  const existing = [...filled, ...shared].filter((folder) => existsSync(folder));
  const before: Before = {
    sysctls: readSysctls(),
    entries: Object.fromEntries(existing.map((folder) => [folder, readdirSync(folder)])),
    cgroups: podCgroups(),
  };
  mkdirSync(stateDir, { recursive: true, mode: 0o711 });
  writeFileSync(note, JSON.stringify(before, null, 2));
}

/** restOfEarlier tells why what is on the machine is no cluster to go on with; undefined where there is nothing, or one. */
export async function restOfEarlier(running: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  return restsOf(await observe(), { noted: existsSync(note), goingDown: existsSync(goingDown), running });
}

/**
 * restoreMachine removes everything that the cluster left; its daemons have been stopped. It looks, does what can be done,
 * and looks again: what fails holds up nothing else, and is named at the end with the command that removes it.
 */
export async function restoreMachine(patienceSeconds = 30): Promise<void> {
  if (process.platform !== 'linux') return;
  if (existsSync(stateDir)) writeFileSync(goingDown, '');
  const deadline = Date.now() + patienceSeconds * 1000;
  const failures = new Map<string, string>();
  let left = planRemoval(await observe());
  while (left.length > 0 && Date.now() < deadline) {
    failures.clear();
    for (const step of left) await attempt(step).catch((error: Error) => failures.set(step.what, error.message));
    const next = planRemoval(await observe());
    // A process takes its time to die, and its cgroup with it.
    if (JSON.stringify(next) === JSON.stringify(left)) await new Promise((resolve) => setTimeout(resolve, 500));
    left = next;
  }
  if (left.length > 0) throw new Error(leftBehind(left, failures));
}

const attempt = ({ command: [program = '', ...args], input }: Step): Promise<string> =>
  run(program, args, input === undefined ? {} : { input });

/** leftBehind names what could not be removed, each with the command that would and what that said. */
export function leftBehind(left: readonly Step[], failures: ReadonlyMap<string, string>): string {
  const shown = left.map(({ what, command }) => {
    const said = failures.get(what)?.trim().split('\n').at(-1);
    return `  - ${what}: ${command.map(quoted).join(' ')}${said ? `\n      ${said}` : ''}`;
  });
  return `not everything of the cluster could be removed. Left on this machine, with the command that removes it:
${shown.join('\n')}
The same command can be called again at any time.`;
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** observe looks for everything that is the cluster's alone. */
async function observe(): Promise<Remains> {
  const noted = existsSync(note);
  const before = noted ? (JSON.parse(readFileSync(note, 'utf8')) as Before) : undefined;
  const mounts = ourMounts();
  const cgroups = before ? podCgroups().filter((path) => !before.cgroups.includes(path)) : [];
  const now = readSysctls();
  const changed = Object.entries(before?.sysctls ?? {}).filter(([name, value]) => now[name] !== value);
  return {
    processes: [...new Set([...ourProcesses(), ...cgroups.flatMap(processesIn)])],
    mounts,
    cgroups: cgroups.flatMap((path) => [...groupsBelow(path), path]),
    ...(await networkRemains(noted)),
    sysctls: changed,
    ...(before ? ourFiles(before) : { files: [], folders: [] }),
    own: [runDir, stateDir].filter((folder) => existsSync(folder)),
  };
}

const entriesOf = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

function ourFiles(before: Before): { files: string[]; folders: string[] } {
  const fresh = (folder: string, ours: (name: string) => boolean = () => true) =>
    entriesOf(folder)
      .filter((name) => !before.entries[folder]?.includes(name) && ours(name))
      .map((name) => join(folder, name));
  const sandboxes = entriesOf(join(stateDir, 'containerd', 'root', 'io.containerd.grpc.v1.cri', 'sandboxes'));
  const files = [
    ...filled.flatMap((folder) => (before.entries[folder] ? fresh(folder) : existsSync(folder) ? [folder] : [])),
    ...fresh('/run/netns', (name) => name.startsWith('cni-')),
    ...fresh('/var/lib/cni/results', (name) => sandboxes.some((id) => name.includes(`-${id}-`))),
    ...taskFiles(),
  ];
  const folders = shared.filter(
    (folder) => !before.entries[folder] && existsSync(folder) && entriesOf(folder).length === 0,
  );
  return { files, folders };
}

/** taskFiles are a shim's socket and runc's state for each task: containerd keeps both at places of its own choice. */
const taskFiles = (): string[] => {
  const tasks = join(runDir, 'containerd', 'io.containerd.runtime.v2.task', 'k8s.io');
  return entriesOf(tasks)
    .flatMap((id) => {
      const address = join(tasks, id, 'address');
      const socket = existsSync(address) ? readFileSync(address, 'utf8').replace('unix://', '') : '';
      return [socket, join('/run/containerd/runc/k8s.io', id)];
    })
    .filter((path) => path.startsWith('/run/containerd/') && existsSync(path));
};

const ourMounts = (): Mount[] =>
  readMounts(readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    ({ path }) => [stateDir, runDir].some((folder) => isBelow(path, folder)) || path.startsWith('/run/netns/cni-'),
  );

/** podCgroups are the top groups that a kubelet makes: one for each controller with cgroup v1, one with v2. */
function podCgroups(): string[] {
  const root = '/sys/fs/cgroup';
  if (!existsSync(root)) return [];
  const hierarchies = existsSync(join(root, 'cgroup.controllers'))
    ? [root]
    : readdirSync(root).flatMap((name) => (lstatSync(join(root, name)).isDirectory() ? [join(root, name)] : []));
  return hierarchies.map((path) => join(path, 'kubepods')).filter((path) => existsSync(path));
}

/** unlessGone looks at something that may go away at any moment. */
function unlessGone<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

const groupsBelow = (path: string): string[] =>
  unlessGone(() => readdirSync(path, { withFileTypes: true }), [])
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [...groupsBelow(join(path, entry.name)), join(path, entry.name)]);

const processesIn = (cgroup: string): number[] =>
  [...groupsBelow(cgroup), cgroup].flatMap((path) =>
    unlessGone(() => readFileSync(join(path, 'cgroup.procs'), 'utf8'), '')
      .split('\n')
      .filter(Boolean)
      .map(Number),
  );

const daemonNames = [
  ...['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
  ...['containerd', 'kubelet', 'kube-proxy'],
];

/** isOurs knows a daemon by the state folder in its arguments, and a shim by the address of our containerd. */
export function isOurs(args: readonly string[]): boolean {
  const program = basename(args[0] ?? '');
  if (program.startsWith('containerd-shim')) return args.includes(containerdSocket);
  return daemonNames.includes(program) && args.some((word) => word.includes(`${stateDir}/`));
}

const ourProcesses = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => unlessGone(() => isOurs(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')), false))
    .map(Number);
