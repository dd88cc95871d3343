import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { eventsTotal } from '../../telemetry/metrics.ts';
import { oneLine } from '../../telemetry/oneline.ts';
import { bucket, type Bucket } from '../backoff.ts';
import { sleep, systemClock, type Clock } from '../clock.ts';
import { isAlreadyExists, isNotFound, isTransient } from '../errors.ts';
import { apiVersionOf, Event, type KubeObject, type ObjectOf } from '../resource.ts';
import type { EventRecorder, Kube } from '../types.ts';

/** RecorderOptions: kube is gated, so that a process that does not lead tells no stories. */
export interface RecorderOptions {
  readonly kube: Pick<Kube, 'create' | 'mergePatch'>;
  readonly log: Logger;
  /** Who reports: `epinio.io/operator`. */
  readonly controller: string;
  /** Which process: the pod's name. */
  readonly instance: string;
  readonly clock?: Clock;
  /** A repeated event is counted in the same object, written at most once in this time. */
  readonly seriesMs?: number;
  /** Without a repetition for this long the series ends; the next is a new event. client-go's 6 minutes. */
  readonly endMs?: number;
  /** How many writes of each type may wait; more are dropped. */
  readonly capacity?: number;
}

type Note = Parameters<EventRecorder['note']>[1];

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  written: number;
  lastAt: number;
  lastDate: Date;
  /** A write is waiting or planned. */
  planned: boolean;
}

const maxSeries = 4096;
const attempts = 3;
const microTime = (at: Date): string => at.toISOString().replace('Z', '000Z');

/**
 * Recorder writes events in the background: note never throws or waits. Repetitions of (object, type, reason, action, note)
 * become one event with a count; a bucket per process and bounded lines of writes keep a storm away from the API server, and
 * in a storm, warnings go first.
 */
export class Recorder implements EventRecorder {
  readonly #o: Required<RecorderOptions>;
  readonly #series = new Map<string, Series>();
  readonly #lines: Readonly<Record<Note['type'], (() => Promise<void>)[]>> = { Warning: [], Normal: [] };
  readonly #bucket: Bucket;
  readonly #plans = new Map<Series, () => void>();
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(o: RecorderOptions) {
    this.#o = { clock: systemClock, seriesMs: 30_000, endMs: 360_000, capacity: 4096, ...o };
    // In a storm events wait behind the work: each costs the API server as much as a write that the users wait for.
    this.#bucket = bucket(this.#o.clock, 10, 50);
  }

  note(regarding: KubeObject, note: Note): void {
    try {
      this.#note(regarding, { ...note, note: oneLine(note.note, 1024) });
    } catch (error) {
      eventsTotal.inc({ result: 'failed' });
      this.#o.log.warn({ err: error }, 'event not recorded');
    }
  }

