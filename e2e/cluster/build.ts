import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { exportFolder, goBuild, type GoBuild, type LeftOut } from './go.ts';
import { cacheDir, here } from './settings.ts';
import { during } from './shell.ts';

/** Tool is one Go module under tools/: what it pins, its programs, and how each learns its version. */
interface Tool {
  /** The module whose pinned version names the build; absent for a program of our own. */
  readonly module?: string;
  readonly programs: readonly string[];
  readonly package: (program: string) => string;
  readonly stamp: (version: string) => readonly string[];
  /** What a test cluster does not use of it, and what would be most of the work of compiling it. */
  readonly without?: readonly LeftOut[];
  /** Runs in containers only: built for Linux, whatever this machine is. */
  readonly contained?: true;
  /** Folder of the module with CustomResourceDefinitions: `build <tool>-crds` brings them, and compiles nothing. */
  readonly definitions?: string;
  /** Built only where it is asked for. */
  readonly optional?: true;
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
  versitygw: {
    module: 'github.com/versity/versitygw',
    programs: ['versitygw'],
    package: () => 'github.com/versity/versitygw/cmd/versitygw',
    stamp: () => [],
    optional: true,
  },
  traefik: {
    module: 'github.com/traefik/traefik/v3',
    programs: ['traefik'],
    package: () => 'github.com/traefik/traefik/v3/cmd/traefik',
    contained: true,
    without: [
      { module: 'github.com/go-acme/lego/v4', folder: 'providers/dns', by: 'no-dns-providers.go.txt' },
      { module: 'github.com/traefik/traefik/v3', folder: 'pkg/provider/ecs', by: 'no-ecs.go.txt' },
    ],
    stamp: (version) => [`github.com/traefik/traefik/v3/pkg/version.Version=${version.slice(1)}`],
  },
  'cert-manager': {
    module: 'github.com/cert-manager/cert-manager',
    programs: ['cert-manager'],
    package: () => '.',
    stamp: () => [],
    contained: true,
    definitions: 'deploy/crds',
    optional: true,
  },
  'gateway-api': {
    module: 'sigs.k8s.io/gateway-api',
    programs: [],
    package: () => '.',
    stamp: () => [],
    definitions: 'config/crd/standard',
    optional: true,
  },
  'metrics-server': {
    module: 'sigs.k8s.io/metrics-server',
    programs: ['metrics-server'],
    package: () => 'sigs.k8s.io/metrics-server/cmd/metrics-server',
    stamp: () => [],
    contained: true,
    optional: true,
  },
  kind: {
    optional: true,
    module: 'sigs.k8s.io/kind',
    programs: ['kind'],
    package: () => 'sigs.k8s.io/kind',
    stamp: () => [],
  },
};

/** Cold build time on two cores, each after the ones before it: said before the wait. */
const minutes: Readonly<Record<string, number>> = {
  'kube-apiserver': 5,
  'kube-controller-manager': 1,
  coredns: 1,
  minio: 2,
  versitygw: 2,
  traefik: 3,
  'cert-manager': 3,
  'metrics-server': 2,
};

/** programs lists every program that the native cluster builds, in the order that shares most of the compile work. */
export const programs = Object.values(tools)
  .filter(({ optional }) => optional !== true)
  .flatMap((tool) => tool.programs);

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
export const binaryPath = (program: string): string => join(placeOf(...toolOf(program)), program);

/** definitionsPath is where the CustomResourceDefinitions of a tool are, or will be: of the same name as its builds. */
export function definitionsPath(name: string): string {
  const tool = tools[name];
  if (tool?.definitions === undefined) throw new Error(`no tool ${name} has definitions`);
  return join(placeOf(name, tool), 'crds');
}

/** ensureDefinitions brings the CustomResourceDefinitions of a tool into the cache. */
export async function ensureDefinitions(name: string): Promise<string> {
  const path = definitionsPath(name);
  const { module = '', definitions = '' } = tools[name] ?? {};
  if (existsSync(path)) return path;
  const unfinished = `${path}.${process.pid}`;
  mkdirSync(join(path, '..'), { recursive: true });
  try {
    await exportFolder({ source: join(here, 'tools', name), module, folder: definitions, out: unfinished });
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return path;
}

function placeOf(name: string, tool: Tool): string {
  const source = join(here, 'tools', name);
  const hash = createHash('sha256');
  for (const file of readdirSync(source).sort()) hash.update(file).update(readFileSync(join(source, file)));
  return join(cacheDir, `${name}-${versionOf(name, tool)}-${hash.digest('hex').slice(0, 10)}`);
}

/** ensureBinary returns the path of a program, building it first where the cache has none. */
export async function ensureBinary(program: string): Promise<string> {
  const path = givenBinary(program) ?? binaryPath(program);
  if (!existsSync(path)) await build(toolOf(program), [program]);
  return path;
}

/**
 * ensureBinaries builds all of some programs that the cache does not have: those of one tool by one call, two tools at a
 * time. One alone leaves a core idle while it links, or while its modules come in.
 */
export async function ensureBinaries(wanted: readonly string[]): Promise<void> {
  const missing = wanted.filter((program) => !existsSync(givenBinary(program) ?? binaryPath(program)));
  const open = Object.entries(tools)
    .map((entry) => ({ entry, missing: programsOf(entry[1], missing) }))
    .filter((job) => job.missing.length > 0)
    .sort((a, b) => expectedMinutes(b.missing) - expectedMinutes(a.missing));
  const worker = async () => {
    for (let job = open.shift(); job; job = open.shift()) await build(job.entry, job.missing);
  };
  await Promise.all(fewCoresOrLittleMemory() ? [worker()] : [worker(), worker()]);
}

/** A linker of Kubernetes takes 2 GB by itself. */
const fewCoresOrLittleMemory = (): boolean => availableParallelism() < 2 || totalmem() < 6 * 2 ** 30;

const expectedMinutes = (wanted: readonly string[]): number =>
  wanted.reduce((sum, program) => sum + (minutes[program] ?? 0.2), 0);

const programsOf = (tool: Tool, wanted: readonly string[]) =>
  wanted.filter((program) => tool.programs.includes(program));

const buildOf = ([name, tool]: [string, Tool], wanted: readonly string[], out: string): GoBuild => ({
  source: join(here, 'tools', name),
  packages: wanted.map(tool.package),
  ldflags: tool.stamp(versionOf(name, tool)).map((variable) => `-X=${variable}`),
  ...(tool.contained && { contained: true }),
  ...(tool.without && { without: tool.without }),
  out,
});

/** givenBinary is a program that the machine's owner provides by the convention of KUBEBUILDER_ASSETS. */
export function givenBinary(program: string): string | undefined {
  const folder = process.env.KUBEBUILDER_ASSETS;
  if (!folder || !['kube-apiserver', 'etcd'].includes(program)) return undefined;
  const path = join(folder, program);
  return existsSync(path) ? path : undefined;
}

async function build([name, tool]: [string, Tool], wanted: readonly string[]): Promise<void> {
  const [first = ''] = wanted;
  const folder = join(binaryPath(first), '..');
  const version = versionOf(name, tool);
  // Written beside the final place and renamed, so that an interrupted build leaves nothing that looks finished.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    await during(
      `building ${wanted.join(', ')} ${version}`,
      `once; about ${Math.ceil(expectedMinutes(wanted))} min on two cores`,
      () => goBuild(buildOf([name, tool], wanted, unfinished)),
    );
    for (const program of wanted) renameSync(join(unfinished, program), join(folder, program));
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
