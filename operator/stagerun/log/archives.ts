import { logKey } from '../../api/names.ts';
import type { PodObject } from '../../api/steps.ts';
import { systemClock, type Clock } from '../../kube/clock.ts';
import { keyString, type Key } from '../../kube/resource.ts';
import type { Source } from '../../kube/types.ts';
import { Errands } from '../../platform/errands.ts';
import { buildLogKept } from '../../telemetry/metrics.ts';
import { Archiving, messageOf, removeOthers, type ArchivingOptions, type Entry } from './archiving.ts';

/** Build is what a log is read from. */
export interface Build {
  readonly run: Key;
  readonly uid: string;
  readonly pod: PodObject | undefined;
  /** The run has its result. */
  readonly isOver: boolean;
}

/** LogAnswer is what is known of the archived log of a run. */
export type LogAnswer =
  | {
      readonly type: 'kept';
      readonly key: string;
      readonly size: number;
      readonly url: string;
      readonly expiresAt: Date;
    }
  | { readonly type: 'absent' }
  | { readonly type: 'unavailable'; readonly message: string };

/** How long a URL of a log works. */
const urlSeconds = 900;
/** Of so many runs it is known that their log is complete; of others the bucket is asked again. */
const maxDone = 5_000;

/** LogArchivesOptions: where logs come from and go to, and the bounds. */
export interface LogArchivesOptions extends ArchivingOptions {
  /** Logs that are read at once, in all and of one namespace. */
  readonly readers: { readonly all: number; readonly perNamespace: number };
}

interface Answer {
  readonly request: string;
  readonly answer: LogAnswer | undefined;
}

/**
 * LogArchives keeps the logs of builds in the bucket, beyond the life of their pods. It has its own time: no reconcile and no build
 * waits for it. A log is written again and again while the build runs, and the next leader goes on with what is there. What cannot be
 * written is kept, within bounds, until the bucket takes it.
 */
export class LogArchives {
  readonly #o: LogArchivesOptions;
  readonly #clock: Clock;
  readonly #errands: Errands;
  readonly #entries = new Map<string, Entry>();
  readonly #done = new Set<string>();
  readonly #answers = new Map<string, Answer>();
  #wake: (run: Key) => void = () => undefined;

  constructor(o: LogArchivesOptions) {
    this.#o = o;
    this.#clock = o.clock ?? systemClock;
    // Few at once, so that the bucket has time for what Apps ask.
    this.#errands = new Errands({ clock: this.#clock, slots: 2 });
  }

  /** answers wakes a run when there is one for it; all reading ends with the controller that listens. */
  readonly answers: Source = (wake) => {
    this.#wake = wake;
    return () => {
      this.#errands.end();
      for (const { end } of this.#entries.values()) end.abort();
      this.#entries.clear();
    };
  };

  /** follow archives the log of a build from now on, if there is a pod to read it from; again: no change but the pod. */
  follow({ run, uid, pod, isOver }: Build): void {
    const id = keyString(run);
    const known = this.#entries.get(id);
    if (known?.uid === uid) {
      known.pod = pod;
      known.isOver = isOver;
      for (const tell of known.news) tell();
      return;
    }
    known?.end.abort();
    this.#entries.delete(id);
    if (pod === undefined || this.#done.has(uid)) return;
    const idle = { end: new AbortController(), reading: false, news: new Set<() => void>(), asked: false };
    this.#entries.set(id, { run, uid, pod, isOver, ...idle, wake: () => this.#wake(run) });
    this.#begin();
  }

  /** forget removes what was kept of a run that is gone. */
  forget(run: Key): void {
    const id = keyString(run);
    this.#entries.get(id)?.end.abort();
    this.#entries.delete(id);
    this.#answers.delete(id);
    // What cannot be removed now is found by the sweep.
    this.#errands.run(run.namespace, () => this.#tidy(run).then(nothing, nothing));
  }

  /** ask gives a URL of the log of a run that has ended; undefined while it is found out, or the log is still written. */
  ask(run: Key, uid: string, request: string): LogAnswer | undefined {
    const id = keyString(run);
    const entry = this.#entries.get(id);
    if (entry?.uid === uid) {
      entry.asked = true;
      return entry.trouble === undefined ? undefined : { type: 'unavailable', message: entry.trouble };
    }
    const known = this.#answers.get(id);
    if (known?.request === request) {
      if (known.answer !== undefined) this.#answers.delete(id);
      return known.answer;
    }
    this.#answers.set(id, { request, answer: undefined });
    this.#errands.run(run.namespace, async () => {
      const answer = await this.#sign(run, uid).catch((error: unknown): LogAnswer => ({
        type: 'unavailable',
        message: messageOf(error),
      }));
      if (this.#answers.get(id)?.request !== request) return;
      this.#answers.set(id, { request, answer });
      this.#wake(run);
    });
    return undefined;
  }

  async #sign(run: Key, uid: string): Promise<LogAnswer> {
    const key = logKey(this.#o.prefix, run, uid);
    const found = await this.#o.storage.head(key);
    if (found === undefined) return { type: 'absent' };
    const { url, expiresAt } = await this.#o.storage.presignGet({
      key,
      expiresSeconds: urlSeconds,
      endpoint: 'public',
    });
    return { type: 'kept', key, size: found.size, url, expiresAt };
  }

  /** begin lets those read for whom there is room, in the order in which they came. */
  #begin(): void {
    const { all, perNamespace } = this.#o.readers;
    const count = new Map<string, number>();
    let reading = 0;
    for (const entry of this.#entries.values()) {
      if (!entry.reading) continue;
      reading += 1;
      count.set(entry.run.namespace, (count.get(entry.run.namespace) ?? 0) + 1);
    }
    for (const entry of this.#entries.values()) {
      if (reading >= all) return;
      const mine = count.get(entry.run.namespace) ?? 0;
      if (entry.reading || mine >= perNamespace) continue;
      reading += 1;
      count.set(entry.run.namespace, mine + 1);
      entry.reading = true;
      void this.#archive(entry);
    }
  }

  async #archive(entry: Entry): Promise<void> {
    try {
      await new Archiving(this.#o, entry, (work) => this.#soon(entry, work)).run();
      this.#done.add(entry.uid);
      const [oldest] = this.#done;
      if (this.#done.size > maxDone && oldest !== undefined) this.#done.delete(oldest);
      buildLogKept('kept');
    } catch (error) {
      if (!entry.end.signal.aborted) {
        buildLogKept('failed');
        this.#o.log.error({ err: error, ...entry.run }, 'the log of a build cannot be archived');
      }
    }
    const id = keyString(entry.run);
    if (this.#entries.get(id) === entry) this.#entries.delete(id);
    if (entry.asked) entry.wake();
    this.#begin();
  }

  /** soon does some work with the bucket when the namespace has its turn. */
  #soon<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    const { signal } = entry.end;
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      this.#errands.run(entry.run.namespace, async () => {
        await work().then(resolve, reject);
        signal.removeEventListener('abort', abort);
      });
    });
  }

  /** tidy removes the logs of a run's name but that of one uid. */
  async #tidy(run: Key): Promise<void> {
    const current = this.#entries.get(keyString(run))?.uid;
    await removeOthers(this.#o, run, current);
  }
}

const nothing = (): void => undefined;
