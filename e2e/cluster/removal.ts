import { isBelow, type Mount } from './mounts.ts';

/** Remains is what a cluster has left on the machine, as far as it is the cluster's alone. */
export interface Remains {
  readonly processes: readonly number[];
  /** In the order of mounting. */
  readonly mounts: readonly Mount[];
  /** The deepest first. */
  readonly cgroups: readonly string[];
  readonly bridge?: string;
  /** The arguments of iptables that name the rule which keeps pods inside. */
  readonly rule?: readonly string[];
  /** What to give to which iptables-restore. */
  readonly chains: readonly { readonly command: string; readonly removal: string }[];
  /** Settings that differ from what they were before. */
  readonly sysctls: readonly (readonly [name: string, value: string])[];
  readonly files: readonly string[];
  /** Folders that were not there before and that others may use too: they go when they are empty. */
  readonly folders: readonly string[];
  /** The cluster's own folders: the last to go, for they know what has to be restored. */
  readonly own: readonly string[];
}

/** Step removes one thing by a command that a person could type, too. */
export interface Step {
  readonly what: string;
  readonly command: readonly string[];
  readonly input?: string;
}

/** planRemoval says what to do about what is left. A folder waits until nothing is mounted in it; the next look finds it. */
export function planRemoval(remains: Remains): Step[] {
  const live = [...processes(remains), ...mounts(remains), ...remains.cgroups.map(cgroup), ...network(remains)];
  const steps = [...live, ...remains.sysctls.map(sysctl), ...files(remains)];
  return steps.length > 0 ? steps : remains.own.map((path) => remove(`the folder ${path}`, path));
}

const processes = (remains: Remains): Step[] =>
  // The shell's own kill: a small Debian has no other.
  remains.processes.map((pid) => ({ what: `process ${pid}`, command: ['sh', '-c', `kill -KILL ${pid}`] }));

const mounts = (remains: Remains): Step[] =>
  remains.mounts.toReversed().map((mount) => ({ what: `the mount at ${mount.path}`, command: unmount(mount) }));

/**
 * unmount reaches a hidden mount in a copy of the mount table: there it is uncovered, and removing the file that it lies
 * upon ends it everywhere, while the mount that covers it stays as it is for its owner.
 */
function unmount({ path, hiddenBy }: Mount): string[] {
  if (hiddenBy === undefined) return ['umount', '--lazy', path];
  const uncovered = `until umount --lazy "$0" 2>/dev/null; do umount --lazy "$1" || exit 1; done; rm -rf --one-file-system "$0"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', uncovered, path, hiddenBy];
}

const cgroup = (path: string): Step => ({ what: `the cgroup ${path}`, command: ['rmdir', path] });

function network({ bridge, rule, chains }: Remains): Step[] {
  const steps: Step[] = [];
  if (bridge) steps.push({ what: `the interface ${bridge}`, command: ['ip', 'link', 'delete', bridge] });
  if (rule) steps.push({ what: 'the rule that keeps pods inside', command: ['iptables', '-w', '-D', ...rule] });
  for (const { command, removal } of chains)
    steps.push({
      what: `chains of ${command}`,
      command: [`${command}-restore`, '--noflush', '--wait'],
      input: removal,
    });
  return steps;
}

const sysctl = ([name, value]: readonly [string, string]): Step => ({
  what: `the setting ${name}`,
  command: ['sh', '-c', `echo ${value} > /proc/sys/${name}`],
});

/** files are removed where nothing is mounted: what is mounted may be anything. */
function files({ files, folders, mounts }: Remains): Step[] {
  const free = (path: string) => !mounts.some((mount) => isBelow(mount.path, path));
  return [
    ...files.filter(free).map((path) => remove(path, path)),
    ...folders.filter(free).map((path) => ({ what: path, command: ['rmdir', '--ignore-fail-on-non-empty', path] })),
  ];
}

const remove = (what: string, path: string): Step => ({
  what,
  command: ['rm', '--recursive', '--force', '--one-file-system', path],
});

/** restsOf tells why what is here is no cluster to go on with, but the rest of an earlier one. */
export function restsOf(
  remains: Remains,
  { noted, goingDown, running }: { noted: boolean; goingDown: boolean; running: number },
): string | undefined {
  const live = remains.processes.length + remains.mounts.length + remains.cgroups.length > 0;
  if (goingDown) return 'it was not removed to the end';
  if (!noted && (live || remains.bridge !== undefined)) return 'it left no note of what was here before';
  if (noted && running === 0 && live) return 'its processes ended without it being stopped';
  return undefined;
}
