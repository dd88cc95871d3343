import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Auth } from '../kube/client/auth.ts';

/** Verb of a request as Kubernetes names it; a server-side apply is `apply`, other patches are `patch`. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'apply' | 'patch' | 'update' | 'delete';

/** Seen is one request that came to the proxy. */
export interface Seen {
  readonly verb: Verb;
  /** Path without the query. */
  readonly path: string;
  /** `deployments`, `apps/status`: plural, with the subresource. */
  readonly resource: string;
  readonly query: URLSearchParams;
  /** Milliseconds since the proxy started. */
  readonly at: number;
  /** What the client was answered; 0: nothing (yet). */
  code: number;
}

/** Fault is what happens to one request instead of, or on top of, its being passed on. */
export type Fault =
  /** The connection breaks; the server never hears of the request. */
  | { readonly type: 'dropBefore' }
  /** The server does it; the connection breaks before its answer. */
  | { readonly type: 'dropAfter' }
  | { readonly type: 'delay'; readonly ms: number }
  /** The proxy answers itself; the server never hears of the request. */
  | { readonly type: 'answer'; readonly code: number; readonly reason?: string; readonly retryAfter?: number }
  /** Passed on after the promise is settled: to do something at exactly this moment. */
  | { readonly type: 'until'; readonly promise: Promise<unknown> }
  /** A watch is answered, then nothing comes: a buffer on the way, or a socket that was half open from the start. */
  | { readonly type: 'mute' };

/** Rule says which requests a fault happens to. */
export interface Rule {
  readonly match: (r: Seen) => boolean;
  readonly fault: Fault;
  /** How many of the matching requests are let through first. */
  readonly skip?: number;
  /** How many then have the fault; default: all. */
  readonly times?: number;
}

/** LiveWatch is a watch stream that runs through the proxy now, to be disturbed. */
export interface LiveWatch {
  readonly seen: Seen;
  /** close ends the stream cleanly, as the server does at its timeout. */
  close(): void;
  /** reset breaks the connection. */
  reset(): void;
  /** halfLine sends the first half of an event, then ends the stream. */
  halfLine(): void;
  /** garbage sends a whole line that is no JSON; the stream stays open. */
  garbage(): void;
  /** silence passes nothing on any more; the connection stays open: a half-open socket. */
  silence(): void;
  /** fail sends an ERROR event, as the server does for a version that is too old (410), and ends the stream. */
  fail(code: number, reason: string): void;
  /** hold keeps events back until release. */
  hold(): void;
  release(): void;
  /** duplicate sends every event from now on twice. */
  duplicate(): void;
  /** replay sends again all events that were sent since the stream began. */
  replay(): void;
}

/** FaultProxy stands in front of a real kube-apiserver: plain HTTP in, TLS with the given credentials out. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** requests is the history, oldest first. */
  readonly requests: readonly Seen[];
  /** inject makes a fault happen; the answer takes it away and tells how often it did. */
  inject(rule: Rule): { remove(): number; hits(): number };
  /** sockets tells how many connections clients have now, and had at most at once. */
  sockets(): { readonly open: number; readonly most: number };
  /** watches lists the live watch streams of a resource (plural), or all. */
  watches(resource?: string): LiveWatch[];
  close(): Promise<void>;
}

const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', DELETE: 'delete' };

const describe = (r: IncomingMessage, at: number): Seen => {
  const url = new URL(r.url ?? '/', 'http://proxy');
  const parts = url.pathname.split('/').filter((p) => p !== '');
  const [plural = '', name, subresource] = parts
    .slice(parts[0] === 'api' ? 2 : 3)
    .flatMap((p, i, all) => (all[0] === 'namespaces' && all.length > 2 && i < 2 ? [] : [p]));
  const reading: Verb = url.searchParams.has('watch') ? 'watch' : name === undefined ? 'list' : 'get';
  const patching: Verb = r.headers['content-type']?.includes('apply') === true ? 'apply' : 'patch';
  const verb = r.method === 'GET' ? reading : r.method === 'PATCH' ? patching : (verbs[r.method ?? ''] ?? 'get');
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return { verb, path: url.pathname, resource, query: url.searchParams, at, code: 0 };
};

const errorStatus = (code: number, reason: string, retryAfter?: number): string =>
  JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message: `${reason} by the fault proxy`,
    ...(retryAfter === undefined ? {} : { details: { retryAfterSeconds: retryAfter } }),
  });

const answer = (to: ServerResponse, f: { code: number; reason?: string; retryAfter?: number }): void => {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (f.retryAfter !== undefined) headers['retry-after'] = String(f.retryAfter);
  to.writeHead(f.code, headers).end(errorStatus(f.code, f.reason ?? 'InternalError', f.retryAfter));
};

