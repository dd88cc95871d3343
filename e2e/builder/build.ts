import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from '../cluster/settings.ts';
import { during, run } from '../cluster/shell.ts';

const here = import.meta.dirname;
const source = join(here, 'lifecycle');
const phases = ['analyzer', 'detector', 'restorer', 'builder', 'exporter'];

/** buildLifecycle compiles the programs of /cnb/lifecycle into a folder: one binary under five names, and the launcher. */
export async function buildLifecycle(outDir: string): Promise<void> {
  mkdirSync(outDir, { recursive: true });
  await during('building the test lifecycle', 'once; about 30 s', () =>
    run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', `${outDir}/`, './cmd/...'], {
      cwd: source,
      // The builder runs in Linux containers, whatever machine builds it.
      env: { CGO_ENABLED: '0', GOOS: 'linux', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' },
    }),
  );
  for (const phase of phases) {
    rmSync(join(outDir, phase), { force: true });
    symlinkSync('lifecycle', join(outDir, phase));
  }
}

/** ensureLifecycle returns a folder named lifecycle with the programs, built unless the cache has them of the same source. */
export async function ensureLifecycle(): Promise<string> {
  const home = join(cacheDir, `lifecycle-${sourceKey()}`);
  if (existsSync(home)) return join(home, 'lifecycle');
  // Built beside its place and renamed, so that an interrupted build leaves nothing that looks finished.
  const unfinished = `${home}.${process.pid}`;
  try {
    await buildLifecycle(join(unfinished, 'lifecycle'));
    if (!existsSync(home)) renameSync(unfinished, home);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return join(home, 'lifecycle');
}

/** builderImage is what the builder image is made of: its Dockerfile and the files and folders of the build context. */
export const builderImage = async () => ({
  name: 'builder',
  dockerfile: join(here, 'Dockerfile'),
  files: [await ensureLifecycle(), join(here, 'buildpacks'), join(here, 'order.toml')],
});

/** runImage is what the image that apps run upon is made of. */
export const runImage = () => ({ name: 'run', dockerfile: join(here, 'run.Dockerfile'), files: [] as string[] });

function sourceKey(): string {
  const hash = createHash('sha256');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(go|mod|sum)$/.test(file) && !file.endsWith('_test.go'))
    .sort();
  for (const file of files) hash.update(file).update(readFileSync(join(source, file)));
  return hash.digest('hex').slice(0, 12);
}

// Called as a program it prepares a build context: node e2e/builder/build.ts DIR, then docker build DIR.
if (import.meta.main) {
  const target = process.argv[2];
  if (!target) throw new Error('usage: build.ts DIR');
  mkdirSync(target, { recursive: true });
  const { files, dockerfile } = await builderImage();
  for (const file of [...files, dockerfile, runImage().dockerfile]) await run('cp', ['-r', file, target]);
}
