import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { builderImage, runImage } from '../builder/build.ts';
import { ensureBinary } from './build.ts';
import { cacheDir, here, repoDir, runDir } from './settings.ts';
import { during, run } from './shell.ts';

/** Image is what a local image is made of: an ordinary Dockerfile, and the files that it copies. */
export interface Image {
  readonly name: string;
  readonly dockerfile: string;
  /** The build context: where each file or folder lies in it, and where it comes from. */
  readonly files: Readonly<Record<string, string>>;
  /** The image that the Dockerfile's ARG BASE stands for. */
  readonly base?: Built;
}

/** Built is an image in the cache: its name with the key of its inputs as tag, and the archive that holds it. */
export interface Built {
  readonly name: string;
  readonly key: string;
  readonly reference: string;
  readonly archive: string;
}

const store = join(cacheDir, 'buildah');
const archives = join(cacheDir, 'images');
const buildah = ['--root', join(store, 'root'), '--runroot', join(runDir, 'buildah'), '--storage-driver', 'overlay'];

/** system images are what the cluster itself needs before anything else can run in it. */
export async function systemImages(): Promise<Built[]> {
  const programs = ['pause', 'coredns'];
  return inOrder(programs, async (name) => buildImage(ownImage(name, [await ensureBinary(name)])));
}

/** componentImages are what the manifests run beside the operator, and the operator. */
export async function componentImages(): Promise<Built[]> {
  const base = await baseImage();
  const bundled = await inOrder(['minio', 'traefik'], async (name) => ownImage(name, [await ensureBinary(name)]));
  const bundle = join(repoDir, 'dist', 'epinio-operator.mjs');
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: make build`);
  const images: Image[] = [
    ...bundled,
    { ...ownImage('registry', ['/usr/bin/docker-registry']), base },
    { name: 'operator', dockerfile: join(repoDir, 'Dockerfile'), files: { 'dist/epinio-operator.mjs': bundle }, base },
  ];
  const builder = await builderImage();
  images.push({ ...builder, files: named(builder.files), base });
  return inOrder(images, buildImage);
}

/** appBaseImage is what the apps of the test builder run upon; it lives in the bundled registry, as staged images do. */
export async function appBaseImage(): Promise<Built> {
  const image = runImage();
  return buildImage({ ...image, files: named(image.files), base: await baseImage() });
}

/** baseImage is Debian with Node.js, made from packages: what an operator, registry or app image starts from. */
export async function baseImage(): Promise<Built> {
  const release = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'bookworm';
  const packages = ['ca-certificates', 'git', 'openssh-client', 'busybox-static'].join(',');
  const rootfs = join(archives, `rootfs-${release}-${hashOf([packages]).slice(0, 10)}`, 'rootfs.tar');
  if (!existsSync(rootfs)) {
    mkdirSync(join(rootfs, '..'), { recursive: true });
    const unfinished = `${rootfs}.${process.pid}.tar`;
    await during('making a Debian base image', 'once; about 1 min', () =>
      run('mmdebstrap', ['--variant=minbase', `--include=${packages}`, release, unfinished]),
    );
    renameSync(unfinished, rootfs);
  }
  return buildImage(ownImage('base', [rootfs, join(repoDir, 'node_modules', 'node', 'bin', 'node')]));
}

/** named gives each file or folder its own name in the build context. */
const named = (sources: readonly string[]): Record<string, string> =>
  Object.fromEntries(sources.map((source) => [basename(source), source]));

const ownImage = (name: string, sources: readonly string[]): Image => ({
  name,
  files: named(sources),
  dockerfile: join(here, 'images', name, 'Dockerfile'),
});

/** buildImage builds an image unless the cache has one of the same inputs. */
export async function buildImage(image: Image): Promise<Built> {
  const key = hashOf([image.base?.key ?? '', ...contents(image)]).slice(0, 12);
  const reference = `localhost/epinio/${image.name}:${key}`;
  const built = { name: image.name, key, reference, archive: join(archives, `${image.name}-${key}.tar`) };
  if (!existsSync(built.archive)) await during(`building image ${image.name}`, 'seconds', () => build(image, built));
  return built;
}

async function build(image: Image, built: Built): Promise<void> {
  const context = join(archives, `context-${process.pid}-${image.name}`);
  const unfinished = `${built.archive}.${process.pid}`;
  mkdirSync(context, { recursive: true });
  try {
    for (const [place, source] of Object.entries(image.files)) {
      mkdirSync(join(context, place, '..'), { recursive: true });
      cpSync(source, join(context, place), { recursive: true, verbatimSymlinks: true });
    }
    if (image.base) await provide(image.base);
    const base = image.base ? ['--build-arg', `BASE=${image.base.reference}`] : [];
    const options = ['--isolation', 'chroot', '--layers=false', '--pull-never', '--timestamp', '0', ...base];
    const target = ['--file', image.dockerfile, '--tag', built.reference, context];
    await run('buildah', [...buildah, 'build', ...options, ...target]);
    // The format that stays uncompressed: written and imported in seconds.
    await run('buildah', [...buildah, 'push', built.reference, `docker-archive:${unfinished}:${built.reference}`]);
    // The base stays in buildah's store for those built upon it; of the rest the archive is enough.
    if (image.name !== 'base') await run('buildah', [...buildah, 'rmi', built.reference]);
    removeOlder(image.name);
    renameSync(unfinished, built.archive);
  } finally {
    for (const path of [context, unfinished]) rmSync(path, { recursive: true, force: true });
  }
}

/** removeOlder forgets what was built of earlier inputs: each is hundreds of megabytes. */
function removeOlder(name: string): void {
  const older = readdirSync(archives).filter((file) => new RegExp(`^${name}-[0-9a-f]{12}(\\.tar|\\.oci)$`).test(file));
  for (const file of older) rmSync(join(archives, file), { recursive: true });
}

/** compressed is an image as a registry wants it, made once: an upload then sends only what the registry does not have. */
export async function compressed(built: Built): Promise<string> {
  const layout = built.archive.replace(/tar$/, 'oci');
  if (existsSync(layout)) return layout;
  const unfinished = `${layout}.${process.pid}`;
  try {
    await run('skopeo', ['copy', `docker-archive:${built.archive}`, `oci:${unfinished}:1`]);
    renameSync(unfinished, layout);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return layout;
}

/** provide loads a base image into buildah's store where it is not, such as after the store was removed. */
async function provide(base: Built): Promise<void> {
  const known = await run('buildah', [...buildah, 'images', '--quiet', base.reference], { mayFail: true });
  if (known.trim() === '') await run('buildah', [...buildah, 'pull', `docker-archive:${base.archive}`]);
}

const hashOf = (parts: readonly (string | Buffer)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update(':').update(part);
  return hash.digest('hex');
};

/** contents are the inputs of an image. What lies in the cache is named by its own inputs, and need not be read. */
function contents({ dockerfile, files }: Image): (string | Buffer)[] {
  const read = (path: string) => (path.startsWith(cacheDir) ? path : readFileSync(path));
  const below = Object.entries(files).flatMap(([place, source]) =>
    filesBelow(source).flatMap((path) => [join(place, relative(source, path)), read(path)]),
  );
  return [readFileSync(dockerfile), ...below];
}

/** filesBelow lists a file, or all files of a folder, in an order that does not depend on the machine. */
export function filesBelow(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function inOrder<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
