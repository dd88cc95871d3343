import type { KubeClient } from '../client/client.ts';
import { followDefinition } from './definition.ts';
import { Reflector } from './reflector.ts';
import { resourceId } from '../paths.ts';
import type { Key, KubeObject, Resource } from '../resource.ts';
import type { ReflectorState, Timing } from './reflectorstate.ts';
import { Store } from './store.ts';
import { describeFailures, needsSomebody, type Happening, type FailureSeries } from './failures.ts';
import type { Change, ChangeHandler, Coverage, WatchedCache } from '../types.ts';

/** CacheSpec says what is cached of one kind. */
export interface CacheSpec<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  /** Only these namespaces; absent: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Ask for metadata only: no content is sent or held. For Secrets. */
  readonly metadataOnly?: boolean;
  /**
   * The kind is that of a CustomResourceDefinition which may not be there, and may come and go while we run. Without it there is
   * nothing of the kind, and nobody waits for it.
   */
  readonly optional?: boolean;
  /** trim drops what nobody reads before an object is kept. */
  readonly trim?: (object: T) => T | void;
  /** indexes besides those by owner and `namespace`: name → the values under which byIndex finds an object. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
}

/** cached makes a CacheSpec; it exists so that trim and indexes know the kind's type, and a list of specs need not. */
export const cached = <T extends KubeObject>(
  resource: Resource<T>,
  rest: Omit<CacheSpec<T>, 'resource'> = {},
): CacheSpec => ({ resource, ...rest }) as unknown as CacheSpec;

/** CacheOptions, all optional. */
export interface CacheOptions {
  readonly timing?: Partial<Timing>;
  readonly onHappening?: (h: Happening) => void;
  /** onError is told of a handler, a trim or an index function that threw: a mistake in the program, which must not stop the watch. */
  readonly onError?: (e: unknown) => void;
  /** How many kinds are listed at once; default 2. */
  readonly lists?: number;
}

/** ReflectorStatus is one reflector as health checks see it. */
export interface ReflectorStatus {
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly synced: boolean;
  readonly state: ReflectorState['type'];
  readonly objects: number;
  /** Milliseconds since the watch's last sign of life. */
  readonly quietMs: number;
  /** The series of failures under way. */
  readonly trouble: FailureSeries | undefined;
}

/** ClusterCache is the running cache with what health checks and metrics read. */
export interface ClusterCache extends WatchedCache {
  status(): ReflectorStatus[];
}

interface Mirrored {
  readonly spec: CacheSpec;
  readonly store: Store;
  readonly reflectors: Map<string, Reflector<KubeObject>>;
  readonly handlers: Set<ChangeHandler>;
  readonly servedHandlers: Set<() => void>;
  /** Of an optional kind: tells the reflectors when to look for it. */
  readonly definition: Reflector<KubeObject> | undefined;
}

/** slots runs at most n of the works given to it at once, in the order they came. */
const slots = (n: number): (<R>(work: () => Promise<R>) => Promise<R>) => {
  let free = n;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else free++;
    }
  };
};

const everywhere = '';

const mirror = (client: KubeClient, spec: CacheSpec, o: CacheOptions, listSlot: ReturnType<typeof slots>): Mirrored => {
  const store = new Store({ resource: spec.resource, indexes: spec.indexes, trim: spec.trim });
  const handlers = new Set<ChangeHandler>();
  const servedHandlers = new Set<() => void>();
  const safely = (handle: () => void): void => {
    try {
      handle();
    } catch (e) {
      o.onError?.(e);
    }
  };
  const changed = (change: Change<KubeObject>, initial: boolean): void => {
    for (const handler of handlers) safely(() => handler(change, initial));
  };
  const reflectors = new Map(
    (spec.namespaces ?? [everywhere]).map((namespace) => [
      namespace,
      new Reflector({
        client,
        store,
        changed,
        listSlot,
        namespace: namespace === everywhere ? undefined : namespace,
        labelSelector: spec.labelSelector,
        fieldSelector: spec.fieldSelector,
        metadataOnly: spec.metadataOnly,
        optional: spec.optional,
        onServed: () => servedHandlers.forEach(safely),
        timing: o.timing,
        onHappening: o.onHappening,
        onError: o.onError,
      }),
    ]),
  );
  const lookAgain = (): void => reflectors.forEach((reflector) => reflector.lookAgain());
  const definition =
    spec.optional === true
      ? followDefinition(client, spec.resource, { timing: o.timing, changed: lookAgain })
      : undefined;
  return { spec, store, reflectors, handlers, servedHandlers, definition };
};

