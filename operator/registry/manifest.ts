import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { lookupOf, type Lookup, type RegistryCall } from './lookup.ts';
import { readBytes } from './http.ts';
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
}

/** Process is one entry of the processes that buildpacks found. */
export interface Process {
  readonly type: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
}

interface Descriptor {
  readonly digest: string;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
}

interface Manifest {
  readonly config?: Descriptor;
  readonly manifests?: readonly Descriptor[];
}

interface ConfigBlob {
  readonly config?: {
    readonly Labels?: Record<string, string> | null;
    readonly Env?: string[] | null;
    readonly User?: string;
  };
}

type Json<T> = Lookup<{ readonly value: T }>;

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

const readJson = async <T>(answer: Dispatcher.ResponseData, name: string, digest?: string): Promise<Json<T>> => {
  const failed = lookupOf(answer.statusCode, name);
  if (failed !== undefined) {
    await answer.body.dump();
    return failed;
  }
  const bytes = await readBytes(answer);
  if (digest !== undefined && `sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest)
    return { type: 'unreachable', message: `The registry sent other bytes than ${digest} for ${name}.` };
  return { type: 'found', value: JSON.parse(bytes.toString()) as T };
};

const choose = (manifests: readonly Descriptor[]): Descriptor | undefined =>
  manifests.find((m) => m.platform?.os === 'linux' && m.platform.architecture === architecture);

/** imageConfigOf reads manifest (through an index where there is one) and configuration, each checked against its digest. */
export const imageConfigOf = async (
  call: RegistryCall,
  reference: Reference,
): Promise<Lookup<{ readonly config: ImageConfig }>> => {
  const name = formatReference(reference);
  const manifest = async (version: string): Promise<Json<Manifest>> =>
    readJson(await call('GET', `manifests/${version}`), name, version.startsWith('sha256:') ? version : undefined);
  let found = await manifest(versionOf(reference));
  if (found.type !== 'found') return found;
  if (found.value.manifests !== undefined) {
    const chosen = choose(found.value.manifests);
    if (chosen === undefined) return { type: 'absent' };
    found = await manifest(chosen.digest);
    if (found.type !== 'found') return found;
  }
  const digest = found.value.config?.digest;
  if (digest === undefined) return { type: 'unreachable', message: `The manifest of ${name} has no configuration.` };
  const blob = await readJson<ConfigBlob>(await call('GET', `blobs/${digest}`), name, digest);
  if (blob.type !== 'found') return blob;
  const { Labels, Env, User } = blob.value.config ?? {};
  return { type: 'found', config: { labels: Labels ?? {}, env: Env ?? [], ...(User && { user: User }) } };
};

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
