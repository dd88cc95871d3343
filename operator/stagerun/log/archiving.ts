import type { Logger } from 'pino';
import { logFolder, logKey } from '../../api/names.ts';
import type { PodObject } from '../../api/steps.ts';
import { sleep, systemClock, type Clock } from '../../kube/clock.ts';
import type { Key } from '../../kube/resource.ts';
import { StorageError, type Storage } from '../../storage/index.ts';
import { readBuild, type BuildPod, type LogSource } from './reader.ts';
import { Transcript } from './transcript.ts';

/** ArchivingOptions: where logs come from and go to. */
export interface ArchivingOptions {
  readonly source: LogSource;
  readonly storage: Pick<Storage, 'read' | 'write' | 'list' | 'removeAll' | 'head' | 'presignGet'>;
  readonly prefix: string;
  readonly log: Logger;
  /** Largest size of one log. */
  readonly maxBytes: number;
  readonly clock?: Clock;
}

/** Entry is a log that is being archived. */
export interface Entry {
  readonly run: Key;
  readonly uid: string;
  readonly end: AbortController;
  pod: PodObject | undefined;
  /** The run has its result: what its pod does not say soon, it never says. */
  isOver: boolean;
  reading: boolean;
  /** Wakes whoever waits for news of the pod. */
  news: Set<() => void>;
  /** Somebody asked for the log meanwhile. */
  asked: boolean;
  /** Why it is not in the bucket. */
  trouble?: string | undefined;
  /** There is an answer for who asked. */
  readonly wake: () => void;
}

/** A log is written anew so long after it was written, and longer where it is large. */
const writeAfterMs = 5_000;
const writeAfterMsPerMiB = 15_000;
const retryMs = { first: 5_000, most: 60_000 };

/** messageOf says why the bucket did not do it. */
export const messageOf = (error: unknown): string =>
  error instanceof StorageError ? error.message : `The storage could not be asked: ${String(error)}`;

/** removeOthers removes the logs of earlier runs of this name, and tells whether there is one of this run. */
export const removeOthers = async (
  { storage, prefix }: Pick<ArchivingOptions, 'storage' | 'prefix'>,
  run: Key,
  uid: string | undefined,
): Promise<boolean> => {
  const own = uid === undefined ? undefined : logKey(prefix, run, uid);
  const keys: string[] = [];
  for await (const { key } of storage.list(logFolder(prefix, run))) if (keys.push(key) === 1000) break;
  const others = keys.filter((key) => key !== own);
  if (others.length > 0) await storage.removeAll(others);
  return keys.length > others.length;
};

/** Soon does some work with the bucket when it has its turn. */
type Soon = <T>(work: () => Promise<T>) => Promise<T>;

/** Archiving is the archiving of one log, from what an earlier leader left to its end. */
export class Archiving {
  readonly #o: ArchivingOptions;
  readonly #clock: Clock;
  readonly #entry: Entry;
  readonly #soon: Soon;
  readonly #key: string;
  /** When the log was last written, and whether there is anything new since then. */
  #writtenAt: number;
  #isNew = false;
  #writing: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #failures = 0;
  /** All is read: what is left to be written is written at once. */
  #isRead = false;

  constructor(o: ArchivingOptions, entry: Entry, soon: Soon) {
    this.#o = o;
    this.#clock = o.clock ?? systemClock;
    this.#entry = entry;
    this.#soon = soon;
    this.#key = logKey(o.prefix, entry.run, entry.uid);
    this.#writtenAt = this.#clock.monotonic();
  }

  async run(): Promise<void> {
    const { signal } = this.#entry.end;
    const transcript = await this.#persistently(() => this.#resume());
    if (transcript.ending !== undefined) return;
    try {
      const pod: BuildPod = {
        current: () => this.#entry.pod,
        isOver: () => this.#entry.isOver,
        changed: (ms) => this.#changed(ms),
      };
      const onLine = (): void => this.#heard(transcript);
      const reading = { source: this.#o.source, pod, transcript, clock: this.#clock, signal, onLine };
      const outcome = await readBuild(reading);
      transcript.end(outcome === 'end' ? 'complete' : 'broken');
    } finally {
      this.#isRead = true;
      this.#cancel?.();
    }
    await this.#writing;
    // A build that never said anything has no log.
    if (transcript.position !== undefined) await this.#persistently(() => this.#write(transcript));
  }

  async #resume(): Promise<Transcript> {
    const { storage, maxBytes } = this.#o;
    const isThere = await removeOthers(this.#o, this.#entry.run, this.#entry.uid);
    const text = isThere ? await storage.read(this.#key) : undefined;
    return text === undefined ? new Transcript(maxBytes) : Transcript.read(text, maxBytes);
  }

  /** changed waits for news of the pod. */
  #changed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { news, end } = this.#entry;
      const tell = (): void => {
        news.delete(tell);
        cancel();
        end.signal.removeEventListener('abort', tell);
        resolve();
      };
      const cancel = this.#clock.after(ms, tell);
      news.add(tell);
      end.signal.addEventListener('abort', tell, { once: true });
    });
  }

  /** heard plans to write what is new. */
  #heard(transcript: Transcript): void {
    this.#isNew = true;
    if (this.#isRead || this.#cancel !== undefined || this.#writing !== undefined) return;
    const gap = writeAfterMs + (transcript.bytes / 1024 ** 2) * writeAfterMsPerMiB + this.#pauseMs;
    const wait = Math.max(0, this.#writtenAt + gap - this.#clock.monotonic());
    this.#cancel = this.#clock.after(wait, () => {
      this.#cancel = undefined;
      this.#writing = this.#soon(() => this.#write(transcript))
        .catch((error: unknown) => this.#failed(error))
        .finally(() => {
          this.#writing = undefined;
          if (this.#isNew) this.#heard(transcript);
        });
    });
  }

  async #write(transcript: Transcript): Promise<void> {
    this.#isNew = false;
    this.#writtenAt = this.#clock.monotonic();
    await this.#o.storage.write(this.#key, await transcript.write());
    this.#succeeded();
  }

  /** persistently tries again until it goes well or nobody wants it any more. */
  async #persistently<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.#entry.end;
    for (;;) {
      signal.throwIfAborted();
      try {
        const found = await this.#soon(work);
        this.#succeeded();
        return found;
      } catch (error) {
        signal.throwIfAborted();
        this.#failed(error);
        await sleep(this.#clock, this.#pauseMs, signal);
      }
    }
  }

  get #pauseMs(): number {
    return this.#failures === 0 ? 0 : Math.min(retryMs.most, retryMs.first * 2 ** (this.#failures - 1));
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#entry.trouble = undefined;
  }

  #failed(error: unknown): void {
    if (this.#entry.end.signal.aborted) return;
    this.#isNew = true;
    this.#failures += 1;
    this.#entry.trouble = messageOf(error);
    if (this.#failures > 1) return;
    const { run, asked, wake } = this.#entry;
    this.#o.log.warn({ ...run, cause: String(error) }, 'the log of a build waits for the bucket');
    if (asked) wake();
  }
}
