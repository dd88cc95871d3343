import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { publicImages } from './public-images.ts';
import { lastLines, run, succeeds } from './shell.ts';

/** GoBuild is one call of `go build` in a folder with a go.mod: its programs go into another folder. */
export interface GoBuild {
  readonly source: string;
  readonly packages: readonly string[];
  readonly ldflags: readonly string[];
  /** Packages that are left out, each by a file of `source` that takes the place of its files. */
  readonly without?: readonly LeftOut[];
  /** Runs in containers: built for Linux, whatever this machine is. */
  readonly contained?: boolean;
  readonly out: string;
}

/** LeftOut is a package of another module that would be compiled for nothing. */
export interface LeftOut {
  readonly module: string;
  readonly folder: string;
  readonly by: string;
}

/** Go is the oldest that builds all modules here. */
const oldest = [1, 25] as const;

/** goVersion is what the machine's Go calls itself, if it is new enough. */
export async function goVersion(): Promise<{ version: string; fits: boolean }> {
  const version = (await run('go', ['env', 'GOVERSION']).catch(() => '')).trim();
  const [, major = 0, minor = 0] = /^go(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  return { version, fits: major > oldest[0] || (major === oldest[0] && minor >= oldest[1]) };
}

/** goBuild compiles with the machine's Go, or in a container of the public Go image where only Docker is at hand. */
export async function goBuild(build: GoBuild): Promise<void> {
  mkdirSync(build.out, { recursive: true });
  const { version, fits } = await goVersion();
  if (fits) return locally(build);
  if (await succeeds('docker', ['info'])) return inDocker(build);
  throw new Error(`Go ${oldest.join('.')} or newer is needed to build it (found: ${version || 'none'}), or Docker`);
}

const settings = (build: GoBuild): Record<string, string> => ({
  CGO_ENABLED: '0',
  // GOFLAGS of the machine's owner could say -mod=mod, which would rewrite the pinned module files.
  GOFLAGS: '-mod=readonly -buildvcs=false',
  GOWORK: 'off',
  ...(build.contained && { GOOS: 'linux' }),
});

const args = ({ packages, ldflags }: GoBuild, out: string, modFile?: string): string[] => [
  ...['build', '-trimpath', '-ldflags', ['-s', '-w', ...ldflags].join(' ')],
  ...(modFile ? ['-modfile', modFile] : []),
  ...['-o', `${out}/`, ...packages],
];

const inSource = (build: GoBuild) => ({ cwd: build.source, env: settings(build) });

const locally = (build: GoBuild): Promise<void> =>
  withoutLeftOut(build, async (modFile) => void (await run('go', args(build, build.out, modFile), inSource(build))));

/**
 * withoutLeftOut hands a go.mod in whose place of some modules stand copies without the packages that are left out. The
 * copies come from Go's own cache, so they are what go.sum pins, but for these packages.
 */
async function withoutLeftOut(build: GoBuild, work: (modFile?: string) => Promise<void>): Promise<void> {
  const { source, without = [] } = build;
  if (without.length === 0) return work();
  const scratch = mkdtempSync(join(tmpdir(), 'epinio-go-'));
  try {
    const lines: string[] = [];
    for (const [index, { module, folder, by }] of without.entries()) {
      const copy = join(scratch, String(index));
      const downloaded = await run('go', ['mod', 'download', '-json', module], inSource(build));
      cpSync((JSON.parse(downloaded) as { Dir: string }).Dir, copy, { recursive: true });
      await run('chmod', ['-R', 'u+w', copy]);
      for (const file of readdirSync(join(copy, folder)).filter((name) => name.endsWith('.go')))
        rmSync(join(copy, folder, file));
      copyFileSync(join(source, by), join(copy, folder, 'left-out.go'));
      lines.push(`replace ${module} => ${copy}`);
    }
    const modFile = join(scratch, 'go.mod');
    writeFileSync(modFile, `${readFileSync(join(source, 'go.mod'), 'utf8')}\n${lines.join('\n')}\n`);
    copyFileSync(join(source, 'go.sum'), join(scratch, 'go.sum'));
    await work(modFile);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Exported is a folder of a module that a go.mod pins. */
export interface Exported {
  readonly source: string;
  readonly module: string;
  readonly folder: string;
  readonly out: string;
}

/** exportFolder copies a folder of a module out of Go's cache, or out of a container of the public Go image. */
export async function exportFolder({ source, module, folder, out }: Exported): Promise<void> {
  const build: GoBuild = { source, packages: [], ldflags: [], out };
  if (!(await goVersion()).fits)
    throw new Error(`Go ${oldest.join('.')} or newer is needed for ${folder} of ${module}`);
  const downloaded = await run('go', ['mod', 'download', '-json', module], inSource(build));
  cpSync(join((JSON.parse(downloaded) as { Dir: string }).Dir, folder), out, { recursive: true });
  // Go's cache may not be written to, and so may be a copy of it.
  await run('chmod', ['-R', 'u+w', out]);
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** inDocker sends the source in and gets the programs out through pipes, so that the daemon may be anywhere. */
async function inDocker(build: GoBuild): Promise<void> {
  const target = build.contained
    ? settings(build)
    : { ...settings(build), GOOS: process.platform, GOARCH: architectures[process.arch] ?? process.arch };
  const variables = Object.entries(target).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const script = 'mkdir /in /out && tar -x -C /in && cd /in && go "$@" >&2 && tar -c -C /out .';
  const command = ['sh', '-ec', script, 'go', ...args(build, '/out')];
  const archive = `${build.out}.tar`;
  try {
    const pack = spawn('tar', ['--create', '--directory', build.source, '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await piped(['run', '--rm', '--interactive', ...variables, publicImages.go, ...command], pack.stdout, archive);
    await run('tar', ['--extract', '--file', archive, '--directory', build.out]);
  } finally {
    rmSync(archive, { force: true });
  }
}

async function piped(command: readonly string[], input: NodeJS.ReadableStream, file: string): Promise<void> {
  const child = spawn('docker', command, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  // A container that ends early closes the pipe: its exit code says what happened.
  await Promise.all([
    pipeline(input, child.stdin).catch(() => undefined),
    pipeline(child.stdout, createWriteStream(file)),
  ]);
  const code = await ended;
  if (code !== 0) throw new Error(`go in Docker ended with ${code}: ${lastLines(said, 15)}`);
}
