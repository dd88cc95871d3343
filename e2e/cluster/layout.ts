import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
