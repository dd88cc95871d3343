import { hash } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { createServer, createSigner, type KeyPair } from '../bootstrap/certificates.ts';
import { configSchema, type Config } from '../config.ts';
import { authFrom, loadAuth } from '../kube/client/auth.ts';
import { createClient, type KubeClient } from '../kube/client/client.ts';
import {
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  Namespace,
  Pod,
  ReplicaSet,
  Secret,
  StatefulSet,
} from '../kube/resource.ts';
import {
  authorizationOf,
  createRegistryClient,
  dockerConfig,
  Leftovers,
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
import { imageSweepers, type SweepContext, type SweepCounts } from './index.ts';

let kube: KubeClient;
let operator: KubeClient;
let signer: KeyPair;
let bundled: TestRegistry;
let bundledCA: string;
let external: TestRegistry;
const clients: RegistryClient[] = [];
const password = { type: 'basic', username: 'u', password: 'p' } as const;

beforeAll(async () => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
  const role = await asOperator();
  operator = createClient({ auth: authFrom(() => role) });
  const server = await createServer(['127.0.0.1'], new Date());
  signer = await createSigner(new Date());
  bundledCA = server.ca;
  bundled = await startRegistry({ type: 'token', ...server, signer: signer.certificate });
  external = await startRegistry({ type: 'password', htpasswd: `u:${await hash('p', 4)}\n` });
});

afterAll(async () => {
  await Promise.all([...clients, kube, operator].map((client) => client.close()));
  await Promise.all([bundled, external].map((registry) => registry[Symbol.asyncDispose]()));
});

const tokenFor = (name: string): Credential => ({
  type: 'bearer',
  token: signRunToken({
    ...signer,
    ...tokenOrigin,
    access: [{ type: 'repository', name, actions: ['pull', 'push'] }],
    expiresSeconds: 300,
    subject: 'test',
  }),
});

/** Platform is a registry as the configuration describes it, and how the tests reach it beside the operator. */
interface Platform {
  readonly host: string;
  readonly base: string;
  readonly ca?: string;
  readonly config: Partial<Config['registry']>;
  readonly secret: Readonly<Record<string, string>>;
  credential(repository: string): Credential;
}

const platforms = {
  bundled: (): Platform => ({
    host: bundled.host,
    base: `https://${bundled.host}`,
    ca: bundledCA,
    config: {},
    secret: { 'tls.key': signer.key, 'tls.crt': signer.certificate },
    credential: tokenFor,
  }),
  external: (): Platform => ({
    host: external.host,
    base: `http://${external.host}`,
    config: { auth: 'Secret', insecure: true },
    secret: { '.dockerconfigjson': dockerConfig(external.host, 'u', 'p') },
    credential: () => password,
  }),
};

/** World is one installation and its registry; what it pushes lies below a prefix of its own. */
interface World {
  readonly namespace: string;
  readonly home: string;
  readonly root: string;
  readonly memory: Map<string, string>;
  readonly registry: RegistryClient;
  readonly said: string[];
  /** What no StageRun stands for, as the last pass saw it. */
  readonly left: () => number;
  /** push puts an image of its own under a tag, and gives its digest. */
  readonly push: (repository: string, tag: string, text?: string) => Promise<string>;
  readonly tags: (repository: string) => Promise<readonly string[]>;
  /** pass sweeps so many hours after the first pass. */
  readonly pass: (
    hours: number,
    o?: { readonly dryRun?: boolean; readonly rival?: boolean },
  ) => Promise<SweepCounts | undefined>;
}

const start = Date.UTC(2026, 0, 1);

/** operatorOf has the rights of an installed operator, and the identity of a namespace. */
const operatorOf = (name: string): Pick<KubeClient, 'get' | 'list'> => ({
  get: (r, key) => (r.kind === Namespace.kind ? kube.get(r, { namespace: '', name }) : operator.get(r, key)),
  list: (r, o) => operator.list(r, o),
});

