import { createHash } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { Client } from 'minio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createServer as createCertificate } from '../bootstrap/certificates.ts';
import { startMinio, type Minio } from '../testing/minio.ts';
import { createStorage, type Presigned, type Storage, type StorageConfig } from './index.ts';
import { presign } from './sigv4.ts';
import { uploadHeaders } from './upload.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** send keeps headers as they are, unlike fetch. */
const send = (url: string, method: string, headers: object, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: { ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });

let minio: Minio;
let storage: Storage;
let config: StorageConfig;

const put = (presigned: Presigned, body: string, extra: object = {}): Promise<Answer> =>
  send(presigned.url, 'PUT', { ...presigned.headers, ...extra }, body);

const target = (text: string, namespace = 'team-a') => {
  const sha256 = digest(text);
  return { key: storage.blobKey(namespace, sha256), sha256, size: Buffer.byteLength(text), expiresSeconds: 3600 };
};

beforeAll(async () => {
  minio = await startMinio();
  const { endpoint, accessKey, secretKey } = minio;
  config = { endpoint, region: 'us-east-1', bucket: 'epinio', prefix: 'one/', accessKey, secretKey };
  storage = createStorage(config);
});

afterAll(async () => {
  await storage.close();
  await minio[Symbol.asyncDispose]();
});

describe.sequential('a MinIO server', () => {
  test('is told apart from its missing bucket, which is then made, once or twice', async () => {
    await expect(storage.head('one/none')).rejects.toMatchObject({ reason: 'BucketMissing' });
    await expect(storage.capabilities()).rejects.toMatchObject({ reason: 'BucketMissing' });
    await Promise.all([storage.ensureBucket(), createStorage(config).ensureBucket()]);
    await storage.ensureBucket();
    expect(await storage.head('one/none')).toBeUndefined();
  });

  test('is reached by its IPv6 address', async () => {
    const sixth = createStorage({ ...config, endpoint: config.endpoint.replace('127.0.0.1', '[::1]') });
    expect(await sixth.head('one/none')).toBeUndefined();
    const request = target('by IPv6');
    expect(await put(await sixth.presignPut(request), 'by IPv6')).toMatchObject({ status: 200 });
    expect(await sixth.head(request.key)).toMatchObject({ size: request.size });
    await sixth.close();
  });

  test('without sessions signs nothing with the main key, unless that is wanted', async () => {
    // A server without STS: AssumeRole, the only POST, is not known to it.
    const upstream = new URL(config.endpoint);
    const door = http.createServer((request, response) => {
      if (request.method === 'POST') return void response.writeHead(501).end();
      const { method, headers, url } = request;
      const to = { host: upstream.hostname, port: upstream.port, path: url, method, headers };
      request.pipe(http.request(to, (a) => a.pipe(response.writeHead(a.statusCode ?? 0, a.headers))));
      return undefined;
    });
    const endpoint = `http://127.0.0.1:${await listen(door)}`;
    const request = target('signed by whom?');
    const careful = createStorage({ ...config, endpoint });
    await expect(careful.presignPut(request)).rejects.toMatchObject({ reason: 'SigningRefused' });
    await expect(careful.presignGet({ ...request, endpoint: 'internal' })).rejects.toThrow(/s3\.signWithMainKey/);
    const limited = createStorage({ ...config, endpoint, uploadKey: config, downloadKey: config });
    expect(await limited.capabilities()).toMatchObject({ credential: 'limited', warnings: [] });
    const wanted = createStorage({ ...config, endpoint, signWithMainKey: true });
    expect(await wanted.capabilities()).toMatchObject({ credential: 'main' });
    expect((await wanted.presignPut(request)).url).toContain(config.accessKey);
    await Promise.all([careful, limited, wanted].map((s) => s.close()));
    door.closeAllConnections();
    door.close();
  });

  test('is found to check sha256 and to give session credentials, and the probe leaves nothing behind', async () => {
    expect(await storage.capabilities()).toEqual({ checksum: 'checksum-sha256', credential: 'session', warnings: [] });
    const url = presign({
      ...config,
      method: 'GET',
      path: 'epinio',
      credentials: config,
      expiresSeconds: 60,
      now: new Date(),
    });
    expect((await send(url, 'GET', {})).text).not.toContain('probe');
  });
});

