import https from 'node:https';
import net from 'node:net';
import { hash } from 'bcryptjs';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createServer, createSigner, type KeyPair } from '../bootstrap/certificates.ts';
import { digestOf, pushImage, pushIndex } from '../testing/image.ts';
import { startRegistry, type TestRegistry } from '../testing/registry.ts';
import { authorizationOf, type Credential } from './auth.ts';
import { createRegistryClient, type RegistryClient } from './client.ts';
import { parseReference, type Reference } from './names.ts';
import { signRunToken, type Access, type RepositoryAccess, type TokenRequest } from './token.ts';

const web = { type: 'web', command: ['node'], args: ['server.js'] };
const labels = { 'io.buildpacks.build.metadata': JSON.stringify({ processes: [web] }) };

describe('a registry with TLS and tokens', () => {
  let registry: TestRegistry;
  let signer: KeyPair;
  let ca: string;
  let client: RegistryClient;
  let digest: string;

  const sign = (access: readonly Access[], change: Partial<TokenRequest> = {}): Credential => ({
    type: 'bearer',
    token: signRunToken({
      ...signer,
      issuer: 'epinio',
      service: 'registry',
      access,
      expiresSeconds: 600,
      subject: 'team-a/app',
      ...change,
    }),
  });
  const allow = (name: string, ...actions: RepositoryAccess['actions'][number][]): Access => ({
    type: 'repository',
    name,
    actions,
  });
  const image = (repository: string, tag = 'run'): Reference => parseReference(`${registry.host}/${repository}:${tag}`);
  const configOfImage = {
    ...{ Labels: labels, Env: ['A=1'], User: '1001:1000' },
    ExposedPorts: { '9000/tcp': {}, '80': {}, '53/udp': {}, '99999/tcp': {}, x: {} },
  };
  const push = (repository: string, credential: Credential): Promise<string> =>
    pushImage(
      { base: `https://${registry.host}`, repository, tag: 'run', ca, authorization: authorizationOf(credential) },
      { config: configOfImage },
    );

  beforeAll(async () => {
    const server = await createServer(['127.0.0.1'], new Date());
    signer = await createSigner(new Date());
    ca = server.ca;
    registry = await startRegistry({ type: 'token', ...server, signer: signer.certificate });
    client = createRegistryClient({ ca, idleMs: 2000 });
    digest = await push('apps/team-a/app', sign([allow('apps/team-a/app', 'pull', 'push')]));
  });

  afterAll(async () => {
    await client.close();
    await registry[Symbol.asyncDispose]();
  });

  test('a run may push to its own repository and cache, and nowhere else', async () => {
    const run = sign([allow('apps/team-a/app', 'pull', 'push'), allow('apps/team-a/app/cache', 'pull', 'push')]);
    await expect(push('apps/team-a/app/cache', run)).resolves.toMatch(/^sha256:/);
    await expect(push('apps/team-b/app', run)).rejects.toThrow('401');
    await expect(push('apps/team-a/app', sign([allow('apps/team-a/app', 'pull')]))).rejects.toThrow('401');
  });

  test('an image is found by tag and by digest, and absent where there is none', async () => {
    const pull = sign([allow('apps/team-a/app', 'pull'), allow('apps/team-a/none', 'pull')]);
    const found = { type: 'found', digest, mediaType: 'application/vnd.oci.image.manifest.v1+json' };
    expect(await client.headManifest(image('apps/team-a/app'), pull)).toEqual(found);
    const byDigest = parseReference(`${registry.host}/apps/team-a/app@${digest}`);
    expect(await client.headManifest(byDigest, pull)).toEqual(found);
    expect(await client.headManifest(image('apps/team-a/app', 'other'), pull)).toEqual({ type: 'absent' });
    expect(await client.headManifest(image('apps/team-a/none'), pull)).toEqual({ type: 'absent' });
  });

  test('labels, environment, user and ports of an image are read', async () => {
    const pull = sign([allow('apps/team-a/app', 'pull')]);
    expect(await client.imageConfig(image('apps/team-a/app'), pull)).toEqual({
      type: 'found',
      config: { labels, env: ['A=1'], user: '1001:1000', ports: [80, 9000] },
    });
    expect(await client.imageConfig(image('apps/team-a/app', 'other'), pull)).toEqual({ type: 'absent' });
  });

  test('an index leads to the image of this machine’s architecture; without one it is absent', async () => {
    const both = sign([allow('apps/team-a/multi', 'pull', 'push')]);
    const target = {
      base: `https://${registry.host}`,
      repository: 'apps/team-a/multi',
      ca,
      authorization: authorizationOf(both),
    };
    const intel = await pushImage({ ...target, tag: 'intel' }, { config: { User: 'intel' } });
    const arm = await pushImage({ ...target, tag: 'arm' }, { config: { User: 'arm' } });
    const index = await pushIndex({ ...target, tag: 'run' }, { 'linux/amd64': intel, 'linux/arm64': arm });
    await pushIndex({ ...target, tag: 'other' }, { 'linux/s390x': arm });
    expect(await client.headManifest(image('apps/team-a/multi'), both)).toMatchObject({ type: 'found', digest: index });
    expect(await client.imageConfig(image('apps/team-a/multi'), both)).toMatchObject({
      type: 'found',
      config: { user: process.arch === 'x64' ? 'intel' : 'arm' },
    });
    expect(await client.imageConfig(image('apps/team-a/multi', 'other'), both)).toEqual({ type: 'absent' });
  });

  test('an image gets a further tag as it is, and labels stand alone under a tag, for who may push there', async () => {
    const repository = 'apps/team-d/shop/cache';
    const both = sign([allow(repository, 'pull', 'push')]);
    const pushed = await push(repository, both);
    const reference = image(repository);
    expect(await client.addTag(reference, 'run-1', both)).toEqual({ type: 'found' });
    expect(await client.headManifest(image(repository, 'run-1'), both)).toMatchObject({ digest: pushed });
    expect(await client.addTag(image(repository, 'none'), 'run-2', both)).toEqual({ type: 'absent' });
    const note = image('apps/note', 'latest');
    const own = sign([allow('apps/note', 'pull', 'push')]);
    for (const text of ['first', 'second']) {
      expect(await client.putLabels(note, { text }, own)).toEqual({ type: 'found' });
      expect(await client.imageConfig(note, own)).toMatchObject({ config: { labels: { text } } });
    }
    const pull = sign([allow(repository, 'pull'), allow('apps/note', 'pull')]);
    expect(await client.addTag(reference, 'run-2', pull)).toMatchObject({ type: 'unauthorized' });
    expect(await client.putLabels(note, { text: 'third' }, pull)).toMatchObject({ type: 'unauthorized' });
  });

  test('repositories and tags are listed, and a manifest goes with its tags, by a token for just that', async () => {
    const repository = 'apps/team-c/shop';
    const digests = [];
    for (const tag of ['one', 'two'])
      digests.push(
        await pushImage(
          {
            base: `https://${registry.host}`,
            repository,
            tag,
            ca,
            authorization: authorizationOf(sign([allow(repository, 'pull', 'push')])),
          },
          { config: { User: tag } },
        ),
      );
    const [one = '', two = ''] = digests;
    const catalog = sign([{ type: 'registry', name: 'catalog', actions: ['*'] }]);
    const listed = await client.repositories(registry.host, catalog);
    expect(listed.type === 'found' ? listed.items : listed).toEqual(
      expect.arrayContaining([repository, 'apps/team-a/app']),
    );
    const pull = sign([allow(repository, 'pull')]);
    const shop = image(repository);
    expect(await client.tags(shop, pull)).toEqual({ type: 'found', items: ['one', 'two'] });
    const gone = { ...shop, digest: one };
    for (const other of [
      pull,
      catalog,
      sign([allow(repository, 'pull', 'push')]),
      sign([allow('apps/team-a/app', 'delete')]),
    ])
      expect((await client.removeManifest(gone, other)).type).toBe('unauthorized');
    expect(await client.removeManifest(gone, sign([allow(repository, 'pull', 'delete')]))).toEqual({ type: 'found' });
    expect(await client.removeManifest(gone, sign([allow(repository, 'pull', 'delete')]))).toEqual({ type: 'absent' });
    expect(await client.tags(shop, pull)).toEqual({ type: 'found', items: ['two'] });
    expect(await client.headManifest(image(repository, 'two'), pull)).toMatchObject({ type: 'found', digest: two });
    // What a run holds lists and deletes nothing.
    expect((await client.repositories(registry.host, sign([allow(repository, 'pull', 'push')]))).type).toBe(
      'unauthorized',
    );
  });

  test('a token for one repository mounts nothing of another', async () => {
    const own = sign([allow('apps/team-d/shop', 'pull', 'push')]);
    const parts = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } };
    const configOfA = digestOf(JSON.stringify({ ...parts, config: configOfImage }));
    const url = `https://${registry.host}/v2/apps/team-d/shop/blobs/uploads/?mount=${configOfA}&from=apps/team-a/app`;
    const dispatcher = new Agent({ connect: { ca } });
    const answer = await request(url, { method: 'POST', headers: { authorization: authorizationOf(own) }, dispatcher });
    await answer.body.dump();
    expect(answer.statusCode).toBe(401);
    // With both it would: the blob is there.
    const both = sign([allow('apps/team-d/shop', 'pull', 'push'), allow('apps/team-a/app', 'pull')]);
    const mounted = await request(url, {
      method: 'POST',
      headers: { authorization: authorizationOf(both) },
      dispatcher,
    });
    await mounted.body.dump();
    await dispatcher.close();
    expect(mounted.statusCode).toBe(201);
  });

  test('is unauthorized: no token, a foreign repository, an expired one, another issuer, service or key', async () => {
    const access = [allow('apps/team-a/app', 'pull')];
    const stranger = await createSigner(new Date());
    const refused: (Credential | undefined)[] = [
      undefined,
      sign([allow('apps/team-b/app', 'pull')]),
      sign(access, { now: new Date(Date.now() - 3_600_000) }),
      sign(access, { issuer: 'other' }),
      sign(access, { service: 'other' }),
      sign(access, stranger),
      sign(access, { key: stranger.key }),
    ];
    for (const credential of refused) {
      expect(await client.headManifest(image('apps/team-a/app'), credential)).toMatchObject({ type: 'unauthorized' });
      expect(await client.imageConfig(image('apps/team-a/app'), credential)).toMatchObject({ type: 'unauthorized' });
    }
  });

  test('is unreachable for who does not trust its CA, or speaks HTTP', async () => {
    const distrusting = createRegistryClient({});
    expect(await distrusting.headManifest(image('apps/team-a/app'))).toMatchObject({
      type: 'unreachable',
      message: expect.stringContaining('UNABLE_TO_VERIFY_LEAF_SIGNATURE') as string,
    });
    const plain = createRegistryClient({ insecure: [registry.host] });
    expect(await plain.headManifest(image('apps/team-a/app'))).toMatchObject({ type: 'unreachable' });
    await Promise.all([distrusting.close(), plain.close()]);
  });

  test('is unreachable where nobody listens, and where somebody stays silent, in bounded time', async () => {
    expect(await client.headManifest(parseReference('127.0.0.1:1/a/b'))).toMatchObject({
      type: 'unreachable',
      message: 'The registry 127.0.0.1:1 does not answer (ECONNREFUSED).',
    });
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    const port = await new Promise<number>((resolve) =>
      silent.listen(0, '127.0.0.1', () => resolve((silent.address() as net.AddressInfo).port)),
    );
    const host = `127.0.0.1:${port}`;
    const patient = createRegistryClient({ insecure: [host], idleMs: 300 });
    expect(await patient.headManifest(parseReference(`${host}/a/b`))).toMatchObject({ type: 'unreachable' });
    for (const socket of sockets) socket.destroy();
    silent.close();
    await patient.close();
  });
});

