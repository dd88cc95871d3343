import { applyBody } from './applybody.ts';
import { collectionPath, objectPath, resourceId, withQuery } from '../paths.ts';
import { ListReader } from './listreader.ts';
import { isConflict, isNotFound } from '../errors.ts';
import { apiVersionOf, Pod, type Key, type KubeObject, type Resource } from '../resource.ts';
import { connectionFailed, createTransport, type Call, type TransportOptions } from './transport.ts';
import type { CallOptions, Kube, List, ListOptions, Metadata, WriteOptions } from '../types.ts';
import { readEvents, type WatchEvent } from './watch.ts';

/** defaultManager is the field manager of our applies. */
export const defaultManager = 'epinio';

/** PageOptions select what eachItem reads; limit is that of a page. */
export type PageOptions = Omit<ListOptions, 'continue'> & { readonly metadataOnly?: boolean | undefined };

/** WatchOptions select what a watch sends, and how its end is noticed. */
export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly metadataOnly?: boolean | undefined;
  /** The server ends the watch cleanly after this time. */
  readonly timeoutSeconds?: number;
  /** Silence after which the connection counts as dead; the server's bookmarks (about one a minute) must fit in. */
  readonly readDeadlineMs?: number;
  /** How long the answer's head may take. */
  readonly timeoutMs?: number;
  /** opened is called when the server has begun to answer. */
  readonly opened?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/** StreamOptions select the container whose log is read, and what of it. */
