import { systemClock, type Clock } from '../kube/clock.ts';

/** NoAnswer is thrown where a server did not answer in time, or did not lately and is spared for a moment. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** GuardOptions bound what one server that hangs can hold up. */
export interface GuardOptions {
  /** Calls at once. */
  readonly slots: number;
  /** How long a call waits for a slot. */
  readonly waitMs: number;
  /** How long a call may take in all, whatever trickles in meanwhile. */
  readonly totalMs: number;
  /** After a call without an answer the server is left alone for so long, then tried by one call. */
  readonly restMs: number;
  readonly clock?: Clock;
}

/** Guard runs calls to one server; NoAnswer tells that it did not answer. */
export type Guard = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * createGuard keeps a server that hangs from holding those who have other work: few calls at once, each with an end, and
 * after one without an answer all others are told so at once (a circuit breaker).
 */
export const createGuard = (o: GuardOptions): Guard => {
  const clock = o.clock ?? systemClock;
  const slots = createSlots(clock, o);
  let restUntil: number | undefined;
  let trying = false;

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const answer = await slots.run(work);
      restUntil = undefined;
      return answer;
    } catch (error) {
      // Whatever else it says, it answers.
      restUntil = error instanceof NoAnswer ? clock.monotonic() + o.restMs : undefined;
      throw error;
    }
  };

  return async (work) => {
    if (restUntil === undefined) {
      await slots.free();
      return run(work);
    }
    if (trying || clock.monotonic() < restUntil) throw new NoAnswer('does not answer in time');
    trying = true;
    try {
      await slots.free();
      return await run(work);
    } finally {
      trying = false;
    }
  };
};

/** createSlots lets few calls run at once; each gives its slot back when it really ends, for its sockets end then too. */
const createSlots = (clock: Clock, { slots, waitMs, totalMs }: GuardOptions) => {
  const waiting = new Set<() => void>();
  let taken = 0;

  const release = (): void => {
    const [next] = waiting;
    if (next === undefined) taken -= 1;
    // The slot goes from hand to hand: nobody who comes meanwhile may take it.
    else next();
  };

  return {
    /** free takes a slot, for the run that follows at once. */
    free: (): Promise<void> =>
      new Promise((resolve, reject) => {
        if (taken < slots) {
          taken += 1;
          return resolve();
        }
        const go = (): void => {
          waiting.delete(go);
          cancel();
          resolve();
        };
        const cancel = clock.after(waitMs, () => {
          waiting.delete(go);
          reject(new NoAnswer('answers too slowly'));
        });
        waiting.add(go);
      }),
    run: <T>(work: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const cancel = clock.after(totalMs, () => reject(new NoAnswer('does not answer in time')));
        const answer = (async () => work())();
        answer.then(resolve, reject).finally(() => {
          cancel();
          release();
        });
      }),
  };
};
