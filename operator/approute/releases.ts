import type { Contest, Release } from './contest.ts';

/** Releases ends the time for which hosts are kept, in the order in which it began. */
export class Releases {
  readonly #keptMs: number;
  #running: { readonly contest: Contest; readonly at: number }[] = [];

  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** begin keeps a host. */
  begin(contest: Contest, release: Release): void {
    contest.release = release;
    this.#running.push({ contest, at: release.at });
  }

  /** end tells of which hosts the time is over: nothing about them need be remembered, unless somebody wants them. */
  end(now: number): Contest[] {
    const over: Contest[] = [];
    for (let next = this.#running[0]; next !== undefined && next.at + this.#keptMs <= now; next = this.#running[0]) {
      this.#running.shift();
      const { contest, at } = next;
      if (contest.release?.at !== at || contest.release.claims > 0) continue;
      // Who comes back now is one of many.
      contest.release = { ...contest.release, namespace: undefined };
      over.push(contest);
    }
    return over;
  }
}
