import type { App } from '../api/app.ts';
import type { StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import { apply } from '../kube/reconcile/plan.ts';
import { PersistentVolumeClaim } from '../kube/resource.ts';
import { cacheOf, resolveCache, type BuildCache } from '../platform/buildcache.ts';
import type { ChildKind } from './child.ts';
import { isFinished } from './runs.ts';
import { childOf } from './resources/meta.ts';

type Volume = Extract<BuildCache, { type: 'volume' }>;

const isVolume = (cache: BuildCache): cache is Volume => cache.type === 'volume';

/** volumesOf are the volumes of the next build, and of those that go on with what the App said before. */
const volumesOf = (config: Pick<Config, 'build'>, app: App, runs: readonly StageRun[]): readonly Volume[] => {
  const { name } = app.metadata;
  const caches = [
    cacheOf(config, app),
    ...runs.filter((run) => !isFinished(run)).map(({ spec }) => resolveCache(config, name, spec.cache)),
  ];
  return [...new Map(caches.filter(isVolume).map((volume) => [volume.claim, volume])).values()];
};

/** volumeCaches keep what builds leave for the next one. They go with the App, and when it asks for another size, class or key. */
export const volumeCaches: ChildKind = ({ observed: { app, runs, settings } }) =>
  volumesOf(settings, app, runs).map(({ claim, size, storageClassName }) =>
    apply(
      PersistentVolumeClaim,
      childOf(
        app,
        PersistentVolumeClaim,
        { name: claim, component: 'staging' },
        {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: size } },
          ...(storageClassName !== undefined && { storageClassName }),
        },
      ),
    ),
  );
