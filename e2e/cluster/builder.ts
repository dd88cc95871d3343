import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { goBuild } from './go.ts';
import { cacheDir, repoDir } from './settings.ts';
import { during, run } from './shell.ts';

const folder = join(repoDir, 'e2e', 'builder');
const source = join(folder, 'lifecycle');
const phases = ['analyzer', 'detector', 'restorer', 'builder', 'exporter', 'rebaser'];

/** ensureLifecycle returns a folder named lifecycle with one binary under six names and the launcher, built unless cached. */
async function ensureLifecycle(): Promise<string> {
  const home = join(cacheDir, `lifecycle-${sourceKey()}`);
  if (existsSync(home)) return join(home, 'lifecycle');
  // Built beside its place and renamed, so that an interrupted build leaves nothing that looks finished.
  const unfinished = `${home}.${process.pid}`;
  const out = join(unfinished, 'lifecycle');
  try {
    await during('building the test lifecycle', 'once; about 30 s', () =>
      goBuild({ source, packages: ['./cmd/lifecycle', './cmd/launcher'], ldflags: [], contained: true, out }),
    );
    for (const phase of phases) symlinkSync('lifecycle', join(out, phase));
    if (!existsSync(home)) renameSync(unfinished, home);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return join(home, 'lifecycle');
}

/** builderImage is what the image of the test builder is made of. */
export const builderImage = async () => ({
  name: 'builder',
  dockerfile: join(folder, 'Dockerfile'),
  files: [await ensureLifecycle(), join(folder, 'buildpacks'), join(folder, 'order.toml')],
});

/** runImage is what the image that its apps run upon is made of. */
export const runImage = () => ({ name: 'run', dockerfile: join(folder, 'run.Dockerfile'), files: [] as string[] });

/** builderContext fills a folder with what `docker build` needs for both images. */
export async function builderContext([target]: readonly string[]): Promise<void> {
  if (!target) throw new Error('usage: builder-context DIR');
  mkdirSync(target, { recursive: true });
  const { files, dockerfile } = await builderImage();
  for (const file of [...files, dockerfile, runImage().dockerfile]) await run('cp', ['-r', file, target]);
}

function sourceKey(): string {
  const hash = createHash('sha256');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(go|mod|sum)$/.test(file) && !file.endsWith('_test.go'))
    .sort();
  for (const file of files) hash.update(file).update(readFileSync(join(source, file)));
  return hash.digest('hex').slice(0, 12);
}
