import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Archive } from './pack.ts';
import { upload, UploadFailure, type UploadOptions } from './upload.ts';
import { createUploader, throughPod } from './uploader.ts';

let folder: string;
let archive: Archive;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epinio-upload-'));
  const file = join(folder, 'a');
  await writeFile(file, 'x'.repeat(300_000));
  archive = { file, sha256: 'a'.repeat(64), size: 300_000, entries: 1, [Symbol.asyncDispose]: async () => {} };
});
afterAll(() => rm(folder, { recursive: true }));

/** storage answers PUTs in turn, the last answer for ever, and tells how much it was sent each time. */
const storage = async (...answers: RequestListener[]) => {
  const received: number[] = [];
  const server = createServer((request, response) => {
    const at = received.push(0) - 1;
    request.on('data', (chunk: Buffer) => (received[at] = (received[at] ?? 0) + chunk.length));
    request.on('error', () => undefined);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    received,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/blob`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const answer =
  (status: number, code = '', message = ''): RequestListener =>
  (request, response) =>
    void request.resume().on('end', () => {
      response.writeHead(status).end(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
    });
const reset: RequestListener = (request) => void request.once('data', () => request.socket.resetAndDestroy());
const silence: RequestListener = () => undefined;

/** firewall is a port that answers nobody: of a process that is stopped, and whose connections have been used up. */
const firewall = async () => {
  const program = `const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGSTOP');
  const port = Number(line.toString());
  const others = Array.from({ length: 4 }, () => connect({ host: '127.0.0.1', port }).on('error', () => undefined));
  const waiting = (): number => others.filter(({ connecting }) => connecting).length;
  await expect.poll(() => others.length - waiting()).toBeGreaterThanOrEqual(2);
  expect(waiting()).toBeGreaterThan(0);
  return {
    url: `http://127.0.0.1:${port}/blob`,
    async [Symbol.asyncDispose]() {
      for (const other of others) other.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
};

const sent = (url: string, o: UploadOptions = {}): Promise<string> =>
  upload({ url }, archive, o).then(
    () => 'sent',
    (error: unknown) => (error instanceof UploadFailure ? `${error.kind}: ${error.message}` : String(error)),
  );

describe('an upload', () => {
  it.each<[string, RequestListener, RegExp]>([
    ['goes well', answer(200), /^sent$/],
    ['is there already', answer(412, 'PreconditionFailed'), /^sent$/],
    ['came too late', answer(403, 'AccessDenied', 'Request has expired'), /^stale: .*not valid at this time/],
    ['is refused', answer(403, 'AccessDenied'), /^final: the S3 server refuses the upload: AccessDenied/],
    ['was signed by a key that is gone', answer(404, 'XAdminUserNotFound'), /^broken: .*does not take the key/],
    ['was signed by an old secret', answer(403, 'SignatureDoesNotMatch'), /^broken: .*does not take the key/],
    ['had other bytes', answer(400, 'BadDigest'), /^final: the uploaded bytes are not those/],
    [
      'met a disk that is full',
      answer(507, 'XMinioStorageFull'),
      /^broken: the bucket has no room .*\(XMinioStorageFull\)/,
    ],
    ['met a quota', answer(400, 'XMinioAdminBucketQuotaExceeded'), /^broken: the bucket has no room for the archive/],
    ['met a server that is not well', answer(503, 'SlowDown'), /^broken: the S3 server answers SlowDown/],
    ['is reset', reset, /^broken: the upload to 127.0.0.1:\d+ broke off/],
    ['meets silence', silence, /^broken: .*no answer for 0.3 s/],
  ])('that %s', async (_, behaviour, outcome) => {
    await using server = await storage(behaviour);
    expect(await sent(server.url, { idleMs: 300 })).toMatch(outcome);
  });

  it('to where nobody listens', async () => {
    expect(await sent('http://127.0.0.1:1/x')).toMatch(/^unreachable: cannot reach the S3 server at 127.0.0.1:1/);
  });

  it('does not wait for a server behind a firewall that drops what it is sent', async () => {
    await using wall = await firewall();
    expect(await sent(wall.url, { connectMs: 300 })).toMatch(/^unreachable: .*no connection within 0.3 s/);
  });

  it('by another way tells the server the name that its address was signed for', async () => {
    const names: (string | undefined)[] = [];
    await using server = await storage((request, response) => {
      names.push(request.headers.host, request.url);
      answer(200)(request, response);
    });
    const via = { url: new URL(server.url).origin, servername: 'minio.test' };
    expect(await sent('http://minio.test:9000/bucket/key?signed=1', { via })).toBe('sent');
    expect(names).toEqual(['minio.test:9000', '/bucket/key?signed=1']);
  });

  it('ends at once with its signal', async () => {
    await using server = await storage(silence);
    const stop = new AbortController();
    const sending = sent(server.url, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('stopped')), 50);
    expect(await sending).toBe('Error: stopped');
    expect(await sent(server.url, { signal: stop.signal })).toBe('Error: stopped');
  });
});

/** uploading makes an uploader whose clock and cluster are the test's. */
const uploading = ({ config, create }: { config?: object; create?: () => Promise<never> } = {}) => {
  const steps: string[] = [];
  const asked: string[] = [];
  let now = 0;
  const kube = {
    create,
    mergePatch: async (_r: unknown, _k: unknown, { metadata }: { metadata: { annotations: object } }) =>
      void asked.push(...Object.keys(metadata.annotations)),
  };
  const { signal } = new AbortController();
  const output = { step: (text: string) => steps.push(text), progress: () => undefined };
  const source = { blob: { sha256: archive.sha256, size: archive.size } };
  const mine = { key: { namespace: 'n', name: 'a' }, uid: 'u', source };
  const uploader = createUploader({ kube, config, output, signal, now: () => now } as never, mine, archive);
  return { uploader, steps, asked, later: (ms: number) => void (now += ms) };
};

describe('an archive that is awaited', () => {
  it('is sent again after a while where the upload broke off, and then no more', async () => {
    await using server = await storage(reset, answer(503, 'SlowDown'), answer(200));
    const { uploader, steps, later } = uploading();
    const offer = () => uploader.offer({ url: server.url }, undefined);
    await offer();
    await offer();
    expect(server.received).toHaveLength(1);
    later(1000);
    await offer();
    later(1999);
    await offer();
    expect(server.received).toHaveLength(2);
    later(1);
    await offer();
    await offer();
    expect(server.received).toHaveLength(3);
    expect(server.received[2]).toBe(archive.size);
    expect(steps.filter((s) => s.startsWith('The upload failed'))).toEqual([
      expect.stringMatching(/broke off.*trying again in 1 s/),
      'The upload failed: the S3 server answers SlowDown; trying again in 2 s',
    ]);
  });

  it('is given up after eight attempts, after three where there is no connection', async () => {
    await using server = await storage(answer(503, 'SlowDown'));
    for (const [url, most] of [
      [server.url, 8],
      ['http://127.0.0.1:1/x', 3],
    ] as const) {
      const { uploader, later } = uploading();
      let offers = 0;
      const failure = await (async () => {
        for (; offers < 20; offers++, later(60_000)) await uploader.offer({ url }, undefined);
      })().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UploadFailure);
      expect(offers).toBe(most - 1);
    }
  });

  it('goes through the cluster at once where the storage cannot be reached, and says what keeps it from there', async () => {
    const { uploader, steps } = uploading({
      config: {},
      create: async () => {
        throw new Error('jobs.batch is forbidden');
      },
    });
    const relay = { image: 'op:1', endpoint: 'http://minio.test:9000' };
    const offer = () => uploader.offer({ url: 'http://127.0.0.1:1/x', relay }, undefined);
    await offer();
    expect(steps.at(-1)).toMatch(/cannot reach the S3 server at 127.0.0.1:1.*: uploading through the cluster instead$/);
    await expect(offer()).rejects.toThrow('jobs.batch is forbidden');
    expect(steps.at(-1)).toMatch(/^Starting a pod in namespace n that leads to the storage/);

    const again = uploading({ config: {}, create: () => Promise.reject(new Error('jobs.batch is forbidden')) });
    await expect(again.uploader.offer({ url: 'http://127.0.0.1:1/y', relay }, undefined)).rejects.toThrow('forbidden');
    expect(again.steps.join()).not.toMatch(/cannot reach/);
  });

  it('is sent to another address where the first is not valid any more, which is asked for once', async () => {
    await using server = await storage(answer(403, 'AccessDenied', 'Request has expired'), answer(200));
    const { uploader, asked, later } = uploading();
    for (let n = 0; n < 5; n++, later(60_000)) await uploader.offer({ url: `${server.url}?1` }, undefined);
    expect(asked).toEqual(['epinio.io/request-upload']);
    expect(server.received).toHaveLength(1);
    await uploader.offer({ url: `${server.url}?2` }, undefined);
    expect(server.received).toHaveLength(2);
  });

  it('goes on by the address that a new key signed, when the old key is gone', async () => {
    await using server = await storage(answer(403, 'InvalidAccessKeyId'), answer(200));
    const { uploader, asked } = uploading();
    await uploader.offer({ url: `${server.url}?old` }, undefined);
    await uploader.offer({ url: `${server.url}?new` }, undefined);
    expect(server.received).toHaveLength(2);
    expect(asked).toEqual([]);
  });

  it('is sent again where it does not arrive, three times at most', async () => {
    await using server = await storage(answer(200));
    const { uploader, steps, later } = uploading();
    for (let n = 0; n < 3; n++, later(20_000))
      await uploader.offer({ url: server.url }, n === 1 ? 'It had other bytes.' : undefined);
    expect(server.received).toHaveLength(3);
    expect(steps).toContain('It had other bytes.');
    await expect(uploader.offer({ url: server.url }, 'Gone.')).rejects.toThrow(
      'uploaded 3 times and is still awaited: Gone.',
    );
  });
});

it('a connection through a pod that breaks off leads to policies; an answer of the server speaks for itself', () => {
  const broken = new UploadFailure('broken', 'it broke off', 'push again', new Error('socket hang up'));
  expect(throughPod(broken, 'http://minio.test:9000')).toMatchObject({
    kind: 'broken',
    message: 'it broke off',
    hint: expect.stringMatching(/NetworkPolicy.*http:\/\/minio\.test:9000/) as string,
  });
  const full = new UploadFailure('broken', 'no room', 'ask for room');
  expect(throughPod(full, 'http://minio.test:9000')).toBe(full);
});
