import type { Platform, RunSize } from '../api/stagerun.ts';
import type { Source } from '../api/source.ts';
import type { Config } from '../config.ts';
import { Secret } from '../kube/resource.ts';
import { decodedData } from '../kube/secretdata.ts';
import type { KubeReader } from '../kube/types.ts';
import {
  parseReference,
  readDockerConfig,
  signRunToken,
  tokenOrigin,
  type Access,
  type Blobs,
  type Credential,
  type Keyring,
  type Lookup,
  type Room,
} from '../registry/index.ts';
import type { LookupContext } from './deps.ts';
import type { BuiltImage } from './imagefacts.ts';
import { imageReference, type BuildPlatform } from './platform.ts';
import { secretName } from './resources/job.ts';
import { secretKeys } from './resources/volumes.ts';

/** marginSeconds is how much longer than its Job a token lives: clocks differ. */
export const marginSeconds = 300;

/** NoCredential says which Secret of the installation or of the namespace is missing or unusable. */
export class NoCredential extends Error {
  override readonly name = 'NoCredential';
}

/** KeyringRequest says for whom, and for how long. */
export interface KeyringRequest {
  readonly config: Config;
  /** Namespace of the operator: its Secrets lie there. */
  readonly home: string;
  readonly kube: KubeReader;
  readonly platform: BuildPlatform['status'];
  readonly namespace: string;
  readonly seconds: number;
}

/** keyringFor gives what a run may open. Secrets are read live, once per run: they rotate, and contents are never cached. */
export const keyringFor = (request: KeyringRequest): Promise<Keyring> =>
  request.config.registry.auth === 'Token' ? tokenKeyring(request) : secretKeyring(request);

const tokenKeyring = async ({ config, home, kube, platform, namespace, seconds }: KeyringRequest): Promise<Keyring> => {
  const { secretRef, push } = config.registry;
  const data = await readSecret(kube, home, secretRef);
  const key = data['tls.key'];
  const certificate = data['tls.crt'];
  if (!key || !certificate) throw new NoCredential(`The Secret ${home}/${secretRef} has no tls.key and tls.crt.`);
  const subject = `${namespace}/${platform.tag}`;
  const token = signRunToken({
    key,
    certificate,
    ...tokenOrigin,
    subject,
    expiresSeconds: seconds,
    access: accessOf(platform),
  });
  return { [push]: { type: 'bearer', token } };
};

/** accessOf is the least that a build needs: its own repositories, and to read its run image if that lies beside them. */
export const accessOf = (platform: BuildPlatform['status']): Access[] => {
  const own = parseReference(platform.repository);
  const cache = platform.cacheRepository ? [parseReference(platform.cacheRepository)] : [];
  const run = parseReference(platform.runImage);
  return [
    ...[own, ...cache].map((r): Access => ({ type: 'repository', name: r.repository, actions: ['pull', 'push'] })),
    ...(run.registry === own.registry
      ? [{ type: 'repository' as const, name: run.repository, actions: ['pull' as const] }]
      : []),
  ];
};

const secretKeyring = async ({ config, home, kube, platform, namespace }: KeyringRequest): Promise<Keyring> => {
  const { secretRef, shared } = config.registry;
  const where = shared ? home : namespace;
  const text = (await readSecret(kube, where, secretRef))['.dockerconfigjson'] ?? '';
  const hosts = new Set([parseReference(platform.repository).registry, parseReference(platform.runImage).registry]);
  const entries = [...hosts].flatMap((host) => {
    const credential = readDockerConfig(text, host);
    return credential ? [[host, credential] as const] : [];
  });
  if (entries.length === 0) {
    throw new NoCredential(`The Secret ${where}/${secretRef} has no credential for ${config.registry.push}.`);
  }
  return Object.fromEntries(entries);
};

const readSecret = async (kube: KubeReader, namespace: string, name: string): Promise<Record<string, string>> => {
  const secret = await kube.get(Secret, { namespace, name });
  if (!secret) throw new NoCredential(`The Secret ${namespace}/${name} does not exist.`);
  return decodedData(secret);
};

/** CAUse says which CAs are wanted: those of the operator's namespace for a source. */
export interface CAUse {
  readonly home: string;
  readonly source?: Source;
}

/** readCA joins the CAs of the registry and of where the source is; undefined where the installation uses public ones. */
export const readCA = async (
  config: Config,
  { home, source }: CAUse,
  kube: KubeReader,
): Promise<string | undefined> => {
  const ofSource = source?.git === undefined ? config.s3.caRef : config.git.caRef;
  const names = new Set([config.registry.caRef, ofSource].filter((name) => name !== undefined));
  const bundle: string[] = [];
  for (const name of names) {
    const ca = (await readSecret(kube, home, name))['ca.crt'];
    if (!ca) throw new NoCredential(`The Secret ${home}/${name} has no ca.crt.`);
    bundle.push(ca.trimEnd());
  }
  return bundle.length > 0 ? `${bundle.join('\n')}\n` : undefined;
};

