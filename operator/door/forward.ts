import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** ForwardOptions: where it listens, and the Service that it leads to. */
export interface ForwardOptions {
  readonly port: number;
  readonly host?: string;
  readonly target: { readonly host: string; readonly port: number };
  /** Connections at once. */
  readonly connections?: number;
}

/** Forward is a running forwarder. */
export interface Forward extends AsyncDisposable {
  readonly port: number;
  /** unused resolves when there was no connection for so long. */
  unused(ms: number): Promise<void>;
}

const connectMs = 10_000;
/** Longer than the door keeps a connection on which nothing moves. */
const idleMs = 120_000;
const drainMs = 20_000;

const join = (client: Socket, { host, port }: ForwardOptions['target']): void => {
  const server = connect({ host, port, allowHalfOpen: true });
  const ends = [client, server];
  const endBoth = (): void => ends.forEach((end) => end.destroy());
  server.setTimeout(connectMs, endBoth);
  server.once('connect', () => void server.setTimeout(idleMs));
  client.setTimeout(idleMs, endBoth);
  for (const end of ends) end.once('error', endBoth).once('close', (failed) => void (failed && endBoth()));
  client.once('close', () => server.end());
  client.pipe(server);
  server.pipe(client);
};

/**
 * startForward is what a node's loopback address leads to the door by. It looks at nothing and knows no secret: what is asked
 * for, and by whom, is judged at the other end.
 */
export const startForward = async (o: ForwardOptions): Promise<Forward> => {
  const open = new Set<Socket>();
  let movedAt = performance.now();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    open.add(
      client.once('close', () => {
        open.delete(client);
        movedAt = performance.now();
      }),
    );
    join(client, o.target);
  });
  server.maxConnections = o.connections ?? 1024;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: o.port, ...(o.host !== undefined && { host: o.host }) }, resolve);
  });
  const stop = async (): Promise<void> => {
    const late = setTimeout(() => open.forEach((client) => client.destroy()), drainMs);
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    clearTimeout(late);
  };
  const unused = async (ms: number): Promise<void> => {
    for (;;) {
      const rest = open.size > 0 ? ms : movedAt + ms - performance.now();
      if (rest <= 0) return;
      await sleep(Math.ceil(rest), undefined, { ref: false });
    }
  };
  return { port: (server.address() as AddressInfo).port, unused, [Symbol.asyncDispose]: stop };
};
