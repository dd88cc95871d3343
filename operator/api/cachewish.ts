import type { App } from './app.ts';
import { annotations, cacheKey } from './names.ts';
import type { StageRunSpec } from './stagerun.ts';

/** CacheWish is what a run says of its cache. */
export type CacheWish = StageRunSpec['cache'];

/** cacheWish is what an App says of the cache of its next build: to clear a cache is to use another one. */
export const cacheWish = ({ metadata, spec }: Pick<App, 'metadata' | 'spec'>): CacheWish => {
  const { key, ...wish } = spec.build?.cache ?? {};
  const own = cacheKey(key, metadata.annotations?.[annotations.clearCache]);
  const all = { ...wish, ...(own !== undefined && { key: own }) };
  return Object.keys(all).length === 0 ? undefined : all;
};
