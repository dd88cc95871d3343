import { setImmediate } from 'node:timers/promises';

/** So long may a process be deaf: a person does not notice it. */
const deafMs = 20;

/** Breath lets the process hear of signals and draw between two pieces of a long work; it throws when the work is to end. */
export type Breath = () => Promise<void>;

/** createBreath makes one. Small files are read many times faster when none of them is waited for. */
export const createBreath = (signal: AbortSignal): Breath => {
  let at = performance.now();
  return async () => {
    signal.throwIfAborted();
    if (performance.now() - at < deafMs) return;
    await setImmediate();
    at = performance.now();
    signal.throwIfAborted();
  };
};
