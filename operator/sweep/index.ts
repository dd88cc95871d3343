import type { Config } from '../config.ts';
import { jittered } from '../kube/backoff.ts';
import { sleep, systemClock } from '../kube/clock.ts';
import type { Task } from '../kube/controller/manager.ts';
import { sweepPassed, sweepSaw } from '../telemetry/metrics.ts';
import type { SweepContext } from './place.ts';
import type { Sweeper } from './sweeper.ts';

export { blobSweeper } from './blobs.ts';
export { imageSweepers } from './images.ts';
export { logSweeper } from './logs.ts';
export type { SweepContext } from './place.ts';
export type { SweepCounts, Sweeper } from './sweeper.ts';

const once = async (sweeper: Sweeper, ctx: SweepContext): Promise<void> => {
  const { name } = sweeper;
  try {
    const seen = await sweeper.pass(ctx);
    sweepPassed(name, seen === undefined ? 'refused' : 'done');
    if (seen !== undefined) sweepSaw(name, seen);
  } catch (error) {
    if (ctx.signal.aborted) return;
    // Nothing depends on this pass: the next one does its work.
    sweepPassed(name, 'failed');
    ctx.log.warn({ sweeper: name, cause: String(error) }, 'a pass of the sweep failed');
  }
};

/** sweepTask lets all sweepers pass now and then, one after the other, while this process leads. */
export const sweepTask = ({ sweep }: Pick<Config, 'sweep'>, sweepers: readonly Sweeper[]): Task => ({
  name: 'sweep',
  run: async ({ kube, cache, log, signal }) => {
    const { everySeconds, afterSeconds, dryRun } = sweep;
    while (!signal.aborted) {
      for (const sweeper of sweepers) {
        const now = systemClock.date();
        if (!signal.aborted)
          await once(sweeper, { kube, cache, log, signal, now, afterMs: afterSeconds * 1000, dryRun });
      }
      await sleep(systemClock, jittered(everySeconds * 1000), signal);
    }
  },
});
