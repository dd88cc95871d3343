import type { Logger } from 'pino';
import { startHealthServer, type Check, type HealthServer } from '../../telemetry/health.ts';
import { startProcessMetrics } from '../../telemetry/metrics.ts';
import { backoffMs, jittered } from '../backoff.ts';
import { sleep, systemClock, type Clock } from '../clock.ts';
import { ControllerRunner, type RunnerOptions } from './controller.ts';
import { Recorder } from './events.ts';
import { Stopped } from '../errors.ts';
import { gated, reasonOf, type Gate } from './gate.ts';
import { Elector, type ElectionOptions, type Term } from './leader.ts';
import type { Controller, EventRecorder, Kube, WatchedCache } from '../types.ts';
import { trackWrites } from './writetracker.ts';

/** TaskContext is what a Task may use; its kube stops writing with leadership. */
export interface TaskContext {
  readonly kube: Kube;
  readonly cache: WatchedCache;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Task is work beside the controllers, done only while leading: it runs until the signal aborts; if it throws, again. */
export interface Task {
  readonly name: string;
  run(ctx: TaskContext): Promise<void>;
}

/** ManagerOptions: what runs, and on what. */
export interface ManagerOptions {
  // A list of controllers of different kinds has no other common type.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly controllers: readonly Controller<any>[];
  readonly tasks?: readonly Task[];
  readonly kube: Kube;
  readonly cache: WatchedCache;
  readonly log: Logger;
  /** Absent: no server (tests). */
  readonly health?: { readonly port: number; readonly host?: string; readonly ready?: Readonly<Record<string, Check>> };
  /** Absent: leads at once; then nothing else may run the same controllers. */
  readonly election?: Pick<ElectionOptions, 'lease' | 'identity' | 'leaseMs' | 'renewMs' | 'retryMs'>;
  /** Reported by events: controller and instance. */
  readonly reporter?: { readonly controller: string; readonly instance: string };
  /** How long reconciles under way may take to end at stop, before they are broken off; default 25 s. */
  readonly drainMs?: number;
  /** How long broken-off work may take to end; then the lease is left to run out instead of being released; default 5 s. */
  readonly graceMs?: number;
  readonly runner?: Pick<RunnerOptions, 'resyncMs' | 'staleMs' | 'timeoutMs'>;
  readonly clock?: Clock;
}

/** Ending is why a manager ended: asked to, or because leadership was lost, after which the process must exit. */
export type Ending = 'stopped' | 'lost';

/** Manager starts in the order health → caches → leadership → workers, and stops in reverse. */
export class Manager {
  readonly #o: ManagerOptions;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #abort = new AbortController();
  #runners: ControllerRunner[] = [];
  #tasks: Promise<void>[] = [];
  #term: Term | undefined;
  #working = false;
  #ended: Promise<Ending> | undefined;

  constructor(o: ManagerOptions) {
    this.#o = o;
    this.#clock = o.clock ?? systemClock;
  }

  /** leading is true between winning the election and the beginning of stop. */
  get leading(): boolean {
    return this.#working && !this.#stop.signal.aborted && (this.#term?.leads() ?? true);
  }

  /** idle is true while leading with no key waiting or worked on. */
  get idle(): boolean {
    return this.leading && this.#runners.every((r) => r.idle);
  }

  /** run returns when stop was called or leadership was lost, and everything has ended. */
  run(): Promise<Ending> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  /** stop ends run in good order; resolves with it. */
  stop(): Promise<Ending | undefined> {
    this.#stop.abort(new Stopped('stopping'));
    return this.#ended ?? Promise.resolve(undefined);
  }

  async #run(): Promise<Ending> {
    const { cache, log } = this.#o;
    startProcessMetrics();
    const health = await this.#serveHealth();
    try {
      cache.start();
      await cache.synced(this.#stop.signal);
      log.info('caches synced');
      this.#term = await this.#campaign();
      return await this.#lead(this.#term);
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
      return 'stopped';
    } finally {
      // Unless it was released: whatever may still be at work, nobody renews the lease for it.
      this.#term?.abandon();
      await cache.stop();
      await health?.close();
      log.info('ended');
    }
  }

