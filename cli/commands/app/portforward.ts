import { createServer, type Server, type Socket as Connection } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { App } from '../../../operator/api/app.ts';
import { getApp } from '../../edit.ts';
import { exits, UserError } from '../../errors.ts';
import { explain } from '../../explain.ts';
import { openSocket, type Socket } from '../../websocket.ts';
import type { Run, Tools } from '../run.ts';
import { choosePod, podsOf } from './pods.ts';

interface Flags {
  readonly address: string;
  readonly instance?: string;
}

/** Port is one port of the pods and where it is reached on this machine; 0: any free one. */
export interface Port {
  readonly local: number;
  readonly remote: number;
}

const number = (text: string, whole: string, least: number): number => {
  const n = Number(text);
  if (/^\d+$/.test(text) && n >= least && n <= 65_535) return n;
  throw new UserError(`${whole} is no port`, 'write it as REMOTE, LOCAL:REMOTE, or :REMOTE for any free one', {
    code: exits.usage,
  });
};

/** readPort reads `8080`, `3000:8080` and `:8080`. */
export const readPort = (text: string): Port => {
  const [first = '', second] = text.split(':', 2);
  if (text.split(':').length > 2) number('', text, 1);
  if (second === undefined) return { local: number(first, text, 1), remote: number(first, text, 1) };
  return { local: first === '' ? 0 : number(first, text, 0), remote: number(second, text, 1) };
};

const data = 0;
const failure = 1;

/** framed puts the number of the stream before bytes. */
const framed = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(data), bytes]);

/** forward passes bytes between a connection of this machine and a port of a pod, in both directions, at the slower pace. */
const forward = async (
  { config, namespace, output, signal }: Tools,
  pod: string,
  port: number,
  connection: Connection,
): Promise<void> => {
  const begun = new Set<number>();
  const opening = Promise.withResolvers<Socket>();
  const take = (stream: number, bytes: Buffer): void => {
    // The first frame of each stream is the number of the port.
    const rest = begun.has(stream) ? bytes : bytes.subarray(2);
    begun.add(stream);
    if (rest.length === 0) return;
    if (stream === failure) output.step(`Port ${port} of pod ${pod}: ${rest.toString()}`);
    else if (stream === data && !connection.write(rest)) void opening.promise.then((socket) => socket.pause());
  };
  connection.pause();
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  connection.once('close', leave);
  if (connection.destroyed) return;
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/portforward?ports=${port}`;
  const opened = await openSocket({ config, signal: AbortSignal.any([signal, gone.signal]) }, path, take).catch(
    (error: unknown) => {
      if (gone.signal.aborted) return undefined;
      throw error;
    },
  );
  if (opened === undefined) return;
  // From now on what was sent goes on its way first.
  connection.off('close', leave);
  opening.resolve(opened);
  connection.on('drain', () => opened.resume());
  connection.on('data', (bytes: Buffer) => {
    connection.pause();
    opened.send(framed(bytes), () => connection.resume());
  });
  connection.once('close', () => opened.close());
  opened.onclose = () => connection.end();
  if (connection.destroyed) opened.close();
  connection.resume();
};

const listen = async (address: string, { local }: Port, serve: (connection: Connection) => void): Promise<Server> => {
  const server = createServer(serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new UserError(
          `${address}:${local} cannot be listened on: ${error.code === 'EADDRINUSE' ? 'it is in use' : error.message}`,
          'choose another one as LOCAL:REMOTE, or :REMOTE for any free one',
        ),
      ),
    );
    server.listen(local, address, resolve);
  });
  return server;
};

const shown = (server: Server): string => {
  const { address, port, family } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
};

/** Each connection goes to a pod that is ready at the time, so that forwarding outlives a rollout. */
const serveOne = async (
  tools: Tools,
  app: App,
  remote: number,
  instance: string | undefined,
  connection: Connection,
): Promise<void> => {
  connection.on('error', () => connection.destroy());
  try {
    const pod = choosePod(await podsOf(tools, app), app.metadata.name, instance);
    await forward(tools, pod.metadata?.name ?? '', remote, connection);
  } catch (error) {
    connection.destroy();
    if (!tools.signal.aborted) tools.output.step(`A connection failed: ${explain(error).message}`);
  }
};

export const run: Run<[string, string[]], Flags> = async (tools, [name, texts], { address, instance }) => {
  const { signal, namespace, output } = tools;
  const asked = texts.map(readPort);
  const app = await getApp(tools, { namespace, name });
  // What would keep every connection from working is said before the first one.
  choosePod(await podsOf(tools, app), name, instance);
  const ports = asked.length > 0 ? asked : [{ local: app.spec.port, remote: app.spec.port }];
  const connections = new Set<Connection>();
  const servers: Server[] = [];
  try {
    for (const port of ports) {
      const server = await listen(address, port, (connection) => {
        connections.add(connection);
        connection.once('close', () => connections.delete(connection));
        void serveOne(tools, app, port.remote, instance, connection);
      });
      servers.push(server);
      output.result(`Forwarding from ${shown(server)} to port ${port.remote}`);
    }
    await new Promise<never>((_, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
    });
  } finally {
    for (const server of servers) server.close();
    for (const connection of connections) connection.destroy();
  }
};
