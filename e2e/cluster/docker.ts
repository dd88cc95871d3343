import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBinary } from './build.ts';
import { ownImage, type Built, type Engine, type Image } from './images.ts';
import { clusterName } from './kind.ts';
import { cacheDir } from './settings.ts';
import { run, succeeds } from './shell.ts';

/** kindEngine makes images with Docker, upon a public image, and gives them to kind's node. */
export const kindEngine: Engine = {
  base: async () => ownImage('base', [], 'kind.Dockerfile'),
  registry: () => ownImage('registry', [], 'kind.Dockerfile'),
  has: ({ reference }) => succeeds('docker', ['image', 'inspect', reference]),
  build,
  load,
  layout,
};

async function build(image: Image, built: Built, context: string): Promise<void> {
  const from = image.base ? ['--build-arg', `BASE=${image.base.reference}`] : [];
  // Provenance would make an index of what must be one image.
  const options = ['--provenance=false', '--file', image.dockerfile, '--tag', built.reference, ...from];
  await run('docker', ['build', ...options, context]);
}

async function load(images: readonly Built[]): Promise<void> {
  const kind = await ensureBinary('kind');
  for (const { name, reference } of images) {
    const fixed = `localhost/epinio/${name}:dev`;
    await run('docker', ['tag', reference, fixed]);
    await run(kind, ['load', 'docker-image', reference, fixed, '--name', clusterName]);
  }
}

/** layout is what `docker save` writes: since Docker 25 an OCI image layout. */
async function layout({ name, key, reference }: Built): Promise<string> {
  const folder = join(cacheDir, 'images', `docker-${name}-${key}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await run('docker', ['save', '--output', join(unfinished, 'image.tar'), reference]);
    await run('tar', ['--extract', '--file', join(unfinished, 'image.tar'), '--directory', unfinished]);
    rmSync(join(unfinished, 'image.tar'));
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
