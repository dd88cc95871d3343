import { setTimeout as pause } from 'node:timers/promises';
import { AppRoute } from '../../operator/api/approute.ts';
import { group, version } from '../../operator/api/names.ts';
import type { KubeClient } from '../../operator/kube/client/client.ts';
import { ConfigMap, type Key } from '../../operator/kube/resource.ts';
import { say } from '../cluster/shell.ts';
import { cpuBetween, reconcilesBetween } from './metrics.ts';
import { mean, rounded } from './numbers.ts';
import { parallel, range, seconds } from './parallel.ts';
import { createWorld } from './world.ts';

/** Neighbour is how long one namespace waits for its first reconcile while another keeps many objects in motion. */
export interface Neighbour {
  readonly objects: number;
  /** How long they were in motion, in seconds. */
  readonly movingSeconds: number;
  /** From the answer to the creation of an object to its first status, in ms: nothing else going on, and in the crowd. */
  readonly aloneMs: Waits;
  readonly crowdMs: Waits;
  /** The same less the time of one raw write in the same moment: what the API server makes everybody wait is not the operator's. */
  readonly beyondMs: Waits;
  /** The most keys that waited at once, as far as was looked. */
  readonly deepest: number;
  readonly reconciles: number;
  readonly cpuMsPerReconcile: number;
}

/** Waits are several measurements of one thing. */
export interface Waits {
  readonly count: number;
  readonly mean: number;
  readonly worst: number;
}

const waitsOf = (values: readonly number[]): Waits => ({
  count: values.length,
  mean: rounded(mean(values), 0),
  worst: rounded(Math.max(...values), 0),
});

const create = (kube: KubeClient, key: Key, host: string, path: string): Promise<AppRoute> =>
  kube.create(AppRoute, {
    apiVersion: `${group}/${version}`,
    kind: AppRoute.kind,
    metadata: { ...key },
    spec: { appRef: { name: 'shop' }, host, path },
  } as unknown as AppRoute);

/** firstStatus is how long after its creation an object is told of. */
const firstStatus = async (kube: KubeClient, key: Key): Promise<number> => {
  await create(kube, key, `${key.name}.${key.namespace}.test`, '/');
  const start = performance.now();
  for (;;) {
    const route = await kube.get(AppRoute, key);
    if ((route?.status?.observedGeneration ?? 0) > 0) return performance.now() - start;
    await pause(5);
  }
};

/** rawWrite is how long the API server takes for one small write. */
const rawWrite = async (kube: KubeClient, key: Key, text: string): Promise<number> => {
  const start = performance.now();
  await kube.apply(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...key }, data: { text } });
  return performance.now() - start;
};

const pauseMs = 250;

/** measureNeighbour lets one namespace make routes to one host as fast as it can, and then edit them all, beside another. */
export const measureNeighbour = async (objects: number): Promise<Neighbour> => {
  say(`a neighbour with ${objects} objects in motion …`);
  await using world = await createWorld([]);
  const [quiet, crowd] = [await world.namespace('quiet'), await world.namespace('crowd')];
  await using operator = await world.operator();
  await operator.synced();
  const alone: number[] = [];
  for (const i of range(10)) alone.push(await firstStatus(world.kube, { namespace: quiet, name: `alone-${i}` }));
  const before = await operator.idle();
  const inCrowd: number[] = [];
  const beyond: number[] = [];
  let deepest = 0;
  let moving = true;
  const watch = async (): Promise<void> => {
    for (let i = 0; moving; i++) {
      await pause(pauseMs);
      deepest = Math.max(deepest, (await operator.metrics()).sum('workqueue_depth'));
      const [waited, raw] = await Promise.all([
        firstStatus(world.kube, { namespace: quiet, name: `crowd-${i}` }),
        rawWrite(world.kube, { namespace: quiet, name: 'raw' }, String(i)),
      ]);
      inCrowd.push(waited);
      beyond.push(Math.max(0, waited - raw));
    }
  };
  const watching = watch();
  // Fewer than there are sockets: who measures must not wait for one.
  const keys = range(objects).map((i) => ({ namespace: crowd, name: `route-${i}` }));
  const movingSeconds = await seconds(async () => {
    await parallel(keys, (key, i) => create(world.kube, key, 'crowd.test', `/${i}`), 24);
    await parallel(keys, (key) => world.kube.mergePatch(AppRoute, key, { spec: { appRef: { name: 'other' } } }), 24);
  });
  moving = false;
  await watching;
  const after = await operator.idle();
  const reconciles = Object.values(reconcilesBetween(before, after)).reduce((a, b) => a + b, 0);
  return {
    objects,
    movingSeconds: rounded(movingSeconds, 1),
    aloneMs: waitsOf(alone),
    crowdMs: waitsOf(inCrowd),
    beyondMs: waitsOf(beyond),
    deepest,
    reconciles,
    cpuMsPerReconcile: rounded((cpuBetween(before, after) / reconciles) * 1000),
  };
};
