import { isDeepStrictEqual } from 'node:util';
import { bucket, type Bucket } from '../kube/backoff.ts';
import { systemClock, type Clock } from '../kube/clock.ts';
import { keyString, type Key } from '../kube/resource.ts';
import type { Source } from '../kube/types.ts';
import { StorageError, type PutRequest, type Storage } from '../storage/index.ts';
import { Errands } from '../platform/errands.ts';
import type { BlobFact, Signed } from './observed.ts';
import { lookAfterMs } from './upload.ts';

type Unavailable = Extract<BlobFact, { type: 'unavailable' }>;

interface Signature {
  readonly request: PutRequest;
  readonly at: Date;
  readonly answer: Signed | Unavailable;
}

/** Entry is what is known for one App. */
interface Entry {
  readonly app: Key;
  readonly blobKey: string;
  fact?: BlobFact;
  looking?: boolean;
  signature?: Signature | undefined;
  signing?: boolean;
  /** Since when the archive is awaited; absent: nobody waits. */
  since?: Date;
  /** Ends the wait for the next look. */
  cancel?: (() => void) | undefined;
  changedAt?: Date | undefined;
}

/** ArchivesOptions: what a test changes. */
export interface ArchivesOptions {
  /** When the credential that signs upload URLs was last exchanged: who awaits an upload is woken to get another URL. */
  readonly changedAt?: (() => Date | undefined) | undefined;
  readonly clock?: Clock;
  readonly errands?: Errands;
  readonly signsPerSecond?: number;
}

/** A URL of the last minute is given again: who asks in every moment gets no more. */
const sameUrlMs = 60_000;
/** How often a storage that does not answer is asked for each App that waits for it, within the rate for all. */
const unavailableMs = 10_000;
/** How often it is tried whether the bucket has room while somebody awaits an upload, by one question for all. */
const roomMs = 30_000;
const maxNamespaces = 10_000;

const unavailable = (error: unknown): Unavailable => ({
  type: 'unavailable',
  message: error instanceof StorageError ? error.message : `The storage could not be asked: ${String(error)}`,
});

const failed = ({ signature }: Entry): Signature | undefined =>
  signature !== undefined && 'type' in signature.answer ? signature : undefined;

/**
 * Archives is what is known of the Apps' archives in the storage. Nobody waits for an answer, so that a storage that is slow
 * holds no worker: the App is woken by it. While an archive is awaited it is looked for again and again, at a rate over all.
 */
export class Archives {
  readonly #storage: Pick<Storage, 'head' | 'presignPut' | 'remove' | 'probeRoom'>;
  readonly #clock: Clock;
  readonly #errands: Errands;
  readonly #changedAt: () => Date | undefined;
  readonly #signsPerSecond: number;
  readonly #signs = new Map<string, Bucket>();
  readonly #entries = new Map<string, Entry>();
  #wake: (app: Key) => void = () => undefined;
  #full: string | undefined;
  #watchesRoom = false;

  constructor(storage: Pick<Storage, 'head' | 'presignPut' | 'remove' | 'probeRoom'>, o: ArchivesOptions = {}) {
    const { clock = systemClock, errands = new Errands({ clock }), signsPerSecond = 20 } = o;
    this.#storage = storage;
    this.#clock = clock;
    this.#errands = errands;
    this.#changedAt = o.changedAt ?? (() => undefined);
    this.#signsPerSecond = signsPerSecond;
  }

  /** answers wakes an App when there is one for it; all questions end with the controller that listens. */
  readonly answers: Source = (wake) => {
    this.#wake = wake;
    return () => this.#errands.end();
  };

  /** look tells whether an App's archive is there; undefined while the storage is asked. */
  look(app: Key, blobKey: string): BlobFact | undefined {
    const entry = this.#entry(app, blobKey);
    if (entry.fact === undefined && entry.looking !== true) {
      entry.looking = true;
      this.#errands.run(app.namespace, () => this.#head(entry));
    }
    return entry.fact;
  }

  /** sign gives an upload URL; undefined while it is made. One that was signed before notBefore is of no use any more. */
  sign(app: Key, request: PutRequest, notBefore: Date | undefined): Signed | Unavailable | undefined {
    const entry = this.#entry(app, request.key);
    const { signature } = entry;
    if (signature !== undefined && this.#isGood(signature, request, notBefore)) return signature.answer;
    if (entry.signing !== true) {
      entry.signing = true;
      entry.signature = undefined;
      this.#errands.after(this.#signRate(app.namespace).take(), () =>
        this.#errands.run(app.namespace, () => this.#presign(entry, request)),
      );
    }
    return undefined;
  }