  async #campaign(): Promise<Term | undefined> {
    const { election, kube, log } = this.#o;
    if (election === undefined) return undefined;
    return new Elector({ ...election, kube, log, clock: this.#clock }).campaign(this.#stop.signal);
  }

  async #lead(term: Term | undefined): Promise<Ending> {
    const { cache, kube, log, reporter, runner } = this.#o;
    const gate = this.#gate(term);
    const recorder = new Recorder({
      kube: gated(kube, { gate }),
      log,
      clock: this.#clock,
      ...(reporter ?? { controller: 'operator', instance: 'operator' }),
    });
    const writes = trackWrites(cache);
    const shared = { cache, kube, writes, events: recorder, gate, log, clock: this.#clock };
    this.#runners = this.#o.controllers.map((c: Controller) => new ControllerRunner(c, { ...shared, ...runner }));
    for (const r of this.#runners) r.start();
    this.#tasks = (this.#o.tasks ?? []).map((task) => this.#repeat(task, gate, recorder));
    this.#working = true;
    log.info('workers started');

    await Promise.race([aborted(this.#stop.signal), ...(term === undefined ? [] : [aborted(term.lost)])]);
    const quiet = await this.#drain(recorder);
    writes.close();
    // Broken-off work that does not end might still write: then the lease must run out by itself.
    if (quiet && term?.lost.aborted !== true) await term?.resign();
    return term?.lost.aborted === true ? 'lost' : 'stopped';
  }

  /** drain resolves true when nothing is at work any more. */
  async #drain(recorder: Recorder): Promise<boolean> {
    const { drainMs = 25_000, graceMs = 5_000, log } = this.#o;
    const stopping = new AbortController();
    const done = Promise.all(this.#runners.map((r) => r.stop()))
      .then(() => Promise.all(this.#tasks))
      .then(() => recorder.flush(2_000))
      .then(() => stopping.abort());
    this.#stop.abort(new Stopped('stopping'));
    const late =
      (await sleep(this.#clock, this.#abort.signal.aborted ? 0 : drainMs, stopping.signal)) && !stopping.signal.aborted;
    if (late) {
      if (!this.#abort.signal.aborted) log.warn({ drainMs }, 'work did not end in time: broken off');
      this.#abort.abort(new Stopped('the time to drain is over'));
      await Promise.race([done, sleep(this.#clock, graceMs, stopping.signal)]);
    }
    return stopping.signal.aborted;
  }

  #gate(term: Term | undefined): Gate {
    const { signal } = this.#abort;
    term?.lost.addEventListener('abort', () => this.#abort.abort(reasonOf(term.lost)), { once: true });
    return {
      signal,
      check: () => {
        if (signal.aborted) throw reasonOf(signal);
        if (term?.leads() === false) throw new Stopped('not leading any more');
      },
    };
  }

  async #repeat(task: Task, gate: Gate, events: EventRecorder): Promise<void> {
    const log = this.#o.log.child({ task: task.name });
    const signal = AbortSignal.any([gate.signal, this.#stop.signal]);
    const ctx = { kube: gated(this.#o.kube, { gate }), cache: this.#o.cache, events, log, signal };
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await task.run(ctx);
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error }, 'task failed, starting it again');
        await sleep(this.#clock, jittered(backoffMs({ baseMs: 1000, factor: 2, maxMs: 60_000 }, failures)), signal);
      }
    }
  }

  async #serveHealth(): Promise<HealthServer | undefined> {
    const { health, cache } = this.#o;
    if (health === undefined) return undefined;
    return startHealthServer({
      ...health,
      live: {},
      ready: {
        caches: () => cache.trouble(),
        running: () => (this.#stop.signal.aborted ? 'stopping' : undefined),
        ...health.ready,
      },
    });
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