/** troubleOf: transient failures don't fail readiness after the first sync. */
const troubleOf = ({ resource, namespace, synced, trouble }: ReflectorStatus): string[] => {
  const kind = namespace === undefined ? resource : `${resource} in ${namespace}`;
  const why = trouble && describeFailures(trouble);
  if (!synced) return [`${kind} not synced yet (${why ?? 'no answer yet'})`];
  return trouble && needsSomebody(trouble) ? [`${kind} not watched (${why})`] : [];
};

/** createCache makes the cache of a process: one store per kind, each kept equal to the API by its reflectors. */
export const createCache = (client: KubeClient, specs: readonly CacheSpec[], o: CacheOptions = {}): ClusterCache => {
  const listSlot = slots(o.lists ?? 2);
  const kinds = new Map<string, Mirrored>();
  for (const spec of specs) {
    const id = resourceId(spec.resource);
    if (kinds.has(id)) throw new Error(`${id} is cached twice`);
    kinds.set(id, mirror(client, spec, o, listSlot));
  }
  let alive: NodeJS.Timeout | undefined;
  const reflectors = [...kinds.values()].flatMap((k) => [...k.reflectors.values()]);
  const definitions = [...kinds.values()].flatMap((k) => k.definition ?? []);

  const kindOf = (r: Resource): Mirrored => {
    const kind = kinds.get(resourceId(r));
    if (kind === undefined) throw new Error(`${resourceId(r)} is not cached`);
    return kind;
  };
  // The Resource carries T; the map of stores cannot.
  const storeOf = <T extends KubeObject>(r: Resource<T>): Store<T> => kindOf(r).store as unknown as Store<T>;
  const reflectorOf = (r: Resource, namespace: string): Reflector<KubeObject> | undefined => {
    const all = kinds.get(resourceId(r))?.reflectors;
    return all?.get(everywhere) ?? all?.get(namespace);
  };

  const status = (): ReflectorStatus[] =>
    [...kinds.values()].flatMap(({ spec, store, reflectors: all }) =>
      [...all].map(([namespace, reflector]) => ({
        resource: resourceId(spec.resource),
        namespace: namespace === everywhere ? undefined : namespace,
        synced: reflector.isSynced,
        state: reflector.state.type,
        objects: store.size,
        quietMs: reflector.quietMs,
        trouble: reflector.trouble,
      })),
    );

  return {
    get: (r, key: Key) => storeOf(r).get(key),
    list: (r, namespace) => storeOf(r).list(namespace),
    byIndex: (r, index, value, limit) => storeOf(r).byIndex(index, value, limit),
    keysByIndex: (r, index, value) => storeOf(r).keysByIndex(index, value),
    ownedBy: (r, owner, limit) => storeOf(r).ownedBy(owner, limit),
    keys: (r, namespace) => storeOf(r).keys(namespace),
    resourceVersion: (r, key) => kinds.get(resourceId(r))?.store.version(key),
    progress: (r, namespace = everywhere) => reflectorOf(r, namespace)?.progress.version,
    whenSeen: (r, namespace, version, seen) =>
      reflectorOf(r, namespace)?.progress.when(version, seen) ?? (() => undefined),
    coverage(r, namespace = everywhere): Coverage | undefined {
      const reflector = reflectorOf(r, namespace);
      if (reflector === undefined) return undefined;
      const { labelSelector, fieldSelector, metadataOnly = false } = kindOf(r).spec;
      return {
        complete: reflector.isSynced && labelSelector === undefined && fieldSelector === undefined,
        metadataOnly,
      };
    },
    isServed: (r) => [...kindOf(r).reflectors.values()].some((reflector) => reflector.isServed),
    subscribeServed(r, handler) {
      const { servedHandlers } = kindOf(r);
      servedHandlers.add(handler);
      return () => void servedHandlers.delete(handler);
    },
    subscribe(r, handler) {
      const { handlers } = kindOf(r);
      handlers.add(handler as ChangeHandler);
      return () => void handlers.delete(handler as ChangeHandler);
    },
    start() {
      // While the API server is away there are no sockets, and waiting timers alone do not keep a process alive.
      alive ??= setInterval(() => undefined, 2 ** 30);
      for (const reflector of [...reflectors, ...definitions]) reflector.start();
    },
    async stop() {
      clearInterval(alive);
      await Promise.all([...reflectors, ...definitions].map((reflector) => reflector.stop()));
    },
    isSynced: () => reflectors.every((reflector) => reflector.isSynced),
    synced: (signal) =>
      new Promise((resolve, reject) => {
        const abort = (): void => reject(signal?.reason as Error);
        if (signal?.aborted === true) return abort();
        signal?.addEventListener('abort', abort, { once: true });
        void Promise.all(reflectors.map((reflector) => reflector.synced())).then(() => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
      }),
    status,
    trouble: () => {
      const wrong = status().flatMap(troubleOf);
      return wrong.length === 0 ? undefined : wrong.join('; ');
    },
  };
};
