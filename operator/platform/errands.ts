import type { Clock } from '../kube/clock.ts';
import { Turns, type Waiting } from '../kube/controller/turns.ts';

/** Work is one question to a server; it handles its own failures. */
export type Work = () => Promise<void>;

/** ErrandsOptions bound the questions of all Apps together. */
export interface ErrandsOptions {
  readonly clock: Clock;
  /** Questions under way at once that somebody asked just now; default 4. */
  readonly slots?: number;
  /** Repeated questions in a second; default 50. */
  readonly repeatsPerSecond?: number;
}

interface Errand extends Waiting {
  readonly work: Work;
}

/** Lane runs what waits, one of each namespace in turn, some at once. */
interface Lane {
  readonly waiting: Turns<Errand>;
  readonly slots: number;
  running: number;
}

/** Repeated questions have slots of their own, so that a crowd of new ones does not stop them. */
const repeatSlots = 2;

/**
 * Errands ask a server in the background, so that no worker waits for the answer: what was asked just now at once, what is asked
 * again and again at a bounded rate over all, and of each namespace in turn.
 */
export class Errands {
  readonly #clock: Clock;
  readonly #fresh: Lane;
  readonly #repeated: Lane;
  readonly #gapMs: number;
  readonly #timers = new Set<() => void>();
  #nextAt = 0;
  #armed = false;
  #order = 0;
  #ended = false;

  constructor({ clock, slots = 4, repeatsPerSecond = 50 }: ErrandsOptions) {
    this.#clock = clock;
    this.#fresh = { waiting: new Turns(), slots, running: 0 };
    this.#repeated = { waiting: new Turns(), slots: repeatSlots, running: 0 };
    this.#gapMs = 1000 / repeatsPerSecond;
  }

  /** run does the work as soon as its namespace has its turn. */
  run(namespace: string, work: Work): void {
    this.#put(this.#fresh, namespace, work);
  }

  /** later does the work after ms, when the rate allows; the answer cancels what has not come to its turn. */
  later(namespace: string, ms: number, work: Work): () => void {
    let errand: Errand | undefined;
    const cancel = this.after(ms, () => (errand = this.#put(this.#repeated, namespace, work)));
    return () => {
      cancel();
      if (errand !== undefined && errand.place >= 0) this.#repeated.waiting.remove(errand);
    };
  }

  /** after calls back once, unless all ended before; the answer cancels. */
  after(ms: number, callback: () => void): () => void {
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  /** end forgets all that waits; what is under way ends by itself. */
  end(): void {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #put(lane: Lane, namespace: string, work: Work): Errand {
    const errand = { namespace, priority: 0, order: this.#order++, place: -1, work };
    lane.waiting.push(errand);
    this.#serve(lane);
    return errand;
  }

  #serve(lane: Lane): void {
    while (!this.#ended && lane.running < lane.slots && this.#mayTake(lane)) {
      const errand = lane.waiting.take();
      if (errand === undefined) return;
      errand.place = -1;
      lane.running += 1;
      const ended = (): void => {
        lane.running -= 1;
        lane.waiting.giveBack(errand.namespace);
        this.#serve(lane);
      };
      errand.work().then(ended, ended);
    }
  }

  /** Repeated questions keep their distance; one timer waits for the next. */
  #mayTake(lane: Lane): boolean {
    if (lane !== this.#repeated) return true;
    if (lane.waiting.size === 0) return false;
    const now = this.#clock.monotonic();
    if (now >= this.#nextAt) {
      this.#nextAt = now + this.#gapMs;
      return true;
    }
    if (this.#armed) return false;
    this.#armed = true;
    this.after(this.#nextAt - now, () => {
      this.#armed = false;
      this.#serve(lane);
    });
    return false;
  }
}
