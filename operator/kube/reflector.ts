import { backoffMs, jittered, type Backoff } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { sleep, systemClock, type Clock } from './clock.ts';
import { isApiError, isExpired, isFromTheFuture } from './errors.ts';
import { resourceId } from './paths.ts';
import { keyOf, keyString, type KubeObject } from './resource.ts';
import type { Store } from './store.ts';
import type { ChangeHandler } from './types.ts';
import { notOlder } from './versions.ts';
import type { WatchEvent } from './watch.ts';

/** Timing of a reflector; tests shorten it. */
export interface Timing {
  readonly backoff: Backoff;
  /** A watch that lived this long ends a series of failures. */
  readonly healthyMs: number;
  /** The server is asked to end a watch after a random time between the two. */
  readonly watchSeconds: readonly [number, number];
  /** Silence after which a watch counts as dead; more than the minute between the server's bookmarks. */
  readonly readDeadlineMs: number;
  /** A page of a list, or the head of a watch's answer, may take this long. */
  readonly requestTimeoutMs: number;
  /** Objects per page of a list. */
  readonly pageSize: number;
}

/**
 * defaultTiming: backoff 0.8 s → 30 s with jitter 1.0, watches of 5 to 10 minutes. Failures are forgotten after 30 s, where
 * client-go takes 2 minutes: behind a balancer that cuts each connection after one, the wait would grow to 30 s of each 90.
 */
export const defaultTiming: Timing = {
  backoff: { baseMs: 800, factor: 2, maxMs: 30_000 },
  healthyMs: 30_000,
  watchSeconds: [300, 600],
  readDeadlineMs: 100_000,
  requestTimeoutMs: 60_000,
  pageSize: 500,
};

/** Happening is what metrics and logs are told of a reflector. */
export interface Happening {
  /** list: a LIST succeeded (relist: not the first); watch: a WATCH was opened; failure: either ended in an error; replay: an event older than what is known was dropped. */
  readonly type: 'list' | 'relist' | 'watch' | 'failure' | 'replay';
  readonly resource: string;
  readonly namespace: string | undefined;
  /** The error of a failure. */
  readonly error?: unknown;
}

/** ReflectorOptions: what to mirror, into which store, and whom to tell. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'eachItem' | 'watch'>;
  readonly store: Store<T>;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly metadataOnly?: boolean | undefined;
  readonly changed: ChangeHandler<T>;
  readonly timing?: Partial<Timing> | undefined;
  readonly onHappening?: ((h: Happening) => void) | undefined;
  /** listSlot bounds how many lists run at once: pages of all kinds at the same time are what makes memory peak. */
  readonly listSlot?: (<R>(list: () => Promise<R>) => Promise<R>) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

/** ReflectorState: what a reflector knows, and so what it does next. */
export type ReflectorState =
  /** Nothing that could be resumed: LIST. */
  | { readonly type: 'empty' }
  /** The store is the API's state as of this version: WATCH from there. */
  | { readonly type: 'watching'; readonly version: string }
  /** Something failed: wait, then go on. */
  | { readonly type: 'waiting'; readonly ms: number; readonly then: ReflectorState }
  | { readonly type: 'stopped' };

/** resumption is where a reflector that knew `version` goes on after a watch failed: what the server cannot resume is listed anew. */
export const resumption = (error: unknown, version: string): ReflectorState =>
  isExpired(error) || isFromTheFuture(error) ? { type: 'empty' } : { type: 'watching', version };

/** retryDelay is the wait after the n-th failure in a row (from 0): backoff with jitter, or what the server asks for if that is longer. */
export const retryDelay = (backoff: Backoff, n: number, error: unknown, random: () => number): number => {
  const told = isApiError(error) ? (error.retryAfter ?? 0) * 1000 : 0;
  return Math.max(jittered(backoffMs(backoff, n), 1, random), told);
};

/** Reflector keeps a store equal to what the API holds of one kind (in one namespace, or in all). */
export class Reflector<T extends KubeObject> {
  readonly #o: ReflectorOptions<T>;
  readonly #timing: Timing;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #state: ReflectorState = { type: 'empty' };
  #running: Promise<void> | undefined;
  #synced = Promise.withResolvers<void>();
  #listed = false;
  #progress: string | undefined;
  #failures = 0;
  #paged = true;

