import type { Logger } from 'pino';
import * as metrics from '../../telemetry/metrics.ts';
import { jittered } from '../backoff.ts';
import { systemClock, type Clock } from '../clock.ts';
import { isAlreadyExists, isApiError, isConflict, isNamespaceTerminating, Stopped } from '../errors.ts';
import { gated, reasonOf, type Gate } from './gate.ts';
import { resourceId } from '../paths.ts';
import { freshPriority, Queue, stalePriority, type Item } from './queue.ts';
import { keyOf, keyString, parseKey, type Key, type KubeObject, type Resource } from '../resource.ts';
import type { Change, Context, Controller, EventRecorder, Kube, Result, Watch, WatchedCache } from '../types.ts';
import { tracked, type WriteTracker } from './writetracker.ts';

/** RunnerOptions are what the manager gives to each controller. */
export interface RunnerOptions {
  readonly cache: WatchedCache;
  readonly kube: Kube;
  readonly writes: WriteTracker;
  readonly events: EventRecorder;
  readonly gate: Gate;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Every key is looked at again after this time (jittered), from the cache; default 10 h. */
  readonly resyncMs?: number;
  /** Own writes are awaited in the cache at most this long before the next reconcile of the key; default 15 s. */
  readonly staleMs?: number;
  /** A reconcile that takes longer is broken off and retried; default 5 min. */
  readonly timeoutMs?: number;
}

const hour = 3_600_000;
const defaultWorkers = 8;

/** workersFor: one namespace alone, whose outside world may be slow, never holds all workers. */
const workersFor = ({ workers = defaultWorkers }: Controller): number => workers + Math.ceil(workers / 2);

/** ControllerRunner runs one Controller: from changes to keys, from keys to reconciles. */
export class ControllerRunner {
  readonly #c: Controller;
  readonly #o: Required<RunnerOptions>;
  readonly #queue: Queue;
  readonly #log: Logger;
  /** Keys that wait for the cache to show what they wrote. */
  readonly #behind = new Set<string>();
  readonly #running = new Set<AbortController>();
  readonly #undo: (() => void)[] = [];
  readonly #stopped = new AbortController();
  #workers: Promise<void>[] = [];

  constructor(c: Controller, o: RunnerOptions) {
    this.#c = c;
    this.#o = { clock: systemClock, resyncMs: 10 * hour, staleMs: 15_000, timeoutMs: 300_000, ...o };
    this.#log = o.log.child({ controller: c.name });
    const queueMetrics = metrics.workqueueMetrics(c.name);
    this.#queue = new Queue({ clock: this.#o.clock, metrics: queueMetrics, perNamespace: c.workers ?? defaultWorkers });
    this.#undo.push(queueMetrics.observe(() => this.#queue.startTimes()));
  }

  /** idle is true while no key waits, is delayed, or is worked on. */
  get idle(): boolean {
    return this.#queue.size === 0 && this.#behind.size === 0;
  }

