import { rateLimiter, type RateLimiter } from '../backoff.ts';
import { systemClock, type Clock } from '../clock.ts';
import { Heap } from '../heap.ts';
import { namespaceOf } from '../resource.ts';
import { Turns, type Waiting } from './turns.ts';

/** freshPriority is that of a change somebody made just now. */
export const freshPriority = 0;
/** stalePriority is that of an initial list or a resync: a restart with 10,000 objects must not delay a person's edit. */
export const stalePriority = -100;

/** How long a peak is remembered: work comes in waves, and between two of them nobody seems to wait. */
const peakMs = 5_000;

/** Item is a key handed out by Queue.get; give it back with done. */
export interface Item {
  readonly key: string;
  readonly priority: number;
}

/** AddOptions: the highest priority and the earliest time of all adds of a key count. */
export interface AddOptions {
  readonly priority?: number;
  readonly afterMs?: number;
}

/** QueueMetrics is told what happens in a queue (telemetry/metrics.ts has client-go's names for it). */
export interface QueueMetrics {
  added(priority: number): void;
  removed(priority: number): void;
  retried(): void;
  got(waitedMs: number): void;
  finished(workedMs: number): void;
}

/** QueueOptions: everything has a default. */
export interface QueueOptions {
  readonly clock?: Clock;
  readonly limiter?: RateLimiter;
  readonly metrics?: QueueMetrics;
  /** How many keys of one namespace may be worked on at once; default: any number. */
  readonly perNamespace?: number;
}

interface Entry extends Waiting {
  readonly key: string;
  priority: number;
  order: number;
  /** Monotonic time at which the key may be handed out; undefined: now. */
  readyAt: number | undefined;
  /** Since when it could have been handed out. */
  since: number;
}

/**
 * Queue is client-go's work queue with controller-runtime's priorities: a key waits at most once however often it is added,
 * is never handed out twice at the same time, and is handed out again if it was added while it was worked on. Keys are
 * `namespace/name`; within a priority namespaces take turns.
 */
export class Queue {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter;
  readonly #metrics: QueueMetrics | undefined;
  /** Every key that is to be handed out: ready, delayed, or parked until its present work ends. */
  readonly #dirty = new Map<string, Entry>();
  readonly #processing = new Map<string, number>();
  readonly #ready: Turns<Entry>;
  readonly #delayed = new Heap<Entry>((a, b) => (a.readyAt ?? 0) < (b.readyAt ?? 0));
  #getters: ((item: Item | undefined) => void)[] = [];
  #idle: (() => void)[] = [];
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined;
  #peak = { keys: 0, at: -Infinity };
  #order = 0;
  #down = false;

  constructor(o: QueueOptions = {}) {
    this.#clock = o.clock ?? systemClock;
    this.#limiter = o.limiter ?? rateLimiter(this.#clock);
    this.#metrics = o.metrics;
    this.#ready = new Turns(o);
  }

  /** depth is how many keys wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** size counts every key the queue knows of: ready, delayed, and being worked on. */
  get size(): number {
    return this.#dirty.size + this.#processing.size;
  }

  /** peakDepth is the most keys that were worked on or waited to be at one time of the last seconds. */
  get peakDepth(): number {
    const lately = this.#clock.monotonic() - this.#peak.at < peakMs ? this.#peak.keys : 0;
    return Math.max(lately, this.#present);
  }

  get #present(): number {
    return this.#ready.size + this.#processing.size;
  }

  /** startTimes are the monotonic times at which the work under way began. */
  startTimes(): Iterable<number> {
    return this.#processing.values();
  }

