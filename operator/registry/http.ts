import { rootCertificates } from 'node:tls';
import { Agent, request, type Dispatcher } from 'undici';

const maxRedirects = 3;

/** Call is one request to a registry. */
export interface Call {
  readonly method: 'HEAD' | 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: Buffer | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  /** Ends the request and the reading of its answer. */
  readonly signal: AbortSignal;
}

/** dispatcherFor makes the pool of connections: bounded in silence, trusting ca beside the system's CAs. */
export const dispatcherFor = (idleMs: number, ca: string | undefined): Agent =>
  new Agent({
    connect: { timeout: idleMs, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) },
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
  });

/** discard gives a body up: what is short is read, so that the connection serves again; of what is long nothing is. */
export const discard = async ({ body }: Dispatcher.ResponseData): Promise<void> => {
  await body.dump({ limit: 16_384 }).catch(() => undefined);
};

/**
 * follow sends a request and follows redirects. To another host it goes on without the credential, for good: registries keep
 * blobs elsewhere. What is not a read is never sent to another place than it was meant for.
 */
export const follow = async (url: string, call: Call): Promise<Dispatcher.ResponseData> => {
  let target = new URL(url);
  let headers = { ...call.headers };
  for (let redirects = 0; ; redirects++) {
    const { method, body = null, dispatcher, signal } = call;
    const answer = await request(target, { method, headers, body, dispatcher, signal });
    const location = answer.headers['location'];
    if (answer.statusCode < 300 || answer.statusCode > 399 || typeof location !== 'string') return answer;
    await discard(answer);
    if (method !== 'GET' && method !== 'HEAD') throw new Error('a write was redirected');
    if (redirects === maxRedirects) throw new Error('too many redirects');
    const next = new URL(location, target);
    if (target.protocol === 'https:' && next.protocol !== 'https:') throw new Error('redirect from https to http');
    if (next.origin !== target.origin) {
      const { authorization: _, ...rest } = headers as Record<string, string>;
      headers = rest;
    }
    target = next;
  }
};

const maxJson = 4 * 1024 * 1024;

/** readBytes reads a body of a few MiB at most. */
export const readBytes = async (answer: Dispatcher.ResponseData): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += (chunk as Buffer).length;
    if (size > maxJson) throw new Error('the answer is larger than 4 MiB');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
};
