import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packagedBase, packagedRegistry } from './buildah.ts';
import { ownImage, type Built, type Engine, type Image } from './images.ts';
import { kindProgram, nodeContainer } from './kind.ts';
import { fromDockerSave } from './layout.ts';
import { publicImages } from './public-images.ts';
import { cacheDir } from './settings.ts';
import { run, say, succeeds } from './shell.ts';

/** kindEngine makes images with Docker and gives them to kind's node, which pulls public ones by itself. */
export const kindEngine: Engine = {
  base,
  registry: packagedRegistry,
  has: ({ reference }) => succeeds('docker', ['image', 'inspect', reference]),
  pulls,
  build,
  load,
  layout,
};

/** base is the public Node.js image with a few packages; where that cannot be pulled, the same parts as on native. */
async function base(): Promise<Image> {
  const reference = publicImages.nodejs;
  const there = await succeeds('docker', ['image', 'inspect', reference]);
  const refused = there ? undefined : await refusalOf(run('docker', ['pull', '--quiet', reference]));
  if (refused === undefined) return { ...ownImage('base', [], 'kind.Dockerfile'), arguments: { NODEJS: reference } };
  say(`${reference} cannot be pulled (${refused}): a base image is made of Debian's packages instead`);
  return packagedBase();
}

/** pulls makes the node fetch an image, as its kubelet would; the answer says why where it cannot. */
async function pulls(reference: string): Promise<string | undefined> {
  const inNode = ['exec', nodeContainer, 'crictl'];
  if (await succeeds('docker', [...inNode, 'inspecti', reference])) return undefined;
  return refusalOf(run('docker', [...inNode, 'pull', reference]));
}

/** refusalOf is why something went wrong, without the layers of software that it went through. */
const refusalOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: Error) => causeOf(error.message),
  );

/** causeOf is the end of the last line of an error: what was tried last, and what came of it. */
export const causeOf = (message: string): string =>
  (message.trim().split('\n').at(-1) ?? '').replace(/"$/, '').split(': ').slice(-2).join(': ');

/** quiet makes BuildKit write one plain image, without an index and attestations; the classic builder knows no such thing. */
const quiet = { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };

async function build(image: Image, built: Built, context: string): Promise<void> {
  const given = { ...image.arguments, ...(image.base && { BASE: image.base.reference }) };
  const options = Object.entries(given).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const args = ['build', '--file', image.dockerfile, '--tag', built.reference, ...options, context];
  await run('docker', args, { env: { ...quiet, BUILDX_BUILDER: await localBuilder() } });
}

/** localBuilder is the builder inside the Docker daemon, named as its context: no other one sees the daemon's own images. */
const localBuilder = async (): Promise<string> =>
  (await run('docker', ['context', 'inspect', '--format', '{{.Name}}'], { mayFail: true })).trim() || 'default';

async function load(images: readonly Built[]): Promise<void> {
  const kind = await kindProgram();
  for (const { name, reference } of images) {
    const fixed = `localhost/epinio/${name}:dev`;
    await run('docker', ['tag', reference, fixed]);
    await run(kind, ['load', 'docker-image', reference, fixed, '--name', 'epinio']);
  }
}

/** layout is an image as a folder that can be uploaded to a registry, out of what any `docker save` writes. */
async function layout({ name, key, reference }: Built): Promise<string> {
  const folder = join(cacheDir, 'images', `saved-${name}-${key}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  const saved = join(unfinished, 'saved');
  mkdirSync(saved, { recursive: true });
  try {
    await run('docker', ['save', '--output', join(unfinished, 'image.tar'), reference]);
    await run('tar', ['--extract', '--file', join(unfinished, 'image.tar'), '--directory', saved]);
    fromDockerSave(saved, join(unfinished, 'layout'), reference);
    renameSync(join(unfinished, 'layout'), folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
