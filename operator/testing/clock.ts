import type { Clock } from '../kube/clock.ts';

/** ManualClock is a Clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0;
  #calls: { readonly at: number; readonly callback: () => void }[] = [];
  readonly #epoch: number;

  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  /** timers is how many calls wait. */
  get timers(): number {
    return this.#calls.length;
  }

  monotonic(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(this.#epoch + this.#now);
  }

  after(ms: number, callback: () => void): () => void {
    const call = { at: this.#now + Math.max(0, ms), callback };
    this.#calls.push(call);
    return () => {
      this.#calls = this.#calls.filter((c) => c !== call);
    };
  }

  /** advance moves the time on and makes the calls that fall due, in order, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (;;) {
      const next = this.#calls.filter((c) => c.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = next.at;
      this.#calls = this.#calls.filter((c) => c !== next);
      next.callback();
      await settled();
    }
    this.#now = until;
    await settled();
  }
}

/** settled lets everything happen that waits for nothing but promises. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
