import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { builderImage, runImage } from '../builder/build.ts';
import { ensureBinary } from './build.ts';
import { cacheDir, here, repoDir } from './settings.ts';
import { during } from './shell.ts';

/** Image is what a local image is made of: an ordinary Dockerfile, and the files that it copies. */
export interface Image {
  readonly name: string;
  readonly dockerfile: string;
  /** The build context: where each file or folder lies in it, and where it comes from. */
  readonly files: Readonly<Record<string, string>>;
  /** The image that the Dockerfile's ARG BASE stands for. */
  readonly base?: Built;
}

/** Built is an image that exists: its tag is the key of all that it was made of. */
export interface Built {
  readonly name: string;
  readonly key: string;
  readonly reference: string;
}

/** Engine makes images and brings them to the cluster's node: buildah and containerd, or Docker and kind. */
export interface Engine {
  /** baseFiles are what images/base/<dockerfile> copies; registryFiles the same for the registry. */
  readonly base: () => Promise<Image>;
  readonly registry: () => Image;
  readonly has: (image: Built) => Promise<boolean>;
  readonly build: (image: Image, built: Built, context: string) => Promise<void>;
  /** load gives images to the node under their key and as `:dev`, the name that manifests know. */
  readonly load: (images: readonly Built[]) => Promise<void>;
  /** layout is an image as a folder that can be uploaded to a registry (OCI image layout). */
  readonly layout: (image: Built) => Promise<string>;
}

/** systemImages are what a native cluster needs before anything else can run in it. */
export const systemImages = (engine: Engine): Promise<Built[]> =>
  inOrder(['pause', 'coredns'], async (name) => make(engine, ownImage(name, [await ensureBinary(name)])));

/** componentImages are what the manifests run: MinIO, Traefik, registry, operator, and the test builder. */
export async function componentImages(engine: Engine): Promise<Built[]> {
  const base = await make(engine, await engine.base());
  const bundled = await inOrder(['minio', 'traefik'], async (name) => ownImage(name, [await ensureBinary(name)]));
  const bundle = join(repoDir, 'dist', 'epinio-operator.mjs');
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: make build`);
  const builder = await builderImage();
  const images: Image[] = [
    ...bundled,
    { ...engine.registry(), base },
    { name: 'operator', dockerfile: join(repoDir, 'Dockerfile'), files: { 'dist/epinio-operator.mjs': bundle }, base },
    { ...builder, files: named(builder.files), base },
  ];
  return inOrder(images, (image) => make(engine, image));
}

/** appBaseImage is what the apps of the test builder run upon; it lives in the bundled registry, as staged images do. */
export async function appBaseImage(engine: Engine): Promise<Built> {
  const image = runImage();
  return make(engine, { ...image, files: named(image.files), base: await make(engine, await engine.base()) });
}

/** ownImage is an image that this folder describes; its Dockerfile copies some files. */
export const ownImage = (name: string, sources: readonly string[], dockerfile = 'Dockerfile'): Image => ({
  name,
  files: named(sources),
  dockerfile: join(here, 'images', name, dockerfile),
});

/** named gives each file or folder its own name in the build context. */
const named = (sources: readonly string[]): Record<string, string> =>
  Object.fromEntries(sources.map((source) => [basename(source), source]));

/** make builds an image unless there is one of the same inputs. */
async function make(engine: Engine, image: Image): Promise<Built> {
  const key = keyOf(image);
  const built = { name: image.name, key, reference: `localhost/epinio/${image.name}:${key}` };
  if (await engine.has(built)) return built;
  mkdirSync(cacheDir, { recursive: true });
  const context = mkdtempSync(join(cacheDir, `context-${image.name}-`));
  try {
    for (const [place, source] of Object.entries(image.files)) {
      mkdirSync(join(context, place, '..'), { recursive: true });
      cpSync(source, join(context, place), { recursive: true, verbatimSymlinks: true });
    }
    await during(`building image ${image.name}`, 'seconds', () => engine.build(image, built, context));
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return built;
}

/** keyOf hashes the inputs of an image. What lies in the cache is named by its own inputs, and need not be read. */
export function keyOf({ dockerfile, files, base }: Image): string {
  const read = (path: string) => (path.startsWith(cacheDir) ? path : readFileSync(path));
  const inputs = Object.entries(files).flatMap(([place, source]) =>
    filesBelow(source).flatMap((path) => [join(place, relative(source, path)), read(path)]),
  );
  const hash = createHash('sha256');
  for (const input of [base?.key ?? '', readFileSync(dockerfile), ...inputs]) {
    hash.update(`${input.length}:`).update(input);
  }
  return hash.digest('hex').slice(0, 12);
}

/** filesBelow lists a file, or all files of a folder, in an order that does not depend on the machine. */
function filesBelow(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function inOrder<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
