import { describe, expect, it } from 'vitest';
import { App, type App as AppObject } from '../api/app.ts';
import { AppRoute, type AppRoute as Route } from '../api/approute.ts';
import { appRouteName } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { configSchema } from '../config.ts';
import { Store } from '../kube/cache/store.ts';
import { Deployment, keyOf, Service, type KubeObject, type Resource } from '../kube/resource.ts';
import { resourceId } from '../kube/paths.ts';
import type { Cache, Context } from '../kube/types.ts';
import { registryAddresses } from '../registry/index.ts';
import { Budgets } from './budgets.ts';
import { appCacheSpecs } from './caches.ts';
import type { AppTools } from './deps.ts';
import { observe } from './observe.ts';
import type { Observed } from './observed.ts';
import { PodTable } from './podtable.ts';
import { addresses, staleRoutes } from './routes.ts';
import { anApp, aRoute, aRun, blob, image, succeeded } from './testing/objects.ts';

const config = configSchema.parse({
  domain: 'apps.test',
  s3: { endpoint: 'http://127.0.0.1:1', bucket: 'epinio' },
  registry: { push: 'registry.test:5000', pull: '127.0.0.1:30500' },
  builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
});

/** world is a cache as the operator has it, that counts what is read of it. */
const world = (...objects: readonly (readonly [Resource, KubeObject])[]) => {
  const stores = new Map(
    appCacheSpecs(config, 'home').map(({ resource, trim, indexes }) => [
      resourceId(resource),
      new Store({ resource, trim, indexes }),
    ]),
  );
  const storeOf = (r: Resource): Store => stores.get(resourceId(r)) as Store;
  let version = 0;
  for (const [r, { metadata, ...rest }] of objects)
    storeOf(r).put(structuredClone({ ...rest, metadata: { ...metadata, resourceVersion: String(++version) } }));
  let reads = 0;
  const counted = <T>(found: T[]): T[] => ((reads += found.length), found);
  const cache = {
    get: (r: Resource, key: never) => counted([storeOf(r).get(key)])[0],
    byIndex: (r: Resource, index: string, value: string, limit?: number) =>
      counted(storeOf(r).byIndex(index, value, limit)),
    ownedBy: (r: Resource, owner: KubeObject, limit?: number) => counted(storeOf(r).ownedBy(owner, limit)),
  } as unknown as Cache;
  const tools = {
    config,
    addresses: registryAddresses(config.registry),
    budgets: new Budgets(),
    pods: new PodTable(),
    pullSecrets: { look: () => Promise.resolve({ type: 'current' }) },
    contents: { look: () => Promise.resolve({ missing: [] }) },
  } as unknown as AppTools;
  const ctx = { cache, now: () => new Date(), peakDepth: () => 0 } as unknown as Context;
  return {
    reads: () => reads,
    observe: async (app: AppObject): Promise<Observed> => {
      const observed = await observe(tools, keyOf(app), ctx);
      if (observed === undefined) throw new Error('not there');
      return observed;
    },
  };
};

const many = <T>(make: (i: number) => T): T[] => Array.from({ length: 2_000 }, (_, i) => make(i));
const controller = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop', uid: 'app-uid', controller: true };
const forged = (i: number) => ({
  ...{
    name: `evil-${i}`,
    namespace: 'team',
    uid: `evil-${i}`,
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  ownerReferences: [controller],
});
const host = 'shop.apps.test';

describe('what a tenant writes for one App is read up to a bound', () => {
  it('AppRoutes by hand, for the address of the App and for others, beside the one that has it', async () => {
    const app = anApp(image());
    const byHand = (name: string, wishes: object = {}): readonly [Resource, KubeObject] => [
      AppRoute,
      aRoute('conflict', { byHand: name, ...wishes }),
    ];
    const { observe, reads } = world(
      [App, app],
      ...many((i) => byHand(`same-${i}`, { host })),
      ...many((i) => byHand(`other-${i}`, { host: `h${i}.test` })),
      [AppRoute, aRoute('ready', { byHand: 'mine', host })],
    );
    const observed = await observe(app);
    expect(addresses(observed).map(({ holder, foreign }) => [holder?.metadata.name, foreign])).toEqual([
      ['mine', true],
    ]);
    expect(reads()).toBeLessThan(50);
  });

  it('children of every kind that name it as their owner: its own are among those that are found', async () => {
    const app = anApp(blob());
    const run = aRun({ status: succeeded() });
    const route = (i: number): Route => ({ ...aRoute('new', { host: `h${i}.test` }), metadata: forged(i) });
    const { observe, reads } = world(
      [App, app],
      ...many((i) => [StageRun, { ...aRun(), metadata: forged(i) }] as const),
      ...many((i) => [AppRoute, route(i)] as const),
      ...many((i) => [Service, { metadata: forged(i) }] as const),
      ...many((i) => [Deployment, { metadata: forged(i) }] as const),
      [StageRun, run],
      [AppRoute, aRoute('ready')],
      [Deployment, { metadata: { ...forged(0), name: 'shop' } }],
    );
    const observed = await observe(app);
    expect(observed.runs.map(({ metadata }) => metadata.name)).toContain(run.metadata.name);
    expect(observed.deployment?.metadata?.name).toBe('shop');
    expect(addresses(observed)[0]?.holder?.metadata.name).toBe(appRouteName('shop', { host, path: '/' }));
    // What is not wanted goes by and by.
    expect(staleRoutes(observed).length).toBeGreaterThan(0);
    expect(reads()).toBeLessThan(500);
  });
});

describe('AppRoutes that lost their App', () => {
  it('are the App’s when they bear its mark and its name for the address, and no others', async () => {
    const app = anApp({ ...image(), defaultRoute: 'Disabled' });
    const lost = (name: string, marked: boolean): readonly [Resource, KubeObject] => {
      const { metadata, ...route } = aRoute('ready', { byHand: name, host });
      return [AppRoute, { ...route, metadata: { ...metadata, ...(marked && mark) } }];
    };
    const mark = { annotations: { 'epinio.io/applied': 'abc' } };
    const { observe } = world(
      [App, app],
      lost(appRouteName('shop', { host, path: '/' }), true),
      lost('copy', true),
      lost(appRouteName('shop', { host, path: '/x' }), false),
    );
    const observed = await observe(app);
    expect(staleRoutes(observed).map(({ metadata }) => metadata.name)).toEqual([
      appRouteName('shop', { host, path: '/' }),
    ]);
  });
});
