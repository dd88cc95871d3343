import { sleep, systemClock, type Clock } from '../clock.ts';
import { isExpired, isNotFound } from '../errors.ts';
import { Silence } from './silence.ts';
import { Presence } from './presence.ts';
import { Progress } from './progress.ts';
import { resourceId } from '../paths.ts';
import type { ReflectorOptions } from './reflectoroptions.ts';
import { keyOf, keyString, type KubeObject } from '../resource.ts';
import {
  currentVersion,
  defaultTiming,
  resumption,
  retryDelay,
  wentBack,
  type Ended,
  type ReflectorState,
  type Timing,
} from './reflectorstate.ts';
import { FailureTracker, type Failure, type Happening, type FailureSeries } from './failures.ts';
import type { Change } from '../types.ts';
import { isOlder, notOlder } from '../resourceversion.ts';
import type { WatchEvent } from '../client/watch.ts';

/** Reflector keeps a store equal to what the API holds of one kind (in one namespace, or in all). */
export class Reflector<T extends KubeObject> {
  readonly #o: ReflectorOptions<T>;
  readonly #timing: Timing;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #state: ReflectorState = { type: 'empty' };
  #running: Promise<void> | undefined;
  readonly #presence = new Presence();
  readonly #progress = new Progress();
  readonly #hearing: Silence;
  readonly #series = new FailureTracker();
  #failures = 0;
  #paged = true;

  constructor(o: ReflectorOptions<T>) {
    this.#o = o;
    this.#timing = { ...defaultTiming, ...o.timing };
    this.#clock = o.clock ?? systemClock;
    this.#random = o.random ?? Math.random;
    this.#hearing = new Silence(this.#clock, this.#timing.readDeadlineMs);
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** progress is the newest version up to which everything has been seen. */
  get progress(): Pick<Progress, 'version' | 'when'> {
    return this.#progress;
  }

  /** trouble is the series of failures under way. */
  get trouble(): FailureSeries | undefined {
    return this.#series.trouble;
  }

  /** quietMs is the time since the watch's last sign of life: it was opened, or an event or a bookmark came. */
  get quietMs(): number {
    return this.#hearing.quietMs;
  }

  get isSynced(): boolean {
    return this.#presence.isKnown;
  }

  /** isServed is false for an optional kind that the API server does not know. */
  get isServed(): boolean {
    return this.#presence.isServed;
  }

  /** synced resolves when the first list is complete, or the optional kind is known not to be there. */
  synced(): Promise<void> {
    return this.#presence.known();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the reflector was stopped'));
    this.#presence.wake();
    await this.#running;
  }

  /** lookAgain: there is reason to believe that an absent kind is served now, or soon. */
  lookAgain(): void {
    if (this.isServed) return;
    this.#failures = 0;
    this.#presence.wake();
  }

  async #run(): Promise<void> {
    while (this.#state.type !== 'stopped') this.#state = await this.#step(this.#state);
  }

  async #step(state: ReflectorState): Promise<ReflectorState> {
    if (this.#stop.signal.aborted) return { type: 'stopped' };
    switch (state.type) {
      case 'empty':
        return this.#list(state);
      case 'watching':
        return this.#watch(state.version);
      case 'doubtful':
        return this.#ask(state);
      case 'absent':
        return this.#doze();
      case 'waiting':
        await sleep(this.#clock, state.ms, this.#stop.signal);
        return state.then;
      case 'stopped':
        return state;
    }
  }

  async #list(state: ReflectorState & { type: 'empty' }): Promise<ReflectorState> {
    try {
      const slot = this.#o.listSlot ?? ((list) => list());
      const { version, changed } = await slot(() => this.#readPages(state.why === 'restored'));
      this.#paged = true;
      if (state.why === 'deaf') this.#hearing.relisted(changed);
      this.#happened(this.isServed ? 'relist' : 'list');
      this.#answered(true);
      return { type: 'watching', version };
    } catch (error) {
      if (this.#isGone(error)) return this.#gone();
      // The snapshot behind the pages was compacted while they were read: one list without pages is always whole.
      if (isExpired(error)) this.#paged = false;
      return this.#failed({ verb: 'list', error, opened: false }, state);
    }
  }

  #isGone(error: unknown): boolean {
    return this.#o.optional === true && isNotFound(error);
  }

  /** gone: of a kind that is not served there is nothing. */
  #gone(): ReflectorState {
    const { store, namespace } = this.#o;
    this.#recovered(this.#series.over());
    const before = store.keys(namespace).flatMap((key) => store.remove(key) ?? []);
    this.#answered(false);
    for (const change of before) this.#tell(change, true);
    return { type: 'absent' };
  }

  /** answered: the API server has said whether it serves the kind. */
  #answered(served: boolean): void {
    const news = this.#presence.answered(served);
    if (news === undefined) return;
    if (!served) this.#failures = 0;
    if (!served || news === 'changed') this.#happened(served ? 'served' : 'absent');
    this.#o.onServed?.();
  }