  /** remove deletes what lies under the key. */
  async remove(app: Key, blobKey: string): Promise<void> {
    await this.#storage.remove(blobKey);
    this.#entry(app, blobKey).fact = { type: 'absent' };
  }

  /** follow goes on looking, and wakes the App when something is otherwise; since: when the wait began. */
  follow(app: Key, since: Date): void {
    const entry = this.#entries.get(keyString(app));
    if (entry === undefined) return;
    entry.since = since;
    this.#schedule(entry);
    this.#watchRoom();
  }

  /** drop forgets the App: nothing is awaited for it. */
  drop(app: Key): void {
    const id = keyString(app);
    this.#entries.get(id)?.cancel?.();
    this.#entries.delete(id);
  }

  #entry(app: Key, blobKey: string): Entry {
    const id = keyString(app);
    const known = this.#entries.get(id);
    if (known?.blobKey === blobKey) return known;
    known?.cancel?.();
    const fresh: Entry = { app, blobKey, changedAt: this.#changedAt() };
    this.#entries.set(id, fresh);
    return fresh;
  }

  #isKnown(entry: Entry): boolean {
    return this.#entries.get(keyString(entry.app)) === entry;
  }

  #isGood({ at, request }: Signature, { size }: PutRequest, notBefore: Date | undefined): boolean {
    const young = this.#clock.date().getTime() - at.getTime() < sameUrlMs;
    return young && request.size === size && (notBefore === undefined || at >= notBefore);
  }

  #signRate(namespace: string): Bucket {
    const known = this.#signs.get(namespace) ?? bucket(this.#clock, this.#signsPerSecond, 5 * this.#signsPerSecond);
    this.#signs.delete(namespace);
    this.#signs.set(namespace, known);
    const [oldest] = this.#signs.keys();
    if (this.#signs.size > maxNamespaces && oldest !== undefined) this.#signs.delete(oldest);
    return known;
  }

  async #head(entry: Entry): Promise<void> {
    const before = entry.fact;
    try {
      const found = await this.#storage.head(entry.blobKey);
      const absent: BlobFact = { type: 'absent', ...(this.#full !== undefined && { full: this.#full }) };
      entry.fact = found === undefined ? absent : { type: 'present', size: found.size, sha256: found.sha256 };
    } catch (error) {
      entry.fact = unavailable(error);
    }
    entry.looking = false;
    const changedAt = this.#changedAt();
    const same = isDeepStrictEqual(before, entry.fact) && changedAt === entry.changedAt;
    entry.changedAt = changedAt;
    if (!same && this.#isKnown(entry)) this.#wake(entry.app);
  }

  async #presign(entry: Entry, request: PutRequest): Promise<void> {
    const at = this.#clock.date();
    const before = failed(entry)?.answer;
    const answer = await this.#storage.presignPut(request).catch(unavailable);
    entry.signature = { request, at, answer };
    entry.signing = false;
    if (!isDeepStrictEqual(before, answer) && this.#isKnown(entry)) this.#wake(entry.app);
  }

  #watchRoom(): void {
    if (this.#watchesRoom) return;
    this.#watchesRoom = true;
    this.#errands.later('', roomMs, async () => {
      this.#watchesRoom = false;
      if (![...this.#entries.values()].some(({ since }) => since !== undefined)) return;
      await this.#probeRoom();
      this.#watchRoom();
    });
  }

  /** Each App hears of it with its next look. */
  async #probeRoom(): Promise<void> {
    try {
      await this.#storage.probeRoom();
      this.#full = undefined;
    } catch (error) {
      // Of other trouble the looks tell.
      this.#full = error instanceof StorageError && error.reason === 'StorageFull' ? error.message : undefined;
    }
  }

  /** What could not be signed is tried again; otherwise the archive is looked for. */
  async #repeat(entry: Entry): Promise<void> {
    entry.cancel = undefined;
    const unsigned = failed(entry);
    if (unsigned === undefined) await this.#head(entry);
    else await this.#presign(entry, unsigned.request);
    this.#schedule(entry);
  }

  #schedule(entry: Entry): void {
    if (entry.since === undefined || entry.cancel !== undefined || !this.#isKnown(entry)) return;
    const failing = entry.fact?.type === 'unavailable' || failed(entry) !== undefined;
    const ms = failing ? unavailableMs : lookAfterMs(this.#clock.date().getTime() - entry.since.getTime());
    entry.cancel = this.#errands.later(entry.app.namespace, ms, () => this.#repeat(entry));
  }
}