const play = (on: keyof typeof platforms, scene: (world: World) => Promise<void>): Promise<void> =>
  inNamespace((home) =>
    inNamespace(async (namespace) => {
      const platform = platforms[on]();
      const registry = createRegistryClient({ ca: platform.ca, insecure: on === 'external' ? [platform.host] : [] });
      clients.push(registry);
      await kube.create(Secret, { metadata: { name: 'registry', namespace: home }, stringData: platform.secret });
      const prefix = `of-${namespace}`;
      const config = configSchema.parse({
        domain: 'apps.test',
        s3: { endpoint: 'http://127.0.0.1:1', bucket: 'epinio' },
        registry: {
          ...{ push: platform.host, pull: '127.0.0.1:30500', prefix, secretRef: 'registry', clean: true },
          ...platform.config,
        },
        builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
        watchNamespaces: [namespace],
      });
      const memory = new Map<string, string>();
      const storage = {
        read: (key: string) => Promise.resolve(memory.get(key)),
        write: (key: string, text: string) => Promise.resolve(void memory.set(key, text)),
      };
      const said: string[] = [];
      const leftovers = new Leftovers();
      const pass: World['pass'] = async (hours, o = {}) => {
        const apps = (await kube.list(App, { namespace })).items.map(({ metadata }) => metadata);
        const log = createLogger('info', { write: (line: string) => void said.push(line) });
        const addresses = registryAddresses(config.registry);
        const [sweeper] = imageSweepers({ config, storage, registry, home, addresses, leftovers });
        return sweeper?.pass({
          kube: operatorOf(o.rival === true ? 'default' : home),
          log,
          signal: new AbortController().signal,
          cache: { keys: () => apps },
          now: new Date(start + hours * 3_600_000),
          afterMs: 24 * 3_600_000,
          dryRun: o.dryRun ?? false,
        } as unknown as SweepContext);
      };
      const push: World['push'] = (repository, tag, text = tag) => {
        const authorization = authorizationOf(platform.credential(repository));
        const { base, ca } = platform;
        return pushImage(
          { base, repository, tag, authorization, ...(ca !== undefined && { ca }) },
          { config: { Labels: { repository, text } } },
        );
      };
      const tags: World['tags'] = async (repository) => {
        const reference = parseReference(`${platform.host}/${repository}`);
        const found = await registry.tags(reference, platform.credential(repository));
        return found.type === 'found' ? found.items.toSorted() : [];
      };
      const left = (): number => leftovers.of(namespace);
      await scene({ namespace, home, root: `${prefix}/${namespace}`, memory, registry, said, left, push, tags, pass });
    }),
  );

/** sweep makes the two passes that delete what nobody needs. */
const sweep = async ({ pass }: World): Promise<void> => {
  await pass(0);
  await pass(24);
};

const anApp = async (namespace: string, name = 'shop'): Promise<App> =>
  kube.apply(
    App,
    {
      apiVersion: 'epinio.io/v1alpha1',
      kind: 'App',
      metadata: { name, namespace },
      spec: { source: { image: 'example.org/x:1' } },
    },
    { fieldManager: 'user' },
  );

const aRun = (namespace: string, name: string): Promise<StageRun> =>
  kube.create(StageRun, {
    apiVersion: 'epinio.io/v1alpha1',
    kind: 'StageRun',
    metadata: { name, namespace },
    spec: {
      appRef: { name: 'shop' },
      inputs: 'a'.repeat(64),
      reason: 'Source',
      source: { blob: { sha256: 'b'.repeat(64), size: 1 } },
    },
  } as unknown as StageRun);

/** isBuilt says of a run when it began, and whether it has ended. */
const isBuilt = (namespace: string, name: string, status: 'True' | 'Unknown', more: object = {}): Promise<unknown> => {
  const time = new Date(start).toISOString().replace(/\.\d+/, '');
  const condition = { type: 'Succeeded', status, reason: 'Test', message: 'x', lastTransitionTime: time };
  return kube.apply(
    StageRun,
    {
      apiVersion: 'epinio.io/v1alpha1',
      kind: 'StageRun',
      metadata: { name, namespace },
      status: { startTime: time, conditions: [{ ...condition, observedGeneration: 1 }], ...more },
    },
    { subresource: 'status', fieldManager: 'epinio' },
  );
};

const container = (image: string) => ({ name: 'app', image });

