import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Auth, Credentials } from './auth.ts';
import type { RequestInfo } from './counter.ts';
import { ApiError, errorOfResponse, isApiError, Stopped } from '../errors.ts';
import { openPools, type Asking, type Pools } from './pools.ts';

/** Call is one request to the API server. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly verb: string;
  readonly resource: string;
  /** Sending it twice is as good as once: it may be sent again when the answer is lost. */
  readonly idempotent: boolean;
  /** Overrides the transport's number of retries. */
  readonly retries?: number;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Called at each attempt, in the moment in which it is written to its socket; may throw Stopped. */
  readonly beforeSend?: (() => void) | undefined;
}

/** TransportOptions, all with defaults. */
export interface TransportOptions {
  readonly auth: Auth;
  readonly onRequest?: (r: RequestInfo) => void;
  readonly userAgent?: string;
  /** Sockets for requests; watches have their own and do not count. */
  readonly maxSockets?: number;
  readonly timeoutMs?: number;
  /** How often a request is sent again after 429, a 5xx with Retry-After, or a lost connection. */
  readonly retries?: number;
  /**
   * The longest Retry-After that is waited for here; beyond it, or where the wait does not fit into the time the request has
   * left, the error goes to the caller, who has other things to do.
   */
  readonly maxRetryAfterMs?: number;
}

/** Transport sends requests over one pool of connections. */
export interface Transport {
  /** send returns the body of a 2xx answer. */
  send(call: Call): Promise<string>;
  /** receive lets `read` read the body of a 2xx answer; it is called once more where the connection was lost within. */
  receive<T>(call: Call, read: (body: AsyncIterable<Buffer>) => Promise<T>): Promise<T>;
  /** open returns the body of a 2xx answer as a stream; the signal ends it. */
  open(call: Call): Promise<AsyncIterable<Buffer> & { destroy(error?: Error): void }>;
  /** close ends all connections at once, and for good: what is asked for later is refused as Stopped. */
  close(): Promise<void>;
}

/** connectionFailed is the ApiError of a connection that was lost, or never made. */
export const connectionFailed = (e: unknown): ApiError =>
  new ApiError({
    code: 0,
    reason: 'ConnectionFailed',
    message: `no answer from the API server: ${e instanceof Error ? e.message : String(e)}`,
    cause: e,
  });

/** within runs work with a signal that fires at the caller's abort or after timeoutMs, and the time of the latter. By hand: AbortSignal.any keeps what it made alive as long as the caller's signal. */
const within = async <T>(
  call: Call,
  timeoutMs: number,
  work: (signal: AbortSignal, until: number) => Promise<T>,
): Promise<T> => {
  const { signal } = call;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const expire = (): void =>
    controller.abort(
      new ApiError({
        code: 0,
        reason: 'Timeout',
        message: `no answer to ${call.verb} ${call.resource} within ${timeoutMs} ms`,
      }),
    );
  const abort = (): void => controller.abort(signal?.reason);
  const timer = setTimeout(expire, timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await work(controller.signal, performance.now() + timeoutMs);
  } catch (e) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw e instanceof ApiError || e instanceof Stopped ? e : connectionFailed(e);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
};

/** orAborted is what the promise becomes, or the signal's reason where that comes first. */
const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });

type Body = Dispatcher.ResponseData['body'];
type Read<T> = (body: Body) => Promise<T>;

