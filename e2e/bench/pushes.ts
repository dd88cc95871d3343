import { createHash } from 'node:crypto';
import { App } from '../../operator/api/app.ts';
import { group, labels, version } from '../../operator/api/names.ts';
import { createServer, createSigner } from '../../operator/bootstrap/certificates.ts';
import { Job, keyString, type Key } from '../../operator/kube/resource.ts';
import { authorizationOf, signRunToken } from '../../operator/registry/index.ts';
import { createStorage } from '../../operator/storage/index.ts';
import { pushImage } from '../../operator/testing/image.ts';
import { startMinio, type Minio } from '../../operator/testing/minioserver.ts';
import { startRegistry, type TestRegistry } from '../../operator/testing/registry.ts';
import { say } from '../cluster/shell.ts';
import { follow } from './actors.ts';
import { rounded } from './numbers.ts';
import { parallel, range } from './parallel.ts';
import { createWorld, type Outside, type World } from './world.ts';

/** Latency of many, in ms. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** Pushes is how long it takes from the apply of an App whose archive is there until its Job is. */
export interface Pushes {
  readonly count: number;
  readonly namespaces: number;
  readonly together: Latency;
  readonly alone: Latency;
  /** Jobs that the benchmark makes itself, all at once: what the API server takes for it. */
  readonly bare: Latency;
}

const namespaces = 5;

const latencyOf = (values: readonly number[]): Latency => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => rounded(sorted[Math.ceil(sorted.length * part) - 1] ?? NaN, 0);
  return { p50: at(0.5), p99: at(0.99) };
};

const archiveOf = ({ namespace, name }: Key): string => `the archive of ${namespace}/${name}`;
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Servers extends AsyncDisposable {
  readonly minio: Minio;
  readonly registry: TestRegistry;
  readonly outside: Outside;
}

/** startServers starts a storage and a registry with a run image in it. */
const startServers = async (): Promise<Servers> => {
  const [server, signer, minio] = await Promise.all([
    createServer(['127.0.0.1'], new Date()),
    createSigner(new Date()),
    startMinio(),
  ]);
  const registry = await startRegistry({ type: 'token', ...server, signer: signer.certificate });
  const access = [{ type: 'repository' as const, name: 'epinio/run', actions: ['pull' as const, 'push' as const] }];
  const token = signRunToken({
    ...signer,
    issuer: 'epinio',
    service: 'registry',
    access,
    expiresSeconds: 60,
    subject: 'bench',
  });
  const authorization = authorizationOf({ type: 'bearer', token });
  const target = { base: `https://${registry.host}`, repository: 'epinio/run', tag: '1', ca: server.ca, authorization };
  await pushImage(target, { config: {} });
  const runImage = `${registry.host}/epinio/run:1`;
  const { endpoint, accessKey, secretKey } = minio;
  return {
    minio,
    registry,
    outside: {
      settings: {
        s3: { endpoint, bucket: 'epinio' },
        registry: { push: registry.host, pull: '127.0.0.1:30500', caRef: 'epinio-registry-tls' },
        builders: [{ name: 'default', image: 'example.org/builder:1', runImage }],
        build: { concurrency: 1000, perNamespace: 1000 },
      },
      secrets: {
        'epinio-s3': { accessKey, secretKey },
        'epinio-registry-token': { 'tls.key': signer.key, 'tls.crt': signer.certificate },
        'epinio-registry-tls': { 'ca.crt': server.ca },
      },
    },
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await minio[Symbol.asyncDispose]();
    },
  };
};

/** putArchives puts the archives of Apps where uploads would have. */
const putArchives = async ({ endpoint, accessKey, secretKey }: Minio, apps: readonly Key[]): Promise<void> => {
  const storage = createStorage({ endpoint, region: 'us-east-1', bucket: 'epinio', prefix: '', accessKey, secretKey });
  await storage.ensureBucket();
  await parallel(apps, async (app) => {
    const text = archiveOf(app);
    await storage.write(storage.blobKey(app.namespace, sha256Of(text)), text);
  });
  await storage.close();
};

/** Seen tells when the Job of an App, or of a name, was first seen. */
interface Seen extends AsyncDisposable {
  at(key: Key): Promise<number>;
}

const followJobs = async ({ kube }: World, spaces: readonly string[]): Promise<Seen> => {
  const times = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const watches = await Promise.all(
    spaces.map((namespace) =>
      follow(kube, Job, namespace, ({ metadata }) => {
        const id = keyString({ namespace, name: metadata?.labels?.[labels.app] ?? metadata?.name ?? '' });
        if (times.has(id)) return;
        times.set(id, performance.now());
        waiting.get(id)?.();
      }),
    ),
  );
  return {
    at: async (key) => {
      const id = keyString(key);
      if (!times.has(id)) await new Promise<void>((resolve) => waiting.set(id, resolve));
      return times.get(id) ?? NaN;
    },
    [Symbol.asyncDispose]: async () => void (await Promise.all(watches.map((watch) => watch[Symbol.asyncDispose]()))),
  };
};

const applyApp = ({ kube }: World, key: Key): Promise<unknown> => {
  const text = archiveOf(key);
  const source = { blob: { sha256: sha256Of(text), size: Buffer.byteLength(text) } };
  const app = { apiVersion: `${group}/${version}`, kind: 'App', metadata: { ...key }, spec: { source, replicas: 1 } };
  return kube.apply(App, app, { fieldManager: 'user', force: true });
};

const createJob = ({ kube }: World, { namespace, name }: Key): Promise<unknown> => {
  const containers = [{ name: 'x', image: 'registry.k8s.io/pause:3.10' }];
  const template = { spec: { restartPolicy: 'Never', containers } };
  return kube.create(Job, { metadata: { namespace, name }, spec: { template } });
};

/** measurePushes applies Apps whose archives are there, all at once and one after the other, and makes as many bare Jobs. */
export const measurePushes = async (count: number): Promise<Pushes> => {
  say(`${count} pushes at once …`);
  await using servers = await startServers();
  await using world = await createWorld([], servers.outside);
  const spaces = await Promise.all(range(namespaces).map((i) => world.namespace(`pushes-${i}`)));
  const keys = (prefix: string, n: number): Key[] =>
    range(n).map((i) => ({ namespace: spaces[i % namespaces] ?? '', name: `${prefix}-${i}` }));
  const [first, together, alone, bare] = [
    keys('first', 1),
    keys('together', count),
    keys('alone', 10),
    keys('bare', count),
  ];
  await putArchives(servers.minio, [...first, ...together, ...alone]);
  await using operator = await world.operator();
  await operator.synced();
  await using seen = await followJobs(world, spaces);
  const latency = async (key: Key, make: (world: World, key: Key) => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await make(world, key);
    return (await seen.at(key)) - started;
  };
  const all = async (which: readonly Key[], make: typeof applyApp, width: number): Promise<Latency> => {
    const found: number[] = [];
    await parallel(which, async (key) => found.push(await latency(key, make)), width);
    return latencyOf(found);
  };
  // What is asked once, such as what the storage can do, is known by now.
  await all(first, applyApp, 1);
  await operator.idle();
  const oneByOne = await all(alone, applyApp, 1);
  await operator.idle();
  const atOnce = await all(together, applyApp, count);
  await operator.idle();
  return { count, namespaces, together: atOnce, alone: oneByOne, bare: await all(bare, createJob, count) };
};
