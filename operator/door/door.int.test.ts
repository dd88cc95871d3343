import { createHash, randomBytes } from 'node:crypto';
import { request as plain, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { hash } from 'bcryptjs';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  authorizationOf,
  createRegistryClient,
  parseReference,
  pullCredential,
  readPullKeys,
  type PullKeys,
} from '../registry/index.ts';
import { digestOf, pushImage } from '../testing/image.ts';
import { startRegistry, type TestRegistry } from '../testing/registry.ts';
import { startForward, type Forward } from './forward.ts';
import type { Limits } from './limits.ts';
import { startDoor, type Door } from './server.ts';

const pull = readPullKeys({ version: '1', 'key-1': 'k'.repeat(43) }) as PullKeys;
const own = pullCredential(pull, 'apps/team-a');
const other = pullCredential(pull, 'apps/team-b');
const layer = randomBytes(8 * 1024 * 1024);
const blob = `/v2/apps/team-a/shop/blobs/${digestOf(layer)}`;

const patient = { timeout: 20_000, interval: 50 };

let registry: TestRegistry;
let upstream: string;
let door: Door;
let forward: Forward;
let digest: string;

const open = (limits: Partial<Limits> = {}): Promise<Door> =>
  startDoor({ port: 0, host: '127.0.0.1', upstream, secrets: async () => ({ pull, shared: undefined }), limits });

beforeAll(async () => {
  const writer = { type: 'basic', username: 'w', password: 'w' } as const;
  registry = await startRegistry({ type: 'password', htpasswd: `w:${await hash('w', 4)}\n` });
  upstream = await registry.readers();
  const target = { base: `http://${registry.host}`, tag: 'run', authorization: authorizationOf(writer) };
  digest = await pushImage({ ...target, repository: 'apps/team-a/shop' }, { config: { Labels: { a: 'b' } } }, [layer]);
  await pushImage({ ...target, repository: 'apps/team-b/shop' }, {});
  door = await open();
  forward = await startForward({ port: 0, host: '127.0.0.1', target: { host: '127.0.0.1', port: door.port } });
});

afterAll(async () => {
  await forward[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** get sends the target as it is written: no client tidies it up. */
const get = (
  path: string,
  o: { port?: number; method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: authorizationOf(own), ...o.headers };
    const call = plain(
      { host: '127.0.0.1', port: o.port ?? door.port, path, method: o.method ?? 'GET', headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
        response.once('error', reject);
      },
    );
    call.once('error', reject).end();
  });

test('an image is read by the credential of its namespace, through the forwarder of a node too, and by no other', async () => {
  for (const port of [door.port, forward.port]) {
    const host = `127.0.0.1:${port}`;
    const client = createRegistryClient({ insecure: [host] });
    const image = parseReference(`${host}/apps/team-a/shop:run`);
    expect(await client.headManifest(image, own)).toMatchObject({ type: 'found', digest });
    expect(await client.imageConfig(image, own)).toMatchObject({ type: 'found', config: { labels: { a: 'b' } } });
    expect(await client.headManifest(image, other)).toMatchObject({ type: 'unauthorized' });
    expect(await client.headManifest(image)).toMatchObject({ type: 'unauthorized' });
    await client.close();
  }
});

test('what is there and what is not are refused to others in the same words', async () => {
  const answers = await Promise.all(
    ['/v2/apps/team-b/shop/manifests/run', '/v2/apps/team-b/none/manifests/run'].map((path) => get(path)),
  );
  expect(answers.map(({ status }) => status)).toEqual([403, 403]);
  expect(answers[0]?.body).toEqual(answers[1]?.body);
});

test('a layer comes whole, in part, not again when it is known, and without its bytes when only asked about', async () => {
  expect((await get(blob)).body.equals(layer)).toBe(true);
  const head = await get(blob, { method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, headers: { 'content-length': String(layer.length) } });
  expect(head.body.length).toBe(0);
  const part = await get(blob, { headers: { range: 'bytes=1000-1999' } });
  expect(part).toMatchObject({
    status: 206,
    headers: { 'content-range': `bytes 1000-1999/${layer.length}`, 'content-length': '1000' },
  });
  expect(part.body.equals(layer.subarray(1000, 2000))).toBe(true);
  expect((await get(blob, { headers: { 'if-none-match': `"${digestOf(layer)}"` } })).status).toBe(304);
  expect((await get(blob, { headers: { range: `bytes=${layer.length}-` } })).status).toBe(416);
});

test('the catalog, others, uploads and mounts are refused, and the registry behind stays as it was', async () => {
  const mount = `/v2/apps/team-a/shop/blobs/uploads/?mount=${digestOf(layer)}&from=apps/team-b/shop`;
  for (const [method, path, status] of [
    ['GET', '/v2/_catalog', 404],
    ['GET', '/v2/apps/team-a/../team-b/shop/manifests/run', 404],
    ['GET', '/v2/apps/team-a/%2e%2e/team-b/shop/manifests/run', 404],
    ['GET', `http://127.0.0.1:${door.port}/v2/apps/team-b/shop/manifests/run`, 404],
    ['POST', mount, 405],
    ['PUT', '/v2/apps/team-a/shop/manifests/mine', 405],
    ['DELETE', `/v2/apps/team-a/shop/manifests/${digest}`, 405],
  ] as const)
    expect((await get(path, { method })).status, path).toBe(status);
  expect(JSON.parse((await get('/v2/apps/team-a/shop/tags/list')).body.toString())).toEqual({
    name: 'apps/team-a/shop',
    tags: ['run'],
  });
});

/** raw sends bytes as they are, and gives all that comes back until the connection ends. */
const raw = (text: string, port = door.port): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.once('error', () => undefined).once('close', () => resolve(answer));
  });

