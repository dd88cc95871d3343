import http from 'node:http';
import https from 'node:https';
import type { ClientOptions } from 'minio';

type Transport = NonNullable<ClientOptions['transport']>;
type Request = (
  options: http.RequestOptions,
  onResponse?: (response: http.IncomingMessage) => void,
) => http.ClientRequest;

/** Statuses at which the minio client throws without reading the body, which would hold the socket for ever. */
const abandoned = (status: number): boolean => status === 408 || status === 429 || status >= 499;

/**
 * boundedTransport is what the minio client lacks: a bound on silence and on the whole of a call (the client waits for ever;
 * `timeout` in the request options also covers connecting, and a server that trickles is never silent), no socket lost by an
 * error, and the server's clock.
 */
export const boundedTransport = (tls: boolean, timeoutMs: number, onSkew: (seconds: number) => void): Transport => {
  const request: Request = (options, onResponse) => {
    const sent = (tls ? https : http).request({ ...options, timeout: timeoutMs }, (response) => {
      const date = Date.parse(response.headers.date ?? '');
      if (!Number.isNaN(date)) onSkew((date - Date.now()) / 1000);
      if (abandoned(response.statusCode ?? 0)) response.resume();
      onResponse?.(response);
    });
    const giveUp = (): void => void sent.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    const end = setTimeout(giveUp, timeoutMs).unref();
    sent.on('timeout', giveUp).on('close', () => clearTimeout(end));
    return sent;
  };
  return { request: request as Transport['request'] };
};
