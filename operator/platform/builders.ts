import { hash } from 'node:crypto';
import { canonical } from '../kube/canonical.ts';
import type { StageRunSpec } from '../api/stagerun.ts';
import type { Source } from '../api/source.ts';
import type { BuilderProfile, Config } from '../config.ts';
import { Secret } from '../kube/resource.ts';
import type { Cache } from '../kube/types.ts';
import { cacheTag } from '../api/names.ts';
import { registryAddresses } from '../registry/index.ts';
import { resolveCache, type BuildCache } from './buildcache.ts';

/** BuildWishes is what an App may say about how it is built beside the inputs of the image: App.spec.build, StageRun.spec. */
export type BuildWishes = Pick<StageRunSpec, 'builder' | 'resources' | 'timeoutSeconds' | 'cache'> & {
  readonly source?: Source | undefined;
};

/** ResolvedBuilder is what the builder of an App stands for in this installation. */
export type ResolvedBuilder = Omit<BuilderProfile, 'name' | 'match' | 'lifecycleImage'> & {
  readonly lifecycleImage: string;
};

/** resolveBuilder finds the profile that a builder's name or image means; undefined where the installation has and allows none. */
export const resolveBuilder = (config: Config, builder?: string): ResolvedBuilder | undefined => {
  const byName = (name: string | undefined) => config.builders.find((profile) => profile.name === name);
  const fallback = byName(config.defaultBuilder) ?? config.builders[0];
  if (builder === undefined) return fallback && resolved(fallback, fallback.image);
  const named = byName(builder);
  if (named) return resolved(named, named.image);
  // What lies where Apps push, a tenant may have put there.
  const { registry } = config;
  const path = registryAddresses(registry).pathOf(builder);
  if (path !== undefined && (registry.prefix === '' || path.startsWith(`${registry.prefix}/`))) return undefined;
  const profile = config.builders.find((p) => p.image === builder || (p.match && matches(p.match, builder)));
  const allowed = profile?.image === builder || config.allowedBuilders.some((pattern) => matches(pattern, builder));
  const settings = profile ?? fallback;
  return allowed && settings ? resolved(settings, builder) : undefined;
};

const resolved = (profile: BuilderProfile, image: string): ResolvedBuilder => ({
  image,
  lifecycleImage: profile.lifecycleImage ?? image,
  runImage: profile.runImage,
  uid: profile.uid,
  gid: profile.gid,
  platformAPI: profile.platformAPI,
});

/** matches compares an image with a pattern in which * stands for any text within one part of the path. */
const matches = (pattern: string, image: string): boolean => {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]*')}$`).test(image);
};

/** secretsOf names the Secrets of its namespace that a build depends on. */
export const secretsOf = (
  { registry }: Config,
  {
    env = [],
    bindings = [],
    source,
  }: Partial<Pick<StageRunSpec, 'env' | 'bindings'>> & { readonly source?: Source | undefined },
): string[] => [
  ...new Set([
    ...(source?.git?.secretRef === undefined ? [] : [source.git.secretRef.name]),
    ...env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
    ...bindings.map(({ name }) => name),
    ...(registry.auth === 'Secret' && !registry.shared ? [registry.secretRef] : []),
  ]),
];

/** secretVersionsOf tells which version each of them has; one that does not exist has none. */
export const secretVersionsOf = (cache: Pick<Cache, 'get'>, namespace: string, names: readonly string[]) =>
  Object.fromEntries(
    names.map((name) => [name, cache.get(Secret, { namespace, name })?.metadata?.resourceVersion ?? '']),
  );

/** cacheText stands for a cache; where there is nothing but a mode, that alone, so that old hashes stay. */
const cacheText = (cache: BuildCache): string | BuildCache => {
  if (cache.type === 'none') return 'None';
  return cache.type === 'image' && cache.tag === cacheTag() ? 'Image' : cache;
};

const usualMaxSeconds = 3600;

/** timeoutOf is how many seconds a build may take: what its App asks for, up to what the installation allows. */
export const timeoutOf = ({ build }: Config, asked: number | undefined): number => {
  const { timeoutSeconds, maxTimeoutSeconds = Math.max(timeoutSeconds, usualMaxSeconds) } = build;
  return Math.min(asked ?? timeoutSeconds, maxTimeoutSeconds);
};

/**
 * platformHash stands for everything beside the inputs that a build depends on. A run that failed for a user's reason stays
 * failed only under the hash that it failed with (StageRun status.platform.hash): raising the memory or the limits of
 * an archive, repairing a builder or moving the registry lets it be tried again. secretVersions: resourceVersion of each Secret of the namespace that the build uses.
 */
export const platformHash = (
  config: Config,
  wishes: BuildWishes,
  secretVersions: Readonly<Record<string, string>> = {},
): string => {
  const { push, prefix, auth, secretRef, caRef, insecure, shared } = config.registry;
  const { endpoint, region, bucket, addressing, prefix: keys, secretRef: s3Secret, caRef: s3CA } = config.s3;
  // What every installation had before there was a choice has no word: an upgrade tries no build again.
  const host = addressing === 'VirtualHost' ? { addressing } : {};
  const everything = {
    resources: { own: wishes.resources, default: config.build.resources },
    timeout: timeoutOf(config, wishes.timeoutSeconds),
    cache: cacheText(resolveCache(config, '', wishes.cache)),
    builder: resolveBuilder(config, wishes.builder),
    archive: config.archive,
    git: wishes.source?.git && config.git,
    registry: { push, prefix, auth, secretRef, caRef, insecure, shared },
    s3: { endpoint, region, bucket, ...host, prefix: keys, secretRef: s3Secret, caRef: s3CA },
    secretVersions,
  };
  // Through JSON, so that absent and undefined are the same.
  const text = canonical(JSON.parse(JSON.stringify(everything)));
  return hash('sha256', text);
};