const headerOf = (r: Dispatcher.ResponseData, name: string): string | undefined => {
  const value = r.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

const failure = async (r: Dispatcher.ResponseData): Promise<ApiError> =>
  errorOfResponse(r.statusCode, await r.body.text(), headerOf(r, 'retry-after'));

/** createTransport makes the one Transport of a process. */
export const createTransport = (o: TransportOptions): Transport => {
  const { auth, maxSockets = 32, timeoutMs = 30_000, retries = 5, maxRetryAfterMs = 10_000 } = o;
  const basePath = new URL(auth.server).pathname.replace(/\/+$/, '');
  let pools: Pools | undefined;
  const retiring = new Set<Pools>();
  let closed = false;

  const poolsFor = (credentials: Credentials): Pools => {
    if (closed) throw new Stopped('the client is closed');
    if (pools?.serves(credentials) === true) return pools;
    if (pools !== undefined) {
      // Not awaited: what runs on the old connections ends there.
      const old = pools;
      const gone = (): void => void retiring.delete(old);
      retiring.add(old);
      old.retire().then(gone, gone);
    }
    pools = openPools(auth, credentials, maxSockets);
    return pools;
  };

  /** exchange sends the request once and gives the body of a 2xx answer. */
  const exchange = async (call: Call, kind: 'requests' | 'watches', signal: AbortSignal): Promise<Body> => {
    const found = auth.credentials();
    const credentials = found instanceof Promise ? await orAborted(found, signal) : found;
    const options: Dispatcher.RequestOptions & Asking = {
      method: call.method,
      path: basePath + call.path,
      headers: {
        'user-agent': o.userAgent ?? 'epinio',
        accept: 'application/json',
        ...credentials.headers,
        ...call.headers,
      },
      body: call.body ?? null,
      signal,
      beforeSend: call.beforeSend,
    };
    const pool = poolsFor(credentials)[kind];
    const started = performance.now();
    let code = 0;
    try {
      const response = await pool.request(options);
      code = response.statusCode;
      if (code < 300) return response.body;
      if (code === 401) auth.refresh(credentials);
      throw await failure(response);
    } finally {
      o.onRequest?.({ verb: call.verb, resource: call.resource, code, durationMs: performance.now() - started });
    }
  };

  /** waitBeforeRetry says how long to wait before the same request is sent again; undefined: not at all. */
  const waitBeforeRetry = (e: unknown, call: Call, n: number): number | undefined => {
    if (n >= (call.retries ?? retries)) return undefined;
    // 429 is said before anything is done, so it may be repeated whatever the verb.
    const told = isApiError(e) && (e.code === 429 || (e.code >= 500 && e.retryAfter !== undefined && call.idempotent));
    if (told) {
      const ms = (e.retryAfter ?? 1) * 1000;
      return ms > maxRetryAfterMs ? undefined : ms * (1 + 0.1 * Math.random());
    }
    const lost = !isApiError(e) && !(e instanceof Stopped) && call.idempotent;
    return lost && n === 0 ? 0 : undefined;
  };

  const receive = <T>(call: Call, read: Read<T>): Promise<T> =>
    within(call, call.timeoutMs ?? timeoutMs, async (signal, until) => {
      let refused = false;
      for (let n = 0; ;) {
        try {
          return await read(await exchange(call, 'requests', signal));
        } catch (e) {
          if (signal.aborted) throw e;
          // Once with new credentials, whatever else happened; it is said before anything is done.
          if (isApiError(e, 401) && !refused) {
            refused = true;
            continue;
          }
          const ms = waitBeforeRetry(e, call, n++);
          // A wait that the timeout would cut short only hides from the caller what the server asked for.
          if (ms === undefined || performance.now() + ms >= until) throw e;
          if (ms > 0) await sleep(ms, undefined, { signal });
        }
      }
    });

  return {
    send: (call) => receive(call, (body) => body.text()),
    receive,
    open: async (call) => {
      const stop = new AbortController();
      return within(call, call.timeoutMs ?? timeoutMs, async (signal) => {
        const abort = (): void => stop.abort(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        const body = await exchange(call, 'watches', stop.signal).catch((e: unknown) => {
          if (!isApiError(e, 401)) throw e;
          return exchange(call, 'watches', stop.signal);
        });
        signal.removeEventListener('abort', abort);
        return body;
      });
    },
    close: async () => {
      closed = true;
      const all = pools === undefined ? [...retiring] : [pools, ...retiring];
      await Promise.all(all.map((p) => p.destroy()));
    },
  };
};
