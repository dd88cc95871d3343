import type { Logger } from 'pino';
import type { Key, KubeObject, ObjectMeta, Resource } from './resource.ts';

/** CallOptions go with every request: the abort signal ends it at once, timeoutMs bounds it (default 30 s). */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** WriteOptions go with every write. */
export interface WriteOptions extends CallOptions {
  /** Called synchronously before each time the request is put on the wire; the Stopped that it throws ends the call. */
  readonly beforeSend?: () => void;
}

/** ListOptions select what a list or a watch returns; an absent namespace means all namespaces. */
export interface ListOptions extends CallOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

/** List is one page of a list. */
export interface List<T> {
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: T[];
}

/** Metadata is an object of which only metadata was asked for (PartialObjectMetadata): no content is sent or cached. */
export interface Metadata extends KubeObject {
  readonly metadata: ObjectMeta;
}

/** ApplyOptions of a server-side apply: conflicts are forced, because what we apply is ours (names are looked at before). */
export interface ApplyOptions extends WriteOptions {
  /** Field manager; default 'epinio'. */
  readonly fieldManager?: string;
  readonly subresource?: 'status';
  /** Default true; false answers 409 where another manager has set one of our fields to another value. */
  readonly force?: boolean;
  /** The server judges and answers as always, and keeps nothing. */
  readonly dryRun?: boolean;
}