/** populate makes an App, and what runs images by their digests, as nodes know them. */
const populate = async ({ namespace, root }: World, deployed: string, inPod: string): Promise<void> => {
  const image = (digest: string): string => `127.0.0.1:30500/${root}/shop@${digest}`;
  await anApp(namespace);
  const metadata = { name: 'shop', namespace };
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

describe('images of the bundled registry', () => {
  test('that nobody needs go, with the cache of a deleted App; what runs, was built by a kept run or is foreign stays', () =>
    play('bundled', async (world) => {
      const { namespace, root, push, tags, pass } = world;
      const [above] = root.split('/');
      const shop = `${root}/shop`;
      const [deployed, inPod] = [await push(shop, 'deployed'), await push(shop, 'pod')];
      for (const tag of ['spare', 'run-1']) await push(shop, tag);
      await push(`${root}/gone`, 'run-9');
      await push(`${root}/gone/cache`, 'latest');
      const kept = [`${shop}/cache`, `${above}/not-watched/shop`, `epinio/${namespace}`, `${root}/a/b`, `${above}/odd`];
      for (const repository of kept) await push(repository, 'latest');
      await populate(world, deployed, inPod);
      await aRun(namespace, 'run-1');
      // Of what is there one is not ours: a/b and odd are no repositories of Apps.
      expect(await pass(0)).toEqual({ all: 7, unused: 3, strange: 2 });
      expect(await tags(shop)).toHaveLength(4);
      await pass(23);
      expect(await tags(shop)).toHaveLength(4);
      await pass(24);
      expect(await tags(shop)).toEqual(['deployed', 'pod', 'run-1']);
      expect(await tags(`${root}/gone`)).toEqual([]);
      expect(await tags(`${root}/gone/cache`)).toEqual([]);
      for (const repository of kept) expect(await tags(repository)).toEqual(['latest']);
      expect(await pass(48)).toEqual({ all: 4, unused: 0, strange: 2 });
    }));

  test('that are deleted free their room while nobody pushes, and no other image’s', () =>
    play('bundled', async (world) => {
      const { root, push, registry } = world;
      const repository = `${root}/shop`;
      const kept = await push(repository, 'kept');
      const spare = await push(repository, 'spare');
      const reference = parseReference(`${bundled.host}/${repository}`);
      const typeOf = async (digest: string): Promise<string> =>
        (await registry.imageConfig({ ...reference, digest }, tokenFor(repository))).type;
      await populate(world, kept, kept);
      await sweep(world);
      await bundled.collect();
      expect([await typeOf(kept), await typeOf(spare)]).toEqual(['found', 'absent']);
      // What went can be pushed again: the registry does not take it for there.
      expect(await push(repository, 'spare')).toBe(spare);
      expect(await typeOf(spare)).toBe('found');
    }));

  test('that are needed again by the time of their deletion stay', () =>
    play('bundled', async (world) => {
      const { root, push, tags, pass } = world;
      const digest = await push(`${root}/shop`, 'old');
      await push(`${root}/shop`, 'other');
      expect(await pass(0)).toMatchObject({ unused: 2 });
      await populate(world, digest, digest);
      await pass(24);
      expect(await tags(`${root}/shop`)).toEqual(['old']);
    }));

  test('that what has no pods now would run stay', () =>
    play('bundled', async (world) => {
      const { namespace, root, push, tags } = world;
      const labels = { app: 'shop' };
      const podOf = async (tag: string) => {
        const image = `127.0.0.1:30500/${root}/shop@${await push(`${root}/shop`, tag)}`;
        return { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [container(image)] } };
      };
      const serving = async (tag: string) => {
        const pod = await podOf(tag);
        const template = { ...pod, spec: { ...pod.spec, restartPolicy: 'Always' } };
        return { metadata: { name: 'shop', namespace }, spec: { selector: { matchLabels: labels }, template } };
      };
      await push(`${root}/shop`, 'spare');
      await kube.create(ReplicaSet, await serving('replicaset'));
      await kube.create(StatefulSet, await serving('statefulset'));
      await kube.create(DaemonSet, await serving('daemonset'));
      const job = { suspend: true, template: await podOf('job') };
      await kube.create(Job, { metadata: { name: 'shop', namespace }, spec: job });
      const jobTemplate = { spec: { template: await podOf('cronjob') } };
      await kube.create(CronJob, {
        metadata: { name: 'shop', namespace },
        spec: { schedule: '0 0 1 1 *', jobTemplate },
      });
      await sweep(world);
      expect(await tags(`${root}/shop`)).toEqual(['cronjob', 'daemonset', 'job', 'replicaset', 'statefulset']);
    }));

  test('stay while a run is under way, which may push the same bytes under its own tag', () =>
    play('bundled', async (world) => {
      const { namespace, root, push, tags, pass } = world;
      await anApp(namespace);
      await push(`${root}/shop`, 'old');
      await pass(0);
      await aRun(namespace, 'run-1');
      await isBuilt(namespace, 'run-1', 'Unknown');
      await pass(24);
      expect(await tags(`${root}/shop`)).toEqual(['old']);
      await isBuilt(namespace, 'run-1', 'True');
      for (const hours of [25, 49]) await pass(hours);
      expect(await tags(`${root}/shop`)).toEqual([]);
    }));

  test('stay if a run has pushed the same bytes while they had their last look', () =>
    play('bundled', async (world) => {
      const { namespace, root, push, tags, pass, registry } = world;
      await anApp(namespace);
      await aRun(namespace, 'run-1');
      await push(`${root}/shop`, 'old');
      await pass(0);
      const list = registry.tags.bind(registry);
      let looks = 0;
      registry.tags = async (...args) => {
        // The first is to see what there is, the second the last look.
        if (++looks === 2) await push(`${root}/shop`, 'run-1', 'old');
        return list(...args);
      };
      await pass(24);
      expect(looks).toBe(2);
      registry.tags = list;
      expect(await tags(`${root}/shop`)).toEqual(['old', 'run-1']);
    }));

  test('are only counted in a dry run', () =>
    play('bundled', async ({ root, push, tags, pass, said }) => {
      await push(`${root}/shop`, 'old');
      for (const hours of [0, 24]) expect(await pass(hours, { dryRun: true })).toMatchObject({ unused: 1 });
      expect(await tags(`${root}/shop`)).toEqual(['old']);
      expect(said.join('')).toContain('would remove unused images');
    }));
});