describe('a registry whose tokens are given out by a server', () => {
  test('is asked with what that server gives for the password', async () => {
    const server = await createServer(['127.0.0.1'], new Date());
    const signer = await createSigner(new Date());
    const asked: string[] = [];
    const tokens = https.createServer({ cert: server.certificate, key: server.key }, (request, response) => {
      const url = new URL(request.url ?? '', 'https://realm');
      asked.push(String(url.searchParams));
      if (request.headers.authorization !== authorizationOf(user)) return response.writeHead(401).end();
      const access: Access[] = [{ type: 'repository', name: 'a/b', actions: ['pull'] }];
      const grant = { issuer: 'epinio', service: 'registry', access, expiresSeconds: 60, subject: 'u' };
      return response.end(JSON.stringify({ token: signRunToken({ ...signer, ...grant }) }));
    });
    const port = await new Promise<number>((resolve) =>
      tokens.listen(0, '127.0.0.1', () => resolve((tokens.address() as net.AddressInfo).port)),
    );
    const realm = `https://127.0.0.1:${port}/token`;
    await using registry = await startRegistry({ type: 'token', ...server, signer: signer.certificate, realm });
    const client = createRegistryClient({ ca: server.ca });
    const reference = parseReference(`${registry.host}/a/b:v1`);
    expect(await client.headManifest(reference, user)).toEqual({ type: 'absent' });
    expect(asked).toEqual(['scope=repository%3Aa%2Fb%3Apull&service=registry']);
    expect(await client.headManifest(reference)).toMatchObject({ type: 'unauthorized' });
    await client.close();
    tokens.close();
  });
});

