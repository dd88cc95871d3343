import type { Socket } from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { openSocket, type Socket as WebSocket } from './websocket.ts';

const data = 0;
const failure = 1;

/** framed puts the number of the stream before bytes. */
const framed = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(data), bytes]);

/** Place is a port of a pod. */
export interface Place {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

interface Tools {
  readonly config: KubeConfig;
  readonly signal: AbortSignal;
  /** Is told what the node says of a port that does not answer. */
  readonly complain: (text: string) => void;
}

/** forward passes bytes between a connection of this machine and a port of a pod, in both directions, at the slower pace. */
export const forward = async (
  { config, signal, complain }: Tools,
  { namespace, pod, port }: Place,
  connection: Socket,
): Promise<void> => {
  const begun = new Set<number>();
  const opening = Promise.withResolvers<WebSocket>();
  const take = (stream: number, bytes: Buffer): void => {
    // The first frame of each stream is the number of the port.
    const rest = begun.has(stream) ? bytes : bytes.subarray(2);
    begun.add(stream);
    if (rest.length === 0) return;
    if (stream === failure) complain(`Port ${port} of pod ${pod}: ${rest.toString()}`);
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