  /** add asks for the key to be worked on; after shutdown it does nothing. */
  add(key: string, { priority = freshPriority, afterMs = 0 }: AddOptions = {}): void {
    if (this.#down) return;
    const now = this.#clock.monotonic();
    if (afterMs > 0) this.#metrics?.retried();
    const readyAt = afterMs > 0 ? now + afterMs : undefined;
    const known = this.#dirty.get(key);
    if (known === undefined) {
      const namespace = namespaceOf(key);
      const entry: Entry = { key, namespace, priority, readyAt, order: this.#order++, since: now, place: -1 };
      this.#dirty.set(key, entry);
      this.#place(entry);
      return;
    }
    const sooner = known.readyAt !== undefined && (readyAt === undefined || readyAt < known.readyAt);
    if (!sooner && priority <= known.priority) return;
    this.#displace(known);
    if (sooner) {
      known.readyAt = readyAt;
      known.since = now;
    }
    if (priority > known.priority) known.order = this.#order++;
    known.priority = Math.max(priority, known.priority);
    this.#place(known);
  }

  /** retry adds the key again after its backoff (at least minMs), which grows until forget. */
  retry(key: string, priority = freshPriority, minMs = 0): void {
    this.add(key, { priority, afterMs: Math.max(minMs, this.#limiter.when(key)) });
  }

  /** forget ends the key's series of failures. */
  forget(key: string): void {
    this.#limiter.forget(key);
  }

  failures(key: string): number {
    return this.#limiter.failures(key);
  }

  /** get waits for the next key; undefined means the queue was shut down. */
  get(): Promise<Item | undefined> {
    if (this.#down) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#getters.push(resolve);
      this.#handOut();
    });
  }

  /** done gives a key back. */
  done(key: string): void {
    const startedAt = this.#processing.get(key);
    if (startedAt === undefined) return;
    this.#processing.delete(key);
    this.#metrics?.finished(this.#clock.monotonic() - startedAt);
    this.#ready.giveBack(namespaceOf(key));
    const again = this.#dirty.get(key);
    if (again !== undefined && again.readyAt === undefined) this.#place(again);
    else this.#handOut();
    if (this.#processing.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * shutdown hands out nothing more and forgets what waits: whoever leads next starts from the state of the world. The
   * promise resolves when all work under way has been given back.
   */
  shutdown(): Promise<void> {
    this.#down = true;
    this.#alarm?.cancel();
    for (const entry of this.#dirty.values()) this.#displace(entry);
    this.#dirty.clear();
    for (const resolve of this.#getters.splice(0)) resolve(undefined);
    if (this.#processing.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** A key that is being worked on is in neither heap unless it is delayed; done places it. */
  #place(entry: Entry): void {
    if (entry.readyAt !== undefined) {
      this.#delayed.push(entry);
      this.#schedule();
      return;
    }
    if (this.#processing.has(entry.key)) return;
    this.#ready.push(entry);
    this.#metrics?.added(entry.priority);
    if (this.#present >= this.peakDepth) this.#peak = { keys: this.#present, at: this.#clock.monotonic() };
    this.#handOut();
  }

  #displace(entry: Entry): void {
    if (entry.readyAt !== undefined) return this.#delayed.remove(entry);
    if (this.#processing.has(entry.key)) return;
    this.#ready.remove(entry);
    this.#metrics?.removed(entry.priority);
  }

  #handOut(): void {
    while (this.#getters.length > 0) {
      const entry = this.#ready.take();
      if (entry === undefined) return;
      const now = this.#clock.monotonic();
      this.#dirty.delete(entry.key);
      this.#processing.set(entry.key, now);
      this.#metrics?.removed(entry.priority);
      this.#metrics?.got(now - entry.since);
      this.#getters.shift()?.({ key: entry.key, priority: entry.priority });
    }
  }

  /** One timer for all delayed keys: it is set to the earliest. */
  #schedule(): void {
    const at = this.#delayed.peek()?.readyAt;
    if (at === this.#alarm?.at) return;
    this.#alarm?.cancel();
    this.#alarm =
      at === undefined
        ? undefined
        : { at, cancel: this.#clock.after(at - this.#clock.monotonic(), () => this.#ring()) };
  }

  #ring(): void {
    this.#alarm = undefined;
    const now = this.#clock.monotonic();
    for (
      let next = this.#delayed.peek();
      next?.readyAt !== undefined && next.readyAt <= now;
      next = this.#delayed.peek()
    ) {
      this.#delayed.pop();
      next.readyAt = undefined;
      next.since = now;
      next.order = this.#order++;
      this.#place(next);
    }
    this.#schedule();
  }
}
