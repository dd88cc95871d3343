import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { ensureBinary } from './build.ts';
import { builderImage, runImage } from './builder.ts';
import { imageName, paketo, publicImages } from './public-images.ts';
import { cacheDir, here, repoDir } from './settings.ts';
import { during, say } from './shell.ts';

/** Image is what a local image is made of: an ordinary Dockerfile, and the files that it copies. */
export interface Image {
  readonly name: string;
  readonly dockerfile: string;
  /** The build context: where each file or folder lies in it, and where it comes from. */
  readonly files: Readonly<Record<string, string>>;
  /** The image that the Dockerfile's ARG BASE stands for. */
  readonly base?: Built;
  /** Further build arguments. */
  readonly arguments?: Readonly<Record<string, string>>;
}

/** Built is an image that exists: its tag is the key of all that it was made of. */
export interface Built {
  readonly name: string;
  readonly key: string;
  readonly reference: string;
}

/** Engine makes images and brings them to the cluster's node: buildah and containerd, or Docker and kind. */
export interface Engine {
  /** base is what images with a system in them are made upon; registry the one that is made where none can be pulled. */
  readonly base: () => Promise<Image>;
  readonly registry: () => Promise<Image>;
  readonly has: (image: Built) => Promise<boolean>;
  /** pulls makes the node pull a public image, and says why where it cannot. */
  readonly pulls: (reference: string) => Promise<string | undefined>;
  readonly build: (image: Image, built: Built, context: string) => Promise<void>;
  /** load gives images to the node under their key and as `:dev`, the name that manifests know. */
  readonly load: (images: readonly Built[]) => Promise<void>;
  /** layout is an image as a folder that can be uploaded to a registry (OCI image layout). */
  readonly layout: (image: Built) => Promise<string>;
}

/** systemImages are what a native cluster needs before anything else can run in it. */
export const systemImages = (engine: Engine): Promise<Built[]> =>
  inOrder(['pause', 'coredns'], async (name) => make(engine, ownImage(name, [await ensureBinary(name)])));

/** baseImage makes what most images are made upon. */
export const baseImage = async (engine: Engine): Promise<Built> => make(engine, await engine.base());

/** Profile is a builder as the operator's configuration names it. */
export interface Profile {
  readonly image: string;
  readonly runImage: string;
  readonly uid: number;
  readonly gid: number;
}

/** Components are the images of all that is installed: those that were made here, by the name that the manifests have. */
export interface Components {
  readonly built: Readonly<Record<string, Built>>;
  readonly builder: Profile;
  /** What the apps of the test builder run upon; it lives in the bundled registry, as staged images do. */
  readonly runImage?: Built;
}

const testBuilder: Profile = {
  image: 'localhost/epinio/builder:dev',
  runImage: 'registry.epinio-system.svc:5000/epinio/run:1',
  uid: 1001,
  gid: 1000,
};

/** Bundled are the parts of others that a demo cluster runs. */
const bundled = ['minio', 'registry', 'traefik'] as const;

/** wishedBuilder is what EPINIO_BUILDER says: paketo, test, or (nothing) paketo where it can be pulled. */
export function wishedBuilder(wish = process.env.EPINIO_BUILDER): 'paketo' | 'test' | undefined {
  if (!wish) return undefined;
  if (wish === 'paketo' || wish === 'test') return wish;
  throw new Error(`EPINIO_BUILDER=${wish} is neither paketo nor test`);
}

/** componentImages pulls public images where the node can, and makes the others: of packages, Go modules and our code. */
export async function componentImages(engine: Engine, native: boolean): Promise<Components> {
  const wish = wishedBuilder();
  const wanted = [...(native ? [] : bundled), ...(wish === 'test' || (native && !wish) ? [] : (['builder'] as const))];
  const refusals = await pullAll(engine, wanted);
  const missing = bundled.filter((name) => native || refusals.has(name));
  const withPaketo = wanted.includes('builder') && !refusals.has('builder');
  if (wish === 'paketo' && !withPaketo)
    throw new Error(`EPINIO_BUILDER=paketo, but its image cannot be pulled: ${refusals.get('builder')}`);
  if (refusals.has('builder')) say("the test builder of e2e/builder takes the place of Paketo's");
  const base = await baseImage(engine);
  const parts = [operatorImage(base), ...missing.map((name) => bundledImage(engine, name, base))];
  const images = await inOrder(parts, async (image) => make(engine, await image));
  const built = Object.fromEntries(images.map((image) => [manifestName(image.name), image]));
  if (withPaketo) return { built, builder: paketo };
  const builder = await builderImage();
  const test = await make(engine, { ...builder, files: named(builder.files), base });
  const run = runImage();
  return {
    built: { ...built, builder: test },
    builder: testBuilder,
    runImage: await make(engine, { ...run, files: named(run.files), base }),
  };
}

/** pullAll pulls public images at once, and returns why which could not be. */
async function pullAll(engine: Engine, names: readonly (keyof typeof publicImages)[]): Promise<Map<string, string>> {
  const refusals = new Map<string, string>();
  if (names.length === 0) return refusals;
  const pull = async (name: keyof typeof publicImages) => {
    const refusal = await engine.pulls(publicImages[name]);
    if (refusal === undefined) return;
    refusals.set(name, refusal);
    say(`${publicImages[name]} cannot be pulled (${refusal}): it is made here instead`);
  };
  await during(`pulling ${names.join(', ')}`, 'depends on the Internet', () => Promise.all(names.map(pull)));
  return refusals;
}

/** manifestName is how the manifests call an image. */
const manifestName = (name: string): string =>
  name === 'operator' ? 'ghcr.io/epinio/operator' : imageName(publicImages[name as (typeof bundled)[number]]);

function operatorImage(base: Built): Image {
  const bundle = join(repoDir, 'dist', 'epinio-operator.mjs');
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: make build`);
  const files = { 'dist/epinio-operator.mjs': bundle };
  return { name: 'operator', dockerfile: join(repoDir, 'Dockerfile'), files, base };
}

const bundledImage = async (engine: Engine, name: (typeof bundled)[number], base: Built): Promise<Image> =>
  name === 'registry' ? { ...(await engine.registry()), base } : ownImage(name, [await ensureBinary(name)]);

/** ownImage is an image that this folder describes; its Dockerfile copies some files. */
export const ownImage = (name: string, sources: readonly string[], dockerfile = 'Dockerfile'): Image => ({
  name,
  files: named(sources),
  dockerfile: join(here, 'images', name, dockerfile),
});

/** makeOwn makes such an image of one program. */
export const makeOwn = (engine: Engine, name: string, program: string): Promise<Built> =>
  make(engine, ownImage(name, [program]));

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
export function keyOf({ dockerfile, files, base, arguments: given }: Image): string {
  const read = (path: string) => (path.startsWith(cacheDir) ? path : readFileSync(path));
  const inputs = Object.entries(files).flatMap(([place, source]) =>
    filesBelow(source).flatMap((path) => [join(place, relative(source, path)), read(path)]),
  );
  const hash = createHash('sha256');
  for (const input of [base?.key ?? '', JSON.stringify(given ?? {}), readFileSync(dockerfile), ...inputs]) {
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
