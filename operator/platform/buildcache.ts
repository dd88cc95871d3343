import { isBuilt } from '../api/source.ts';
import type { App } from '../api/app.ts';
import { cacheWish, type CacheWish } from '../api/cachewish.ts';
import { cacheTag, volumeCacheName } from '../api/names.ts';
import type { Config } from '../config.ts';

/** BuildCache is where a build finds what earlier ones left for it, and leaves what later ones find. */
export type BuildCache =
  | { readonly type: 'none' }
  /** An image in the registry, under this tag. */
  | { readonly type: 'image'; readonly tag: string }
  /** A PersistentVolumeClaim of this name. */
  | {
      readonly type: 'volume';
      readonly claim: string;
      readonly size: string;
      readonly storageClassName: string | undefined;
    };

/** resolveCache tells what a wish stands for in this installation. */
export const resolveCache = ({ build }: Pick<Config, 'build'>, app: string, wish: CacheWish = {}): BuildCache => {
  const { mode = build.cache, key } = wish;
  switch (mode) {
    case 'None':
      return { type: 'none' };
    case 'Image':
      return { type: 'image', tag: cacheTag(key) };
    case 'Volume': {
      const { size = build.cacheSize, storageClassName = build.cacheStorageClassName } = wish;
      return { type: 'volume', claim: volumeCacheName(app, { size, storageClassName, key }), size, storageClassName };
    }
  }
};

/** cacheOf is the cache of the next build of an App that is built. */
export const cacheOf = (config: Pick<Config, 'build'>, app: Pick<App, 'metadata' | 'spec'>): BuildCache =>
  isBuilt(app.spec.source) ? resolveCache(config, app.metadata.name, cacheWish(app)) : { type: 'none' };
