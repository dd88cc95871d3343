import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createRegistryClient, type RegistryClient, type RegistryConfig } from './client.ts';
import { parseReference, type Reference } from './names.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** serve is a registry that misbehaves as the test wants; it ends with the test. */
const serve = async (answer: Answer): Promise<string> => {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const clientOf = (host: string, config: RegistryConfig = {}): RegistryClient => {
  const client = createRegistryClient({ insecure: [host], idleMs: 1000, totalMs: 2000, ...config });
  onTestFinished(() => client.close());
  return client;
};

const image = (host: string, version = ':v1'): Reference => parseReference(`${host}/apps/team-a/shop${version}`);
const credential = { type: 'basic', username: 'u', password: 'secret' } as const;
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** trickle sends a byte each 50 ms for ever: never silent, never done. */
const trickle: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 50);
  response.once('close', () => clearInterval(timer));
};

test('a registry that answers byte by byte is given up after the whole time, whatever is asked', async () => {
  const host = await serve(trickle);
  const client = clientOf(host, { totalMs: 400 });
  const tooLong = { type: 'unreachable', message: `The registry ${host} does not answer (it takes too long).` };
  const began = Date.now();
  expect(await Promise.all([client.imageConfig(image(host)), client.imageSize(image(host))])).toEqual([
    tooLong,
    tooLong,
  ]);
  expect(Date.now() - began).toBeLessThan(10_000);
});

test('a token server that answers byte by byte takes no longer either', async () => {
  const realm = await serve(trickle);
  const host = await serve((_request, response) =>
    response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${realm}/token"` }).end(),
  );
  const began = Date.now();
  await clientOf(host, { totalMs: 400 }).headManifest(image(host), credential);
  expect(Date.now() - began).toBeLessThan(10_000);
});