/** keyring makes a credential for a run, for so many seconds. */
export const keyring = (
  { deps, ctx, observed }: LookupContext,
  platform: BuildPlatform['status'],
  seconds: number,
): Promise<Keyring> =>
  keyringFor({
    config: deps.config,
    home: deps.home,
    kube: ctx.kube,
    platform,
    namespace: observed.run.metadata.namespace,
    seconds,
  });

/** freshKeyring opens the registry to the operator itself; empty where the installation's Secret is gone for the moment. */
export const freshKeyring = async (context: LookupContext, platform: BuildPlatform['status']): Promise<Keyring> => {
  try {
    return await keyring(context, platform, marginSeconds);
  } catch (error) {
    if (error instanceof NoCredential) return {};
    throw error;
  }
};

/** runKeyring is the credential that the run's containers had; a new one would not show that theirs had expired. */
export const runKeyring = async ({ ctx, observed }: LookupContext): Promise<Keyring> => {
  const key = { namespace: observed.run.metadata.namespace, name: secretName(observed.run) };
  const data = (await ctx.kube.get(Secret, key))?.data?.[secretKeys.registryAuth] ?? '';
  try {
    const headers = JSON.parse(Buffer.from(data, 'base64').toString()) as Record<string, string>;
    return Object.fromEntries(Object.entries(headers).map(([host, header]) => [host, credentialOf(header)]));
  } catch {
    return {};
  }
};

const credentialOf = (header: string): Credential => {
  const [, scheme, value = ''] = /^(Basic|Bearer) (.*)$/.exec(header) ?? [];
  if (scheme !== 'Basic') return { type: 'bearer', token: value };
  const [, username = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString()) ?? [];
  return { type: 'basic', username, password };
};

/** headOwn looks for the image of a run in the registry. */
export const headOwn = (
  { deps }: LookupContext,
  platform: BuildPlatform['status'],
  keys: Keyring,
): Promise<Lookup<{ digest: string }>> => {
  const target = parseReference(imageReference(platform));
  return deps.registry.headManifest(target, keys[target.registry]);
};

/** tryPush finds out whether the registry takes what a run would push. */
export const tryPush = ({ deps }: LookupContext, platform: BuildPlatform['status'], keys: Keyring): Promise<Room> => {
  const target = parseReference(platform.repository);
  return deps.registry.tryUpload(target, keys[target.registry]);
};

/** describe reads the labels and the size of an image, if they can be had, and lets the cache that it left be found again. */
export const describe = async (
  context: LookupContext,
  platform: Platform,
  digest: string,
  keys: Keyring,
): Promise<BuiltImage> => {
  const reference = `${platform.repository}@${digest}`;
  const image = parseReference(reference);
  const config = await context.deps.registry.imageConfig(image, keys[image.registry]);
  const size = await sizeOf(context, platform, { reference, keys });
  await tagCache(context, platform, keys);
  if (config.type !== 'found') return { digest, ...(size && { size }) };
  const { labels, ports } = config.config;
  return { digest, labels, ...(ports && { ports }), ...(size && { size }) };
};

/** The next build moves the cache's tag: without one of its own the manifest could not be listed any more, and never be swept. */
const tagCache = async ({ deps }: LookupContext, { cacheRepository, tag }: Platform, keys: Keyring): Promise<void> => {
  if (cacheRepository === undefined || tag === undefined) return;
  const cache = parseReference(cacheRepository);
  // Whatever the registry answers: a cache that is not tagged only keeps its room.
  await deps.registry.addTag(cache, tag, keys[cache.registry]);
};

interface Sizing {
  readonly reference: string;
  readonly keys: Keyring;
}

/** sizeOf tells what a run holds in the registry beside what the App had there; undefined where the image cannot be read. */
const sizeOf = async (
  { deps }: LookupContext,
  { previousImage, cacheRepository }: Platform,
  { reference, keys }: Sizing,
): Promise<RunSize | undefined> => {
  const blobsOf = async (name: string | undefined): Promise<Blobs | undefined> => {
    if (name === undefined) return undefined;
    const image = parseReference(name);
    const found = await deps.registry.imageBlobs(image, keys[image.registry]);
    return found.type === 'found' ? found.blobs : undefined;
  };
  const own = await blobsOf(reference);
  if (own === undefined) return undefined;
  const before = await blobsOf(previousImage);
  const cache = await blobsOf(cacheRepository);
  const added = [...own].filter(([digest]) => before?.has(digest) !== true).map(([, bytes]) => bytes);
  return { image: sum(own.values()), added: sum(added), ...(cache && { cache: sum(cache.values()) }) };
};

const sum = (sizes: Iterable<number>): number => [...sizes].reduce((all, bytes) => all + bytes, 0);