describe('what images without a StageRun hold', () => {
  test('is told until they are gone, needed or not', () =>
    play('bundled', async (world) => {
      const { namespace, root, push, pass, left } = world;
      const shop = `${root}/shop`;
      const size = { image: 1000, added: 1000 };
      const sizeOf = async (digest: string): Promise<number> => {
        const reference = { ...parseReference(`${bundled.host}/${shop}`), digest };
        const found = await world.registry.imageSize(reference, tokenFor(shop));
        return found.type === 'found' ? found.bytes : NaN;
      };
      const [deployed, spare] = [await push(shop, 'deployed'), await push(shop, 'spare')];
      const [recorded, byHand] = [await push(shop, 'run-1'), await push(shop, 'by-hand')];
      for (const name of ['run-1', 'by-hand']) await aRun(namespace, name);
      await isBuilt(namespace, 'run-1', 'True', { size, image: `registry.test/${shop}@${recorded}` });
      await populate(world, deployed, deployed);
      const [kept, unneeded, hand] = await Promise.all([deployed, spare, byHand].map(sizeOf));
      await pass(0);
      expect(left()).toBe((kept ?? NaN) + (unneeded ?? NaN) + (hand ?? NaN));
      await pass(24);
      expect(left()).toBe((kept ?? NaN) + (hand ?? NaN));
    }));
});

describe('caches that builds replaced', () => {
  /** Each build moves the tag latest, and the operator tags what it left by the name of the run. */
  const build = async ({ root, push }: World, run: string): Promise<void> => {
    for (const tag of [run, 'latest']) await push(`${root}/shop/cache`, tag, run);
  };

  test('go while no run of the App is under way, and the cache of now stays', () =>
    play('bundled', async (world) => {
      const { namespace, root, tags, pass } = world;
      await anApp(namespace);
      for (const run of ['run-1', 'run-2', 'run-3']) await build(world, run);
      await aRun(namespace, 'run-3');
      await isBuilt(namespace, 'run-3', 'Unknown');
      for (const hours of [0, 24, 48]) expect(await pass(hours)).toEqual({ all: 3, unused: 0, strange: 0 });
      await isBuilt(namespace, 'run-3', 'True');
      for (const hours of [49, 73]) expect(await pass(hours)).toMatchObject({ unused: 2 });
      expect(await tags(`${root}/shop/cache`)).toEqual(['latest', 'run-3']);
    }));

  test('stay if a run has begun by the time of their deletion', () =>
    play('bundled', async (world) => {
      const { namespace, root, tags, pass } = world;
      await anApp(namespace);
      for (const run of ['run-1', 'run-2']) await build(world, run);
      await pass(0);
      await aRun(namespace, 'run-3');
      await isBuilt(namespace, 'run-3', 'Unknown');
      await pass(24);
      expect(await tags(`${root}/shop/cache`)).toEqual(['latest', 'run-1', 'run-2']);
    }));
});

