import { afterAll, beforeAll, expect, test } from 'vitest';
import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { createServer, createSigner, type KeyPair } from '../bootstrap/certificates.ts';
import { configSchema } from '../config.ts';
import { authFrom, loadAuth } from '../kube/client/auth.ts';
import { createClient, type KubeClient } from '../kube/client/client.ts';
import type { TaskContext } from '../kube/controller/manager.ts';
import { Deployment, Pod, Secret } from '../kube/resource.ts';
import {
  authorizationOf,
  createRegistryClient,
  parseReference,
  registryAddresses,
  signRunToken,
  tokenOrigin,
  type Credential,
  type RegistryClient,
} from '../registry/index.ts';
import { createLogger } from '../telemetry/log.ts';
import { inNamespace, kubeconfigPath } from '../testing/apiserver.ts';
import { pushImage } from '../testing/image.ts';
import { startRegistry, type TestRegistry } from '../testing/registry.ts';
import { asOperator } from '../testing/role.ts';
import { agesOf, findSpare, removeSpare, type CleaningDeps } from './index.ts';

let kube: KubeClient;
let operator: KubeClient;
let registry: TestRegistry;
let client: RegistryClient;
let signer: KeyPair;
let ca: string;

beforeAll(async () => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
  const role = await asOperator();
  operator = createClient({ auth: authFrom(() => role) });
  const server = await createServer(['127.0.0.1'], new Date());
  signer = await createSigner(new Date());
  ca = server.ca;
  registry = await startRegistry({ type: 'token', ...server, signer: signer.certificate });
  client = createRegistryClient({ ca });
});

afterAll(async () => {
  await client.close();
  await registry[Symbol.asyncDispose]();
  await Promise.all([kube.close(), operator.close()]);
});

const credential = (name: string): Credential => ({
  type: 'bearer',
  token: signRunToken({
    ...signer,
    ...tokenOrigin,
    access: [{ type: 'repository', name, actions: ['pull', 'push'] }],
    expiresSeconds: 300,
    subject: 'test',
  }),
});

/** push puts an image of its own under a tag, and gives its digest. */
const push = (repository: string, tag: string): Promise<string> =>
  pushImage(
    { base: `https://${registry.host}`, repository, tag, ca, authorization: authorizationOf(credential(repository)) },
    { config: { Labels: { repository, tag } } },
  );

const tagsOf = async (repository: string): Promise<readonly string[]> => {
  const found = await client.tags(parseReference(`${registry.host}/${repository}`), credential(repository));
  return found.type === 'found' ? found.items : [];
};

interface World {
  readonly namespace: string;
  readonly ctx: TaskContext;
  readonly deps: CleaningDeps;
}

const play = (scene: (world: World) => Promise<void>): Promise<void> =>
  inNamespace((home) =>
    inNamespace(async (namespace) => {
      const data = { 'tls.key': signer.key, 'tls.crt': signer.certificate };
      await kube.create(Secret, { metadata: { name: 'token', namespace: home }, stringData: data });
      const config = configSchema.parse({
        domain: 'apps.test',
        s3: { endpoint: 'http://127.0.0.1:1', bucket: 'epinio' },
        registry: { push: registry.host, pull: '127.0.0.1:30500', secretRef: 'token', clean: true },
        builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
        watchNamespaces: [namespace],
      });
      const deps = { config, home, registry: client, addresses: registryAddresses(config.registry) };
      const unused = {} as TaskContext['cache'];
      const ctx = { kube: operator, cache: unused, log: createLogger('silent'), signal: new AbortController().signal };
      await scene({ namespace, deps, ctx: ctx as unknown as TaskContext });
    }),
  );

const container = (image: string) => ({ name: 'app', image });

/** populate makes an App with a run, and something that runs an image by its digest, as nodes know it. */
const populate = async (namespace: string, deployed: string, inPod: string): Promise<void> => {
  const image = (digest: string): string => `127.0.0.1:30500/apps/${namespace}/shop@${digest}`;
  const metadata = { name: 'shop', namespace };
  const { metadata: made } = await kube.apply(
    App,
    { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata, spec: { source: { image: 'example.org/x:1' } } },
    { fieldManager: 'user' },
  );
  expect(made.uid).toBeDefined();
  const labels = { app: 'shop' };
  await kube.create(Deployment, {
    metadata,
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container(image(deployed))] } },
    },
  });
  await kube.create(Pod, { metadata: { name: 'by-hand', namespace }, spec: { containers: [container(image(inPod))] } });
};

