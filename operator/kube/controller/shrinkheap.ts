import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sleep, systemClock } from '../clock.ts';
import type { Task } from './manager.ts';

const lookMs = 1_000;
/** Some key always waits for something where people upload; the first look at everything is over long before. */
const maxLooks = 120;

type Collect = (o: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

const collect = (): void => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as Collect;
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
};

/**
 * shrinkHeap collects garbage once, when everything has been looked at after a start. V8
 * doesn't return the start-up peak to the OS by itself, and flags that make it thrifty all the time cost twice the CPU
 * (docs/performance.md).
 */
export const shrinkHeap = (isIdle: () => boolean): Task => ({
  name: 'memory',
  run: async ({ log, signal }) => {
    for (let looks = 0; looks < maxLooks && !isIdle(); looks++) {
      await sleep(systemClock, lookMs, signal);
      if (signal.aborted) return;
    }
    const before = process.memoryUsage.rss();
    const startedAt = performance.now();
    collect();
    const mega = (bytes: number): number => Math.round(bytes / 2 ** 20);
    const ms = Math.round(performance.now() - startedAt);
    log.info({ beforeMB: mega(before), afterMB: mega(process.memoryUsage.rss()), ms }, 'gave back memory');
  },
});