  constructor(o: ReflectorOptions<T>) {
    this.#o = o;
    this.#timing = { ...defaultTiming, ...o.timing };
    this.#clock = o.clock ?? systemClock;
    this.#random = o.random ?? Math.random;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** progress is the newest version up to which everything has been seen. */
  get progress(): string | undefined {
    return this.#progress;
  }

  get isSynced(): boolean {
    return this.#listed;
  }

  /** synced resolves when the first list is complete. */
  synced(): Promise<void> {
    return this.#synced.promise;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the reflector was stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#state.type !== 'stopped') this.#state = await this.#step(this.#state);
  }

  async #step(state: ReflectorState): Promise<ReflectorState> {
    if (this.#stop.signal.aborted) return { type: 'stopped' };
    switch (state.type) {
      case 'empty':
        return this.#list();
      case 'watching':
        return this.#watch(state.version);
      case 'waiting':
        await sleep(this.#clock, state.ms, this.#stop.signal);
        return state.then;
      case 'stopped':
        return state;
    }
  }

  async #list(): Promise<ReflectorState> {
    try {
      const slot = this.#o.listSlot ?? ((list) => list());
      const version = await slot(() => this.#readPages());
      this.#paged = true;
      this.#happened(this.#listed ? 'relist' : 'list');
      this.#listed = true;
      this.#synced.resolve();
      return { type: 'watching', version };
    } catch (e) {
      // The snapshot behind the pages was compacted while they were read: one list without pages is always whole.
      if (isExpired(e)) this.#paged = false;
      return this.#failed(e, { type: 'empty' });
    }
  }

  async #readPages(): Promise<string> {
    const { client, store, namespace, labelSelector, fieldSelector, metadataOnly } = this.#o;
    const options = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      metadataOnly,
      limit: this.#paged ? this.#timing.pageSize : 0,
      timeoutMs: this.#timing.requestTimeoutMs,
      signal: this.#stop.signal,
    };
    const present = new Set<string>();
    const version = await client.eachItem(store.resource, options, (item) => {
      present.add(keyString(keyOf(item)));
      this.#put(item, true);
    });
    if (version === '') throw new Error('a list came without a resourceVersion');
    for (const key of store.keys(namespace)) {
      if (present.has(keyString(key))) continue;
      const change = store.remove(key);
      if (change) this.#o.changed(change, true);
    }
    this.#progress = version;
    return version;
  }

  async #watch(from: string): Promise<ReflectorState> {
    const started = this.#clock.monotonic();
    let version = from;
    try {
      for await (const event of this.#open(from)) version = this.#apply(event, version);
    } catch (e) {
      this.#healed(started);
      return this.#failed(e, resumption(e, version));
    }
    this.#healed(started);
    // A server that ends every watch at once would be asked in a tight loop.
    const short = this.#clock.monotonic() - started < 1000 && version === from;
    const then: ReflectorState = { type: 'watching', version };
    return short ? this.#wait(undefined, then) : then;
  }

  #open(resourceVersion: string): AsyncIterable<WatchEvent<T>> {
    const { client, store, namespace, labelSelector, fieldSelector, metadataOnly } = this.#o;
    const [least, most] = this.#timing.watchSeconds;
    this.#happened('watch');
    return client.watch(store.resource, {
      namespace,
      labelSelector,
      fieldSelector,
      metadataOnly,
      resourceVersion,
      timeoutSeconds: Math.round(least + (most - least) * this.#random()),
      readDeadlineMs: this.#timing.readDeadlineMs,
      timeoutMs: this.#timing.requestTimeoutMs,
      signal: this.#stop.signal,
    });
  }

  /** apply takes one event into the store and returns the version that is now known. */
  #apply(event: WatchEvent<T>, known: string): string {
    const version = event.object.metadata?.resourceVersion ?? '';
    if (event.type !== 'BOOKMARK') {
      // Within one watch versions only rise; what does not was sent twice, by something between us and the server. Taking
      // it would bring back a deleted object.
      if (notOlder(known, version)) {
        this.#happened('replay');
        return known;
      }
      if (event.type === 'DELETED') this.#remove(event.object);
      else this.#put(event.object, false);
    }
    if (version === '' || notOlder(known, version)) return known;
    this.#progress = version;
    return version;
  }

  #put(object: T, initial: boolean): void {
    const { store, changed } = this.#o;
    const change = store.put(object);
    if (change === undefined) return;
    const { before, after } = change;
    // Deleted and made anew between two looks: two objects, so two changes.
    if (before && after && before.metadata?.uid !== after.metadata?.uid) {
      changed({ before }, initial);
      changed({ after }, initial);
    } else changed(change, initial);
  }

  #remove(object: T): void {
    const change = this.#o.store.remove(keyOf(object));
    if (change) this.#o.changed(change, false);
  }

  #failed(error: unknown, then: ReflectorState): ReflectorState {
    if (this.#stop.signal.aborted) return { type: 'stopped' };
    this.#happened('failure', error);
    return this.#wait(error, then);
  }

  #wait(error: unknown, then: ReflectorState): ReflectorState {
    return { type: 'waiting', ms: retryDelay(this.#timing.backoff, this.#failures++, error, this.#random), then };
  }

  #healed(startedAt: number): void {
    if (this.#clock.monotonic() - startedAt >= this.#timing.healthyMs) this.#failures = 0;
  }

  #happened(type: Happening['type'], error?: unknown): void {
    const { store, namespace, onHappening } = this.#o;
    onHappening?.({ type, resource: resourceId(store.resource), namespace, ...(error === undefined ? {} : { error }) });
  }
}
