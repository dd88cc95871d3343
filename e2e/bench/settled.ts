import { setTimeout as pause } from 'node:timers/promises';
import { say } from '../cluster/shell.ts';
import { makeModel } from './convergence.ts';
import { writeSettled } from './fixtures.ts';
import { cpuBetween, requestsBetween, type Requests } from './metrics.ts';
import { parallel, range } from './parallel.ts';
import { createWorld } from './world.ts';

/** Settled is what the operator does while nothing happens. */
export interface Settled {
  readonly apps: number;
  readonly minutes: number;
  readonly requests: Requests;
  readonly cpuPercent: number;
}

const apps = 200;

/** measureSettled leaves 200 Apps alone for some minutes, with the settings that are shipped. */
export const measureSettled = async (minutes: number): Promise<Settled> => {
  say(`${apps} Apps at rest for ${minutes} minutes …`);
  await using world = await createWorld([]);
  const model = await makeModel(world);
  const namespace = await world.namespace('settled');
  await parallel(range(apps), (i) => writeSettled(world.kube, { namespace, name: `app-${i}` }, model, world.config));
  await using operator = await world.operator();
  await operator.synced();
  const before = await operator.idle({ reconciles: 2 * apps, quietMs: 2000 });
  await pause(minutes * 60_000);
  const after = await operator.metrics();
  const cpuPercent = Number(((cpuBetween(before, after) / (minutes * 60)) * 100).toFixed(2));
  return { apps, minutes, requests: requestsBetween(before, after), cpuPercent };
};
