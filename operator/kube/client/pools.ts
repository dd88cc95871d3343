import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import { tlsKey, type Credentials } from './auth.ts';

/** Asking is what a request carries besides undici's own options. */
export interface Asking {
  /** Called when the request is about to be written to its socket; what it throws ends the request. */
  readonly beforeSend?: (() => void) | undefined;
}

/**
 * AskingPool asks beforeSend in the moment of writing: after the request has waited for a free connection, or for one to be
 * made. undici calls onRequestStart and writes in the same turn; what is thrown there fails the request and spares the
 * connection.
 */
class AskingPool extends Pool {
  override dispatch(options: Dispatcher.DispatchOptions & Asking, handler: Dispatcher.DispatchHandler): boolean {
    const { beforeSend } = options;
    if (beforeSend !== undefined) {
      const start = handler.onRequestStart?.bind(handler);
      handler.onRequestStart = (controller, context) => {
        beforeSend();
        start?.(controller, context);
      };
    }
    return super.dispatch(options, handler);
  }
}

/** Pools are the connections under one set of TLS credentials. */
export interface Pools {
  readonly requests: Pool;
  readonly watches: Pool;
  /** serves tells whether the connections were made with these credentials, as far as TLS goes. */
  serves(credentials: Credentials): boolean;
  /** retire lets what runs on the connections end. */
  retire(): Promise<unknown>;
  destroy(): Promise<unknown>;
}

const connectTimeoutMs = 10_000;

/** ask has an HTTP proxy connect to the target. */
const ask = (proxy: URL, target: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { username, password } = proxy;
    const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
    const asking = httpRequest(proxy, {
      method: 'CONNECT',
      path: target,
      auth: null,
      headers: { host: target, ...(username === '' ? {} : { 'proxy-authorization': `Basic ${login}` }) },
      agent: false,
      timeout: connectTimeoutMs,
    });
    const fail = (why: string): void => reject(new Error(`proxy ${proxy.host}: ${why}`));
    asking.once('connect', ({ statusCode }, socket: Socket) => {
      socket.setTimeout(0);
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      fail(`answered ${statusCode} to CONNECT ${target}`);
    });
    asking.once('timeout', () => asking.destroy(new Error(`no answer within ${connectTimeoutMs} ms`)));
    asking.on('error', (e) => fail(e.message));
    asking.end();
  });

/** tunnel connects through a proxy: CONNECT in the clear to the proxy, then TLS from end to end through it. */
const tunnel =
  (proxy: URL, secure: buildConnector.connector): buildConnector.connector =>
  (options, callback) => {
    const target = `${options.host ?? options.hostname}${options.port === '' ? ':443' : ''}`;
    ask(proxy, target).then(
      (httpSocket) => secure({ ...options, httpSocket }, callback),
      (error: Error) => callback(error, null),
    );
  };

/** openPools makes Pools; nothing is connected before the first request. */
export const openPools = (
  { server, proxy }: { readonly server: string; readonly proxy?: URL | undefined },
  { tls }: Credentials,
  maxSockets: number,
): Pools => {
  const connect = { ...tls, timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const options: Pool.Options = {
    // HTTP/2 would put every watch and request on one TCP connection, and one lost packet would stall all of them.
    allowH2: false,
    pipelining: 1,
    // Below the API server's own 90 s, so that it is never the server that closes under a request.
    keepAliveTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: proxy === undefined ? connect : tunnel(proxy, buildConnector({ ...connect, allowH2: false })),
  };
  const origin = new URL(server).origin;
  const requests = new AskingPool(origin, { ...options, connections: maxSockets });
  const watches = new AskingPool(origin, options);
  return {
    requests,
    watches,
    serves: (other) => tls === other.tls || tlsKey(tls) === tlsKey(other.tls),
    retire: () => Promise.all([requests.close(), watches.close()]),
    destroy: () => Promise.all([requests.destroy(), watches.destroy()]),
  };
};
