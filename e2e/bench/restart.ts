import { setTimeout as pause } from 'node:timers/promises';
import { App } from '../../operator/api/app.ts';
import { AppRoute } from '../../operator/api/approute.ts';
import { StageRun } from '../../operator/api/stagerun.ts';
import { collectionPath, resourceId, withQuery } from '../../operator/kube/paths.ts';
import { Deployment, Ingress, Job, Pod, Secret, Service, type Resource } from '../../operator/kube/resource.ts';
import { during, say } from '../cluster/shell.ts';
import { makeModel } from './convergence.ts';
import { writeSettled, type Written } from './fixtures.ts';
import { cpuBetween, Metrics, reconcilesBetween, requestsBetween, type Requests } from './metrics.ts';
import { rounded } from './numbers.ts';
import type { Memory, OperatorOptions } from './operator.ts';
import { parallel, range, seconds } from './parallel.ts';
import { runsPerApp, writeRun } from './stageruns.ts';
import { createWorld, type World } from './world.ts';

/** Restart is one start of the operator on a cluster that is as it should be. */
export interface Restart {
  /** Objects per kind. */
  readonly objects: Readonly<Record<string, number>>;
  /** Seconds that the API server takes for the same LISTs, pages and all, two kinds at once as the operator asks. */
  readonly listSeconds: number;
  readonly listMB: number;
  readonly syncedSeconds: number;
  /** Until every object has been looked at. */
  readonly idleSeconds: number;
  readonly requests: Requests;
  readonly reconciles: number;
  readonly cpuMsPerReconcile: number;
  readonly cpuSeconds: number;
  readonly atSync: Memory;
  readonly settled: Memory;
}

/** What the operator lists, in its order. */
const kinds: readonly Resource[] = [App, StageRun, AppRoute, Deployment, Service, Pod, Secret, Job, Ingress];

const appsPerNamespace = 1000;

/** listRaw reads all pages of a kind as the operator does, and does nothing with them; resolves with their size. */
const listRaw = async ({ kube }: World, r: Resource): Promise<number> => {
  let bytes = 0;
  let next: string | undefined = '';
  while (next !== undefined) {
    const path = withQuery(collectionPath(r), { limit: 500, continue: next });
    const page = await kube.getRaw(path, { timeoutMs: 60_000 });
    bytes += page.length;
    const edges = page.slice(0, 2000) + page.slice(-2000);
    next = /"continue":"([^"]+)"/.exec(edges)?.[1];
  }
  return bytes;
};

const count = async ({ kube }: World, r: Resource): Promise<number> => {
  const { items, metadata } = await kube.list(r, { limit: 1 });
  return items.length + (metadata.remainingItemCount ?? 0);
};

const measureStart = async (world: World, profile?: string): Promise<Restart> => {
  const objects: Record<string, number> = {};
  for (const r of kinds) objects[resourceId(r)] = await count(world, r);
  let bytes = 0;
  const listSeconds = await seconds(() => parallel(kinds, async (r) => void (bytes += await listRaw(world, r)), 2));
  await using operator = await world.operator({ profile });
  await operator.synced();
  const syncedSeconds = operator.sinceStart();
  const atSync = operator.memory();
  const own = [App, AppRoute, StageRun].reduce((sum, r) => sum + (objects[resourceId(r)] ?? 0), 0);
  const metrics = await operator.idle({ reconciles: own });
  const idleSeconds = operator.sinceStart() - 0.3;
  // Watches have been opened and what was freed may have been given back: what stays is the operator's size.
  await pause(15_000);
  const settled = operator.memory();
  const none = new Metrics('');
  const reconciles = Object.values(reconcilesBetween(none, metrics)).reduce((a, b) => a + b, 0);
  const cpuSeconds = cpuBetween(none, metrics);
  return {
    objects,
    listSeconds: rounded(listSeconds),
    listMB: rounded(bytes / 1e6),
    syncedSeconds: rounded(syncedSeconds),
    idleSeconds: rounded(idleSeconds),
    requests: requestsBetween(none, await operator.metrics()),
    reconciles,
    cpuMsPerReconcile: rounded((cpuSeconds / reconciles) * 1000),
    cpuSeconds: rounded(cpuSeconds),
    atSync,
    settled,
  };
};

const fill = async (world: World, model: Written, size: number): Promise<App[]> => {
  const apps: App[] = [];
  for (const n of range(Math.ceil(size / appsPerNamespace))) {
    const namespace = await world.namespace(`apps-${n}`);
    const here = range(Math.min(appsPerNamespace, size - n * appsPerNamespace));
    const took = await seconds(() =>
      parallel(here, async (i) => {
        apps.push(await writeSettled(world.kube, { namespace, name: `app-${i}` }, model, world.config));
      }),
    );
    say(`  ${apps.length} Apps written; the last ${here.length} in ${Math.round(took)} s`);
  }
  return apps;
};

/** Restarts are measured twice: with Apps alone, and with all the StageRuns that Apps keep. */
export interface Restarts {
  readonly apps: Restart;
  readonly withRuns: Restart;
}

/** measureRestart fills a server with Apps, written raw as the operator leaves them, and starts the operator on them. */
export const measureRestart = async (size: number, o: Pick<OperatorOptions, 'profile'> = {}): Promise<Restarts> => {
  await using world = await createWorld([]);
  const model = await makeModel(world);
  const written = await during(`writing ${size} Apps`, 'minutes for 10,000', () => fill(world, model, size));
  // The first start is not counted: the API server's own cache is cold.
  await measureStart(world);
  const apps = await measureStart(world, o.profile);
  say(`  synced in ${apps.syncedSeconds} s, idle in ${apps.idleSeconds} s, ${apps.settled.now} MB`);
  const runs = written.flatMap((app) => range(runsPerApp).map((n) => ({ app, n })));
  await during(`writing ${runs.length} StageRuns`, 'minutes for 40,000', () =>
    parallel(runs, ({ app, n }) => writeRun(world.kube, app, n)),
  );
  await measureStart(world);
  const withRuns = await measureStart(world, o.profile);
  say(`  synced in ${withRuns.syncedSeconds} s, idle in ${withRuns.idleSeconds} s, ${withRuns.settled.now} MB`);
  return { apps, withRuns };
};
