import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { disconnectNetwork, readSysctls, restoreSysctls } from './network.ts';
import { containerdSocket } from './node.ts';
import { runDir, stateDir } from './settings.ts';
import { run, until } from './shell.ts';

/** Folders outside ours that kubelet, containerd, CNI plugins and buildah make at fixed places. */
const foreignFolders = [
  '/var/lib/kubelet',
  '/var/log/containers',
  '/var/log/pods',
  '/var/lib/cni',
  '/run/containerd',
  '/run/netns',
  '/var/lib/containers',
];

/** Before is what the machine was like before the cluster's first start. */
interface Before {
  readonly sysctls: Readonly<Record<string, string>>;
  /** Entries of the foreign folders; a folder that is missing here did not exist. */
  readonly entries: Readonly<Record<string, readonly string[]>>;
  readonly cgroups: readonly string[];
}

const note = join(stateDir, 'before.json');

/** noteMachine writes down, once, what `down` has to restore. */
export function noteMachine(): void {
  if (existsSync(note)) return;
  const existing = foreignFolders.filter((folder) => existsSync(folder));
  const before: Before = {
    sysctls: readSysctls(),
    entries: Object.fromEntries(existing.map((folder) => [folder, readdirSync(folder)])),
    cgroups: podCgroups(),
  };
  mkdirSync(stateDir, { recursive: true, mode: 0o711 });
  writeFileSync(note, JSON.stringify(before, null, 2));
}

/** restoreMachine removes processes, mounts, network, folders and settings of the cluster; the daemons have stopped. */
export async function restoreMachine(): Promise<void> {
  if (!existsSync(note)) return;
  const before = JSON.parse(readFileSync(note, 'utf8')) as Before;
  const cgroups = podCgroups().filter((path) => !before.cgroups.includes(path));
  await endContainers(cgroups);
  await unmountBelow([stateDir, runDir, ...newEntries(before, '/run/netns')]);
  cgroups.forEach(removeCgroup);
  await disconnectNetwork();
  restoreSysctls(before.sysctls);
  for (const path of foreignFolders.flatMap((folder) => newEntries(before, folder))) {
    rmSync(path, { recursive: true, force: true });
  }
  for (const folder of foreignFolders) if (!before.entries[folder]) rmSync(folder, { recursive: true, force: true });
  for (const folder of [stateDir, runDir]) rmSync(folder, { recursive: true, force: true });
}

const newEntries = (before: Before, folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((entry) => !before.entries[folder]?.includes(entry))
        .map((entry) => join(folder, entry))
    : [];

/** podCgroups are the top groups that a kubelet makes: one for each controller with cgroup v1, one with v2. */
function podCgroups(): string[] {
  const root = '/sys/fs/cgroup';
  const hierarchies = existsSync(join(root, 'cgroup.controllers'))
    ? [root]
    : readdirSync(root).flatMap((name) => (lstatSync(join(root, name)).isDirectory() ? [join(root, name)] : []));
  return hierarchies.map((path) => join(path, 'kubepods')).filter((path) => existsSync(path));
}

const groupsBelow = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [...groupsBelow(join(path, entry.name)), join(path, entry.name)]);

const processesIn = (cgroups: readonly string[]): number[] =>
  cgroups
    .flatMap((path) => [...groupsBelow(path), path])
    .flatMap((path) => readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number));

/** Shims are not in a pod's group: they are known by the address of our containerd in their arguments. */
const shims = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return (args[0] ?? '').includes('containerd-shim') && args.includes(containerdSocket);
      } catch {
        return false;
      }
    });

/** endContainers kills shims and all that runs in pods, until nothing is left. */
async function endContainers(cgroups: readonly string[]): Promise<void> {
  await until('containers end', 30, async () => {
    const left = [...shims(), ...processesIn(cgroups)];
    for (const pid of left) await run('kill', ['-KILL', String(pid)], { mayFail: true });
    return left.length === 0;
  });
}

function removeCgroup(path: string): void {
  for (const group of [...groupsBelow(path), path]) rmdirSync(group);
}

/** unmountBelow unmounts what lies at or below some folders, the youngest mount first. */
async function unmountBelow(folders: readonly string[]): Promise<void> {
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((path) => folders.some((folder) => path === folder || path.startsWith(`${folder}/`)));
  for (const path of mounted.toReversed()) await run('umount', ['--lazy', path]);
}
