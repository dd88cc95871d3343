import { sleep, type Clock } from '../clock.ts';

/** Presence is whether the API server serves a kind, as far as it has said so by a list or by a 404. */
export class Presence {
  #served: boolean | undefined;
  readonly #known = Promise.withResolvers<void>();
  #nap = new AbortController();

  get isKnown(): boolean {
    return this.#served !== undefined;
  }

  get isServed(): boolean {
    return this.#served === true;
  }

  /** known resolves with the first answer. */
  known(): Promise<void> {
    return this.#known.promise;
  }

  /** answered takes the server's word and returns what is new in it. */
  answered(served: boolean): 'first' | 'changed' | undefined {
    const before = this.#served;
    this.#served = served;
    this.#known.resolve();
    if (before === undefined) return 'first';
    return before === served ? undefined : 'changed';
  }

  /** nap waits ms, or until it is woken. */
  async nap(clock: Clock, ms: number): Promise<void> {
    this.#nap = new AbortController();
    await sleep(clock, ms, this.#nap.signal);
  }

  wake(): void {
    this.#nap.abort();
  }
}
