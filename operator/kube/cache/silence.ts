import type { Clock } from '../clock.ts';

/** Timers may be a little early, and so may be the end of a silence. */
const nearly = 0.9;
const shortest = 2;
const longest = 64;

/**
 * Silence tells what it means that a watch says nothing. A kube-apiserver sends bookmarks about once a minute, but none for a
 * kind that nothing has happened to since the watch began; and to a watch from a version that it has not got to (it was restored
 * from a backup) it says nothing either, for ever and without an error. So silence proves nothing: one has to ask.
 */
export class Silence {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  #aliveAt: number;
  #unheardMs = 0;
  #silences = 0;
  #patience = shortest;

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#aliveAt = clock.monotonic();
  }

  /** quietMs is the time since the last sign of life: a watch that opened, an event, a bookmark. */
  get quietMs(): number {
    return this.#clock.monotonic() - this.#aliveAt;
  }

  /** alive notes a sign of life. */
  alive(): void {
    this.#aliveAt = this.#clock.monotonic();
  }

  /** ended takes how long a watch was open and whether anything came; true where nothing has for so long that one has to ask. */
  ended(openMs: number, heard: boolean): boolean {
    if (heard) {
      this.#unheardMs = this.#silences = 0;
      this.#patience = shortest;
      return false;
    }
    // Many short ones are a long one: behind a balancer that cuts what is quiet no watch lives up to the deadline.
    this.#unheardMs += openMs;
    return this.#unheardMs >= this.#deadlineMs * nearly;
  }

  /**
   * isDeaf takes the answer: `current` is where the server is. Where it has moved on while the kind was silent again and again,
   * the watch is not believed any more.
   */
  isDeaf(known: string, current: string): boolean {
    this.#unheardMs = 0;
    this.#silences = known === current ? 0 : this.#silences + 1;
    return this.#silences >= this.#patience;
  }

  /** relisted takes what a list because of silence found: nothing, and the next one waits for twice as many silences. */
  relisted(changed: boolean): void {
    this.#silences = 0;
    this.#patience = changed ? shortest : Math.min(longest, this.#patience * 2);
  }
}