describe('an upload URL', () => {
  test('takes exactly its bytes, whose digest HEAD then tells', async () => {
    const request = target('exactly these bytes');
    const presigned = await storage.presignPut(request);
    expect(await storage.head(request.key)).toBeUndefined();
    expect(await put(presigned, 'exactly those bytes')).toMatchObject({ status: 400 });
    expect(await storage.head(request.key)).toBeUndefined();
    expect(await put(presigned, 'exactly these bytes')).toMatchObject({ status: 200 });
    expect(await storage.head(request.key)).toEqual({ size: request.size, sha256: request.sha256 });
  });

  test('does not overwrite what is there', async () => {
    const presigned = await storage.presignPut(target('once'));
    expect(await put(presigned, 'once')).toMatchObject({ status: 200 });
    expect(await put(presigned, 'once')).toMatchObject({ status: 412 });
  });

  test('takes no other length, key, method, host or header', async () => {
    const request = target('bound');
    const { url, headers } = await storage.presignPut(request);
    const other = url.replace(request.key, storage.blobKey('team-b', request.sha256));
    const statuses = await Promise.all([
      send(url, 'PUT', { ...headers, 'content-length': '6' }, 'bounds'),
      send(other, 'PUT', headers, 'bound'),
      send(url, 'GET', {}),
      send(url, 'DELETE', {}),
      send(url, 'PUT', { ...headers, host: 'elsewhere' }, 'bound'),
      send(url, 'PUT', { 'content-length': '5' }, 'bound'),
      send(`${url}&x=1`, 'PUT', headers, 'bound'),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([403, 403, 400, 400, 403, 400, 403]);
    expect(await storage.head(request.key)).toBeUndefined();
  });

  test('cannot copy another object, nor be turned into a streaming upload without signature', async () => {
    const secret = target('a secret of another tenant', 'team-b');
    expect(await put(await storage.presignPut(secret), 'a secret of another tenant')).toMatchObject({ status: 200 });
    const request = target('mine');
    const presigned = await storage.presignPut(request);
    const copied = await put(presigned, '', { 'content-length': '0', 'x-amz-copy-source': `/epinio/${secret.key}` });
    const copiedAsSigned = await put(presigned, 'mine', { 'x-amz-copy-source': `/epinio/${secret.key}` });
    const streamed = await put(presigned, '5\r\nother\r\n0\r\n\r\n', {
      'content-length': '16',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '5',
    });
    expect([copied.status, copiedAsSigned.status, streamed.status]).toEqual([403, 403, 403]);
    expect(await storage.head(request.key)).toBeUndefined();
  });

  test('is signed for the public endpoint, and shows only a temporary access key', async () => {
    const shop = createStorage({ ...config, publicEndpoint: 'http://s3.localhost' });
    const { url } = await shop.presignPut(target('public'));
    expect(new URL(url).host).toBe('s3.localhost');
    expect(url).not.toContain(config.accessKey);
    expect(new URL(url).searchParams.has('X-Amz-Security-Token')).toBe(true);
    const port = new URL(config.endpoint).port;
    const through = url.replace('s3.localhost', `127.0.0.1:${port}`);
    const { headers } = await shop.presignPut(target('public'));
    expect(await send(through, 'PUT', { ...headers, host: 's3.localhost' }, 'public')).toMatchObject({ status: 200 });
    await shop.close();
  });

  test('is made again with the same credential while that lives long enough', async () => {
    const credential = (p: Presigned): string | null => new URL(p.url).searchParams.get('X-Amz-Credential');
    const request = target('again');
    const first = await storage.presignPut(request);
    expect(credential(await storage.presignPut(request))).toBe(credential(first));
    expect(credential(await storage.presignPut({ ...request, expiresSeconds: 10_000 }))).not.toBe(credential(first));
    expect(first.expiresAt.getTime() - Date.now()).toBeGreaterThan(3_590_000);
  });

  test('binds bytes by x-amz-content-sha256 where a server knows only that', async () => {
    const request = target('by content hash');
    const bound = uploadHeaders('content-sha256', request);
    const path = `epinio/${request.key}`;
    const url = presign({
      ...config,
      method: 'PUT',
      path,
      credentials: config,
      expiresSeconds: 60,
      now: new Date(),
      ...bound,
    });
    expect(await send(url, 'PUT', bound.headers, 'by content hasH')).toMatchObject({ status: 400 });
    expect(await send(url, 'PUT', bound.headers, 'by content hash')).toMatchObject({ status: 200 });
  });
});

describe('a download URL', () => {
  test('gives its object, in ranges too, and nothing else', async () => {
    const request = target('download me');
    await put(await storage.presignPut(request), 'download me');
    const { url } = await storage.presignGet({ key: request.key, expiresSeconds: 900, endpoint: 'internal' });
    expect(await send(url, 'GET', {})).toEqual({ status: 200, text: 'download me' });
    expect(await send(url, 'GET', { range: 'bytes=9-' })).toEqual({ status: 206, text: 'me' });
    expect(await send(url, 'PUT', { 'content-length': '1' }, 'x')).toMatchObject({ status: 403 });
    await storage.remove(request.key);
    expect(await send(url, 'GET', {})).toMatchObject({ status: 404 });
  });
});

describe('trouble has a name', () => {
  test('wrong secret and wrong key', async () => {
    const wrong = createStorage({ ...config, secretKey: 'wrong-secret' });
    await expect(wrong.capabilities()).rejects.toMatchObject({ reason: 'WrongCredentials' });
    await expect(wrong.head('one/x')).rejects.toMatchObject({ reason: 'AccessDenied' });
    const unknown = createStorage({ ...config, accessKey: 'nobody' });
    await expect(unknown.remove('one/x')).rejects.toMatchObject({ reason: 'WrongCredentials' });
  });

  test('nobody listens, and a peer that accepts and stays silent ends in bounded time', async () => {
    const closed = createStorage({ ...config, endpoint: 'http://127.0.0.1:1' });
    await expect(closed.head('one/x')).rejects.toMatchObject({ reason: 'EndpointUnreachable' });
    await expect(closed.capabilities()).rejects.toMatchObject({ reason: 'EndpointUnreachable' });
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => void sockets.add(socket));
    const port = await listen(silent);
    const patient = createStorage({ ...config, endpoint: `http://127.0.0.1:${port}`, timeoutMs: 200 });
    await expect(patient.head('one/x')).rejects.toMatchObject({ reason: 'EndpointUnreachable' });
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('a server that is overloaded for a moment is asked again, over one connection', async () => {
    let answers = 0;
    let connections = 0;
    const upstream = new URL(config.endpoint);
    const proxy = http.createServer((request, response) => {
      answers += 1;
      if (answers <= 2) return void response.writeHead(503, { 'content-length': '0' }).end();
      const { method, headers, url } = request;
      const forward = http.request(
        { host: upstream.hostname, port: upstream.port, path: url, method, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(response);
        },
      );
      request.pipe(forward);
    });
    proxy.on('connection', () => (connections += 1));
    const port = await listen(proxy);
    const tried = createStorage({ ...config, endpoint: `http://127.0.0.1:${port}` });
    expect(await tried.head('one/none')).toBeUndefined();
    await tried.close();
    proxy.closeAllConnections();
    proxy.close();
    expect(connections).toBe(1);
  });

  test('a certificate is trusted by its CA only', async () => {
    const server = await createCertificate(['127.0.0.1'], new Date());
    await using secure = await startMinio(server);
    const tls = { ...config, endpoint: secure.endpoint };
    await expect(createStorage(tls).ensureBucket()).rejects.toMatchObject({ reason: 'CertificateInvalid' });
    const trusted = createStorage({ ...tls, ca: server.ca });
    await trusted.ensureBucket();
    expect(await trusted.capabilities()).toMatchObject({ credential: 'session' });
    await trusted.close();
  });
});

const listen = (server: net.Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });

test('a key that the server refuses from now on is told as trouble of the storage', async () => {
  await using other = await startMinio(undefined, 'another-root-secret');
  let upstream = new URL(minio.endpoint).port;
  const sockets = new Set<net.Socket>();
  // One address, behind which another server takes the place of the first: same names, another secret.
  const door = net.createServer((socket) => {
    const up = net.connect(Number(upstream), '127.0.0.1');
    for (const end of [socket, up]) sockets.add(end.on('error', () => end.destroy()));
    socket.pipe(up).pipe(socket);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(door.address() as net.AddressInfo).port}`;
  const moved = createStorage({ ...config, endpoint, bucket: 'rotated' });
  try {
    await moved.ensureBucket();
    expect(await moved.capabilities()).toMatchObject({ credential: 'session' });
    upstream = new URL(other.endpoint).port;
    for (const socket of sockets) socket.destroy();
    // The first call may still meet the broken connection.
    await expect
      .poll(() => moved.presignPut(target('late')).then(String, String))
      .toMatch(/denies access to bucket rotated: check the key in the Secret of s3.secretRef/);
  } finally {
    await moved.close();
    door.close();
  }
});

test('a bucket that is full is told as that, and takes uploads again when it has room', async () => {
  const { hostname, port } = new URL(config.endpoint);
  const admin = new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey: config.accessKey,
    secretKey: config.secretKey,
    region: config.region,
    pathStyle: true,
  });
  const full = createStorage({ ...config, bucket: 'full' });
  /** What `mc quota set` sends: MinIO refuses every object beyond it. */
  const limit = (quota: number) =>
    admin.makeRequestAsyncOmit(
      { method: 'PUT', bucketName: 'minio', objectName: 'admin/v3/set-bucket-quota', query: 'bucket=full' },
      JSON.stringify({ quota, quotatype: 'hard' }),
    );
  await full.ensureBucket();
  await full.probeRoom();
  const request = target('there is no room for this');
  const presigned = await full.presignPut(request);
  await limit(10);
  await expect(full.probeRoom()).rejects.toMatchObject({ reason: 'StorageFull' });
  expect((await put(presigned, 'there is no room for this')).status).not.toBe(200);
  await limit(1_000_000);
  await full.probeRoom();
  expect(await put(presigned, 'there is no room for this')).toMatchObject({ status: 200 });
  await full.close();
});