  /** start follows the cache (which must be synced), looks at every object once, and lets the workers begin. */
  start(): void {
    const { cache, gate } = this.#o;
    const { kind, watches, sources = [], name } = this.#c;
    this.#undo.push(cache.subscribe(kind, (change, initial) => this.#wakeOwn(change, initial)));
    for (const watch of watches) {
      this.#undo.push(
        cache.subscribe(watch.resource, (change, initial) => this.#wake(this.#map(watch, change), initial)),
      );
    }
    for (const source of sources) this.#undo.push(source((key) => this.#wake([key], false)));
    for (const key of cache.keys(kind)) this.#queue.add(keyString(key), { priority: stalePriority });
    gate.signal.addEventListener('abort', this.#abort, { once: true });
    this.#planResync();
    const workers = workersFor(this.#c);
    metrics.maxConcurrentReconciles.set({ controller: name }, workers);
    this.#workers = Array.from({ length: workers }, () => this.#work());
  }

  /** stop takes no more keys and resolves when the reconciles under way have ended; the gate's signal breaks them off. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const drained = this.#queue.shutdown();
    for (const undo of this.#undo.splice(0)) undo();
    await drained;
    await Promise.all(this.#workers);
    this.#o.gate.signal.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    for (const running of this.#running) running.abort(reasonOf(this.#o.gate.signal));
  };

  #wakeOwn({ before, after }: Change<KubeObject>, initial: boolean): void {
    const object = after ?? before;
    if (object === undefined) return;
    if (after === undefined) this.#o.writes.forget(this.#by(keyString(keyOf(object))));
    this.#wake([keyOf(object)], initial);
  }

  #wake(keys: Iterable<Key>, initial: boolean): void {
    const priority = initial ? stalePriority : freshPriority;
    for (const key of keys) this.#queue.add(keyString(key), { priority });
  }

  /** map never throws: a mistake in one watch's function must not stop the reflector that feeds all. */
  #map(watch: Watch, change: Change<KubeObject>): Key[] {
    const { cache } = this.#o;
    try {
      if (watch.changed?.(change) === false) return [];
      return [change.before, change.after].flatMap((o) => (o === undefined ? [] : [...watch.map(o, cache)]));
    } catch (error) {
      metrics.reconcilePanics.inc({ controller: this.#c.name });
      this.#log.error({ err: error, watch: resourceId(watch.resource) }, 'map function of a watch threw');
      return [];
    }
  }

  /** Resync heals what an event could not tell; keys are spread over a tenth of the period, behind all fresh work. */
  #planResync(): void {
    const { clock, resyncMs, cache } = this.#o;
    const cancel = clock.after(jittered(resyncMs), () => {
      this.#undo.splice(this.#undo.indexOf(cancel), 1);
      for (const key of cache.keys(this.#c.kind)) {
        this.#queue.add(keyString(key), { priority: stalePriority, afterMs: Math.random() * resyncMs * 0.1 });
      }
      this.#planResync();
    });
    this.#undo.push(cancel);
  }

  async #work(): Promise<void> {
    for (;;) {
      const item = await this.#queue.get();
      if (item === undefined) return;
      try {
        await yieldToEventLoop(this.#o.clock);
        if (!this.#putOff(item)) await this.#reconcile(item);
      } finally {
        this.#queue.done(item.key);
      }
    }
  }

  /** putOff is the own-write guard: a key whose writes the cache has not seen waits aside, without holding a worker. */
  #putOff({ key, priority }: Item): boolean {
    const by = this.#by(key);
    const { writes, staleMs } = this.#o;
    if (!this.#behind.has(key) && !writes.isStale(by)) return false;
    metrics.staleCacheSkips.inc({ controller: this.#c.name });
    if (this.#behind.has(key)) return true;
    this.#behind.add(key);
    const resume = (seen: boolean): void => {
      this.#behind.delete(key);
      if (!seen) {
        metrics.staleCacheTimeouts.inc({ controller: this.#c.name });
        this.#log.warn({ key }, 'the cache does not show our own write; going on without');
      }
      this.#queue.add(key, { priority });
    };
    const waiting = writes.caughtUp(by, { signal: this.#stopped.signal, timeoutMs: staleMs });
    waiting.then(resume, () => this.#behind.delete(key));
    return true;
  }

  async #reconcile({ key, priority }: Item): Promise<void> {
    const { clock, timeoutMs } = this.#o;
    const labels = { controller: this.#c.name };
    const abort = new AbortController();
    const target = parseKey(key);
    const log = this.#log.child({ ...target, reconcileId: reconcileId() });
    const startedAt = clock.monotonic();
    const disarm = clock.after(timeoutMs, () => abort.abort(new Error(`not done within ${timeoutMs / 1000} s`)));
    this.#running.add(abort);
    metrics.activeWorkers.inc(labels);
    try {
      this.#o.gate.check();
      const result = await this.#c.reconcile(target, this.#context(key, abort.signal, log));
      this.#succeeded(key, result);
    } catch (error) {
      this.#failed(key, priority, abort.signal.aborted ? reasonOf(abort.signal) : error, log);
    } finally {
      disarm();
      this.#running.delete(abort);
      metrics.activeWorkers.dec(labels);
      metrics.reconcileTime.observe(labels, (clock.monotonic() - startedAt) / 1000);
    }
  }

  #context(key: string, signal: AbortSignal, log: Logger): Context {
    const { cache, kube, writes, events, clock, gate } = this.#o;
    const counted = (verb: string, r: Resource): void =>
      metrics.reconcileWrites.inc({ controller: this.#c.name, verb, resource: resourceId(r) });
    const writer = gated(tracked(kube, writes, this.#by(key)), { gate, signal, counted });
    return {
      cache,
      kube: writer,
      events,
      log,
      signal,
      now: () => clock.date(),
      peakDepth: () => this.#queue.peakDepth - 1,
    };
  }

  #succeeded(key: string, result: Result): void {
    const controller = this.#c.name;
    this.#queue.forget(key);
    switch (result.type) {
      case 'done':
        metrics.reconcileTotal.inc({ controller, result: 'success' });
        break;
      case 'wait':
        metrics.reconcileTotal.inc({ controller, result: 'requeue_after' });
        this.#queue.add(key, { afterMs: jittered(Math.max(1, result.afterMs)) });
        break;
      case 'terminal':
        metrics.reconcileTotal.inc({ controller, result: 'terminal' });
        metrics.terminalReconcileErrors.inc({ controller });
        break;
    }
  }

  #failed(key: string, priority: number, error: unknown, log: Logger): void {
    const controller = this.#c.name;
    if (error instanceof Stopped || this.#o.gate.signal.aborted) {
      metrics.reconcileTotal.inc({ controller, result: 'aborted' });
      return log.debug({ reason: String(error) }, 'reconcile broken off');
    }
    if (isNamespaceTerminating(error)) {
      metrics.reconcileTotal.inc({ controller, result: 'success' });
      this.#queue.forget(key);
      return log.debug('the namespace is being deleted');
    }
    // Somebody else was faster: not an error, look again.
    if (isConflict(error) || isAlreadyExists(error)) {
      metrics.reconcileTotal.inc({ controller, result: 'requeue' });
      this.#queue.retry(key, priority);
      return log.debug({ err: error }, 'conflict, trying again');
    }
    metrics.reconcileTotal.inc({ controller, result: 'error' });
    metrics.reconcileErrors.inc({ controller });
    log.error({ err: error, failures: this.#queue.failures(key) + 1 }, 'reconcile failed, trying again');
    this.#queue.retry(key, priority, isApiError(error) ? (error.retryAfter ?? 0) * 1000 : 0);
  }

  #by(key: string): string {
    return `${this.#c.name} ${key}`;
  }
}

/** reconcileId ties the log lines of one reconcile together; it need not be hard to guess. */
const reconcileId = (): string =>
  Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');

let yieldedAt = 0;

/**
 * yieldToEventLoop lets the event loop turn now and then: reconciles that change nothing only ever await promises that are kept
 * already, and ten thousand of them in a row would keep lease renewals and probes from running.
 */
const yieldToEventLoop = async (clock: Clock): Promise<void> => {
  if (clock.monotonic() - yieldedAt < 10) return;
  await new Promise<void>((resolve) => setImmediate(resolve));
  yieldedAt = clock.monotonic();
};
