import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { StageRun } from '../api/stagerun.ts';
import { keyString, keyOf } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { jobEnd } from './build/jobstate.ts';
import { shownPosition } from './queue.ts';
import { applyRun, createWorld, jobsOf, kubelet, readRun, startOperator, type World } from './testing/harness.ts';
import { settings } from './testing/objects.ts';
import { exited } from './testing/pods.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Pushes is who pushes how many at once. */
const pushes = [20, 5, 5] as const;
const cap = 3;

const inNamespaces = (use: (namespaces: readonly string[]) => Promise<void>, made: string[] = []): Promise<void> =>
  made.length === pushes.length ? use(made) : inNamespace((namespace) => inNamespaces(use, [...made, namespace]));

it(
  'lets 30 pushes at once build three at a time, in turn over namespaces, and tells each its place in the line',
  () =>
    inNamespaces(async (namespaces) => {
      const runs: StageRun[] = [];
      for (const [at, namespace] of namespaces.entries())
        for (let n = 0; n < (pushes[at] ?? 0); n++) runs.push(await applyRun(world, namespace, { name: `app-${n}` }));
      expect(runs).toHaveLength(30);
      const config = settings({
        ...world.config,
        build: { concurrency: cap, perNamespace: cap },
      });
      await using _ = await startOperator(world, namespaces, { config });

      // Jobs that ended stay to be looked at: what is at work is what has no end.
      const atWork = async (): Promise<string[]> => {
        const jobs = (await Promise.all(namespaces.map((namespace) => jobsOf(world, namespace)))).flat();
        const going = jobs.filter((job) => !jobEnd(job)).map((job) => keyString(keyOf(job)));
        const ended = await Promise.all(
          runs.map(async (run) =>
            (await readRun(world, run))?.completionTime === undefined ? [] : [keyString(keyOf(run))],
          ),
        );
        return going.filter((key) => !ended.flat().includes(key));
      };
      const positions = async (): Promise<(number | undefined)[]> => {
        const found = await Promise.all(runs.map((run) => readRun(world, run)));
        return found.map((status) => status?.queuePosition).filter((position) => position !== undefined);
      };
      // The first look tells the place among those who came before; half a minute later it is the place among all.
      await vi.waitFor(
        async () => {
          const all = Array.from({ length: runs.length - cap }, (_, ahead) => shownPosition(ahead));
          expect((await positions()).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual(all);
        },
        { timeout: 45_000, interval: 500 },
      );

      const left: number[] = [...pushes];
      while (left.some((count) => count > 0)) {
        // Each namespace in turn has one, as long as it has any; what is over goes to who still waits.
        const turns = left.map((count) => Math.min(count, 1));
        for (let free = cap - turns.reduce((a, b) => a + b); free > 0; free--) {
          const most = left.findIndex((count, at) => count > (turns[at] ?? 0));
          if (most >= 0) turns[most] = (turns[most] ?? 0) + 1;
        }
        const working = await vi.waitFor(
          async () => {
            const found = await atWork();
            expect(found.length).toBeLessThanOrEqual(cap);
            expect(namespaces.map((ns) => found.filter((key) => key.startsWith(`${ns}/`)).length)).toEqual(turns);
            return found;
          },
          { timeout: 30_000, interval: 100 },
        );
        const building = runs.filter((run) => working.includes(keyString(keyOf(run))));
        await Promise.all(building.map((run) => kubelet(world, run, 'detect', exited(20))));
        for (const [at, count] of turns.entries()) left[at] = (left[at] ?? 0) - count;
      }
      await vi.waitFor(async () => expect(await positions()).toEqual([]), { timeout: 10_000 });
    }),
  150_000,
);
