import type { Platform, RunSize } from '../api/stagerun.ts';
import { Secret } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import { platformHash } from '../platform/builders.ts';
import { parseReference, type Blobs, type Credential, type Lookup, type Room } from '../registry/index.ts';
import { keyringFor, NoCredential, type Keyring } from './credentials.ts';
import type { StageRunDeps } from './deps.ts';
import type { Seen } from './observe.ts';
import { imageReference, pushRepository, resolvePlatform, type BuildPlatform } from './platform.ts';
import { secretName } from './resources/job.ts';
import { secretKeys } from './resources/volumes.ts';

/** Asking is who asks whom about what. */
export interface Asking {
  readonly deps: StageRunDeps;
  readonly ctx: Context;
  readonly seen: Seen;
}

/** marginSeconds is how much longer than its Job a token lives: clocks differ. */
export const marginSeconds = 300;

/** BuiltImage is an image in the registry; labels are absent where they could not be read. */
export interface BuiltImage {
  readonly digest: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly size?: RunSize;
}

/** platformNow is what the run began with, as its status has it, or would have had it. */
export const platformNow = (deps: StageRunDeps, seen: Seen): BuildPlatform['status'] | undefined => {
  const recorded = seen.run.status?.platform;
  if (recorded?.repository && recorded.runImage) return recorded as BuildPlatform['status'];
  return resolvePlatform(deps.config, seen.run, seen)?.status;
};

/** platformToRecord is platformNow; where the builder is none any more, what does not depend on it. */
export const platformToRecord = (deps: StageRunDeps, seen: Seen): Platform & { readonly repository: string } => {
  const { config } = deps;
  const { metadata, spec } = seen.run;
  const repository = pushRepository(config, metadata.namespace, spec.appRef.name);
  return (
    platformNow(deps, seen) ?? { hash: platformHash(config, spec, seen.secretVersions), repository, tag: metadata.name }
  );
};

/** keyring makes a credential for a run, for so many seconds. */
export const keyring = (
  { deps, ctx, seen }: Asking,
  platform: BuildPlatform['status'],
  seconds: number,
): Promise<Keyring> =>
  keyringFor({
    config: deps.config,
    home: deps.home,
    kube: ctx.kube,
    platform,
    namespace: seen.run.metadata.namespace,
    seconds,
  });

/** freshKeyring opens the registry to the operator itself; empty where the installation's Secret is gone for the moment. */
export const freshKeyring = async (asking: Asking, platform: BuildPlatform['status']): Promise<Keyring> => {
  try {
    return await keyring(asking, platform, marginSeconds);
  } catch (error) {
    if (error instanceof NoCredential) return {};
    throw error;
  }
};

/** runKeyring is the credential that the run's containers had; a new one would not show that theirs had expired. */
export const runKeyring = async ({ ctx, seen }: Asking): Promise<Keyring> => {
  const key = { namespace: seen.run.metadata.namespace, name: secretName(seen.run) };
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
  { deps }: Asking,
  platform: BuildPlatform['status'],
  keys: Keyring,
): Promise<Lookup<{ digest: string }>> => {
  const target = parseReference(imageReference(platform));
  return deps.registry.headManifest(target, keys[target.registry]);
};

/** tryPush finds out whether the registry takes what a run would push. */
export const tryPush = ({ deps }: Asking, platform: BuildPlatform['status'], keys: Keyring): Promise<Room> => {
  const target = parseReference(platform.repository);
  return deps.registry.tryUpload(target, keys[target.registry]);
};

/** describe reads the labels and the size of an image, if they can be had, and lets the cache that it left be found again. */
export const describe = async (
  asking: Asking,
  platform: Platform,
  digest: string,
  keys: Keyring,
): Promise<BuiltImage> => {
  const reference = `${platform.repository}@${digest}`;
  const image = parseReference(reference);
  const config = await asking.deps.registry.imageConfig(image, keys[image.registry]);
  const size = await sizeOf(asking, platform, { reference, keys });
  await tagCache(asking, platform, keys);
  return { digest, ...(config.type === 'found' && { labels: config.config.labels }), ...(size && { size }) };
};

/** The next build moves the cache's tag: without one of its own the manifest could not be listed any more, and never be swept. */
const tagCache = async ({ deps }: Asking, { cacheRepository, tag }: Platform, keys: Keyring): Promise<void> => {
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
  { deps }: Asking,
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
