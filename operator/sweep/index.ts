import type { Config } from '../config.ts';
import { jittered } from '../kube/backoff.ts';
import { sleep, systemClock } from '../kube/clock.ts';
import type { Task, TaskContext } from '../kube/controller/manager.ts';
import { sweepPassed, sweepSaw } from '../telemetry/metrics.ts';

export { blobSweeper } from './blobs.ts';

/** SweepContext is what one pass may use. */
export interface SweepContext extends Pick<TaskContext, 'kube' | 'cache' | 'log' | 'signal'> {
  readonly now: Date;
  /** Only what was unused in all passes of this time is removed. */
  readonly afterMs: number;
  /** Nothing is removed, only logged. */
  readonly dryRun: boolean;
}

/** SweepCounts is what one pass saw. */
export interface SweepCounts {
  readonly all: number;
  readonly unused: number;
  /** What the operator did not make: it is never touched. */
  readonly strange: number;
}

/** Sweeper looks through one place outside the cluster, where no owner reference takes away what nobody needs any more. */
export interface Sweeper {
  readonly name: string;
  /** pass looks at everything once; undefined where it may not. It throws where the place does not answer. */
  pass(ctx: SweepContext): Promise<SweepCounts | undefined>;
}

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
