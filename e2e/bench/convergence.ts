import type { Key } from '../../operator/kube/resource.ts';
import { say } from '../cluster/shell.ts';
import { followReady, playDeployments } from './actors.ts';
import { meanCpu, spent, type Cpu } from './cpu.ts';
import { createApp, readWritten, writeRaw, type Written } from './fixtures.ts';
import { cpuBetween, type Metrics, reconcilesBetween, requestsBetween, type Requests } from './metrics.ts';
import { mean, rounded } from './numbers.ts';
import type { OperatorOptions } from './operator.ts';
import { parallel, range, seconds } from './parallel.ts';
import { createWorld, type World } from './world.ts';

/** Convergence is many Apps at once, through the operator and written raw, in turns on one server. */
export interface Convergence {
  readonly apps: number;
  /** Seconds of each round, in the order raw, operator, operator, raw. */
  readonly raw: readonly number[];
  readonly operator: readonly number[];
  /** Mean of the operator's rounds by that of the raw ones. */
  readonly ratio: number;
  readonly rawWritesPerSecond: number;
  readonly rounds: readonly Round[];
  /** CPU seconds of who took part, as the mean of the rounds: they tell more than times on a machine that others use too. */
  readonly cpu: { readonly raw: Cpu; readonly operator: Cpu };
}

/** Round is one round of the operator. */
export interface Round {
  readonly seconds: number;
  readonly reconciles: number;
  readonly reconcilesPerSecond: number;
  readonly cpuMsPerReconcile: number;
  readonly requests: Requests;
  /** Mean time that the API server took for one write. */
  readonly msPerWrite: number;
  readonly peakMB: number;
  readonly cpu: Cpu;
}

/** What is sent for one App in a raw round, with the status of its Deployment. */
const rawWrites = 8;

const keys = (namespace: string, count: number): Key[] => range(count).map((i) => ({ namespace, name: `app-${i}` }));

/** makeModel lets the operator bring one App to its end, to know what that looks like. */
export const makeModel = async (world: World): Promise<Written> => {
  const key = { namespace: await world.namespace('model-ns'), name: 'model-app' };
  await using operator = await world.operator();
  await operator.synced();
  await using _deployments = await playDeployments(world.kube, key.namespace);
  await using ready = await followReady(world.kube, key.namespace);
  await createApp(world.kube, key, 0);
  await ready.all(1);
  await operator.idle({ quietMs: 1000 });
  return readWritten(world.kube, key, world.config);
};

type RawRound = Pick<Round, 'seconds' | 'cpu'>;

const rawRound = async (world: World, model: Written, name: string, count: number): Promise<RawRound> => {
  const namespace = await world.namespace(name);
  // Who watches costs the server as much here as in the operator's rounds.
  await using _deployments = await playDeployments(world.kube, namespace);
  await using ready = await followReady(world.kube, namespace);
  const used = world.cpu();
  const time = await seconds(async () => {
    await parallel(keys(namespace, count), (key) => writeRaw(world.kube, key, model, world.config));
    await ready.all(count);
  });
  return { seconds: rounded(time), cpu: spent(used, world.cpu()) };
};

const latency = (before: Metrics, after: Metrics): number => {
  const name = 'rest_client_request_duration_seconds';
  const grown = (part: string): number =>
    after.sum(name + part, { verb: 'apply' }) - before.sum(name + part, { verb: 'apply' });
  return (grown('_sum') / grown('_count')) * 1000;
};

const operatorRound = async (world: World, name: string, count: number, profile?: string): Promise<Round> => {
  const namespace = await world.namespace(name);
  await using operator = await world.operator({ profile });
  await operator.synced();
  const before = await operator.idle();
  await using _deployments = await playDeployments(world.kube, namespace);
  await using ready = await followReady(world.kube, namespace);
  const used = world.cpu();
  const time = await seconds(async () => {
    await parallel(keys(namespace, count), (key) => createApp(world.kube, key, 0));
    await ready.all(count);
  });
  const cpu = spent(used, world.cpu());
  const after = await operator.metrics();
  const reconciles = Object.values(reconcilesBetween(before, after)).reduce((a, b) => a + b, 0);
  const settled = await operator.idle();
  return {
    seconds: rounded(time),
    reconciles,
    reconcilesPerSecond: rounded(reconciles / time, 0),
    cpuMsPerReconcile: rounded((cpuBetween(before, after) / reconciles) * 1000),
    requests: requestsBetween(before, settled),
    msPerWrite: rounded(latency(before, after), 1),
    peakMB: operator.memory().peak,
    cpu: { ...cpu, operator: rounded(cpuBetween(before, after), 1) },
  };
};

/**
 * measureConvergence compares creating Apps and waiting until all are ready with writing the same objects raw: same server,
 * same state, as many requests at once. Raw, operator, operator, raw: the server slows down with what is in it, for both alike.
 */
export const measureConvergence = async (
  apps: number,
  o: Pick<OperatorOptions, 'profile'> = {},
): Promise<Convergence> => {
  say(`convergence of ${apps} Apps …`);
  await using world = await createWorld([]);
  const model = await makeModel(world);
  await rawRound(world, model, 'warm-up', Math.min(100, apps));
  const first = await rawRound(world, model, 'raw-1', apps);
  say(`  raw ${first.seconds} s`);
  const rounds: Round[] = [];
  for (const i of [1, 2]) {
    rounds.push(await operatorRound(world, `operator-${i}`, apps, i === 2 ? o.profile : undefined));
    say(`  operator ${rounds.at(-1)?.seconds} s`);
  }
  const raw = [first, await rawRound(world, model, 'raw-2', apps)];
  say(`  raw ${raw[1]?.seconds} s`);
  const operator = rounds.map((r) => r.seconds);
  const rawSeconds = raw.map((r) => r.seconds);
  return {
    apps,
    raw: rawSeconds,
    operator,
    ratio: rounded(mean(operator) / mean(rawSeconds)),
    rawWritesPerSecond: rounded((apps * rawWrites) / mean(rawSeconds), 0),
    rounds,
    cpu: { raw: meanCpu(raw.map((r) => r.cpu)), operator: meanCpu(rounds.map((r) => r.cpu)) },
  };
};
