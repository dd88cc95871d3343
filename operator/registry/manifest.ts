import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { RegistryCall } from './call.ts';
import { discard, readBytes } from './http.ts';
import { lookupOf, type Lookup } from './lookup.ts';
import { formatReference, versionOf, type Reference } from './names.ts';

/** manifestTypes are the manifests and indexes that we take. */
export const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** ImageConfig is what an image says of itself. */
export interface ImageConfig {
  readonly labels: Readonly<Record<string, string>>;
  /** NAME=value. */
  readonly env: readonly string[];
  /** User as the image has it, e.g. 1001:1000. */
  readonly user?: string;
  /** TCP ports that the image says it listens on, in ascending order; absent where it says of none. */
  readonly ports?: readonly number[];
}

/** Process is one entry of the processes that buildpacks found. */
export interface Process {
  readonly type: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
}

interface Descriptor {
  readonly digest: string;
  readonly size?: unknown;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
}

interface Manifest {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

interface ConfigBlob {
  readonly config?: {
    readonly Labels?: Record<string, unknown> | null;
    readonly Env?: unknown;
    readonly User?: string;
    readonly ExposedPorts?: unknown;
  };
}

type Json<T> = Lookup<{ readonly value: T }>;

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

const readJson = async <T>(answer: Dispatcher.ResponseData, name: string, digest?: string): Promise<Json<T>> => {
  const failed = lookupOf(answer.statusCode, name);
  if (failed !== undefined) {
    await discard(answer);
    return failed;
  }
  const bytes = await readBytes(answer);
  if (digest !== undefined && `sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest)
    return { type: 'unreachable', message: `The registry sent other bytes than ${digest} for ${name}.` };
  return { type: 'found', value: JSON.parse(bytes.toString()) as T };
};

const choose = (manifests: readonly Descriptor[]): Descriptor | undefined =>
  manifests.find((m) => m.platform?.os === 'linux' && m.platform.architecture === architecture);

/** What manifests name is asked for, and who pushes writes them: nothing that leads to another path. */
const isVersion = (version: unknown): version is string =>
  typeof version === 'string' && /^\w[\w.+:-]{0,254}$/.test(version);

const strange = (name: string): Lookup<never> => ({
  type: 'unreachable',
  message: `The manifest of ${name} names something that is no digest.`,
});

const readManifest = async (call: RegistryCall, reference: Reference, version: string): Promise<Json<Manifest>> => {
  const name = formatReference(reference);
  if (!isVersion(version)) return strange(name);
  const answer = await call('GET', `${reference.repository}/manifests/${version}`);
  return readJson(answer, name, version.startsWith('sha256:') ? version : undefined);
};

/** imageConfigOf reads manifest (through an index where there is one) and configuration, each checked against its digest. */
export const imageConfigOf = async (
  call: RegistryCall,
  reference: Reference,
): Promise<Lookup<{ readonly config: ImageConfig }>> => {
  const name = formatReference(reference);
  let found = await readManifest(call, reference, versionOf(reference));
  if (found.type !== 'found') return found;
  if (found.value.manifests !== undefined) {
    const chosen = choose(found.value.manifests);
    if (chosen === undefined) return { type: 'absent' };
    found = await readManifest(call, reference, chosen.digest);
    if (found.type !== 'found') return found;
  }
  const digest = found.value.config?.digest;
  if (digest === undefined) return { type: 'unreachable', message: `The manifest of ${name} has no configuration.` };
  if (!isVersion(digest)) return strange(name);
  const blob = await readJson<ConfigBlob>(await call('GET', `${reference.repository}/blobs/${digest}`), name, digest);
  if (blob.type !== 'found') return blob;
  const { Labels, Env, User, ExposedPorts } = blob.value.config ?? {};
  const labels = Object.entries(Labels ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const ports = portsOf(ExposedPorts);
  return {
    type: 'found',
    config: {
      labels: Object.fromEntries(labels),
      env: strings(Env),
      ...(User && { user: String(User) }),
      ...(ports.length > 0 && { ports }),
    },
  };
};

/** An index of ours has a handful of images; who names thousands wants to be read for ever. */
const maxImages = 32;

/** Blobs are what an image consists of: digest → size in bytes. */
export type Blobs = ReadonlyMap<string, number>;

/** imageSizeOf adds up what a manifest names; a blob that several images share counts once. */
export const imageSizeOf = async (
  call: RegistryCall,
  reference: Reference,
): Promise<Lookup<{ readonly bytes: number }>> => {
  const found = await imageBlobsOf(call, reference);
  if (found.type !== 'found') return found;
  return { type: 'found', bytes: [...found.blobs.values()].reduce((sum, size) => sum + size, 0) };
};

/** imageBlobsOf tells what a manifest names. */
export const imageBlobsOf = async (
  call: RegistryCall,
  reference: Reference,
): Promise<Lookup<{ readonly blobs: Blobs }>> => {
  const sizes = new Map<string, number>();
  const top = await readManifest(call, reference, versionOf(reference));
  if (top.type !== 'found') return top;
  const children = top.value.manifests ?? [];
  if (children.length > maxImages)
    return { type: 'unreachable', message: `${formatReference(reference)} is an index of ${children.length} images.` };
  const manifests = [top.value];
  for (const { digest } of children) {
    const child = await readManifest(call, reference, digest);
    if (child.type === 'found') manifests.push(child.value);
    // An index may name images that nobody pushed here: they take no room.
    else if (child.type !== 'absent') return child;
  }
  for (const { config, layers = [] } of manifests)
    for (const { digest, size } of config === undefined ? layers : [config, ...layers])
      if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) sizes.set(digest, size);
  return { type: 'found', blobs: sizes };
};

/** portsOf reads ports as images declare them: { "8080/tcp": {} }. */
const portsOf = (exposed: unknown): number[] =>
  Object.keys(typeof exposed === 'object' && exposed !== null ? exposed : {})
    .flatMap((port) => /^(\d{1,5})(?:\/tcp)?$/i.exec(port)?.[1] ?? [])
    .map(Number)
    .filter((port) => port > 0 && port <= 65_535)
    .toSorted((a, b) => a - b);

const strings = (value: unknown): string[] => [value ?? []].flat().filter((item) => typeof item === 'string');

/** processesOf reads the process types from the label that the lifecycle's export writes; none where it is absent or broken. */
export const processesOf = (labels: Readonly<Record<string, string>>): Process[] => {
  try {
    const data = JSON.parse(labels['io.buildpacks.build.metadata'] ?? '{}') as { processes?: unknown };
    const list = Array.isArray(data.processes) ? (data.processes as Record<string, unknown>[]) : [];
    return list
      .filter((p) => typeof p['type'] === 'string')
      .map((p) => ({ type: String(p['type']), command: strings(p['command']), args: strings(p['args']) }));
  } catch {
    return [];
  }
};
