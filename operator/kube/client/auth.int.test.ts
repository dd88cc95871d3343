import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { expect, test, vi } from 'vitest';
import { connectTo } from '../../../e2e/cluster/api.ts';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { authFrom, type Auth } from './auth.ts';
import { cached, createCache } from '../cache/cache.ts';
import { createClient, type KubeClient } from './client.ts';
import { RequestCounter } from './counter.ts';
import { ConfigMap } from '../resource.ts';

const folder = mkdtempSync(join(tmpdir(), 'auth-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o755 });
  return join(folder, name);
};

const admin = (): KubeConfig => {
  const kc = new KubeConfig();
  kc.loadFromFile(kubeconfigPath());
  return kc;
};
const cluster = () => admin().getCurrentCluster() ?? { name: '', server: '', skipTLSVerify: false };

/** tokenOf makes a ServiceAccount that may read ConfigMaps of its namespace, and a token of it. */
const tokenOf = async (namespace: string): Promise<string> => {
  const { call, close } = connectTo(kubeconfigPath());
  const name = 'reader';
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }];
  await call('POST', `${rbac}/roles`, { metadata: { name }, rules });
  await call('POST', `${rbac}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', namespace, name }],
  });
  const { body } = await call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, { spec: {} });
  await close();
  return (body.status as { token: string }).token;
};

interface Rotated {
  readonly kube: KubeClient;
  readonly requests: RequestCounter;
  readonly loads: () => number;
  readonly namespace: string;
  readonly resourceVersion?: string;
}

/** rotated gives a client that holds a token which the server refuses, while there is a new one in the file already. */
const rotated = (work: (r: Rotated) => Promise<void>, now = 'good'): Promise<void> =>
  inNamespace(async (namespace) => {
    const token = await tokenOf(namespace);
    const tokenFile = file('token', 'outdated');
    const load = vi.fn((): KubeConfig => {
      const kc = new KubeConfig();
      kc.loadFromClusterAndUser(cluster(), { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile } } });
      return kc;
    });
    const auth = authFrom(load);
    await auth.credentials();
    // The role may take a moment to be in force.
    const sure = createClient({ auth: tokenAuth(token) });
    const { metadata } = await vi.waitFor(() => sure.list(ConfigMap, { namespace }), { timeout: 10_000 });
    await sure.close();
    file('token', now === 'good' ? token : now);
    const requests = new RequestCounter();
    const kube = createClient({ auth, onRequest: requests.count });
    await work({ kube, requests, loads: () => load.mock.calls.length, namespace, ...metadata });
    await kube.close();
  });

const tokenAuth = (token: string): Auth => {
  const kc = new KubeConfig();
  kc.loadFromClusterAndUser(cluster(), { name: 'u', token });
  return authFrom(() => kc);
};

test('a token that rotated on disk is read once for all the requests that were refused, and they succeed', () =>
  rotated(async ({ kube, requests, loads, namespace }) => {
    await Promise.all(Array.from({ length: 10 }, () => kube.list(ConfigMap, { namespace })));
    expect(requests.total({ code: 200 })).toBe(10);
    expect(requests.total({ code: 401 })).toBe(10);
    expect(loads()).toBe(2);
  }));

test('a watch that was refused is opened again with the new token', () =>
  rotated(async ({ kube, requests, loads, namespace, resourceVersion }) => {
    const events = kube.watch(ConfigMap, { namespace, resourceVersion, timeoutSeconds: 1 });
    for await (const { type } of events) expect(['ADDED', 'BOOKMARK']).toContain(type);
    expect(requests.snapshot()).toEqual({ 'watch configmaps 200': 1, 'watch configmaps 401': 1 });
    expect(loads()).toBe(2);
  }));

test('a new token that is refused as well is told to the caller, after two requests', () =>
  rotated(async ({ kube, requests, namespace }) => {
    await expect(kube.list(ConfigMap, { namespace })).rejects.toMatchObject({ code: 401, reason: 'Unauthorized' });
    await expect(kube.watch(ConfigMap, { namespace }).next()).rejects.toMatchObject({ code: 401 });
    expect(requests.snapshot()).toEqual({ 'list configmaps 401': 2, 'watch configmaps 401': 2 });
  }, 'outdated too'));

test('an exec plugin that hangs holds up no request beyond its timeout or its signal, and no cache that stops', async () => {
  const pids = file('pids', '');
  const command = file('plugin', `#!/bin/sh\necho $$ >> ${pids}\nexec sleep 600\n`);
  const kc = new KubeConfig();
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command };
  kc.loadFromClusterAndUser(cluster(), { name: 'u', exec });
  const kube = createClient({ auth: authFrom(() => kc) });
  const started = (): number[] => (readFileSync(pids, 'utf8').match(/\d+/g) ?? []).map(Number);
  try {
    await expect(kube.list(ConfigMap, { timeoutMs: 100 })).rejects.toMatchObject({ code: 0, reason: 'Timeout' });
    await expect(kube.list(ConfigMap, { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout');
    const cache = createCache(kube, [cached(ConfigMap)]);
    cache.start();
    await cache.stop();
    await kube.close();
    expect(started()).toHaveLength(1);
  } finally {
    for (const pid of started()) process.kill(pid);
  }
});

/** startProxy is a forward proxy that knows CONNECT only, and who may. */
const startProxy = async () => {
  const asked: { target: string | undefined; login: string | undefined; tls?: boolean }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, to) => void to.writeHead(405).end());
  server.on('connect', (r, socket: Socket) => {
    const one: (typeof asked)[number] = { target: r.url, login: r.headers['proxy-authorization'] };
    asked.push(one);
    // A TLS handshake begins with 22.
    socket.once('data', (first: Buffer) => (one.tls = first[0] === 22));
    if (r.headers['proxy-authorization'] === undefined) return void socket.end('HTTP/1.1 407 Who are you\r\n\r\n');
    const [host, port] = (r.url ?? '').split(':');
    const out = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n');
      out.pipe(socket).pipe(out);
    });
    for (const s of [socket, out]) {
      sockets.add(s);
      s.on('error', () => undefined).on('close', () => sockets.delete(s));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<unknown> => {
    for (const s of sockets) s.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return { port, asked, sockets, [Symbol.asyncDispose]: async () => void (await close()) };
};

const through = (proxyUrl: string): Auth =>
  authFrom(() => {
    const kc = admin();
    const [of] = kc.clusters;
    if (of !== undefined) kc.clusters = [{ ...of, proxyUrl }];
    return kc;
  });

test("requests and watches go through the kubeconfig's proxy, which sees TLS only", () =>
  inNamespace(async (namespace) => {
    await using proxy = await startProxy();
    const kube = createClient({ auth: through(`http://me:secret@127.0.0.1:${proxy.port}`) });
    const { resourceVersion = '' } = (await kube.list(ConfigMap, { namespace })).metadata;
    const events = kube.watch(ConfigMap, { namespace, resourceVersion });
    const first = events.next();
    await kube.create(ConfigMap, { metadata: { namespace, name: 'x' } });
    expect((await first).value).toMatchObject({ type: 'ADDED', object: { metadata: { namespace } } });
    await events.return();
    const login = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const target = new URL(cluster().server).host;
    expect(proxy.asked.length).toBeGreaterThanOrEqual(2);
    for (const asked of proxy.asked) expect(asked).toEqual({ target, login, tls: true });
    await kube.close();
    await vi.waitFor(() => expect(proxy.sockets.size).toBe(0));
  }));

test('a proxy that refuses, or is not there, is named by the error', async () => {
  const gone = await startProxy();
  await gone[Symbol.asyncDispose]();
  await using proxy = await startProxy();
  const said = async (port: number): Promise<unknown> => {
    const kube = createClient({ auth: through(`http://127.0.0.1:${port}`), retries: 0 });
    const error: unknown = await kube.list(ConfigMap).catch((e: unknown) => e);
    await kube.close();
    return error;
  };
  const at = (port: number): string => `no answer from the API server: proxy 127.0.0.1:${port}: `;
  const target = new URL(cluster().server).host;
  expect(await said(proxy.port)).toMatchObject({ message: `${at(proxy.port)}answered 407 to CONNECT ${target}` });
  expect(await said(gone.port)).toMatchObject({
    message: expect.stringContaining(`${at(gone.port)}connect ECONNREFUSED`),
  });
});
