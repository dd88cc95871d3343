import { createReadStream } from 'node:fs';
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { lookup } from 'node:dns';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { exits, UserError } from './errors.ts';
import type { Archive } from './pack.ts';
import type { Relay } from './relay.ts';
import type { RelaySpec } from './relayjob.ts';

/** Upload is where an archive goes: App.status.upload. */
export interface Upload {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What leads to the storage where the url cannot be reached. */
  readonly relay?: RelaySpec | undefined;
}

/**
 * Kind of a failure: `final` happens again whatever one does, `stale` needs another address, `broken` may go well the next
 * time, and so may `unreachable`, where there was no connection at all.
 */
export type UploadFailureKind = 'final' | 'stale' | 'broken' | 'unreachable';

/** UploadFailure is why an upload did not go well. */
export class UploadFailure extends UserError {
  readonly kind: UploadFailureKind;

  constructor(kind: UploadFailureKind, message: string, hint: string, cause?: unknown) {
    super(message, hint, { code: kind === 'final' ? exits.failed : exits.unreachable, cause });
    this.kind = kind;
  }
}

/** UploadOptions: what is called as bytes go out, what ends it all, and the silences after which it is given up. */
export interface UploadOptions {
  readonly onProgress?: (sent: number) => void;
  readonly signal?: AbortSignal;
  readonly idleMs?: number;
  readonly connectMs?: number;
  /** Goes there instead: the server is told the name that the url was signed for. */
  readonly via?: Pick<Relay, 'url' | 'servername'> | undefined;
}

/** resolve knows that names below .localhost are loopback (RFC 6761), as curl and browsers do; glibc does not. */
export const resolve: LookupFunction = (hostname, options, callback) => {
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

const mismatches = new Set(['XAmzContentChecksumMismatch', 'BadDigest', 'XAmzContentSHA256Mismatch']);

/** MinIO's disks and quotas, Ceph's quotas. */
const fullCodes = new Set(['XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded', 'QuotaExceeded']);

/** The key that signed the address is no good any more: once the operator knows the new one, there is another address. */
const keyCodes = new Set([
  ...['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'XAdminUserNotFound', 'InvalidClientTokenId'],
  ...['InvalidTokenId', 'InvalidToken', 'ExpiredToken'],
]);

const refusal = (status: number, body: string): UploadFailure => {
  const code = /<Code>([^<]+)<\/Code>/.exec(body)?.[1] ?? `HTTP ${status}`;
  if (status === 403 && /expired|not valid yet/i.test(body))
    return new UploadFailure(
      'stale',
      `the upload address is not valid at this time (${code})`,
      'check the clocks of this machine and of the S3 server',
    );
  if (keyCodes.has(code))
    return new UploadFailure(
      'broken',
      `the S3 server does not take the key that signed the upload address (${code})`,
      "see the operator's log and the Secret that s3.secretRef of its configuration names",
    );
  if (mismatches.has(code))
    return new UploadFailure(
      'final',
      'the uploaded bytes are not those that were announced',
      'something changed the archive while it was uploaded: run the push again',
    );
  if (fullCodes.has(code) || status === 507)
    return new UploadFailure(
      'broken',
      `the bucket has no room for the archive (${code})`,
      'ask who runs the platform to make room, then run the push again: the App goes on waiting for the archive',
    );
  if (status >= 500 || status === 408 || status === 429 || status === 499)
    return new UploadFailure('broken', `the S3 server answers ${code}`, 'see whether the S3 server is well');
  return new UploadFailure(
    'final',
    `the S3 server refuses the upload: ${code}`,
    "see the operator's log and the s3 section of its configuration",
  );
};

/** What is said by the machine itself, before the server hears of anything. */
const noConnection = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);
const isCertificate = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code);

