import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ownImage, type Built, type Engine, type Image } from './images.ts';
import { adopt, blobPath, blobsOf, entryOf, forget, writeIndex } from './layout.ts';
import { ctr } from './node.ts';
import { ensurePrograms } from './packages.ts';
import { cacheDir, repoDir, runDir } from './settings.ts';
import { during, run } from './shell.ts';

/** One folder holds all images, each layer once: what they share is kept and imported once. */
const images = join(cacheDir, 'images', 'oci');
const store = { root: join(cacheDir, 'buildah'), run: join(runDir, 'buildah'), driver: 'overlay' };
const buildah = ['--root', store.root, '--runroot', store.run, '--storage-driver', store.driver];

/** nativeEngine makes images without a daemon, from packages and Dockerfiles, and gives them to our containerd. */
export const nativeEngine: Engine = {
  base: packagedBase,
  registry: packagedRegistry,
  has: async (image) => entryOf(images, image.reference) !== undefined,
  build,
  // Nothing is pulled: a native cluster is for machines that cannot.
  pulls: async () => 'a native cluster pulls nothing',
  load,
  layout,
};

/** packagedRegistry is Debian's own, as installed on this machine. */
export async function packagedRegistry(): Promise<Image> {
  await ensurePrograms(['docker-registry']);
  return ownImage('registry', ['/usr/bin/docker-registry']);
}

/** packagedBase is Debian as this machine's own release, made from packages, with Node.js from its npm package. */
export async function packagedBase(): Promise<Image> {
  await ensurePrograms(['mmdebstrap']);
  const release = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'bookworm';
  const packages = 'ca-certificates,git,openssh-client,libnss-wrapper,busybox-static';
  const key = createHash('sha256').update(packages).digest('hex').slice(0, 10);
  const rootfs = join(cacheDir, 'images', `rootfs-${release}-${key}`, 'rootfs.tar');
  if (!existsSync(rootfs)) {
    mkdirSync(join(rootfs, '..'), { recursive: true });
    const unfinished = `${rootfs}.${process.pid}.tar`;
    const args = ['--variant=minbase', `--include=${packages}`, release, unfinished];
    await during('making a Debian base image', 'once; about 1 min', () => run('mmdebstrap', args));
    renameSync(unfinished, rootfs);
  }
  return ownImage('base', [rootfs, join(repoDir, 'node_modules', 'node', 'bin', 'node')]);
}

async function build(image: Image, built: Built, context: string): Promise<void> {
  if (image.base) await provide(image.base);
  const from = image.base ? ['--build-arg', `BASE=${image.base.reference}`] : [];
  const options = ['--isolation', 'chroot', '--layers=false', '--pull-never', '--timestamp', '0', ...from];
  const target = ['--file', image.dockerfile, '--tag', built.reference, context];
  await run('buildah', [...buildah, 'build', ...options, ...target]);
  // Uncompressed: compressing the base again for each image upon it takes longer than all the rest.
  const folder = join(context, '..', `pushed-${basename(context)}`);
  try {
    await run('buildah', [...buildah, 'push', '--disable-compression', built.reference, `dir:${folder}`]);
    adopt(folder, images, built.reference);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  // The base stays in buildah's store for those built upon it.
  if (image.name !== 'base') await run('buildah', [...buildah, 'rmi', built.reference]);
  forget(images, (name) => name.startsWith(`localhost/epinio/${image.name}:`) && name !== built.reference);
}

/** provide gives a base image to buildah's store where it is not, such as after the store was removed. */
async function provide({ reference }: Built): Promise<void> {
  const known = await run('buildah', [...buildah, 'images', '--quiet', reference], { mayFail: true });
  if (known.trim() !== '') return;
  const place = `containers-storage:[${store.driver}@${store.root}+${store.run}]${reference}`;
  await run('skopeo', ['copy', `oci:${images}:${reference}`, place]);
}

/** load imports what containerd does not have yet, down to the single blob. */
async function load(wanted: readonly Built[]): Promise<void> {
  const list = async (...args: string[]) => new Set((await run('ctr', [...ctr, ...args, '--quiet'])).split('\n'));
  const known = await list('images', 'list');
  const missing = wanted.map(({ reference }) => reference).filter((reference) => !known.has(reference));
  if (missing.length > 0) await importMissing(missing, await list('content', 'list'));
  for (const { reference, name } of wanted) {
    await run('ctr', [...ctr, 'images', 'tag', '--force', reference, `localhost/epinio/${name}:dev`]);
  }
}

async function importMissing(references: readonly string[], known: ReadonlySet<string>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-import-'));
  try {
    writeIndex(images, folder, references);
    const digests = new Set(references.flatMap((reference) => blobsOf(images, reference)));
    const blobs = [...digests].filter((digest) => !known.has(digest)).map((digest) => blobPath('.', digest));
    const archive = join(folder, 'images.tar');
    const parts = ['--directory', folder, 'index.json', 'oci-layout', '--directory', images, ...blobs];
    await run('tar', ['--create', '--file', archive, ...parts]);
    await run('ctr', [...ctr, 'images', 'import', archive]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** layout compresses an image, once, for its way through a registry. */
async function layout({ name, key, reference }: Built): Promise<string> {
  const folder = join(cacheDir, 'images', `compressed-${name}-${key}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  try {
    await run('skopeo', ['copy', `oci:${images}:${reference}`, `oci:${unfinished}:${reference}`]);
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