test('images that nobody needs go, with the cache of a deleted App; what runs, was built by a kept run or is foreign stays', () =>
  play(async ({ namespace, deps, ctx }) => {
    const shop = `apps/${namespace}/shop`;
    const [deployed, inPod, spare] = [await push(shop, 'deployed'), await push(shop, 'pod'), await push(shop, 'spare')];
    await push(shop, 'run-1');
    const gone = `apps/${namespace}/gone`;
    const others = [await push(gone, 'run-9'), await push(`${gone}/cache`, 'latest')];
    for (const kept of [`${shop}/cache`, 'apps/not-watched/shop', 'epinio/run', `apps/${namespace}/a/b`])
      await push(kept, 'latest');
    await populate(namespace, deployed, inPod);
    await kube.create(StageRun, {
      apiVersion: 'epinio.io/v1alpha1',
      kind: 'StageRun',
      metadata: { name: 'run-1', namespace },
      spec: {
        appRef: { name: 'shop' },
        inputs: 'a'.repeat(64),
        reason: 'Source',
        source: { blob: { sha256: 'b'.repeat(64), size: 1 } },
      },
    } as unknown as StageRun);
    const found = await findSpare(ctx, deps);
    expect(found.map(({ digest }) => digest).sort()).toEqual([spare, ...others].sort());
    for (const one of found) await removeSpare(ctx, deps, one);
    expect([...(await tagsOf(shop))].sort()).toEqual(['deployed', 'pod', 'run-1']);
    expect(await tagsOf(gone)).toEqual([]);
    expect(await tagsOf(`${gone}/cache`)).toEqual([]);
    for (const kept of [`${shop}/cache`, 'apps/not-watched/shop', 'epinio/run'])
      expect(await tagsOf(kept)).toEqual(['latest']);
    expect(await findSpare(ctx, deps)).toEqual([]);
  }));

test('the room of a deleted image is freed while nobody pushes, and no other image’s', () =>
  play(async ({ namespace, deps, ctx }) => {
    const repository = `apps/${namespace}/shop`;
    const kept = await push(repository, 'kept');
    const spare = await push(repository, 'spare');
    const reference = parseReference(`${registry.host}/${repository}`);
    const blobOf = async (digest: string): Promise<string> => {
      const found = await client.imageConfig({ ...reference, digest }, credential(repository));
      return found.type;
    };
    await populate(namespace, kept, kept);
    for (const one of await findSpare(ctx, deps)) await removeSpare(ctx, deps, one);
    await registry.collect();
    expect([await blobOf(kept), await blobOf(spare)]).toEqual(['found', 'absent']);
    // What went can be pushed again: the registry does not take it for there.
    expect(await push(repository, 'spare')).toBe(spare);
    expect(await blobOf(spare)).toBe('found');
  }));

test('what is needed again by the time of its deletion stays', () =>
  play(async ({ namespace, deps, ctx }) => {
    const digest = await push(`apps/${namespace}/shop`, 'old');
    const other = await push(`apps/${namespace}/shop`, 'other');
    const spare = await findSpare(ctx, deps);
    expect(spare.map((s) => s.digest).sort()).toEqual([digest, other].sort());
    await populate(namespace, digest, digest);
    for (const one of spare) await removeSpare(ctx, deps, one);
    expect(await tagsOf(`apps/${namespace}/shop`)).toEqual(['old']);
  }));

test('only what was unneeded in every pass of a day is due', () => {
  const ages = agesOf();
  const [a, b] = [
    { repository: 'r', digest: 'a' },
    { repository: 'r', digest: 'b' },
  ];
  expect(ages.due([a, b], 0, 24)).toEqual([]);
  expect(ages.due([a], 12, 24)).toEqual([]);
  expect(ages.due([a, b], 24, 24)).toEqual([a]);
  expect(ages.due([a, b], 47, 24)).toEqual([a]);
  expect(ages.due([a, b], 48, 24)).toEqual([a, b]);
});
