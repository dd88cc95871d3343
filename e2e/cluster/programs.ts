import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { packagesOf } from './packages.ts';

/** What the owner of a machine brings along, from wherever it comes; everything else is a package that a step installs. */
const own = ['go', 'gofmt', 'node', 'npm', 'make', 'docker'];

const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
const database = '/var/lib/dpkg';

/**
 * onlyPrograms fills a folder with links to a fresh Debian's programs and those of some packages, and to nothing else that
 * this machine happens to have. It returns a PATH: what a step uses and does not install fails as on a fresh machine.
 */
export function onlyPrograms(wanted: readonly string[], folder: string): string | undefined {
  if (!existsSync(join(database, 'status'))) return process.env.PATH;
  const packages = packagesBehind(readFileSync(join(database, 'status'), 'utf8'), packagesOf(wanted));
  const links = new Map([...programsOf(packages), ...ownPrograms()]);
  mkdirSync(folder, { recursive: true });
  // A process that uses the folder may run: what is there stays.
  const there = new Set(readdirSync(folder));
  for (const [name, target] of links) if (!there.has(name)) symlinkSync(target, join(folder, name));
  return folder;
}

function ownPrograms(): [string, string][] {
  const path = (process.env.PATH ?? '').split(delimiter);
  return own.flatMap((name) => {
    const folder = path.find((place) => existsSync(join(place, name)));
    return folder === undefined ? [] : [[name, join(folder, name)] as [string, string]];
  });
}

/** programsOf finds the programs of packages; what /etc/alternatives leads to one of them counts too. */
function programsOf(packages: readonly string[]): [string, string][] {
  const lists = new Map(readdirSync(join(database, 'info')).map((file) => [file.replace(/(:\w+)?\.list$/, ''), file]));
  const files = new Set(
    packages.flatMap((name) => {
      const list = lists.get(name);
      return list === undefined
        ? []
        : readFileSync(join(database, 'info', list), 'utf8')
            .split('\n')
            .map(merged);
    }),
  );
  return folders.flatMap((folder) =>
    readdirSync(folder).flatMap((name): [string, string][] => {
      const path = join(folder, name);
      return files.has(merged(path)) || files.has(merged(target(path))) ? [[name, path]] : [];
    }),
  );
}

/** Debian lists some files as /bin and has them at /usr/bin. */
const merged = (path: string): string => path.replace(/^\/usr\//, '/');

function target(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
  } catch {
    return path;
  }
}

interface Package {
  readonly name: string;
  readonly required: boolean;
  readonly provides: readonly string[];
  readonly depends: readonly string[];
}

/** packagesBehind names what a fresh Debian has, some packages and all that they depend on, of what is installed. */
export function packagesBehind(status: string, wanted: readonly string[]): string[] {
  const installed = status.split('\n\n').flatMap(readPackage);
  const providers = new Map<string, Package[]>();
  for (const entry of installed)
    for (const name of [entry.name, ...entry.provides]) providers.set(name, [...(providers.get(name) ?? []), entry]);
  const found = new Set<Package>();
  const open = [
    ...installed.filter(({ required }) => required),
    ...wanted.flatMap((name) => providers.get(name) ?? []),
  ];
  for (let next = open.pop(); next; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...next.depends.flatMap((name) => providers.get(name) ?? []));
  }
  return [...found].map(({ name }) => name).sort();
}

function readPackage(paragraph: string): Package[] {
  const field = (name: string): string => new RegExp(`^${name}: (.*(?:\\n .*)*)`, 'm').exec(paragraph)?.[1] ?? '';
  if (!field('Status').endsWith(' installed')) return [];
  const names = (text: string) => text.split(/[,|]/).map((part) => part.trim().replace(/[\s(:].*$/s, ''));
  const required = field('Essential') === 'yes' || field('Priority') === 'required';
  const depends = names(`${field('Pre-Depends')},${field('Depends')}`).filter(Boolean);
  return [{ name: field('Package'), required, provides: names(field('Provides')).filter(Boolean), depends }];
}
