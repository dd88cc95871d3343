import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { registry } from './metrics.ts';

/** Check answers whether something is well: undefined, or what is wrong. */
export type Check = () => string | undefined;

/** HealthOptions: checks by name; a failed liveness check restarts the pod, a failed readiness check takes it out of service. */
export interface HealthOptions {
  readonly port: number;
  readonly host?: string;
  readonly live?: Readonly<Record<string, Check>>;
  readonly ready?: Readonly<Record<string, Check>>;
}

/** HealthServer serves /healthz, /readyz and /metrics. */
export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** startHealthServer listens; it is the first to start and the last to stop. */
export const startHealthServer = async (o: HealthOptions): Promise<HealthServer> => {
  const server = createServer((request, response) => {
    answer(o, request.url ?? '/').then(
      ({ code, type, body }) => response.writeHead(code, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  // Slow readers must not hold sockets of the operator; kubelet and Prometheus need milliseconds.
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 5_000;
  await listening(server, o);
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
};

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

const answer = async (o: HealthOptions, url: string): Promise<Answer> => {
  const path = url.split('?', 1)[0];
  if (path === '/healthz' || path === '/livez') return verdict(o.live ?? {});
  if (path === '/readyz') return verdict(o.ready ?? {});
  if (path === '/metrics') return { code: 200, type: registry.contentType, body: await registry.metrics() };
  return { code: 404, type: 'text/plain', body: 'not found\n' };
};

const verdict = (checks: Readonly<Record<string, Check>>): Answer => {
  const results = Object.entries(checks).map(([name, check]) => ({ name, wrong: outcome(check) }));
  const lines = results.map(({ name, wrong }) => (wrong === undefined ? `[+] ${name} ok` : `[-] ${name}: ${wrong}`));
  const code = results.every(({ wrong }) => wrong === undefined) ? 200 : 503;
  return { code, type: 'text/plain', body: `${[...lines, code === 200 ? 'ok' : 'failed'].join('\n')}\n` };
};

const outcome = (check: Check): string | undefined => {
  try {
    return check();
  } catch {
    return 'the check itself failed';
  }
};

const listening = (server: Server, { port, host }: HealthOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    // Without a host Node takes IPv6 with IPv4, or IPv4 alone where there is no other.
    if (host === undefined) server.listen(port, () => resolve());
    else server.listen(port, host, () => resolve());
  });

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
