import { rootCertificates } from 'node:tls';
import { Agent, request, type Dispatcher } from 'undici';

const maxRedirects = 3;

/** Call is one request to a registry. */
export interface Call {
  readonly method: 'HEAD' | 'GET';
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** dispatcherFor makes the pool of connections: bounded in time, trusting ca beside the system's CAs. */
export const dispatcherFor = (idleMs: number, ca: string | undefined): Agent =>
  new Agent({
    connect: { timeout: idleMs, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) },
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
  });

/** follow sends a request and follows redirects, to other hosts without the credential: registries keep blobs elsewhere. */
export const follow = async (url: string, call: Call): Promise<Dispatcher.ResponseData> => {
  let target = new URL(url);
  let headers = { ...call.headers };
  for (let redirects = 0; ; redirects++) {
    const answer = await request(target, { method: call.method, headers, dispatcher: call.dispatcher });
    const location = answer.headers['location'];
    if (answer.statusCode < 300 || answer.statusCode > 399 || typeof location !== 'string') return answer;
    await answer.body.dump();
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