const user = { type: 'basic', username: 'u', password: 'p' } as const;

describe('a registry with a password and without TLS', () => {
  test('opens by the password that bootstrap hashes', async () => {
    const credential = { type: 'basic', username: 'epinio-pull', password: 'secret' } as const;
    const htpasswd = `epinio-pull:${await hash('secret', 5)}\n`;
    await using registry = await startRegistry({ type: 'password', htpasswd });
    const client = createRegistryClient({ insecure: [registry.host] });
    const base = `http://${registry.host}`;
    const authorization = authorizationOf(credential);
    const digest = await pushImage({ base, repository: 'apps/a/b', tag: 'v1', authorization }, {});
    const reference = parseReference(`${registry.host}/apps/a/b:v1`);
    expect(await client.headManifest(reference, credential)).toMatchObject({ type: 'found', digest });
    expect(await client.headManifest(reference, { ...credential, password: 'wrong' })).toMatchObject({
      type: 'unauthorized',
    });
    expect(await client.headManifest(reference)).toMatchObject({ type: 'unauthorized' });
    await client.close();
  });
});

test('the key that signs tokens is exchanged while the registry knows both certificates', async () => {
  const [old, young] = [await createSigner(new Date()), await createSigner(new Date())];
  const tls = await createServer(['127.0.0.1'], new Date());
  const signer = `${old.certificate}${young.certificate}`;
  await using registry = await startRegistry({ type: 'token', ...tls, signer });
  const client = createRegistryClient({ ca: tls.ca });
  const access = [{ type: 'repository', name: 'apps/team-a/app', actions: ['pull', 'push'] }] as const;
  const grant = { issuer: 'epinio', service: 'registry', access, expiresSeconds: 600, subject: 'x' };
  // The Secret holds all certificates; the first one goes with the key.
  const pairs = [
    { key: old.key, certificate: signer },
    { key: young.key, certificate: `${young.certificate}${old.certificate}` },
  ];
  for (const pair of pairs) {
    const token = signRunToken({ ...pair, ...grant });
    const image = parseReference(`${registry.host}/apps/team-a/app:run`);
    expect(await client.headManifest(image, { type: 'bearer', token })).toEqual({ type: 'absent' });
  }
  await client.close();
});

