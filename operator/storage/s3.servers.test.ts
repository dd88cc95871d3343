import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { Client } from 'minio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testNames } from '../testing/names.ts';
import { serverName, type S3Server, type S3User } from '../testing/s3server.ts';
import { startVersityGw } from '../testing/versitygw.ts';
import { createStorage, type Addressing, type Presigned, type Storage, type StorageConfig } from './index.ts';

const bucket = 'epinio';
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Answer {
  readonly status: number;
  readonly text: string;
}

let server: S3Server;
let names: Disposable;
const open: Storage[] = [];

/** send keeps headers as they are, unlike fetch, and waits until the server wants the body, as clients that push do. */
const send = (url: string, method: string, headers: object = {}, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { ca } = server;
    const { request: ask } = url.startsWith('https') ? https : http;
    const request = ask(url, { method, headers: { ...headers }, agent: false, ...(ca && { ca }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });

const put = ({ url, headers }: Presigned, body: string): Promise<Answer> => send(url, 'PUT', headers, body);

const atAddressing = (addressing: Addressing): Pick<StorageConfig, 'endpoint' | 'addressing'> => {
  const { port, protocol } = new URL(server.endpoint);
  return addressing === 'Path'
    ? { endpoint: server.endpoint, addressing }
    : { endpoint: `${protocol}//${serverName}:${port}`, addressing };
};

const configOf = (more: Partial<StorageConfig> = {}): StorageConfig => {
  const { endpoint, region, ca, key } = server;
  return { endpoint, region, ca, ...key, bucket, prefix: 'one/', signWithMainKey: true, ...more };
};

const storageOf = (more: Partial<StorageConfig> = {}): Storage => {
  const storage = createStorage(configOf(more));
  open.push(storage);
  return storage;
};

const target = (text: string, more: { readonly expiresSeconds?: number } = {}) => {
  const sha256 = digest(text);
  return { key: `one/blobs/team/${sha256}`, sha256, size: Buffer.byteLength(text), expiresSeconds: 3600, ...more };
};

/** allow is what the administrator of a bucket does for the two keys that sign URLs where the server has no STS. */
const allow = async (upload: S3User, download: S3User): Promise<void> => {
  const { hostname, port, protocol } = new URL(server.endpoint);
  const agent = server.ca === undefined ? undefined : new https.Agent({ ca: server.ca });
  const { key, region } = server;
  const admin = new Client({
    ...{ endPoint: hostname, port: Number(port), useSSL: protocol === 'https:', region, ...key, pathStyle: true },
    ...(agent && { transportAgent: agent }),
  });
  const statement = ({ principal }: S3User, Action: string, folders: readonly string[]) => ({
    Effect: 'Allow',
    Principal: { AWS: [principal] },
    Action: [Action],
    Resource: folders.map((folder) => `arn:aws:s3:::${bucket}/one/${folder}/*`),
  });
  const Statement = [
    statement(upload, 's3:PutObject', ['blobs', 'probe']),
    statement(download, 's3:GetObject', ['blobs', 'logs']),
  ];
  await admin.setBucketPolicy(bucket, JSON.stringify({ Version: '2012-10-17', Statement }));
};

describe('versitygw', () => {
  beforeAll(async () => {
    names = testNames();
    server = await startVersityGw();
    const storage = storageOf();
    await storage.ensureBucket();
    await storage.ensureBucket();
  }, 600_000);

  afterAll(async () => {
    await Promise.all(open.splice(0).map((storage) => storage.close()));
    await server[Symbol.asyncDispose]();
    names[Symbol.dispose]();
  });

  const stored = ({ sha256, size }: { readonly sha256: string; readonly size: number }) => ({ size, sha256 });

  test('is found to bind bytes to a URL; without keys of their own for URLs it signs none, unless that is wanted', async () => {
    expect(await storageOf().capabilities()).toMatchObject({ checksum: 'checksum-sha256', credential: 'main' });
    await expect(storageOf({ signWithMainKey: false }).capabilities()).rejects.toMatchObject({
      reason: 'SigningRefused',
    });
    expect(await storageOf().head('one/none')).toBeUndefined();
  });

  describe.each<Addressing>(['Path', 'VirtualHost'])('by the addressing %s', (addressing) => {
    const text = `pushed by ${addressing}`;

    test('takes exactly the bytes of a push, once, and gives them back', async () => {
      const storage = storageOf(atAddressing(addressing));
      const request = target(text);
      const presigned = await storage.presignPut(request);
      expect(new URL(presigned.url).hostname.startsWith(`${bucket}.`)).toBe(addressing === 'VirtualHost');
      expect(await storage.head(request.key)).toBeUndefined();
      const wrong = await put(presigned, text.toUpperCase());
      expect([400, 403]).toContain(wrong.status);
      expect(await storage.head(request.key)).toBeUndefined();
      expect(await put(presigned, text)).toMatchObject({ status: 200 });
      expect(await storage.head(request.key)).toEqual(stored(request));
      // Pushed again: the server keeps what it has, and the operator sees that it is there.
      expect(await put(presigned, text)).toMatchObject({ status: 412 });
      const download = await storage.presignGet({ key: request.key, expiresSeconds: 900, endpoint: 'internal' });
      expect(await send(download.url, 'GET')).toEqual({ status: 200, text });
      expect(await send(download.url, 'PUT', { 'content-length': '1' }, 'x')).toMatchObject({ status: 403 });
    });

    test('takes nothing by a URL that has expired, nor for another length or key', async () => {
      const storage = storageOf(atAddressing(addressing));
      const request = target(`late by ${addressing}`, { expiresSeconds: 1 });
      const presigned = await storage.presignPut(request);
      const { url, headers } = await storage.presignPut({ ...request, expiresSeconds: 600 });
      const longer = { ...headers, 'content-length': '1' };
      expect((await send(url, 'PUT', longer, 'x')).status).toBeGreaterThanOrEqual(400);
      const other = url.replace(request.sha256, digest('other'));
      expect(await send(other, 'PUT', headers, `late by ${addressing}`)).toMatchObject({ status: 403 });
      await expect
        .poll(async () => (await put(presigned, `LATE by ${addressing}`)).text, { timeout: 10_000, interval: 300 })
        .toMatch(/expired|AccessDenied/i);
      expect(await put(presigned, `late by ${addressing}`)).toMatchObject({ status: 403 });
      expect(await storage.head(request.key)).toBeUndefined();
    });

    test('serves the sweep: texts of the operator, lists in order, and deleting many at once', async () => {
      const storage = storageOf(atAddressing(addressing));
      const at = (name: string): string => `one/${addressing}/${name}`;
      expect(await storage.read(at('none'))).toBeUndefined();
      for (const name of ['b', 'a', 'c']) await storage.write(at(name), name);
      await storage.write(at('a'), 'again');
      expect(await storage.read(at('a'))).toBe('again');
      const list = async (): Promise<string[]> => {
        const keys: string[] = [];
        for await (const { key } of storage.list(`one/${addressing}/`)) keys.push(key);
        return keys;
      };
      const keys = await list();
      expect(keys).toEqual(['a', 'b', 'c'].map(at));
      expect(await storage.removeAll(keys)).toEqual([]);
      expect(await list()).toEqual([]);
      await storage.probeRoom();
    });
  });

  test('signs URLs by keys that may only put and only get, where it has these', async () => {
    const [upload, download] = [await server.addUser('uploads', 'none'), await server.addUser('downloads', 'none')];
    await allow(upload, download);
    const storage = storageOf({ signWithMainKey: false, uploadKey: upload, downloadKey: download });
    expect(await storage.capabilities()).toEqual({ checksum: 'checksum-sha256', credential: 'limited', warnings: [] });
    const request = target('by a limited key');
    const presigned = await storage.presignPut(request);
    expect(presigned.url).toContain(upload.accessKey);
    expect(await put(presigned, 'by a limited key')).toMatchObject({ status: 200 });
    const { url } = await storage.presignGet({ key: request.key, expiresSeconds: 60, endpoint: 'internal' });
    expect(await send(url, 'GET')).toEqual({ status: 200, text: 'by a limited key' });
    // The log of a build, which the operator writes and people read.
    const key = 'one/logs/team/shop/1.log';
    await storage.write(key, 'the log');
    const log = await storage.presignGet({ key, expiresSeconds: 60, endpoint: 'public' });
    expect(await send(log.url, 'GET')).toEqual({ status: 200, text: 'the log' });
    // What one of them signs for the other's work, or elsewhere, is of no use.
    const swapped = storageOf({ signWithMainKey: false, uploadKey: download, downloadKey: upload });
    await expect(swapped.capabilities()).rejects.toMatchObject({ reason: 'AccessDenied' });
  });

  test('has its key exchanged without a failed push: both are good until the old one goes', async () => {
    const [old, young] = [await server.addUser('key-1', 'all'), await server.addUser('key-2', 'all')];
    const [before, after] = [storageOf(old), storageOf(young)];
    const request = target('pushed over an exchange');
    const signedBefore = await before.presignPut(request);
    const signedAfter = await after.presignPut(request);
    await server.removeUser(old);
    await expect
      .poll(() => before.head(request.key).then(String, (error: { reason?: string }) => error.reason))
      .toMatch(/WrongCredentials|AccessDenied/);
    expect((await put(signedBefore, 'pushed over an exchange')).status).toBeGreaterThanOrEqual(400);
    expect(await after.head(request.key)).toBeUndefined();
    expect(await put(signedAfter, 'pushed over an exchange')).toMatchObject({ status: 200 });
    expect(await after.head(request.key)).toEqual(stored(request));
  });

  test('tells a wrong key, and a bucket that is not there', async () => {
    await expect(storageOf({ secretKey: 'wrong' }).remove('one/x')).rejects.toMatchObject({
      reason: 'WrongCredentials',
    });
    await expect(storageOf({ accessKey: 'nobody' }).remove('one/x')).rejects.toMatchObject({
      reason: 'WrongCredentials',
    });
    await expect(storageOf({ bucket: 'nowhere' }).head('one/x')).rejects.toMatchObject({ reason: 'BucketMissing' });
  });
});

describe('versitygw of its own region and authority', () => {
  beforeAll(async () => {
    server = await startVersityGw();
  }, 600_000);
  afterAll(() => server[Symbol.asyncDispose]());

  test('a certificate of an unknown authority, and the region that requests are signed for', async () => {
    await expect(storageOf({ ca: undefined }).ensureBucket()).rejects.toMatchObject({ reason: 'CertificateInvalid' });
    await storageOf().ensureBucket();
    await expect(storageOf({ region: 'us-east-1' }).capabilities()).rejects.toThrow(/correct s3\.region/);
  });
});