  /** doze: it is looked for now and then in any case, because who says that it has come may not be allowed to be heard. */
  async #doze(): Promise<ReflectorState> {
    await this.#presence.nap(this.#clock, this.#delay(undefined));
    return { type: 'empty' };
  }

  async #readPages(versionsReused: boolean): Promise<{ version: string; changed: boolean }> {
    const { client, store, namespace } = this.#o;
    const options = { ...this.#selection(), limit: this.#paged ? this.#timing.pageSize : 0 };
    const present = new Set<string>();
    let changed = false;
    const tell = (change: Change<T> | undefined): void => {
      if (change === undefined) return;
      changed = true;
      this.#tell(change, true);
    };
    const version = await client.eachItem(store.resource, options, (item) => {
      present.add(keyString(keyOf(item)));
      tell(this.#taken(() => store.put(item, versionsReused), item));
    });
    if (version === '') throw new Error('a list came without a resourceVersion');
    // Before the deletes are told: who waits for a write of a deleted object looks at progress then.
    this.#progress.advance(version);
    for (const key of store.keys(namespace)) if (!present.has(keyString(key))) tell(store.remove(key));
    return { version, changed };
  }

  /** ask finds out whether the server has got to the version that is known; nothing is listed for that. */
  async #ask(state: ReflectorState & { type: 'doubtful' }): Promise<ReflectorState> {
    const { client, store, namespace } = this.#o;
    const { version, silent } = state;
    const limits = { timeoutMs: this.#timing.requestTimeoutMs, signal: this.#stop.signal };
    try {
      const current = await currentVersion(client, store.resource, namespace, limits);
      if (isOlder(current, version)) {
        this.#happened('restored');
        return { type: 'empty', why: 'restored' };
      }
      const isDeaf = silent && this.#hearing.isDeaf(version, current);
      return isDeaf ? { type: 'empty', why: 'deaf' } : { type: 'watching', version };
    } catch (error) {
      return this.#isGone(error) ? { type: 'empty' } : this.#failed({ verb: 'list', error, opened: false }, state);
    }
  }

  async #watch(from: string): Promise<ReflectorState> {
    const started = this.#clock.monotonic();
    const life: { openedAt?: number; heard: boolean } = { heard: false };
    let version = from;
    let failure: Failure | undefined;
    const opened = (): void => {
      life.openedAt = this.#clock.monotonic();
      this.#opened();
    };
    try {
      for await (const event of this.#open(from, opened)) {
        if (!life.heard) this.#first(event, from);
        life.heard = true;
        this.#hearing.alive();
        version = this.#apply(event, version);
      }
    } catch (error) {
      failure = { verb: 'watch', error, opened: life.openedAt !== undefined };
    }
    const ended = this.#ended(life);
    if (failure !== undefined && this.#isGone(failure.error)) return this.#wait(undefined, { type: 'empty' });
    if (failure !== undefined) return this.#failed(failure, resumption(failure.error, version, ended));
    const then: ReflectorState = ended.silent
      ? { type: 'doubtful', version, silent: true }
      : { type: 'watching', version };
    // A server that ends every watch at once would be asked in a tight loop.
    const short = this.#clock.monotonic() - started < 1000 && version === from;
    return short ? this.#wait(undefined, then) : then;
  }

  #open(resourceVersion: string, opened: () => void): AsyncIterable<WatchEvent<T>> {
    const { client, store } = this.#o;
    const [least, most] = this.#timing.watchSeconds;
    return client.watch(store.resource, {
      ...this.#selection(),
      resourceVersion,
      opened,
      timeoutSeconds: Math.round(least + (most - least) * this.#random()),
      readDeadlineMs: this.#timing.readDeadlineMs,
    });
  }

  /** selection is what lists and watches have in common. */
  #selection() {
    const { namespace, labelSelector, fieldSelector, metadataOnly } = this.#o;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      metadataOnly,
      timeoutMs: this.#timing.requestTimeoutMs,
      signal: this.#stop.signal,
    };
  }

  #opened(): void {
    this.#hearing.alive();
    this.#happened('watch');
    this.#recovered(this.#series.opened());
  }

  /** first looks at the first event of a watch: nothing was sent before that could be sent a second time. */
  #first(event: WatchEvent<T>, from: string): void {
    const version = event.object.metadata?.resourceVersion ?? '';
    if (isOlder(version, from)) throw wentBack(from, version);
    this.#recovered(this.#series.over());
  }

  #ended({ openedAt, heard }: { openedAt?: number; heard: boolean }): Ended {
    if (openedAt === undefined) return { opened: false, silent: false };
    const openMs = this.#clock.monotonic() - openedAt;
    if (openMs >= this.#timing.healthyMs) {
      this.#failures = 0;
      this.#recovered(this.#series.over());
    }
    return { opened: true, silent: this.#hearing.ended(openMs, heard) };
  }

  /** apply takes one event into the store and returns the version that is now known. */
  #apply(event: WatchEvent<T>, known: string): string {
    const version = event.object.metadata?.resourceVersion ?? '';
    let change: Change<T> | undefined;
    if (event.type !== 'BOOKMARK') {
      // Within one watch versions only rise; what does not was sent twice, by something between us and the server. Taking
      // it would bring back a deleted object.
      if (notOlder(known, version)) {
        this.#happened('replay');
        return known;
      }
      const { type, object } = event;
      const { store } = this.#o;
      change = this.#taken(() => (type === 'DELETED' ? store.remove(keyOf(object)) : store.put(object)), object);
    }
    const newer = version !== '' && !notOlder(known, version);
    // Before the change is told: it may be the proof that somebody's write was seen.
    if (newer) this.#progress.advance(version);
    if (change) this.#tell(change, false);
    return newer ? version : known;
  }

  /** taken keeps a mistake in the function of one object from stopping all others. */
  #taken(take: () => Change<T> | undefined, object: T): Change<T> | undefined {
    try {
      return take();
    } catch (cause) {
      const { store, onError } = this.#o;
      this.#happened('unreadable', { error: cause });
      onError?.(new Error(`${resourceId(store.resource)} ${keyString(keyOf(object))} is not taken`, { cause }));
      return undefined;
    }
  }

  #tell(change: Change<T>, initial: boolean): void {
    const { changed } = this.#o;
    const { before, after } = change;
    // Deleted and made anew between two looks: two objects, so two changes.
    if (before && after && before.metadata?.uid !== after.metadata?.uid) {
      changed({ before }, initial);
      changed({ after }, initial);
    } else changed(change, initial);
  }

  #failed(failure: Failure, then: ReflectorState): ReflectorState {
    if (this.#stop.signal.aborted) return { type: 'stopped' };
    const { error } = failure;
    const trouble = this.#series.failed(failure, this.#clock.monotonic());
    this.#happened('failure', { error, ...(trouble && { trouble }) });
    if (failure.verb === 'watch' && then.type === 'empty' && then.why === 'restored') this.#happened('restored');
    return this.#wait(error, then);
  }

  #wait(error: unknown, then: ReflectorState): ReflectorState {
    return { type: 'waiting', ms: this.#delay(error), then };
  }

  #delay(error: unknown): number {
    return retryDelay(this.#timing.backoff, this.#failures++, error, this.#random);
  }

  #recovered(trouble: FailureSeries | undefined): void {
    if (trouble !== undefined) this.#happened('recovery', { trouble });
  }

  #happened(type: Happening['type'], rest: Pick<Happening, 'error' | 'trouble'> = {}): void {
    const { store, namespace, onHappening } = this.#o;
    onHappening?.({ type, resource: resourceId(store.resource), namespace, ...rest });
  }
}