describe('a registry that two installations use', () => {
  test('is swept by neither, until the note of the one that is gone is deleted', () =>
    play('external', async (world) => {
      const { namespace, root, push, tags, pass, memory, said, registry } = world;
      await anApp(namespace);
      await push(`${root}/shop`, 'old');
      expect(await pass(0)).toMatchObject({ unused: 1 });
      // The other one has a bucket of its own, and so a memory of its own.
      const mine = new Map(memory);
      memory.clear();
      expect(await pass(1, { rival: true })).toBeUndefined();
      for (const [key, text] of mine) memory.set(key, text);
      expect(await pass(24)).toBeUndefined();
      expect(await tags(`${root}/shop`)).toEqual(['old']);
      const note = parseReference(`${external.host}/${root.split('/')[0]}/epinio-installations`);
      expect(said.join('')).toContain(`delete the image ${external.host}/${note.repository}`);
      const found = await registry.headManifest(note, password);
      if (found.type !== 'found') throw new Error('there is no note');
      await registry.removeManifest({ ...note, digest: found.digest }, password);
      await pass(25);
      expect(await tags(`${root}/shop`)).toEqual([]);
    }));

  test('is told by the bucket too, where they share that: the one that was first sweeps no more either', () =>
    play('bundled', async ({ root, push, tags, pass, memory }) => {
      await push(`${root}/shop`, 'old');
      await pass(0);
      expect(await pass(1, { rival: true })).toBeUndefined();
      expect(await pass(24)).toBeUndefined();
      expect(await tags(`${root}/shop`)).toEqual(['old']);
      const other = await kube.get(Namespace, { namespace: '', name: 'default' });
      expect(memory.get('sweep/images.json')).toContain(other?.metadata?.uid);
    }));
});

describe('an external registry', () => {
  test('is swept of what this installation’s Apps have, and had when a pass saw them; what others push stays', () =>
    play('external', async (world) => {
      const { namespace, root, push, tags, pass } = world;
      const app = await anApp(namespace);
      await anApp(namespace, 'blog');
      for (const tag of ['old', 'run-1']) await push(`${root}/shop`, tag);
      await push(`${root}/shop/cache`, 'latest');
      await push(`${root}/stranger`, 'latest');
      await aRun(namespace, 'run-1');
      expect(await pass(0)).toEqual({ all: 3, unused: 1, strange: 0 });
      await pass(24);
      expect(await tags(`${root}/shop`)).toEqual(['run-1']);
      await kube.remove(App, app.metadata, { uid: app.metadata.uid });
      const run = await kube.get(StageRun, { namespace, name: 'run-1' });
      await kube.remove(StageRun, { namespace, name: 'run-1' }, { uid: run?.metadata.uid ?? '' });
      await pass(48);
      await pass(72);
      expect([await tags(`${root}/shop`), await tags(`${root}/shop/cache`)]).toEqual([[], []]);
      expect(await tags(`${root}/stranger`)).toEqual(['latest']);
      expect(await pass(96)).toEqual({ all: 0, unused: 0, strange: 0 });
    }));

  test('whose credential is missing is told by name', () =>
    play('external', async ({ home, pass }) => {
      const secret = await kube.get(Secret, { namespace: home, name: 'registry' });
      await kube.remove(Secret, { namespace: home, name: 'registry' }, { uid: secret?.metadata?.uid ?? '' });
      await expect(pass(0)).rejects.toThrow(`The Secret ${home}/registry has no credential for ${external.host}.`);
    }));
});