test('a request that hides another one in its body is not read on', async () => {
  const hidden = `GET /v2/apps/team-b/shop/manifests/run HTTP/1.1\r\nhost: r\r\n\r\n`;
  const head = `GET /v2/ HTTP/1.1\r\nhost: r\r\nauthorization: ${authorizationOf(own)}\r\n`;
  for (const framing of [
    `content-length: ${hidden.length}\r\n`,
    'transfer-encoding: chunked\r\n',
    `expect: 100-continue\r\ncontent-length: ${hidden.length}\r\n`,
  ]) {
    const answer = await raw(`${head}${framing}\r\n${hidden}`);
    expect(answer.match(/^HTTP\/1\.1 (\d+)/gm), framing).toEqual(['HTTP/1.1 400']);
  }
  expect(await raw(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${hidden}`)).not.toContain('200');
  expect(await raw(`${head}x: ${'y'.repeat(9000)}\r\n\r\n`)).toBe('');
});

test('eight hundred layers at once arrive whole, through the forwarder', async () => {
  const agent = new Agent({ connections: 800 });
  const expected = createHash('sha256').update(layer.subarray(0, 65_536)).digest('hex');
  const read = async (): Promise<string> => {
    const headers = { authorization: authorizationOf(own), range: 'bytes=0-65535' };
    const answer = await request(`http://127.0.0.1:${forward.port}${blob}`, { headers, dispatcher: agent });
    return createHash('sha256')
      .update(Buffer.from(await answer.body.arrayBuffer()))
      .digest('hex');
  };
  const answers = await Promise.all(Array.from({ length: 800 }, read));
  await agent.close();
  expect(new Set(answers)).toEqual(new Set([expected]));
});

test('a client that does not take what it asked for costs no memory, and is ended', async () => {
  // Longer than it takes a busy machine to begin fifty answers: only then all of them are held at once.
  await using narrow = await open({ idleMs: 3_000 });
  const before = process.memoryUsage().rss;
  const sockets = Array.from({ length: 50 }, () => {
    const socket = connect(narrow.port, '127.0.0.1', () =>
      socket.write(`GET ${blob} HTTP/1.1\r\nhost: r\r\nauthorization: ${authorizationOf(own)}\r\n\r\n`),
    );
    return socket.once('error', () => undefined);
  });
  // Who listens for readable takes only as much as fits into its buffer.
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => void socket.once('readable', resolve))));
  // Not fifty times eight MiB.
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  const held = narrow.answers;
  expect(held()).toBe(50);
  await vi.waitFor(() => expect(held()).toBe(0), patient);
  for (const socket of sockets) socket.destroy();
});

test('one namespace cannot take all answers, nor one address all connections', async () => {
  await using narrow = await open({ perScope: 1, perAddress: 3, idleMs: 5000 });
  const held = connect(narrow.port, '127.0.0.1', () =>
    held.write(`GET ${blob} HTTP/1.1\r\nhost: r\r\nauthorization: ${authorizationOf(own)}\r\n\r\n`),
  );
  held.pause();
  const status = async (credential = own): Promise<number> =>
    (
      await get('/v2/apps/team-b/shop/tags/list', {
        port: narrow.port,
        headers: { authorization: authorizationOf(credential) },
      })
    ).status;
  await vi.waitFor(async () => expect((await get(blob, { port: narrow.port })).status).toBe(429), patient);
  expect(await status(other)).toBe(200);
  const more = Array.from({ length: 2 }, () => connect(narrow.port, '127.0.0.1').once('error', () => undefined));
  await vi.waitFor(() => expect(more.every((socket) => !socket.connecting)).toBe(true), patient);
  await expect(status(other)).rejects.toThrow();
  for (const socket of [held, ...more]) socket.destroy();
  await vi.waitFor(async () => expect(await status(other)).toBe(200), patient);
});

test('told to end, the door takes nobody in and lets what is under way end', async () => {
  const closing = await open();
  const answer = await request(`http://127.0.0.1:${closing.port}${blob}`, {
    headers: { authorization: authorizationOf(own) },
    dispatcher: new Agent(),
  });
  const closed = closing[Symbol.asyncDispose]();
  await vi.waitFor(() => expect(get('/v2/', { port: closing.port })).rejects.toThrow('ECONNREFUSED'), patient);
  expect((await answer.body.arrayBuffer()).byteLength).toBe(layer.length);
  await closed;
});

test('without keys or without the registry behind it, the door says so, and is not ready', async () => {
  const common = { port: 0, host: '127.0.0.1' };
  await using keyless = await startDoor({ ...common, upstream, secrets: async () => undefined });
  expect((await get('/v2/', { port: keyless.port })).status).toBe(503);
  expect(await keyless.trouble()).toBe('The keys of the pull credentials are missing.');
  const secrets = async () => ({ pull, shared: undefined });
  await using alone = await startDoor({ ...common, upstream: '/nowhere.sock', secrets });
  expect((await get(blob, { port: alone.port })).status).toBe(502);
  expect(await alone.trouble()).toBe('The registry behind this door does not answer.');
  expect(await door.trouble()).toBeUndefined();
});
