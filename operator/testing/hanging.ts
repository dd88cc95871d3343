import net from 'node:net';
import { createStorage, type Storage } from '../storage/index.ts';

/**
 * Hang is how a server can keep a client waiting: it accepts and says nothing, sends its headers a byte at a time, sends them
 * and no body, or a body a byte at a time.
 */
export type Hang = 'silent' | 'slow headers' | 'headers only' | 'slow body';

/** hangs are all of them. */
export const hangs: readonly Hang[] = ['silent', 'slow headers', 'headers only', 'slow body'];

/** HangingServer accepts connections and never answers to the end. */
export interface HangingServer extends AsyncDisposable {
  /** host:port */
  readonly host: string;
  /** connections is how many are open. */
  connections(): number;
}

const headers = 'HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: 100000\r\n\r\n';

const begin: Readonly<Record<Hang, (socket: net.Socket) => void>> = {
  silent: () => undefined,
  'slow headers': (socket) => socket.write('HTTP/1.1 200 OK\r\nx-slow: '),
  'headers only': (socket) => socket.write(headers),
  'slow body': (socket) => socket.write(headers),
};

/** startHanging starts one on the loopback address. */
export const startHanging = async (hang: Hang): Promise<HangingServer> => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    let slow: NodeJS.Timeout | undefined;
    socket
      .on('error', () => undefined)
      .on('close', () => {
        clearInterval(slow);
        sockets.delete(socket);
      });
    // Not before its begin: a byte in front of the headers is no answer at all.
    socket.once('data', () => {
      begin[hang](socket);
      if (hang.startsWith('slow')) slow = setInterval(() => socket.write('a'), 20);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** storageOf is a storage whose server hangs; a call may last timeoutMs. */
export const storageOf = ({ host }: HangingServer, timeoutMs: number): Storage =>
  createStorage({
    endpoint: `http://${host}`,
    region: 'us-east-1',
    bucket: 'epinio',
    prefix: '',
    accessKey: 'a',
    secretKey: 's',
    timeoutMs,
  });
