import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { binaryPath, programs } from './build.ts';
import { goVersion } from './go.ts';
import { isFree } from './kind-doctor.ts';
import { clusterChains } from './network.ts';
import { missingPrograms, nativePrograms, packagesOf } from './packages.ts';
import { cacheDir, here, network, ports, stateDir } from './settings.ts';
import { run, say } from './shell.ts';

/** Complaint says what is missing, and what to do about it. */
type Complaint = string;

/** doctor looks at everything that a native cluster needs, and fails with all that is missing at once. */
export async function doctor(): Promise<void> {
  const checks = [
    root(),
    ...kernel(),
    await go(),
    await modules(),
    apt(),
    disk(),
    memory(),
    ...(await takenPorts()),
    await otherCluster(),
    await takenNetworks(),
  ];
  const complaints = checks.filter((complaint): complaint is Complaint => complaint !== undefined);
  if (complaints.length > 0) {
    throw new Error(
      `this machine cannot run the native cluster yet:\n${complaints.map((text) => `  - ${text}`).join('\n')}`,
    );
  }
}

/** report prints what doctor finds, and what a first start will have to make. */
export async function report(): Promise<void> {
  const unbuilt = programs.filter((program) => !existsSync(binaryPath(program)));
  if (unbuilt.length > 0)
    say(`to be built into ${cacheDir}: ${unbuilt.join(', ')} (about 15 min on two cores for all)`);
  const missing = packagesOf(missingPrograms(nativePrograms));
  if (missing.length > 0) say(`to be installed by apt: ${missing.join(', ')}`);
  await doctor();
  say('this machine can run the native cluster');
}

const root = (): Complaint | undefined =>
  process.getuid?.() === 0 ? undefined : 'not root: run as root (sudo make …), or use CLUSTER=kind or CLUSTER=current';

function kernel(): (Complaint | undefined)[] {
  if (process.platform !== 'linux') return ['not Linux: use CLUSTER=kind with Docker, or CLUSTER=current'];
  const filesystems = readFileSync('/proc/filesystems', 'utf8');
  const features: readonly (readonly [boolean, string])[] = [
    [/\toverlay\n/.test(filesystems) || existsSync('/sys/module/overlay'), 'overlayfs is missing: modprobe overlay'],
    [existsSync('/proc/sys/net/bridge'), 'bridge netfilter is missing: modprobe br_netfilter'],
    [existsSync('/proc/sys/net/netfilter'), 'connection tracking is missing: modprobe nf_conntrack'],
    [existsSync('/sys/fs/cgroup'), 'cgroups are not mounted at /sys/fs/cgroup'],
    [existsSync('/proc/self/ns/net'), 'network namespaces are missing in this kernel'],
  ];
  return features.map(([there, complaint]) => (there ? undefined : complaint));
}

async function go(): Promise<Complaint | undefined> {
  if (programs.every((program) => existsSync(binaryPath(program)))) return undefined;
  const { version, fits } = await goVersion();
  return fits ? undefined : `Go 1.25 or newer is needed to build the cluster's parts (found: ${version || 'none'})`;
}

/** modules asks for one that a build needs first, if anything is left to build: from Go's cache, or its module proxy. */
async function modules(): Promise<Complaint | undefined> {
  const toBuild = programs.some((program) => !existsSync(binaryPath(program)));
  if (!toBuild || missingPrograms(['go']).length > 0) return undefined;
  const ask = run('go', ['mod', 'download', 'k8s.io/api'], {
    cwd: join(here, 'tools', 'kubernetes'),
    timeoutSeconds: 60,
  });
  return ask.then(
    () => undefined,
    (error: unknown) => `Go modules cannot be had (go env GOPROXY shows from where): ${String(error)}`,
  );
}

function apt(): Complaint | undefined {
  const missing = packagesOf(missingPrograms(nativePrograms));
  if (missing.length === 0 || existsSync('/usr/bin/apt-get')) return undefined;
  return `no apt-get here to install ${missing.join(', ')}: install them by hand, or use CLUSTER=kind`;
}

/** disk asks for what a first build and a running cluster take. */
function disk(): Complaint | undefined {
  const existing = (path: string): string => (existsSync(path) ? path : existing(join(path, '..')));
  const needs: readonly (readonly [string, number])[] = [
    [cacheDir, existsSync(binaryPath('traefik')) ? 2 : 16],
    [stateDir, 6],
  ];
  const short = needs.filter(([path, gigabytes]) => {
    const { bavail, bsize } = statfsSync(existing(path));
    return bavail * bsize < gigabytes * 2 ** 30;
  });
  if (short.length === 0) return undefined;
  return `not enough disk: ${short.map(([path, gigabytes]) => `${gigabytes} GB free at ${path}`).join(', ')} needed`;
}

function memory(): Complaint | undefined {
  const gigabytes = totalmem() / 2 ** 30;
  if (availableParallelism() < 2) say('one core only: everything will be slow');
  return gigabytes >= 4 ? undefined : `4 GB of memory are needed, there are ${gigabytes.toFixed(1)}`;
}

const advice: Readonly<Record<string, string>> = {
  http: 'free it, or choose another with EPINIO_HTTP_PORT',
  https: 'free it, or choose another with EPINIO_HTTPS_PORT',
  api: 'free it, or choose another with EPINIO_API_PORT',
};

async function takenPorts(): Promise<Complaint[]> {
  if (existsSync(join(stateDir, 'run'))) return [];
  const taken = await Promise.all(
    Object.entries(ports).map(async ([name, port]) =>
      (await isFree(port)) ? [] : [`port ${port} (${name}) of 127.0.0.1 is taken: ${advice[name] ?? 'free it'}`],
    ),
  );
  return taken.flat();
}

/** otherCluster refuses a machine whose iptables already have a kubelet's chains: `down` could not tell them apart. */
async function otherCluster(): Promise<Complaint | undefined> {
  if (existsSync(join(stateDir, 'before.json')) || !existsSync('/usr/sbin/iptables-save')) return undefined;
  const saved = await run('/usr/sbin/iptables-save', [], { mayFail: true });
  if (clusterChains(saved).length === 0) return undefined;
  return 'another Kubernetes runs on this machine (iptables has its chains): use CLUSTER=current for it';
}

/** takenNetworks refuses a machine that already reaches something else at the addresses of pods or Services. */
async function takenNetworks(): Promise<Complaint | undefined> {
  if (missingPrograms(['ip']).length > 0) return undefined;
  const prefixes = [network.podCIDR, network.serviceCIDR].map((cidr) => cidr.replace(/\.0\.0\/.*/, '.'));
  const routes = (await run('ip', ['-4', 'route', 'show'], { mayFail: true })).split('\n');
  const taken = routes.filter(
    (route) => prefixes.some((prefix) => route.startsWith(prefix)) && !route.includes(` dev ${network.bridge}`),
  );
  if (taken.length === 0) return undefined;
  return `the cluster's addresses are in use here (${taken.join('; ')}): use CLUSTER=current or CLUSTER=kind`;
}
