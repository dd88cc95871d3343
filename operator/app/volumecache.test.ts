import { describe, expect, test } from 'vitest';
import type { AppSpec } from '../api/app.ts';
import type { StageRun } from '../api/stagerun.ts';
import type { AppliedChild } from '../kube/reconcile/plan.ts';
import type { Decided } from './child.ts';
import { anApp, blob, settings } from './testing/objects.ts';
import { volumeCaches } from './volumecache.ts';

type Cache = NonNullable<AppSpec['build']>['cache'];

interface Scene {
  readonly cache?: Cache;
  readonly annotations?: Record<string, string>;
  readonly source?: AppSpec['source'];
  readonly runs?: readonly { readonly cache?: Cache; readonly succeeded?: string }[];
  readonly installation?: Partial<(typeof settings)['build']>;
}

const claims = ({ cache, annotations, source = blob().source, runs = [], installation = {} }: Scene) => {
  const app = anApp({ source, ...(cache && { build: { cache } }) });
  const observed = {
    app: { ...app, metadata: { ...app.metadata, ...(annotations && { annotations }) } },
    runs: runs.map(
      ({ cache: own, succeeded }) =>
        ({
          metadata: {},
          spec: { cache: own },
          status: { conditions: [{ type: 'Succeeded', status: succeeded ?? 'Unknown' }] },
        }) as unknown as StageRun,
    ),
    settings: { ...settings, build: { ...settings.build, ...installation } },
  };
  return volumeCaches({ observed } as unknown as Decided).map((child) => (child as AppliedChild).intent);
};
const names = (scene: Scene): string[] => claims(scene).map(({ metadata }) => metadata.name);
const volume = { mode: 'Volume' } as const;

describe('the volume of a cache', () => {
  test('is as large as the installation says, of the class of the cluster', () => {
    expect(claims({ cache: volume })).toMatchObject([
      {
        kind: 'PersistentVolumeClaim',
        metadata: { labels: { 'epinio.io/app': 'shop', 'app.kubernetes.io/component': 'staging' } },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } },
      },
    ]);
    expect(claims({ cache: volume })[0]?.['spec']).not.toHaveProperty('storageClassName');
  });

  test.each<[string, Scene]>([
    ['the App says nothing', {}],
    ['it is an image', { cache: { mode: 'Image' } }],
    ['there is to be none', { cache: { mode: 'None' }, installation: { cache: 'Volume' } }],
    ['nothing is built', { cache: volume, source: { image: 'example.org/shop:1' } }],
  ])('is not there where %s', (_name, scene) => expect(claims(scene)).toEqual([]));

  test('is there where the installation says so', () => {
    expect(
      claims({ installation: { cache: 'Volume', cacheSize: '5Gi', cacheStorageClassName: 'fast' } }),
    ).toMatchObject([{ spec: { resources: { requests: { storage: '5Gi' } }, storageClassName: 'fast' } }]);
  });

  test('is another one for another size, class, key, or when it is cleared; and the same for the same', () => {
    const scenes: Scene[] = [
      { cache: volume },
      { cache: { ...volume, size: '3Gi' } },
      { cache: { ...volume, storageClassName: 'fast' } },
      { cache: { ...volume, key: '2' } },
      { cache: volume, annotations: { 'epinio.io/clear-cache': 'monday' } },
      { cache: volume, annotations: { 'epinio.io/clear-cache': 'tuesday' } },
    ];
    const all = scenes.flatMap(names);
    expect(new Set(all).size).toBe(scenes.length);
    expect(scenes.flatMap(names)).toEqual(all);
    expect(names({ cache: { ...volume, size: '2Gi' } })).toEqual(names({ cache: volume }));
  });

  test('that a run goes on with stays until its end, beside the one that the App asks for by now', () => {
    const now: Scene = { cache: { ...volume, size: '3Gi' } };
    const before = names({ cache: volume });
    expect(names({ ...now, runs: [{ cache: volume }] })).toEqual([...names(now), ...before]);
    expect(names({ ...now, runs: [{ cache: volume, succeeded: 'True' }] })).toEqual(names(now));
    expect(names({ cache: { mode: 'None' }, runs: [{ cache: volume }] })).toEqual(before);
  });
});