  /** flush writes the counts that wait for their time, and resolves when all is sent or the time is over. */
  async flush(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const [series, cancel] of [...this.#plans]) {
      cancel();
      this.#plans.delete(series);
      this.#send('Normal', () => this.#writeCount(series));
    }
    const over = new AbortController();
    await Promise.race([this.#sending, sleep(this.#o.clock, timeoutMs, over.signal)]);
    over.abort();
    for (const line of Object.values(this.#lines)) line.length = 0;
  }

  #note(regarding: KubeObject, note: Note): void {
    if (this.#closed) return void eventsTotal.inc({ result: 'dropped' });
    const { clock, endMs } = this.#o;
    const now = clock.monotonic();
    const id = JSON.stringify([regarding.metadata?.uid, note.type, note.reason, note.action, note.note]);
    const known = this.#series.get(id);
    // Deleting first keeps the map in the order of use: the first entry is the one to forget.
    this.#series.delete(id);
    if (known !== undefined && now - known.lastAt < endMs) {
      known.count++;
      known.lastAt = now;
      known.lastDate = clock.date();
      this.#series.set(id, known);
      this.#plan(known);
      return;
    }
    this.#forgetOld(now);
    const series = this.#newSeries(regarding, now);
    this.#series.set(id, series);
    const event = this.#event(regarding, note, series);
    // What was never written cannot be counted: the next one is a new event.
    const lost = (): void => {
      if (this.#series.get(id) === series) this.#series.delete(id);
    };
    if (!this.#send(note.type, () => this.#create(event, series), lost)) lost();
  }

  #newSeries(regarding: KubeObject, now: number): Series {
    return {
      name: `${(regarding.metadata?.name ?? 'event').slice(0, 200)}.${randomBytes(8).toString('hex')}`,
      namespace: regarding.metadata?.namespace ?? 'default',
      count: 1,
      written: 0,
      lastAt: now,
      lastDate: this.#o.clock.date(),
      planned: false,
    };
  }

  #forgetOld(now: number): void {
    for (const [id, series] of this.#series) {
      if (now - series.lastAt < this.#o.endMs && this.#series.size < maxSeries) return;
      this.#series.delete(id);
    }
  }

  #event(regarding: KubeObject, note: Note, series: Series): ObjectOf<typeof Event> {
    const { name, namespace, uid } = regarding.metadata ?? {};
    return {
      apiVersion: apiVersionOf(Event),
      kind: Event.kind,
      metadata: { name: series.name, namespace: series.namespace },
      eventTime: microTime(series.lastDate),
      type: note.type,
      reason: note.reason,
      action: note.action,
      note: note.note,
      reportingController: this.#o.controller,
      reportingInstance: this.#o.instance.slice(0, 128),
      regarding: {
        ...(regarding.apiVersion !== undefined && { apiVersion: regarding.apiVersion }),
        ...(regarding.kind !== undefined && { kind: regarding.kind }),
        ...(name !== undefined && { name }),
        ...(namespace !== undefined && { namespace }),
        ...(uid !== undefined && { uid }),
      },
    };
  }

  /** plan writes the count of a series when its time has come, however often it is called until then. */
  #plan(series: Series): void {
    if (series.planned) return;
    series.planned = true;
    const cancel = this.#o.clock.after(this.#o.seriesMs, () => {
      this.#plans.delete(series);
      if (!this.#send('Normal', () => this.#writeCount(series))) series.planned = false;
    });
    this.#plans.set(series, cancel);
  }

  async #create(event: ObjectOf<typeof Event>, series: Series): Promise<void> {
    await this.#o.kube.create(Event, event).catch((error: unknown) => {
      // An earlier try whose answer was lost.
      if (!isAlreadyExists(error)) throw error;
    });
    series.written = 1;
    eventsTotal.inc({ result: 'created' });
  }

  async #writeCount(series: Series): Promise<void> {
    const { count, name, namespace, lastDate } = series;
    series.planned = false;
    // Without its event, the series cannot be counted: it failed, or the API server forgot it after its hour.
    if (series.written === 0 || series.written === count) return;
    const patch = { series: { count, lastObservedTime: microTime(lastDate) } };
    try {
      await this.#o.kube.mergePatch(Event, { namespace, name }, patch);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      series.written = 0;
      series.lastAt = -Infinity;
      return;
    }
    series.written = count;
    eventsTotal.inc({ result: 'counted' });
  }

  #send(type: Note['type'], write: () => Promise<void>, lost?: () => void): boolean {
    const line = this.#lines[type];
    if (line.length >= this.#o.capacity) {
      eventsTotal.inc({ result: 'dropped' });
      return false;
    }
    line.push(() => this.#try(write, lost));
    this.#sending ??= this.#drain().finally(() => (this.#sending = undefined));
    return true;
  }

  async #drain(): Promise<void> {
    const { Warning, Normal } = this.#lines;
    while (Warning.length + Normal.length > 0) {
      const waitMs = this.#bucket.take();
      // At the end there is no time for patience.
      if (waitMs > 0 && !this.#closed) await sleep(this.#o.clock, waitMs);
      const write = Warning.shift() ?? Normal.shift();
      await write?.();
    }
  }

  async #try(write: () => Promise<void>, lost?: () => void): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write();
      } catch (error) {
        if (isTransient(error) && attempt < attempts && !this.#closed) {
          await sleep(this.#o.clock, 1000 * attempt);
          continue;
        }
        eventsTotal.inc({ result: 'failed' });
        this.#o.log.debug({ err: error }, 'event not written');
        lost?.();
        return;
      }
    }
  }
}
