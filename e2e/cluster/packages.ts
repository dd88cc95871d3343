import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { during, run } from './shell.ts';

/** Debian's package for each program that is not built from a Go module. */
const packages: Readonly<Record<string, string>> = {
  etcd: 'etcd-server',
  containerd: 'containerd',
  runc: 'runc',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  buildah: 'buildah',
  mmdebstrap: 'mmdebstrap',
  iptables: 'iptables',
  ip: 'iproute2',
  curl: 'curl',
  openssl: 'openssl',
  bzip2: 'bzip2',
  xz: 'xz-utils',
  bsdtar: 'libarchive-tools',
  zip: 'zip',
  'lua5.1': 'lua5.1',
  busybox: 'busybox-static',
  git: 'git',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
  '/usr/share/doc/libnss-wrapper': 'libnss-wrapper',
};

/** What tests on an API server alone need. */
export const lightPrograms = ['etcd', 'openssl', 'curl'] as const;

/** What the native cluster needs. */
export const nativePrograms = [
  ...['etcd', 'containerd', 'runc', '/usr/lib/cni/bridge', 'docker-registry', 'skopeo', 'buildah', 'mmdebstrap'],
  ...['iptables', 'ip', 'curl', 'openssl'],
] as const;

/** missingPrograms tells which of some programs the machine does not have; apt's daemons live in /usr/sbin. */
export function missingPrograms(wanted: readonly string[]): string[] {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const exists = (program: string) =>
    program.startsWith('/') ? existsSync(program) : folders.some((folder) => existsSync(join(folder, program)));
  return wanted.filter((program) => !exists(program));
}

/** packagesOf names the Debian packages of some programs. */
export const packagesOf = (wanted: readonly string[]): string[] =>
  wanted.map((program) => packages[program] ?? program);

/** ensurePrograms installs what is missing, without starting the services that Debian would start. */
export async function ensurePrograms(wanted: readonly string[]): Promise<void> {
  const names = packagesOf(missingPrograms(wanted));
  if (names.length === 0) return;
  const byHand = `apt-get install ${names.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`missing: ${names.join(', ')}; install them (Debian: ${byHand}) or run as root on Debian`);
  }
  await during(byHand, 'once; about 1 min', async () => {
    await run('apt-get', ['update', '-q']);
    await withoutServices(() => run('apt-get', ['install', '-qy', '--no-install-recommends', ...names], quietly));
  });
}

const quietly = { env: { DEBIAN_FRONTEND: 'noninteractive' } };

/** withoutServices answers "no" to every package that wants to start its service (invoke-rc.d asks policy-rc.d). */
async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    rmSync(policy, { force: true });
  }
}