/** DeleteOptions: a delete always names the uid it means, so that a newer object of the same name survives. */
export interface DeleteOptions extends WriteOptions {
  readonly uid: string;
  readonly resourceVersion?: string;
  /** Default Background; Kubernetes' own default orphans the pods of a Job. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

export interface LogOptions extends CallOptions {
  readonly container: string;
  readonly tailLines?: number | undefined;
  readonly sinceSeconds?: number | undefined;
  readonly limitBytes?: number;
  readonly previous?: boolean;
}

/** KubeReader reads from the API server itself; prefer the Cache. */
export interface KubeReader {
  /** get returns undefined where the object does not exist. */
  get<T extends KubeObject>(r: Resource<T>, key: Key, o?: CallOptions): Promise<T | undefined>;
  getMetadata(r: Resource, key: Key, o?: CallOptions): Promise<Metadata | undefined>;
  /** list returns one page. */
  list<T extends KubeObject>(r: Resource<T>, o?: ListOptions): Promise<List<T>>;
  logs(key: Key, o: LogOptions): Promise<string>;
}

/** KubeWriter writes. Errors are ApiError (errors.ts). */
export interface KubeWriter {
  create<T extends KubeObject>(r: Resource<T>, object: T, o?: WriteOptions): Promise<T>;
  /** apply is a forced server-side apply of exactly the fields we own. */
  apply<T extends KubeObject>(r: Resource<T>, intent: Intent, o?: ApplyOptions): Promise<T>;
  /** mergePatch sends an RFC 7386 merge patch; with metadata.resourceVersion in it, it is refused (409) if the object moved. */
  mergePatch<T extends KubeObject>(
    r: Resource<T>,
    key: Key,
    patch: Readonly<Record<string, unknown>>,
    o?: WriteOptions,
  ): Promise<T>;
  /** remove deletes; false where it was gone (404) or was another one (409 on the uid precondition). */
  remove(r: Resource, key: Key, o: DeleteOptions): Promise<boolean>;
}

/** Intent is the part of an object that we own: what a server-side apply sends. */
export interface Intent {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Partial<ObjectMeta> & { readonly name: string };
  readonly [field: string]: unknown;
}

/** Kube is the whole client. */
export interface Kube extends KubeReader, KubeWriter {}

/** Cache answers from memory: the state that reflectors keep equal to the API's. What it returns is shared by all who ask: nobody changes it. */
export interface Cache {
  get<T extends KubeObject>(r: Resource<T>, key: Key): T | undefined;
  list<T extends KubeObject>(r: Resource<T>, namespace?: string): T[];
  /** byIndex lists what the named index (declared with the reflector) has under value; so many of it at most. */
  byIndex<T extends KubeObject>(r: Resource<T>, index: string, value: string, limit?: number): T[];
  /** keysByIndex is byIndex without parsing anything. */
  keysByIndex(r: Resource, index: string, value: string): Key[];
  /** ownedBy lists what an object controls, in its own namespace: elsewhere a reference to it means nothing; so many at most. */
  ownedBy<T extends KubeObject>(r: Resource<T>, owner: KubeObject, limit?: number): T[];
  /** coverage tells what is held of a kind in a namespace; undefined where the kind is not cached there. */
  coverage(r: Resource, namespace?: string): Coverage | undefined;
  /** isServed tells whether the API server serves the kind: only of kinds cached as optional it may not. */
  isServed(r: Resource): boolean;
}

/** Coverage says what a cache holds of a kind. */
export interface Coverage {
  /** every object of the namespace is here: what is absent from the cache was absent from the API when it was read. */
  readonly complete: boolean;
  /** only metadata is here (PartialObjectMetadata). */
  readonly metadataOnly: boolean;
}

/** ChangeHandler is told what a cache saw; `initial` during a (re)list, so that a fresh edit may overtake it. Must not throw. */
export type ChangeHandler<T extends KubeObject = KubeObject> = (change: Change<T>, initial: boolean) => void;

/** WatchedCache is the running cache: what the manager starts, waits for and subscribes to. */
export interface WatchedCache extends Cache {
  /** start begins to list and watch; subscribe before it to be told of every object. */
  start(): void;
  /** stop ends all watches and resolves when the last one is down. */
  stop(): Promise<void>;
  /** synced resolves when every kind has been listed once; rejects when the signal aborts. */
  synced(signal?: AbortSignal): Promise<void>;
  isSynced(): boolean;
  /** subscribe calls the handler at every change from now on; the answer unsubscribes. */
  subscribe<T extends KubeObject>(r: Resource<T>, handler: ChangeHandler<T>): () => void;
  /** subscribeServed calls the handler when an optional kind begins or ceases to be served; the answer unsubscribes. */
  subscribeServed(r: Resource, handler: () => void): () => void;
  /** keys lists what is held without parsing it. */
  keys(r: Resource, namespace?: string): Key[];
  /** resourceVersion of the held object, without parsing it. */
  resourceVersion(r: Resource, key: Key): string | undefined;
  /** progress is the newest resourceVersion (of any object, or of a bookmark) up to which the kind has been seen. */
  progress(r: Resource, namespace?: string): string | undefined;
  /** whenSeen calls back once, as soon as progress gets to that version; the answer gives that up. */
  whenSeen(r: Resource, namespace: string, version: string, seen: () => void): () => void;
  /** trouble names the kinds that are not synced or that the API server refuses, and why; undefined where all is well. */
  trouble(): string | undefined;
}

/** Result of a reconcile; an exception means retry with backoff. */
export type Result =
  | { readonly type: 'done' }
  | { readonly type: 'wait'; readonly afterMs: number; readonly reason: string }
  | { readonly type: 'terminal'; readonly reason: string };

/** done: nothing to do until a watch wakes the key. */
export const done = (): Result => ({ type: 'done' });
/** wait: look again after a time, because what is awaited sends no event. */
export const wait = (afterMs: number, reason: string): Result => ({ type: 'wait', afterMs, reason });
/** terminal: a person must act; counted, not retried. */
export const terminal = (reason: string): Result => ({ type: 'terminal', reason });

/** EventRecorder tells users of transitions (events.k8s.io/v1), aggregated; never throws. */
export interface EventRecorder {
  /** note records one transition of `regarding`. action: what was done, CamelCase; reason: CamelCase. */
  note(
    regarding: KubeObject,
    event: {
      readonly type: 'Normal' | 'Warning';
      readonly reason: string;
      readonly action: string;
      readonly note: string;
    },
  ): void;
}

/**
 * Context of one reconcile. Its writer belongs to this reconcile alone: it is counted, it stops at once when leadership
 * is lost or the operator stops, and what it writes is remembered, so that the next reconcile of the key does not run on a
 * cache that has not seen it yet.
 */
export interface Context {
  readonly cache: Cache;
  readonly kube: Kube;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly signal: AbortSignal;
  now(): Date;
  /** peakDepth is the peak number of other keys queued or in progress in the last 5 s. */
  peakDepth(): number;
}

/** Change is what a cache saw happen to an object; at least one of the two is there. */
export interface Change<T> {
  readonly before?: T;
  readonly after?: T;
}

/** Watch wakes keys of the controller's kind when an object of another kind changes. */
export interface Watch<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  /** keys to wake for a change of this object; called with each of before and after that is there. Must not throw. */
  map(object: T, cache: Cache): Iterable<Key>;
  /** changed limits wake-ups to changes that matter; default: every one. */
  changed?(change: Change<T>): boolean;
}

/** Source wakes keys for what no cache sees; called when the controller starts, its answer when it stops. */
export type Source = (wake: (key: Key) => void) => () => void;

/** Controller is one kind's reconciler: data, made once, run by the manager. */
export interface Controller<T extends KubeObject = KubeObject> {
  /** Name in logs and metrics: lower case. */
  readonly name: string;
  readonly kind: Resource<T>;
  readonly watches: readonly Watch[];
  readonly sources?: readonly Source[];
  /** How many keys of one namespace are worked on at once, default 8; half as many workers more are there for the others. */
  readonly workers?: number;
  reconcile(key: Key, ctx: Context): Promise<Result>;
}
