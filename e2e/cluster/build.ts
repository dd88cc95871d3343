import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, here } from './settings.ts';
import { during, run } from './shell.ts';

/** Tool is one Go module under tools/: what it pins, its programs, and how each learns its version. */
interface Tool {
  /** The module whose pinned version names the build; absent for a program of our own. */
  readonly module?: string;
  readonly programs: readonly string[];
  readonly package: (program: string) => string;
  readonly stamp: (version: string) => readonly string[];
  /** Runs in containers only: built for Linux, whatever this machine is. */
  readonly contained?: true;
}

const component = 'k8s.io/component-base/version';

const tools: Readonly<Record<string, Tool>> = {
  kubernetes: {
    module: 'k8s.io/kubernetes',
    programs: ['kube-apiserver', 'kube-controller-manager', 'kubectl', 'kube-scheduler', 'kubelet', 'kube-proxy'],
    package: (program) => `k8s.io/kubernetes/cmd/${program}`,
    stamp: (version) => {
      const [major = '', minor = ''] = version.slice(1).split('.');
      return [`${component}.gitVersion=${version}`, `${component}.gitMajor=${major}`, `${component}.gitMinor=${minor}`];
    },
  },
  pause: { programs: ['pause'], package: () => '.', stamp: () => [], contained: true },
  coredns: {
    module: 'github.com/coredns/coredns',
    programs: ['coredns'],
    package: () => '.',
    stamp: () => [],
    contained: true,
  },
  minio: {
    module: 'github.com/minio/minio',
    programs: ['minio'],
    package: () => 'github.com/minio/minio',
    stamp: () => [],
    contained: true,
  },
  traefik: {
    module: 'github.com/traefik/traefik/v3',
    programs: ['traefik'],
    package: () => 'github.com/traefik/traefik/v3/cmd/traefik',
    contained: true,
    stamp: (version) => [`github.com/traefik/traefik/v3/pkg/version.Version=${version.slice(1)}`],
  },
  kind: { module: 'sigs.k8s.io/kind', programs: ['kind'], package: () => 'sigs.k8s.io/kind', stamp: () => [] },
};

/** Cold build time on two cores, each after the ones before it: said before the wait. */
const minutes: Readonly<Record<string, number>> = {
  'kube-apiserver': 5,
  'kube-controller-manager': 2,
  coredns: 2,
  minio: 3,
  traefik: 8,
};

/** programs lists every program that the native cluster builds, in the order that shares most of the compile work. */
export const programs = Object.keys(tools)
  .filter((tool) => tool !== 'kind')
  .flatMap((tool) => tools[tool]?.programs ?? []);

/** toolOf finds the tool that a program belongs to. */
function toolOf(program: string): [string, Tool] {
  const found = Object.entries(tools).find(([, tool]) => tool.programs.includes(program));
  if (!found) throw new Error(`no tool has a program ${program}`);
  return found;
}

/** pinnedVersion reads the version of a module from a go.mod, the only place that says it. */
export function pinnedVersion(goMod: string, module: string): string {
  const line = goMod.split('\n').find((text) => text.replace(/^(require)?\s+/, '').startsWith(`${module} v`));
  const version = line && /\sv[^\s]+/.exec(line)?.[0].trim();
  if (!version) throw new Error(`go.mod does not require ${module}`);
  return version;
}

/** versionOf is what a tool's builds are called. */
function versionOf(name: string, tool: Tool): string {
  return tool.module ? pinnedVersion(readFileSync(join(here, 'tools', name, 'go.mod'), 'utf8'), tool.module) : 'v1';
}

/** binaryPath is where a program is, or will be, in the cache: the folder's name is a hash of the files that pin it. */
export function binaryPath(program: string): string {
  const [name, tool] = toolOf(program);
  const source = join(here, 'tools', name);
  const hash = createHash('sha256');
  for (const file of readdirSync(source).sort()) hash.update(file).update(readFileSync(join(source, file)));
  return join(cacheDir, `${name}-${versionOf(name, tool)}-${hash.digest('hex').slice(0, 10)}`, program);
}

/** ensureBinary returns the path of a program, building it first where the cache has none. */
export async function ensureBinary(program: string): Promise<string> {
  const path = givenBinary(program) ?? binaryPath(program);
  if (!existsSync(path)) await build(program, path);
  return path;
}

/** givenBinary is a program that the machine's owner provides by the convention of KUBEBUILDER_ASSETS. */
export function givenBinary(program: string): string | undefined {
  const folder = process.env.KUBEBUILDER_ASSETS;
  if (!folder || !['kube-apiserver', 'etcd'].includes(program)) return undefined;
  const path = join(folder, program);
  return existsSync(path) ? path : undefined;
}

async function build(program: string, path: string): Promise<void> {
  const [name, tool] = toolOf(program);
  const source = join(here, 'tools', name);
  const version = versionOf(name, tool);
  const flags = ['-s', '-w', ...tool.stamp(version).map((variable) => `-X=${variable}`)].join(' ');
  // Written beside the final place and renamed, so that an interrupted build leaves nothing that looks finished.
  const unfinished = `${path}.${process.pid}`;
  mkdirSync(join(path, '..'), { recursive: true });
  try {
    await during(`building ${program} ${version}`, `once; about ${minutes[program] ?? 1} min on two cores`, () =>
      run('go', ['build', '-trimpath', '-ldflags', flags, '-o', unfinished, tool.package(program)], {
        cwd: source,
        // GOFLAGS of the machine's owner could say -mod=mod, which would rewrite the pinned module files.
        env: {
          CGO_ENABLED: '0',
          GOFLAGS: '-mod=readonly -buildvcs=false',
          GOWORK: 'off',
          ...(tool.contained && { GOOS: 'linux' }),
        },
      }),
    );
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
