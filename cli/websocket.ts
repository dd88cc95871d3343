import library from 'isomorphic-ws';
import { WebSocketHandler } from '@kubernetes/client-node/dist/web-socket-handler.js';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { ApiError, errorOfResponse } from '../operator/kube/errors.ts';

/** refusal makes of what the websocket library says (`Unexpected server response: 403`) what any other request would have got. */
export const refusal = (error: unknown, what: string): unknown => {
  const message = (error as { readonly message?: string }).message ?? String(error);
  const code = Number(/server response: (\d+)/.exec(message)?.[1]);
  if (Number.isInteger(code)) return errorOfResponse(code, `${what} is refused`);
  const cause = `no answer from the API server: ${message}`;
  return new ApiError({ code: 0, reason: 'ConnectionFailed', message: cause, cause: error });
};

/** Socket is a websocket as the `ws` package has it, which has no types of its own. */
export interface Socket {
  onclose: (() => void) | null;
  onerror: ((event: { readonly message: string }) => void) | null;
  send(data: Buffer, sent?: (error?: Error) => void): void;
  close(): void;
  /** terminate ends the connection at once, whatever the other side does. */
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** The library has no types of its own here. */
const WebSocket = library as unknown as new (
  uri: string,
  protocols: readonly string[],
  options: object,
) => Socket & {
  once(event: 'close', heard: () => void): void;
};

/** Frames are called with what comes in: which stream it is of, and the bytes. */
export type Frames = (stream: number, bytes: Buffer) => void;

/** How long a server may take to agree to a connection. */
const handshakeMs = 10_000;

/** socketsOf makes connections that end with the signal, also while the server does not answer yet. */
export const socketsOf = (config: KubeConfig, signal: AbortSignal): WebSocketHandler =>
  new WebSocketHandler(config, (uri: string, protocols: string[], options: object) => {
    const socket = new WebSocket(uri, protocols, { ...options, handshakeTimeout: handshakeMs });
    const end = (): void => socket.terminate();
    signal.addEventListener('abort', end, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', end));
    if (signal.aborted) end();
    return socket as never;
  });

/** openSocket connects to a streaming subresource of a pod. */
export const openSocket = async (
  { config, signal }: { readonly config: KubeConfig; readonly signal: AbortSignal },
  path: string,
  frames: Frames,
): Promise<Socket> => {
  const take = (stream: number, bytes: Buffer): boolean => {
    frames(stream, bytes);
    return true;
  };
  try {
    const socket: unknown = await socketsOf(config, signal).connect(path, null, take);
    return socket as Socket;
  } catch (error) {
    signal.throwIfAborted();
    throw refusal(error, path.replace(/\?.*/, ''));
  }
};
