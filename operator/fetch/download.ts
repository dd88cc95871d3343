import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { FetchFailure } from './failure.ts';
import { bytesText, progress, type Log } from './log.ts';
import type { BlobOptions } from './options.ts';
import { retryDelayMs } from './retry.ts';

type Source = Pick<BlobOptions, 'url' | 'sha256' | 'size' | 'ca' | 'idleMs' | 'attempts'>;

/** Transfer is how far a download has come; it survives a broken connection. */
interface Transfer {
  readonly file: FileHandle;
  received: number;
  hash: Hash;
}

const get = (source: Source, from: number): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    const tls = source.url.protocol === 'https:';
    const request = (tls ? https : http).get(
      source.url,
      {
        agent: false,
        timeout: source.idleMs,
        headers: from === 0 ? {} : { range: `bytes=${from}-` },
        ...(source.ca !== undefined && tls && { ca: [...rootCertificates, source.ca] }),
      },
      resolve,
    );
    request.on('timeout', () => request.destroy(new Error(`silent for ${source.idleMs / 1000} s`)));
    request.on('error', reject);
  });

const mismatch = (message: string): never => {
  throw new FetchFailure('BlobDigestMismatch', `${message} Upload the archive again.`);
};

const refuse = (status: number, host: string): void => {
  if (status === 404) throw new FetchFailure('BlobMissing', 'The archive is not in the storage. Upload it again.');
  if (status === 401 || status === 403)
    throw new FetchFailure(
      'SourceDenied',
      `The storage ${host} refuses the download URL (${status}): it may have expired.`,
    );
  throw new Error(`the storage answered ${status}`);
};

/** begin decides where an answer continues; a server that knows no ranges begins again. */
const begin = (response: http.IncomingMessage, source: Source, transfer: Transfer): void => {
  const status = response.statusCode ?? 0;
  if (status === 206) {
    const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
    if (Number(start) === transfer.received) return;
  }
  transfer.received = 0;
  transfer.hash = createHash('sha256');
  if (status !== 200) {
    response.destroy();
    refuse(status, source.url.host);
  }
  const length = Number(response.headers['content-length'] ?? source.size);
  if (length !== source.size) {
    response.destroy();
    mismatch(`The archive in the storage has ${length} bytes, not ${source.size}.`);
  }
};

const receive = async (source: Source, transfer: Transfer, tell: (done: number) => void): Promise<void> => {
  const response = await get(source, transfer.received);
  begin(response, source, transfer);
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (transfer.received + chunk.length > source.size)
      mismatch(`The archive in the storage has more than ${source.size} bytes.`);
    await transfer.file.write(chunk, 0, chunk.length, transfer.received);
    transfer.hash.update(chunk);
    transfer.received += chunk.length;
    tell(transfer.received);
  }
  if (transfer.received < source.size) throw new Error(`ended after ${bytesText(transfer.received)}`);
};

const detailOf = (error: unknown): string => {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string' ? code : String(message ?? error);
};

const isDisk = (error: unknown): boolean =>
  ['write', 'open'].includes(String((error as { syscall?: unknown }).syscall));

const receiveAll = async (source: Source, transfer: Transfer, log: Log): Promise<void> => {
  const tell = progress(log, 'Downloaded', source.size);
  for (let attempt = 1; ; attempt++) {
    try {
      return await receive(source, transfer, tell);
    } catch (error) {
      if (error instanceof FetchFailure || isDisk(error)) throw error;
      const detail = detailOf(error);
      if (attempt === source.attempts)
        throw new FetchFailure(
          'SourceUnreachable',
          `The storage ${source.url.host} could not be read in ${attempt} attempts: ${detail}`,
        );
      log(`Download broke off (${detail}); attempt ${attempt + 1} of ${source.attempts}`);
      await sleep(retryDelayMs(attempt));
    }
  }
};

/** download brings the archive to path and verifies it; gives the sha256 of what came. */
export const download = async (source: Source, path: string, log: Log): Promise<{ sha256: string; size: number }> => {
  const file = await open(path, 'wx');
  try {
    const transfer: Transfer = { file, received: 0, hash: createHash('sha256') };
    await receiveAll(source, transfer, log);
    const sha256 = transfer.hash.digest('hex');
    if (sha256 !== source.sha256)
      mismatch(`The archive in the storage has the sha256 ${sha256}, not ${source.sha256}.`);
    return { sha256, size: transfer.received };
  } finally {
    await file.close();
  }
};
