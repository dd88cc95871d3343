import { createReadStream } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { lookup } from 'node:dns';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { UserError } from './errors.ts';
import type { Archive } from './pack.ts';

/** Upload is where an archive goes: App.status.upload. */
export interface Upload {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Silence after which an upload is given up, in milliseconds. */
const idleMs = 60_000;

/** Names below .localhost are loopback (RFC 6761); curl and browsers know it, glibc does not. */
const resolve: LookupFunction = (hostname, options, callback) => {
  if (hostname !== 'localhost' && !hostname.endsWith('.localhost')) return lookup(hostname, options, callback);
  if (options.all)
    return (callback as (e: null, a: { address: string; family: number }[]) => void)(null, [
      { address: '127.0.0.1', family: 4 },
    ]);
  callback(null, '127.0.0.1', 4);
};

const readBody = async (response: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) if (text.length < 4096) text += chunk.toString('utf8');
  return text;
};

const explain = (status: number, body: string): UserError => {
  const code = /<Code>([^<]+)<\/Code>/.exec(body)?.[1] ?? `HTTP ${status}`;
  if (status === 403 && /expired|not valid yet/i.test(body))
    return new UserError(
      `the upload address is not valid at this time (${code})`,
      'run the push again; if it happens again, check the clocks of this machine and of the S3 server',
    );
  if (code === 'XAmzContentChecksumMismatch' || code === 'BadDigest' || code === 'XAmzContentSHA256Mismatch')
    return new UserError(
      'the uploaded bytes are not those that were announced',
      'the sources changed while they were packed: run the push again',
    );
  return new UserError(
    `the S3 server refused the upload: ${code}`,
    "see the operator's log and the s3 section of its configuration",
  );
};

/**
 * upload sends an archive to a presigned URL. `Expect: 100-continue` lets the server refuse before the first byte.
 * 412 means that the object is there already, which is what we want. node:http rather than fetch: fetch drops the Host
 * header and keeps the whole body in memory.
 */
export const upload = async (
  to: Upload,
  archive: Archive,
  onProgress: (sent: number) => void = () => {},
): Promise<void> => {
  const url = new URL(to.url);
  const options: RequestOptions = {
    method: 'PUT',
    headers: { ...to.headers, 'content-length': String(archive.size), expect: '100-continue' },
    lookup: resolve,
    timeout: idleMs,
  };
  let sent = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      sent += chunk.length;
      onProgress(sent);
      callback(null, chunk);
    },
  });
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
  const answered = new Promise<IncomingMessage>((ok, fail) => {
    request.once('response', ok);
    request.once('error', fail);
    request.once('timeout', () => request.destroy(new Error(`no answer for ${idleMs / 1000} s`)));
  });
  // A server that does not know 100-continue never answers it: send anyway after a second.
  const mayContinue = new Promise<void>((ok) => {
    request.once('continue', ok);
    setTimeout(ok, 1000).unref();
  });
  request.flushHeaders();
  try {
    const early = await Promise.race([answered, mayContinue]);
    const sending = early ? undefined : pipeline(createReadStream(archive.file), meter, request).catch(() => undefined);
    const response = await answered;
    const body = await readBody(response);
    if (early || response.statusCode !== 200) request.destroy();
    else await sending;
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 412) return;
    throw explain(status, body);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `cannot reach the S3 server at ${url.host}: ${(error as Error).message}`,
      "the address comes from s3.publicEndpoint of the operator's configuration: it must be reachable from this machine",
      { cause: error },
    );
  }
};
