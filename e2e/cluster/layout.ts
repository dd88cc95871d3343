import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Descriptor points to a blob of an OCI image layout. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Manifest is an index (manifests) or an image (config, layers). */
export interface Manifest {
  readonly mediaType?: string;
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

const refName = 'org.opencontainers.image.ref.name';

const nameOf = (entry: Descriptor): string => entry.annotations?.[refName] ?? '';

const readIndex = (folder: string): readonly Descriptor[] => {
  const path = join(folder, 'index.json');
  return existsSync(path) ? ((JSON.parse(readFileSync(path, 'utf8')) as Manifest).manifests ?? []) : [];
};

/** blobPath is where a layout keeps a blob. */
export const blobPath = (folder: string, digest: string): string => join(folder, 'blobs', ...digest.split(':'));

/** readManifest reads a manifest or an index by its digest. */
export const readManifest = (folder: string, digest: string): string => readFileSync(blobPath(folder, digest), 'utf8');

/** entryOf finds an image by its name; a layout with one image only needs no names. */
export function entryOf(folder: string, name: string): Descriptor | undefined {
  const entries = readIndex(folder);
  const [only] = entries;
  return (
    entries.find((entry) => nameOf(entry) === name) ??
    (entries.length === 1 && !nameOf(only as Descriptor) ? only : undefined)
  );
}

/** blobsOf lists the digests of all that an image consists of. */
export function blobsOf(folder: string, name: string): string[] {
  const entry = entryOf(folder, name);
  if (!entry) throw new Error(`${folder} has no image ${name}`);
  const below = (digest: string): string[] => {
    const { manifests = [], config, layers = [] } = JSON.parse(readManifest(folder, digest)) as Manifest;
    const parts = [...(config ? [config] : []), ...layers].map((part) => part.digest);
    return [digest, ...parts, ...manifests.flatMap((manifest) => below(manifest.digest))];
  };
  return below(entry.digest);
}

/** writeIndex writes into another folder the index of a layout that has only some of the images. */
export function writeIndex(folder: string, target: string, names: readonly string[]): void {
  saveIndex(
    target,
    readIndex(folder).filter((entry) => names.includes(nameOf(entry))),
  );
}

function saveIndex(folder: string, manifests: readonly Descriptor[]): void {
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  // Renamed into place: an interrupted write must not lose what the index knew.
  const path = join(folder, 'index.json');
  writeFileSync(`${path}.new`, JSON.stringify({ schemaVersion: 2, manifests }));
  renameSync(`${path}.new`, path);
}

/** adopt moves an image that was written as a plain folder (skopeo's `dir:`) into a layout; blobs that are there are shared. */
export function adopt(image: string, folder: string, name: string): void {
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  const text = readFileSync(join(image, 'manifest.json'));
  const { mediaType = '', config, layers = [] } = JSON.parse(text.toString()) as Manifest;
  for (const { digest } of [...(config ? [config] : []), ...layers]) {
    renameSync(join(image, digest.replace(/^sha256:/, '')), blobPath(folder, digest));
  }
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  writeFileSync(blobPath(folder, digest), text);
  const entry = { mediaType, digest, size: text.length, annotations: { [refName]: name } };
  saveIndex(folder, [...readIndex(folder).filter((other) => nameOf(other) !== name), entry]);
}

/**
 * fromDockerSave makes a layout of what `docker save` wrote for one image, unpacked into a folder. All versions of Docker
 * write manifest.json, which names the files of configuration and layers; before 25 there is no index.json, and since then
 * its entries carry only the tag.
 */
export function fromDockerSave(saved: string, folder: string, name: string): void {
  const images = JSON.parse(readFileSync(join(saved, 'manifest.json'), 'utf8')) as DockerImage[];
  const image =
    images.find(({ RepoTags }) => RepoTags?.includes(name)) ?? (images.length === 1 ? images[0] : undefined);
  if (!image) throw new Error(`docker save wrote no image ${name}`);
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  const add = (path: string, mediaType: string): Descriptor => {
    const file = join(saved, path);
    const digest = digestOf(file);
    // A layer may be named twice, and one that others share is a link to theirs.
    if (!existsSync(blobPath(folder, digest))) copyFileSync(file, blobPath(folder, digest));
    return { mediaType, digest, size: statSync(file).size };
  };
  const config = add(image.Config, 'application/vnd.oci.image.config.v1+json');
  const layers = image.Layers.map((path) =>
    add(path, `application/vnd.oci.image.layer.v1.tar${compression(join(saved, path))}`),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const text = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  writeFileSync(blobPath(folder, digest), text);
  saveIndex(folder, [{ mediaType, digest, size: text.length, annotations: { [refName]: name } }]);
}

/** DockerImage is one entry of manifest.json in an archive of `docker save`. */
interface DockerImage {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** digestOf reads a file in pieces: a layer may be larger than memory. */
function digestOf(file: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(1 << 20);
  const open = openSync(file, 'r');
  try {
    for (let read = readSync(open, piece); read > 0; read = readSync(open, piece)) hash.update(piece.subarray(0, read));
  } finally {
    closeSync(open);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** compression tells by its first bytes what a layer's media type ends in. */
function compression(file: string): '' | '+gzip' | '+zstd' {
  const start = Buffer.alloc(4);
  const open = openSync(file, 'r');
  try {
    readSync(open, start);
  } finally {
    closeSync(open);
  }
  if (start[0] === 0x1f && start[1] === 0x8b) return '+gzip';
  return start.readUInt32LE() === 0xfd2fb528 ? '+zstd' : '';
}

/** forget removes images from a layout, with the blobs that no other image has. */
export function forget(folder: string, unwanted: (name: string) => boolean): void {
  const kept = readIndex(folder)
    .map(nameOf)
    .filter((name) => !unwanted(name));
  writeIndex(folder, folder, kept);
  const used = new Set(kept.flatMap((name) => blobsOf(folder, name)));
  for (const file of readdirSync(join(folder, 'blobs', 'sha256'))) {
    if (!used.has(`sha256:${file}`)) rmSync(blobPath(folder, `sha256:${file}`));
  }
}
