import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, type Dispatcher } from 'undici';
import type { Auth, Credentials, TlsMaterial } from './auth.ts';
import type { RequestInfo } from './counter.ts';
import { ApiError, errorOfResponse, isApiError, Stopped } from './errors.ts';

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
  /** Called before each attempt; may throw Stopped. */
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
  /** The longest Retry-After that is waited for here; beyond it the error goes to the caller, who has other things to do. */
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
  close(): Promise<void>;
}

type Pools = { readonly of: Credentials; readonly requests: Pool; readonly watches: Pool };

const materialKey = (t: TlsMaterial): string =>
  [t.ca, t.cert, t.key, t.servername, t.rejectUnauthorized].map((part) => String(part)).join('\n');

const sameMaterial = (a: Credentials, b: Credentials): boolean => a === b || materialKey(a.tls) === materialKey(b.tls);

const openPools = (server: string, of: Credentials, maxSockets: number): Pools => {
  const options: Pool.Options = {
    // HTTP/2 would put every watch and request on one TCP connection, and one lost packet would stall all of them.
    allowH2: false,
    pipelining: 1,
    // Below the API server's own 90 s, so that it is never the server that closes under a request.
    keepAliveTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...of.tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 },
  };
  const origin = new URL(server).origin;
  return {
    of,
    requests: new Pool(origin, { ...options, connections: maxSockets }),
    watches: new Pool(origin, options),
  };
};

const connectionFailed = (e: unknown): ApiError =>
  new ApiError({
    code: 0,
    reason: 'ConnectionFailed',
    message: `no answer from the API server: ${e instanceof Error ? e.message : String(e)}`,
    cause: e,
  });

/** within runs work with a signal that fires at the caller's abort or after timeoutMs. By hand: AbortSignal.any keeps what it made alive as long as the caller's signal. */
const within = async <T>(call: Call, timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
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
    return await work(controller.signal);
  } catch (e) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw e instanceof ApiError || e instanceof Stopped ? e : connectionFailed(e);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
};

type Read<T> = (body: Dispatcher.ResponseData['body']) => Promise<T>;

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

  const poolsFor = (credentials: Credentials): Pools => {
    if (pools !== undefined && sameMaterial(pools.of, credentials)) return pools;
    // Not awaited: what runs on the old connections ends there.
    void pools?.requests.close();
    void pools?.watches.close();
    pools = openPools(auth.server, credentials, maxSockets);
    return pools;
  };

  const exchange = async (
    call: Call,
    kind: 'requests' | 'watches',
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> => {
    const credentials = await auth.credentials();
    call.beforeSend?.();
    const started = performance.now();
    let code = 0;
    try {
      const response = await poolsFor(credentials)[kind].request({
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
      });
      code = response.statusCode;
      if (code === 401) auth.refresh();
      return response;
    } finally {
      o.onRequest?.({ verb: call.verb, resource: call.resource, code, durationMs: performance.now() - started });
    }
  };

  const attempt = async <T>(call: Call, signal: AbortSignal, read: Read<T>): Promise<T> => {
    const response = await exchange(call, 'requests', signal);
    if (response.statusCode >= 300) throw await failure(response);
    return read(response.body);
  };

  /** waitBeforeRetry says how long to wait before the same request is sent again; undefined: not at all. */
  const waitBeforeRetry = (e: unknown, call: Call, n: number): number | undefined => {
    if (n >= (call.retries ?? retries)) return undefined;
    if (isApiError(e, 401)) return n === 0 ? 0 : undefined;
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
    within(call, call.timeoutMs ?? timeoutMs, async (signal) => {
      for (let n = 0; ; n++) {
        try {
          return await attempt(call, signal, read);
        } catch (e) {
          const ms = signal.aborted ? undefined : waitBeforeRetry(e, call, n);
          if (ms === undefined) throw e;
          if (ms > 0) await sleep(ms, undefined, { signal });
        }
      }
    });

  return {
    send: (call) => receive(call, (body) => body.text()),
    receive,
    open: async (call) => {
      const stop = new AbortController();
      const response = await within(call, call.timeoutMs ?? timeoutMs, async (signal) => {
        const abort = (): void => stop.abort(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        const answered = await exchange(call, 'watches', stop.signal);
        if (answered.statusCode >= 300) throw await failure(answered);
        signal.removeEventListener('abort', abort);
        return answered;
      });
      return response.body;
    },
    close: async () => {
      const closing = pools;
      pools = undefined;
      await Promise.all([closing?.requests.destroy(), closing?.watches.destroy()]);
    },
  };
};
