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
  pause(): void;
  resume(): void;
}

/** Frames are called with what comes in: which stream it is of, and the bytes. */
export type Frames = (stream: number, bytes: Buffer) => void;

/** openSocket connects to a streaming subresource of a pod. */
export const openSocket = async (config: KubeConfig, path: string, frames: Frames): Promise<Socket> => {
  const take = (stream: number, bytes: Buffer): boolean => {
    frames(stream, bytes);
    return true;
  };
  try {
    return (await new WebSocketHandler(config).connect(path, null, take)) as Socket;
  } catch (error) {
    throw refusal(error, path.replace(/\?.*/, ''));
  }
};