const breakdown = (error: NodeJS.ErrnoException, host: string): UploadFailure => {
  const code = error.code ?? '';
  const detail = error.message || code;
  if (isCertificate(code))
    return new UploadFailure(
      'final',
      `the certificate of the S3 server ${host} is not trusted: ${detail}`,
      'name the file of its CA in the variable NODE_EXTRA_CA_CERTS',
      error,
    );
  if (noConnection.has(code))
    return new UploadFailure(
      'unreachable',
      `cannot reach the S3 server at ${host}: ${detail}`,
      "the address comes from s3.publicEndpoint of the operator's configuration: it must be reachable from this machine",
      error,
    );
  return new UploadFailure('broken', `the upload to ${host} broke off: ${detail}`, 'push again', error);
};

const meter = (onProgress: (sent: number) => void): Transform => {
  let sent = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      sent += chunk.length;
      onProgress(sent);
      callback(null, chunk);
    },
  });
};

/** answerOf is what the server answers, whenever it does; mayContinue, when it lets us send or does not know to say so. */
const listen = (request: ClientRequest, idleMs: number) => ({
  answered: new Promise<IncomingMessage>((ok, fail) => {
    request.once('response', ok);
    request.on('error', fail);
    request.once('timeout', () => request.destroy(new Error(`no answer for ${idleMs / 1000} s`)));
  }),
  // A server that does not know 100-continue never answers it: send anyway after a second.
  mayContinue: new Promise<void>((ok) => {
    request.once('continue', ok);
    setTimeout(ok, 1000).unref();
  }),
});

/** connectWithin ends a request whose packets nobody answers, as behind a firewall: that is no server that is slow. */
const connectWithin = (request: ClientRequest, ms: number): void => {
  request.once('socket', (socket) => {
    const late = setTimeout(() => {
      if (socket.connecting)
        request.destroy(Object.assign(new Error(`no connection within ${ms / 1000} s`), { code: 'ETIMEDOUT' }));
    }, ms);
    for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(late));
  });
};

const exchange = async (request: ClientRequest, archive: Archive, o: UploadOptions, idleMs: number) => {
  const { answered, mayContinue } = listen(request, idleMs);
  request.flushHeaders();
  const early = await Promise.race([answered, mayContinue]);
  const sending = early
    ? undefined
    : pipeline(createReadStream(archive.file), meter(o.onProgress ?? (() => {})), request).catch(() => undefined);
  const response = await answered;
  const body = await readBody(response);
  if (early || response.statusCode !== 200) request.destroy();
  else await sending;
  return { status: response.statusCode ?? 0, body };
};

/**
 * upload sends an archive to a presigned URL. `Expect: 100-continue` lets the server refuse before the first byte.
 * 412 means that the object is there already, which is what we want. node:http rather than fetch: fetch drops the Host
 * header and keeps the whole body in memory. It throws UploadFailure, or the signal's reason.
 */
export const upload = async (to: Upload, archive: Archive, o: UploadOptions = {}): Promise<void> => {
  const { signal, idleMs = 60_000, connectMs = 10_000 } = o;
  signal?.throwIfAborted();
  const url = new URL(to.url);
  const { via } = o;
  const target = via === undefined ? url : new URL(`${url.pathname}${url.search}`, via.url);
  const options: RequestOptions = {
    method: 'PUT',
    headers: { ...to.headers, host: url.host, 'content-length': String(archive.size), expect: '100-continue' },
    lookup: resolve,
    timeout: idleMs,
    agent: false,
    ...(via !== undefined && { servername: via.servername }),
  };
  const request = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, options);
  connectWithin(request, connectMs);
  const abort = (): void => void request.destroy(new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  let answer: { status: number; body: string };
  try {
    answer = await exchange(request, archive, o, idleMs);
  } catch (error) {
    signal?.throwIfAborted();
    throw breakdown(error as NodeJS.ErrnoException, url.host);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  if (answer.status !== 200 && answer.status !== 412) throw refusal(answer.status, answer.body);
};
