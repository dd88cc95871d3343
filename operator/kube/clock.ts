/** Clock is the time as the runtime sees it; tests have one that they move by hand. */
export interface Clock {
  /** Monotonic milliseconds: a jump of the wall clock does not exist here, so only this is used to measure time. */
  monotonic(): number;
  /** Wall clock: only for what people read (timestamps). */
  date(): Date;
  /** after calls back once after ms; the returned function cancels. A waiting call does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}

// setTimeout fires at once for what does not fit in 31 bits.
const longest = 2 ** 31 - 1;

/** systemClock is the real one. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  date: () => new Date(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), longest));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** sleep waits ms; false if the signal fired first. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) return resolve(false);
    const end = (slept: boolean) => () => {
      cancel();
      signal?.removeEventListener('abort', aborted);
      resolve(slept);
    };
    const aborted = end(false);
    const cancel = clock.after(ms, end(true));
    signal?.addEventListener('abort', aborted, { once: true });
  });
