import { BuildQueue, type Waiting } from '../../operator/stagerun/queue.ts';
import { rounded } from './numbers.ts';

/** BuildQueueTimes is what a crowd of runs costs the operator's only thread. */
export interface BuildQueueTimes {
  readonly runs: number;
  readonly crowds: readonly Crowd[];
}

interface Crowd {
  readonly of: string;
  /** Milliseconds until all have entered and know their positions. */
  readonly enterMs: number;
  /** Milliseconds of 1,000 slots that become free, each with a look at who is next. */
  readonly freeMs: number;
}

const runs = 10_000;
const now = new Date();
const waiting = (namespace: string, name: number, since: number): Waiting => ({
  key: { namespace, name: `run-${name}` },
  since: new Date(since * 1000).toISOString(),
});

const crowds: Readonly<Record<string, (i: number) => Waiting>> = {
  'one namespace': (i) => waiting('one', i, i),
  'one namespace, the oldest last': (i) => waiting('one', i, runs - i),
  '50 namespaces': (i) => waiting(`of-50-${i % 50}`, i, i),
  '10,000 namespaces, the oldest last': (i) => waiting(`of-all-${i}`, i, runs - i),
};

const measure = (of: string, one: (i: number) => Waiting): Crowd => {
  const queue = new BuildQueue({ cluster: 10, perNamespace: 3 });
  const holding: Waiting[] = [];
  const started = performance.now();
  for (let i = 0; i < runs; i++) if (queue.request(one(i), now).type === 'admitted') holding.push(one(i));
  const entered = performance.now();
  for (let i = 0; i < 1000; i++) {
    const ended = holding.shift();
    if (ended) queue.release(ended.key);
    for (const key of queue.next()) {
      queue.acquire(key, now);
      holding.push({ key, since: '' });
    }
  }
  return { of, enterMs: rounded(entered - started, 0), freeMs: rounded(performance.now() - entered, 0) };
};

/** measureBuildQueue lets 10,000 runs enter the queue at once, in the shapes that cost most. */
export const measureBuildQueue = (): BuildQueueTimes => ({
  runs,
  crowds: Object.entries(crowds).map(([of, one]) => measure(of, one)),
});