test('of an answer of 50 MB no more than 4 MiB are read', async () => {
  let sent = 0;
  const host = await serve((_request, response) => {
    const block = Buffer.alloc(1024 * 1024, 0x20);
    const more = (): void => {
      while (sent < 50) {
        sent++;
        if (!response.write(block)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  expect(await clientOf(host).imageConfig(image(host))).toEqual({
    type: 'unreachable',
    message: `The registry ${host} does not answer (the answer is larger than 4 MiB).`,
  });
  expect(sent).toBeLessThan(50);
});

test('a redirect to another host is followed without the credential, also when it leads back', async () => {
  const seen: string[] = [];
  const note = (name: string, { headers }: IncomingMessage): void => void seen.push(`${name} ${headers.authorization}`);
  const manifest = JSON.stringify({ layers: [{ digest: 'a', size: 7 }] });
  const other: string = await serve((request, response) => {
    note('other', request);
    response.writeHead(307, { location: `http://${host}/back` }).end();
  });
  const host: string = await serve((request, response) => {
    note('own', request);
    if (request.url === '/back') response.end(manifest);
    else response.writeHead(307, { location: `http://${other}/elsewhere` }).end();
  });
  expect(await clientOf(host).imageSize(image(host), credential)).toEqual({ type: 'found', bytes: 7 });
  expect(seen).toEqual(['own Basic dTpzZWNyZXQ=', 'other undefined', 'own undefined']);
});

test('a registry that redirects in a circle is given up', async () => {
  const host = await serve((_request, response) => response.writeHead(302, { location: '/again' }).end());
  expect(await clientOf(host).imageSize(image(host))).toMatchObject({
    type: 'unreachable',
    message: expect.stringContaining('too many redirects') as string,
  });
});

test.each([['null'], ['[]'], ['{"manifests":7}'], ['"text"'], ['{"config":{"digest":7}}'], ['{']])(
  'a manifest that is %s is no reason to throw',
  async (text) => {
    const host = await serve((_request, response) => response.end(text));
    const client = clientOf(host);
    expect((await client.imageConfig(image(host))).type).toBe('unreachable');
    await client.imageSize(image(host));
  },
);

test('a manifest leads to no other path: who pushes it chooses what it names', async () => {
  const asked: (string | undefined)[] = [];
  const elsewhere = '../../../_catalog';
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const host = await serve((request, response) => {
    asked.push(request.url);
    const index = { manifests: [{ digest: elsewhere, platform }] };
    response.end(JSON.stringify(request.url?.endsWith('/v1') ? index : { config: { digest: elsewhere } }));
  });
  const client = clientOf(host);
  for (const version of [':v1', ':v2']) {
    expect((await client.imageConfig(image(host, version))).type).toBe('unreachable');
    await client.imageSize(image(host, version));
  }
  expect(new Set(asked)).toEqual(new Set(['/v2/apps/team-a/shop/manifests/v1', '/v2/apps/team-a/shop/manifests/v2']));
});

test('labels that are no text are left out', async () => {
  const config = JSON.stringify({ config: { Labels: { a: 'x', b: { deep: true }, c: null }, Env: ['A=1', 7] } });
  const manifest = JSON.stringify({ config: { digest: digestOf(config), size: config.length } });
  const host = await serve((request, response) => response.end(request.url?.includes('/blobs/') ? config : manifest));
  expect(await clientOf(host).imageConfig(image(host))).toEqual({
    type: 'found',
    config: { labels: { a: 'x' }, env: ['A=1'] },
  });
});

const part = (digest: string, size: unknown): object => ({ digest, size });

test.each<[string, Readonly<Record<string, object>>, object]>([
  [
    'configuration and layers, each once',
    { v1: { config: part('c', 10), layers: [part('l1', 100), part('l2', 1000), part('l1', 100)] } },
    { type: 'found', bytes: 1110 },
  ],
  [
    'all images of an index, with what they share once, and without those that are not there',
    {
      v1: { manifests: [part('m1', 1), part('m2', 1), part('m3', 1)] },
      m1: { config: part('c1', 10), layers: [part('l', 100)] },
      m2: { config: part('c2', 20), layers: [part('l', 100)] },
    },
    { type: 'found', bytes: 130 },
  ],
  [
    'no size that is none',
    { v1: { config: part('c', -5), layers: [part('a', '9'), part('b', 1e300), part('d', 0.5), part('e', 3)] } },
    { type: 'found', bytes: 3 },
  ],
  [
    'no index without end',
    { v1: { manifests: Array.from({ length: 33 }, (_, n) => part(`m${n}`, 1)) } },
    { type: 'unreachable', message: expect.stringContaining('is an index of 33 images') as string },
  ],
  ['nothing where there is nothing', {}, { type: 'absent' }],
])('the size of an image counts %s', async (_name, manifests, size) => {
  const host = await serve((request, response) => {
    const found = manifests[request.url?.split('/').at(-1) ?? ''];
    if (found === undefined) response.writeHead(404).end();
    else response.end(JSON.stringify(found));
  });
  expect(await clientOf(host).imageSize(image(host))).toEqual(size);
});

test.each<[string, number, string, object]>([
  [
    'Harbor, whose project has no more',
    412,
    '{"errors":[{"message":"adding 5 MiB will exceed the configured upper limit"}]}',
    { type: 'full' },
  ],
  [
    'Harbor, in other words',
    403,
    '{"errors":[{"code":"DENIED","message":"requested access would exceed the quota"}]}',
    { type: 'full' },
  ],
  [
    'a disk, by the number of its error',
    500,
    '{"errors":[{"detail":{"Enclosed":{"Op":"write","Err":28}}}]}',
    { type: 'full' },
  ],
  ['a quota of the disk', 500, '{"errors":[{"detail":{"Err":122}}]}', { type: 'full' }],
  ['a server that says so by its status', 507, '', { type: 'full' }],
  ['a mistake of its own', 500, '{"errors":[{"detail":{"Err":285}}]}', { type: 'unreachable' }],
  ['no right to push', 403, '{"errors":[{"code":"DENIED"}]}', { type: 'unauthorized' }],
  ['another place to push to', 307, '', { type: 'unreachable' }],
])('an upload that ends with %s', async (_name, status, body, room) => {
  const seen: string[] = [];
  const host = await serve((request, response) => {
    seen.push(request.method ?? '');
    request.resume();
    const place = {
      location: status === 307 ? 'http://127.0.0.1:1/x' : '/v2/apps/team-a/shop/blobs/uploads/1?state=s',
    };
    if (request.method === 'POST' && status !== 307) response.writeHead(202, place).end();
    else if (request.method === 'DELETE') response.writeHead(204).end();
    else response.writeHead(status, place).end(body);
  });
  expect(await clientOf(host).tryUpload(image(host), credential)).toMatchObject(room);
  expect(seen).toEqual(status === 307 ? ['POST'] : ['POST', 'PATCH', 'DELETE']);
});

test('a catalog is read page by page, as the registry leads, and not to another path', async () => {
  const asked: string[] = [];
  const host = await serve((request, response) => {
    asked.push(request.url ?? '');
    const second = request.url?.includes('last=b') === true;
    response.setHeader(
      'link',
      second ? '</v2/apps/x/tags/list?n=1>; rel="next"' : '</v2/_catalog?last=b&n=2>; rel="next"',
    );
    response.end(JSON.stringify({ repositories: second ? ['c', 7, '../d'] : ['a', 'b'] }));
  });
  expect(await clientOf(host).repositories(host)).toEqual({ type: 'found', items: ['a', 'b', 'c'] });
  expect(asked).toEqual(['/v2/_catalog?n=1000', '/v2/_catalog?last=b&n=2']);
});

test('a list without end is given up', async () => {
  const host = await serve((_request, response) =>
    response.setHeader('link', '</v2/_catalog?n=1>; rel="next"').end('{"repositories":["a"]}'),
  );
  expect(await clientOf(host, { totalMs: 20_000 }).repositories(host)).toEqual({
    type: 'unreachable',
    message: 'The list _catalog of the registry has no end.',
  });
});

test.each(['../../../other/manifests/latest', 'sha256:abc', `sha256:${'a'.repeat(64)}?x=`])(
  'a digest that is none, such as %s, is no answer: it would become part of a path',
  async (digest) => {
    const host = await serve((_request, response) =>
      response.writeHead(200, { 'docker-content-digest': digest }).end(),
    );
    expect(await clientOf(host).headManifest(image(host), credential)).toEqual({
      type: 'unreachable',
      message: `${host} names no digest in its answer.`,
    });
  },
);

test('tags that are none are left out of the list', async () => {
  const tags = ['v1', '../../other/manifests/latest', '', 'a?b', '-x', 7, 'v2'];
  const host = await serve((_request, response) => response.end(JSON.stringify({ tags })));
  expect(await clientOf(host).tags(image(host), credential)).toEqual({ type: 'found', items: ['v1', 'v2'] });
});
