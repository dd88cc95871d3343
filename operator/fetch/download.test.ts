import { createHash } from 'node:crypto';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import type http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { createServer } from '../bootstrap/certificates.ts';
import { tar } from '../testing/archives.ts';
import { claim, fetchBytes, runFetchProgram, serve, type Fetched } from '../testing/fetch.ts';
import { exits, type FetchReason } from '../api/fetchresult.ts';

// Each test starts a process; machines that are busy take their time.
vi.setConfig({ testTimeout: 60_000 });

let bytes: Buffer;
const content = 'x'.repeat(90_000);

beforeAll(async () => {
  bytes = await tar([{ name: 'a', content }]);
});

const fetchFrom = async (handler: http.RequestListener, env: Record<string, string> = {}): Promise<Fetched> => {
  await using server = await serve(handler);
  return await runFetchProgram(server.url, { ...claim(bytes), ...env });
};

const expectFailure = (fetched: Fetched, reason: FetchReason, message: RegExp): void => {
  expect(fetched.report?.message).toMatch(message);
  expect(fetched).toMatchObject({ exitCode: exits[reason], report: { reason }, scratch: [] });
  expect(fetched.tree).toEqual({});
  expect(`${fetched.log}${JSON.stringify(fetched.report)}`).not.toContain('secret');
};

test('other bytes are found out before anything is unpacked', async () => {
  const other = Buffer.from(bytes);
  other.write('y', 600);
  const fetched = await fetchFrom((_request, response) => response.end(other));
  expectFailure(fetched, 'BlobDigestMismatch', new RegExp(createHash('sha256').update(other).digest('hex')));
});

test.each([
  ['fewer', -512],
  ['more', 512],
])('%s bytes are found out by their number', async (_name, difference) => {
  const fetched = await fetchFrom((_request, response) => response.end(bytes), {
    FETCH_SIZE: String(bytes.length - difference),
  });
  expectFailure(fetched, 'BlobDigestMismatch', /bytes, not \d+\. Upload the archive again\./);
});

test('more bytes than promised end the download early, where no length is told', async () => {
  const endless: http.RequestListener = (_request, response) => {
    const feed = (): void => {
      while (response.writable && response.write(bytes));
      response.once('drain', feed);
    };
    response.on('error', () => undefined);
    feed();
  };
  expectFailure(await fetchFrom(endless), 'BlobDigestMismatch', /has more than \d+ bytes/);
});

test.each<[number, FetchReason, RegExp]>([
  [404, 'BlobMissing', /Upload it again/],
  [403, 'SourceDenied', /may have expired/],
  [401, 'SourceDenied', /may have expired/],
])('the status %d ends at once', async (status, reason, message) => {
  let requests = 0;
  const fetched = await fetchFrom((_request, response) => {
    requests += 1;
    response.writeHead(status).end('<Error/>');
  });
  expectFailure(fetched, reason, message);
  expect(requests).toBe(1);
});

test('an overloaded storage is asked again', async () => {
  const statuses = [503, 500];
  const fetched = await fetchFrom((_request, response) => {
    const status = statuses.shift();
    return status === undefined ? response.end(bytes) : response.writeHead(status).end();
  });
  expect(fetched).toMatchObject({ exitCode: 0, tree: { a: `${content.length} bytes` } });
  expect(fetched.log).toContain('attempt 3 of 6');
});

test('a broken download goes on where it broke off', async () => {
  const ranges: (string | undefined)[] = [];
  const fetched = await fetchFrom((request, response) => {
    ranges.push(request.headers.range);
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = {
      'content-length': bytes.length - start,
      'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
    };
    response.writeHead(start === 0 ? 200 : 206, headers);
    if (ranges.length > 2) return response.end(bytes.subarray(start));
    response.write(bytes.subarray(start, start + 30_000), () => response.destroy());
  });
  expect(fetched).toMatchObject({ exitCode: 0, tree: { a: `${content.length} bytes` } });
  expect(ranges).toHaveLength(3);
  expect(ranges[0]).toBeUndefined();
  expect(Number(/bytes=(\d+)-/.exec(ranges[2] ?? '')?.[1])).toBeGreaterThan(30_000);
});

test('a broken download begins again where the server knows no ranges, or answers another one', async () => {
  for (const header of [undefined, 'bytes 5-9/10']) {
    let requests = 0;
    const fetched = await fetchFrom((_request, response) => {
      requests += 1;
      if (requests === 2 && header !== undefined)
        return response.writeHead(206, { 'content-range': header }).end('wrong');
      response.writeHead(200, { 'content-length': bytes.length });
      if (requests > 1) return response.end(bytes);
      response.write(bytes.subarray(0, 30_000), () => response.destroy());
    });
    expect(fetched).toMatchObject({ exitCode: 0, tree: { a: `${content.length} bytes` } });
  }
});

test('silence, a closed port and a storage that always fails end in bounded attempts', async () => {
  const env = { FETCH_ATTEMPTS: '2', FETCH_IDLE_SECONDS: '0.3' };
  expectFailure(await fetchFrom(() => undefined, env), 'SourceUnreachable', /in 2 attempts: silent for 0\.3 s/);
  const half: http.RequestListener = (_request, response) => void response.write(bytes.subarray(0, 100));
  expectFailure(await fetchFrom(half, env), 'SourceUnreachable', /in 2 attempts/);
  const closed = await runFetchProgram('http://127.0.0.1:1/x?secret', { ...claim(bytes), ...env });
  expectFailure(closed, 'SourceUnreachable', /127\.0\.0\.1:1 could not be read in 2 attempts: ECONNREFUSED/);
  const failing: http.RequestListener = (_request, response) => void response.writeHead(502).end();
  expectFailure(await fetchFrom(failing, env), 'SourceUnreachable', /answered 502/);
});

test('a certificate is trusted by its CA only', async () => {
  const { certificate, key, ca } = await createServer(['127.0.0.1'], new Date());
  const server = https.createServer({ cert: certificate, key }, (_request, response) => response.end(bytes));
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
  const folder = mkdtempSync(join(tmpdir(), 'epinio-ca-'));
  writeFileSync(join(folder, 'ca.crt'), ca);
  const url = `https://127.0.0.1:${port}/blob`;
  const trusted = await runFetchProgram(url, { ...claim(bytes), FETCH_CA_FILE: join(folder, 'ca.crt') });
  expect(trusted).toMatchObject({ exitCode: 0 });
  const distrusted = await runFetchProgram(url, { ...claim(bytes), FETCH_ATTEMPTS: '1' });
  expectFailure(distrusted, 'SourceUnreachable', /UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
  server.close();
  rmSync(folder, { recursive: true });
});

test('a Job that was made wrong says all that is wrong', async () => {
  const fetched = await runFetchProgram('http://127.0.0.1:1/', { FETCH_SHA256: 'x', FETCH_SIZE: 'many' });
  expectFailure(fetched, 'Misconfigured', /FETCH_SHA256: .*; FETCH_SIZE: /);
  const noUrl = await runFetchProgram('ftp://127.0.0.1/', claim(bytes));
  expectFailure(noUrl, 'Misconfigured', /does not hold an http or https URL/);
});

test('a workspace that is not empty is left alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-full-'));
  writeFileSync(join(folder, 'precious'), 'x');
  const fetched = await fetchBytes(bytes, { FETCH_WORKSPACE: folder });
  rmSync(folder, { recursive: true });
  expectFailure(fetched, 'Misconfigured', /is not empty/);
});