describe('an external registry with TLS and passwords', () => {
  const repository = 'apps/team-a/shop';
  const basic = (username: string, password: string) => ({ type: 'basic', username, password }) as const;
  let registry: TestRegistry;
  let ca: string;
  let client: RegistryClient;
  const line = async (name: string, password: string): Promise<string> => `${name}:${await hash(password, 4)}\n`;
  const image = (): Reference => parseReference(`${registry.host}/${repository}:run`);
  const push = (credential: Credential): Promise<string> =>
    pushImage(
      { base: `https://${registry.host}`, repository, tag: 'run', ca, authorization: authorizationOf(credential) },
      { config: { Labels: labels } },
      [Buffer.from('a layer')],
    );

  beforeAll(async () => {
    const tls = await createServer(['127.0.0.1'], new Date());
    ca = tls.ca;
    registry = await startRegistry({ type: 'password', htpasswd: await line('one', 'first'), tls });
    client = createRegistryClient({ ca, idleMs: 2000 });
  });

  afterAll(async () => {
    await client.close();
    await registry[Symbol.asyncDispose]();
  });

  test('takes a push, and the same again, by its CA and a password only', async () => {
    const credential = basic('one', 'first');
    expect(await client.headManifest(image(), credential)).toEqual({ type: 'absent' });
    const digest = await push(credential);
    expect(await push(credential)).toBe(digest);
    expect(await client.headManifest(image(), credential)).toMatchObject({ type: 'found', digest });
    expect(await client.imageConfig(image(), credential)).toMatchObject({ type: 'found', config: { labels } });
    expect(await client.tryUpload(image(), credential)).toEqual({ type: 'room' });
    expect(await client.headManifest(image())).toMatchObject({ type: 'unauthorized' });
    expect(await client.headManifest(image(), basic('one', 'wrong'))).toMatchObject({ type: 'unauthorized' });
    const stranger = createRegistryClient({});
    expect(await stranger.headManifest(image(), credential)).toMatchObject({ type: 'unreachable' });
    await stranger.close();
  });

  test('takes no other bytes than a push says, and none by an upload that somebody ended', async () => {
    const dispatcher = new Agent({ connect: { ca } });
    const call = async (method: 'POST' | 'PUT' | 'DELETE', url: string, body: string | null = null) => {
      const headers = { authorization: authorizationOf(basic('one', 'first')) };
      const answer = await request(new URL(url, `https://${registry.host}`), { method, headers, body, dispatcher });
      await answer.body.dump();
      return { status: answer.statusCode, location: String(answer.headers['location']) };
    };
    const begin = async (): Promise<string> => (await call('POST', `/v2/${repository}/blobs/uploads/`)).location;
    const as = (text: string, upload: string): string => `${upload}&digest=${encodeURIComponent(digestOf(text))}`;
    expect(await call('PUT', as('these', await begin()), 'those')).toMatchObject({ status: 400 });
    const ended = await begin();
    expect(await call('DELETE', ended)).toMatchObject({ status: 204 });
    expect(await call('PUT', as('these', ended), 'these')).toMatchObject({ status: 404 });
    expect(await call('PUT', as('these', await begin()), 'these')).toMatchObject({ status: 201 });
    await dispatcher.close();
  });

  test('has its password exchanged without a failed push: both are good until the old one goes', async () => {
    const [old, young] = [basic('one', 'first'), basic('two', 'second')];
    registry.setUsers((await line('one', 'first')) + (await line('two', 'second')));
    for (const credential of [old, young]) await expect(push(credential)).resolves.toMatch(/^sha256:/);
    registry.setUsers(await line('two', 'second'));
    await expect(push(old)).rejects.toThrow('401');
    expect(await client.headManifest(image(), old)).toMatchObject({ type: 'unauthorized' });
    await expect(push(young)).resolves.toMatch(/^sha256:/);
    expect(await client.headManifest(image(), young)).toMatchObject({ type: 'found' });
  });
});
