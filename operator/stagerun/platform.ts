import { cacheRepository, cacheTag, repository } from '../api/names.ts';
import type { App } from '../api/app.ts';
import type { Platform, StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import { resolveCache, type BuildCache } from '../platform/buildcache.ts';
import { platformHash, resolveBuilder, timeoutOf } from '../platform/builders.ts';
import type { Limits } from './build/reasons.ts';

type Certain<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };
type Optional = 'previousImage' | 'cacheRepository' | 'cacheClaim' | 'runImageDigest';

/** Settings is the part of the installation that a build Job depends on. */
export interface Settings {
  readonly config: Config;
  /** Image and command of the fetch container: the operator's own image. */
  readonly fetch: { readonly image: string; readonly command: readonly string[] };
}

/** limitsOf a run, by the configuration as it is now. */
export const limitsOf = (config: Config, { spec }: StageRun): Limits => {
  const build = timeoutOf(config, spec.timeoutSeconds);
  return { build, start: config.build.startTimeoutSeconds, cut: build < (spec.timeoutSeconds ?? 0) };
};

/** BuildPlatform is what the installation adds to a run: status.platform with every field, and what only the Job needs. */
export interface BuildPlatform {
  readonly status: Certain<Omit<Platform, Optional>> & Pick<Platform, Optional>;
  readonly lifecycleImage: string;
  readonly limits: Limits;
  readonly cache: BuildCache;
}

/** pushRoot is the registry with its path: everything of this installation lies below. */
const pushRoot = ({ registry }: Config): string =>
  registry.prefix === '' ? registry.push : `${registry.push}/${registry.prefix}`;

/** pushRepository is where images of an App go: a function of configuration, namespace and name, and of nothing a user writes. */
export const pushRepository = (config: Config, namespace: string, app: string): string =>
  repository(pushRoot(config), { namespace, name: app });

/** Known is what a platform depends on beside configuration and run. */
export interface Known {
  readonly deployed?: string | undefined;
  readonly secretVersions?: Readonly<Record<string, string>>;
}

/**
 * resolvePlatform computes everything with power over the platform; undefined where the builder is none of this installation.
 * deployed: the image of the App that serves now, from which layers are taken again (API 0.13 needs it even with a cache).
 */
export const resolvePlatform = (config: Config, run: StageRun, known: Known = {}): BuildPlatform | undefined => {
  const builder = resolveBuilder(config, run.spec.builder);
  if (!builder) return undefined;
  const app = { namespace: run.metadata.namespace, name: run.spec.appRef.name };
  const target = pushRepository(config, app.namespace, app.name);
  const previousImage = previousIn(target, known.deployed);
  const { rebase } = run.spec;
  const cache = rebase === undefined ? resolveCache(config, app.name, run.spec.cache) : ({ type: 'none' } as const);
  return {
    lifecycleImage: builder.lifecycleImage,
    limits: limitsOf(config, run),
    cache,
    status: {
      hash: platformHash(config, run.spec, known.secretVersions),
      repository: target,
      tag: run.metadata.name,
      ...(cache.type === 'image' && { cacheRepository: cacheImage(cacheRepository(pushRoot(config), app), cache.tag) }),
      ...(cache.type === 'volume' && { cacheClaim: cache.claim }),
      ...(previousImage && { previousImage }),
      builderImage: builder.image,
      runImage: rebase === undefined ? builder.runImage : withDigest(builder.runImage, rebase.runImage),
      uid: builder.uid,
      gid: builder.gid,
      platformAPI: builder.platformAPI,
    },
  };
};

/** rebaseMode tells whether what an App builds is put upon newer run images. */
export const rebaseMode = ({ build }: Config, { spec }: App): 'Auto' | 'Off' => spec.build?.rebase ?? build.rebase;

/** rebaseRunImage is the run image of the builder of a run that puts an image upon another, as the configuration names it. */
export const rebaseRunImage = (config: Config, { spec }: StageRun): string | undefined =>
  spec.rebase && resolveBuilder(config, spec.builder)?.runImage;

/** withDigest says which of an image's versions is meant; the tag stays, because the lifecycle compares names. */
const withDigest = (image: string, digest: string): string => `${image.replace(/@.*$/, '')}@${digest}`;

/** A tag that is not written is `latest`. */
const cacheImage = (image: string, tag: string): string => (tag === cacheTag() ? image : `${image}:${tag}`);

/** Recorded is what a status says of the platform; of a repository at least. */
export type Recorded = Platform & { readonly repository: string };

/** platformNow is what a run began with, as its status has it, or would begin with; undefined like resolvePlatform. */
export const platformNow = (config: Config, run: StageRun, known: Known): BuildPlatform['status'] | undefined => {
  const recorded = run.status?.platform;
  if (recorded?.repository && recorded.runImage) return recorded as BuildPlatform['status'];
  return resolvePlatform(config, run, known)?.status;
};

/** platformToRecord is platformNow; where the builder is none any more, what does not depend on it. */
export const platformToRecord = (config: Config, run: StageRun, known: Known): Recorded => {
  const { metadata, spec } = run;
  return (
    platformNow(config, run, known) ?? {
      hash: platformHash(config, spec, known.secretVersions),
      repository: pushRepository(config, metadata.namespace, spec.appRef.name),
      tag: metadata.name,
    }
  );
};

/** previousIn takes only the digest of what is deployed: nodes may pull it by another address than builds do. */
const previousIn = (target: string, deployed: string | undefined): string | undefined => {
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(deployed ?? '')?.[1];
  return digest && `${target}@${digest}`;
};

/** imageReference is the tag under which a run's image is pushed. */
export const imageReference = (platform: BuildPlatform['status']): string => `${platform.repository}:${platform.tag}`;