export interface StreamOptions {
  readonly container: string;
  /** Go on as it grows, until the container ends. */
  readonly follow: boolean;
  /** The log of the container before its last restart. */
  readonly previous?: boolean | undefined;
  readonly timestamps?: boolean | undefined;
  readonly sinceTime?: string | undefined;
  readonly sinceSeconds?: number | undefined;
  readonly tailLines?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** KubeClient is Kube and what only the cache and the tools need. */
export interface KubeClient extends Kube {
  /**
   * eachItem lists page by page and hands over each object as it comes in; it returns the list's resourceVersion. After a
   * connection that broke, objects of that page are handed over again.
   */
  eachItem<T extends KubeObject>(r: Resource<T>, o: PageOptions, take: (object: T) => void): Promise<string>;
  /** watch yields events until the server ends it; see readEvents for what it throws. Bookmarks are on. */
  watch<T extends KubeObject>(r: Resource<T>, o?: WatchOptions): AsyncGenerator<WatchEvent<T>, void, undefined>;
  /**
   * streamLog yields the log of a container as it comes, however long it is, until its end or the signal aborts; an ApiError
   * where the connection is lost. sinceTime is RFC 3339.
   */
  streamLog(key: Key, l: StreamOptions): AsyncGenerator<Buffer, void, undefined>;
  /** getRaw reads any path as text: /version, /readyz. */
  getRaw(path: string, o?: CallOptions): Promise<string>;
  /** close ends all connections at once, and for good: what is asked for later is refused as Stopped. */
  close(): Promise<void>;
}

/** ClientOptions: where the server is and how requests are bounded and counted. */
export type ClientOptions = TransportOptions & { readonly fieldManager?: string };

const partial = (kind: string): Record<string, string> => ({
  accept: `application/json;as=${kind};g=meta.k8s.io;v=v1`,
});

type ListMeta = List<unknown>['metadata'];

const forever = 100_000;

/** createClient makes the one client of a process: plain JSON in and out, one pool of connections. */
export const createClient = (o: ClientOptions): KubeClient => {
  const transport = createTransport(o);
  const fieldManager = o.fieldManager ?? defaultManager;

  const json = async <T>(call: Call): Promise<T> => JSON.parse(await transport.send(call)) as T;
  const call = (r: Resource, verb: string, rest: Omit<Call, 'verb' | 'resource'>, subresource?: string): Call => ({
    verb,
    resource: subresource === undefined ? resourceId(r) : `${resourceId(r)}/${subresource}`,
    ...rest,
  });
  const limits = (c: WriteOptions = {}): Pick<Call, 'signal' | 'timeoutMs' | 'beforeSend'> => ({
    signal: c.signal,
    timeoutMs: c.timeoutMs,
    beforeSend: c.beforeSend,
  });

  const getAs = async <T>(
    r: Resource,
    key: Key,
    headers: Record<string, string>,
    c?: CallOptions,
  ): Promise<T | undefined> => {
    try {
      return await json<T>(
        call(r, 'get', { method: 'GET', path: objectPath(r, key), headers, idempotent: true, ...limits(c) }),
      );
    } catch (e) {
      if (isNotFound(e)) return undefined;
      throw e;
    }
  };

  const listCall = (r: Resource, l: ListOptions, metadataOnly: boolean): Call => {
    const { namespace, signal, timeoutMs, ...query } = l;
    const path = withQuery(collectionPath(r, namespace), query);
    const headers = metadataOnly ? partial('PartialObjectMetadataList') : {};
    return call(r, 'list', { method: 'GET', path, headers, idempotent: true, signal, timeoutMs });
  };

  const listPage = async <T extends KubeObject>(r: Resource<T>, l: ListOptions): Promise<List<T>> => {
    const page = await json<{ metadata?: ListMeta; items?: T[] | null }>(listCall(r, l, false));
    const items = page.items ?? [];
    // Items of a built-in kind come without the two.
    for (const item of items) Object.assign(item, { apiVersion: apiVersionOf(r), kind: r.kind });
    return { metadata: page.metadata ?? {}, items };
  };

  const eachItem = async <T extends KubeObject>(
    r: Resource<T>,
    p: PageOptions,
    take: (object: T) => void,
  ): Promise<string> => {
    const { metadataOnly = false, limit = 500, resourceVersion, resourceVersionMatch, ...rest } = p;
    const first = { resourceVersion, resourceVersionMatch } as ListOptions;
    let next = '';
    do {
      // A continue token carries the resourceVersion; the server refuses to be told it twice.
      const page: ListOptions = { ...rest, limit, ...(next === '' ? first : { continue: next }) };
      const list = await transport.receive(listCall(r, page, metadataOnly), async (body) => {
        const reader = new ListReader((item) => take(item as T));
        for await (const chunk of body) reader.push(chunk);
        return reader.end() as { metadata?: ListMeta };
      });
      next = list.metadata?.continue ?? '';
      if (next === '') return list.metadata?.resourceVersion ?? '';
    } while (true);
  };

  async function* watch<T extends KubeObject>(
    r: Resource<T>,
    w: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>, void> {
    const path = withQuery(collectionPath(r, w.namespace), {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: w.resourceVersion,
      labelSelector: w.labelSelector,
      fieldSelector: w.fieldSelector,
      timeoutSeconds: w.timeoutSeconds,
    });
    const headers = w.metadataOnly === true ? partial('PartialObjectMetadata') : {};
    const bytes = await transport.open(
      call(r, 'watch', { method: 'GET', path, headers, idempotent: true, signal: w.signal, timeoutMs: w.timeoutMs }),
    );
    w.opened?.();
    yield* readEvents<T>(bytes, { deadlineMs: w.readDeadlineMs ?? forever, signal: w.signal });
  }

  async function* streamLog(key: Key, l: StreamOptions): AsyncGenerator<Buffer, void, undefined> {
    const { signal, ...query } = l;
    const path = withQuery(objectPath(Pod, key, 'log'), query);
    const headers = { accept: '*/*' };
    const bytes = await transport.open(
      call(Pod, 'get', { method: 'GET', path, headers, idempotent: true, signal }, 'log'),
    );
    const abort = (): void => bytes.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    try {
      yield* bytes;
    } catch (e) {
      signal?.throwIfAborted();
      throw connectionFailed(e);
    } finally {
      signal?.removeEventListener('abort', abort);
      bytes.destroy();
    }
  }

  return {
    get: (r, key, c) => getAs(r, key, {}, c),
    getMetadata: (r, key, c) => getAs<Metadata>(r, key, partial('PartialObjectMetadata'), c),
    list: (r, l = {}) => listPage(r, l),
    eachItem,
    watch,
    streamLog,
    getRaw: (path, c) =>
      transport.send({
        verb: 'get',
        resource: 'raw',
        method: 'GET',
        path,
        headers: { accept: '*/*' },
        idempotent: true,
        ...limits(c),
      }),
    logs: (key, l) => {
      const { signal, timeoutMs, ...query } = l;
      const path = withQuery(objectPath(Pod, key, 'log'), query);
      const headers = { accept: '*/*' };
      return transport.send(
        call(Pod, 'get', { method: 'GET', path, headers, idempotent: true, signal, timeoutMs }, 'log'),
      );
    },
    create: (r, object, c) => {
      const path = withQuery(collectionPath(r, object.metadata?.namespace), { fieldManager });
      const body = JSON.stringify({ apiVersion: apiVersionOf(r), kind: r.kind, ...object });
      const headers = { 'content-type': 'application/json' };
      return json(call(r, 'create', { method: 'POST', path, headers, body, idempotent: false, ...limits(c) }));
    },
    apply: (r, intent, a = {}) => {
      const { namespace = '', name } = intent.metadata;
      const path = withQuery(objectPath(r, { namespace, name }, a.subresource), {
        fieldManager: a.fieldManager ?? fieldManager,
        force: a.force ?? true,
        dryRun: a.dryRun === true ? 'All' : undefined,
      });
      const headers = { 'content-type': 'application/apply-patch+yaml' };
      const body = applyBody(intent);
      return json(
        call(r, 'apply', { method: 'PATCH', path, headers, body, idempotent: true, ...limits(a) }, a.subresource),
      );
    },
    mergePatch: (r, key, patch, c) => {
      const path = withQuery(objectPath(r, key), { fieldManager });
      const headers = { 'content-type': 'application/merge-patch+json' };
      // A patch bound to a resourceVersion that is sent twice would be refused because of itself.
      const idempotent = (patch as KubeObject).metadata?.resourceVersion === undefined;
      return json(
        call(r, 'patch', { method: 'PATCH', path, headers, body: JSON.stringify(patch), idempotent, ...limits(c) }),
      );
    },
    remove: async (r, key, d) => {
      const body = JSON.stringify({
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: d.propagation ?? 'Background',
        preconditions: { uid: d.uid, resourceVersion: d.resourceVersion },
      });
      const headers = { 'content-type': 'application/json' };
      const path = objectPath(r, key);
      try {
        await transport.send(
          call(r, 'delete', { method: 'DELETE', path, headers, body, idempotent: true, ...limits(d) }),
        );
        return true;
      } catch (e) {
        if (isNotFound(e) || (isConflict(e) && d.resourceVersion === undefined)) return false;
        throw e;
      }
    },
    close: () => transport.close(),
  };
};
