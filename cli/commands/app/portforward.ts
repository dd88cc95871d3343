import { createServer, type Server, type Socket as Connection } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { App } from '../../../operator/api/app.ts';
import { getApp } from '../../edit.ts';
import { exits, UserError } from '../../errors.ts';
import { explain } from '../../explain.ts';
import { forward } from '../../forward.ts';
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
    const { config, namespace, signal, output } = tools;
    const place = { namespace, pod: pod.metadata?.name ?? '', port: remote };
    await forward({ config, signal, complain: (text) => output.step(text) }, place, connection);
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