/** passEvents copies a watch stream line by line and gives the handles to disturb it. */
const passEvents = (seen: Seen, from: IncomingMessage, to: ServerResponse): LiveWatch => {
  const decoder = new StringDecoder('utf8');
  const sent: string[] = [];
  const held: string[] = [];
  let mode: 'open' | 'held' | 'silent' = 'open';
  let copies = 1;
  let rest = '';
  const stopUpstream = (): void => void from.destroy();
  const send = (line: string): void => {
    sent.push(line);
    for (let n = 0; n < copies; n++) to.write(`${line}\n`);
  };
  from.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (mode === 'open') lines.forEach(send);
    else if (mode === 'held') held.push(...lines);
  });
  from.on('end', () => mode !== 'silent' && to.end());
  from.on('error', () => mode !== 'silent' && to.destroy());
  to.on('close', stopUpstream);
  const end = (last?: string): void => {
    mode = 'silent';
    to.end(last);
    stopUpstream();
  };
  return {
    seen,
    close: () => end(),
    reset: () => {
      to.socket?.resetAndDestroy();
      stopUpstream();
    },
    halfLine: () => end('{"type":"MODIFIED","object":{"metadata":{"name":"ha'),
    garbage: () => void to.write('<html>a balancer has something to say</html>\n'),
    silence: () => {
      mode = 'silent';
      // Upstream keeps nothing for a client that seems to read: its events are lost, as behind a broken cable.
      stopUpstream();
    },
    fail: (code, reason) => end(`{"type":"ERROR","object":${errorStatus(code, reason)}}\n`),
    hold: () => void (mode = 'held'),
    release: () => {
      mode = 'open';
      held.splice(0).forEach(send);
    },
    duplicate: () => void (copies = 2),
    replay: () => [...sent].forEach((line) => to.write(`${line}\n`)),
  };
};

/** startFaultProxy starts a proxy on a free port of the loopback interface. */
export const startFaultProxy = async (upstream: Auth): Promise<FaultProxy> => {
  const started = performance.now();
  const requests: Seen[] = [];
  const rules: { rule: Rule; matched: number; hits: number }[] = [];
  const live = new Map<LiveWatch, Seen>();
  const agent = new Agent({ keepAlive: true });
  let open = 0;
  let most = 0;

  const faultOf = (seen: Seen): Fault | undefined => {
    for (const r of rules) {
      if (!r.rule.match(seen)) continue;
      r.matched++;
      if (r.matched <= (r.rule.skip ?? 0) || r.hits >= (r.rule.times ?? Infinity)) continue;
      r.hits++;
      return r.rule.fault;
    }
    return undefined;
  };

  const pass = async (
    seen: Seen,
    r: IncomingMessage,
    to: ServerResponse,
    { dropAnswer = false, mute = false } = {},
  ): Promise<void> => {
    const { headers, tls } = await upstream.credentials();
    const target = new URL(upstream.server + (r.url ?? '/'));
    const { host: _, connection: __, ...rest } = r.headers;
    const options = { method: r.method, headers: { ...rest, ...headers } };
    const onAnswer = (from: IncomingMessage): void => {
      const code = from.statusCode ?? 502;
      if (dropAnswer) return void from.resume().on('end', () => to.destroy());
      seen.code = code;
      to.writeHead(code, from.headers);
      if (seen.verb !== 'watch' || code !== 200) return void from.pipe(to);
      to.flushHeaders();
      const watch = passEvents(seen, from, to);
      live.set(watch, seen);
      if (mute) watch.silence();
      to.on('close', () => live.delete(watch));
    };
    const out =
      target.protocol === 'https:'
        ? httpsRequest(target, { ...options, ...tls, agent }, onAnswer)
        : httpRequest(target, options, onAnswer);
    out.on('error', () => to.destroy());
    to.on('close', () => out.destroy());
    r.pipe(out);
  };

  const handle = async (r: IncomingMessage, to: ServerResponse): Promise<void> => {
    const seen = describe(r, performance.now() - started);
    requests.push(seen);
    const fault = faultOf(seen);
    switch (fault?.type) {
      case 'dropBefore':
        return void r.socket.resetAndDestroy();
      case 'answer':
        seen.code = fault.code;
        r.resume();
        return answer(to, fault);
      case 'delay':
        await sleep(fault.ms);
        return pass(seen, r, to);
      case 'until':
        await fault.promise;
        return pass(seen, r, to);
      case 'dropAfter':
        return pass(seen, r, to, { dropAnswer: true });
      case 'mute':
        return pass(seen, r, to, { mute: true });
      case undefined:
        return pass(seen, r, to);
    }
  };

  const server = createServer((r, to) => void handle(r, to).catch(() => to.destroy()));
  server.on('connection', (socket) => {
    most = Math.max(most, ++open);
    socket.on('close', () => open--);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    agent.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sockets: () => ({ open, most }),
    inject(rule) {
      const entry = { rule, matched: 0, hits: 0 };
      rules.push(entry);
      return {
        hits: () => entry.hits,
        remove: () => {
          const at = rules.indexOf(entry);
          if (at >= 0) rules.splice(at, 1);
          return entry.hits;
        },
      };
    },
    watches: (resource) =>
      [...live].filter(([, seen]) => resource === undefined || seen.resource === resource).map(([watch]) => watch),
    close,
    [Symbol.asyncDispose]: close,
  };
};
