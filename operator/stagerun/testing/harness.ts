import { expect, vi } from 'vitest';
import { createServer, createSigner } from '../../bootstrap/certificates.ts';
import { App, type AppSpec } from '../../api/app.ts';
import { StageRun, type StageRunSpec, type StageRunStatus } from '../../api/stagerun.ts';
import type { Config } from '../../config.ts';
import { authFrom, loadAuth } from '../../kube/client/auth.ts';
import { createCache } from '../../kube/cache/cache.ts';
import { createClient, type KubeClient } from '../../kube/client/client.ts';
import { Manager } from '../../kube/controller/manager.ts';
import { Job, Namespace, Pod, Secret } from '../../kube/resource.ts';
import {
  authorizationOf,
  createRegistryClient,
  parseReference,
  signRunToken,
  type Credential,
  type RegistryClient,
} from '../../registry/index.ts';
import { createStorage, type Storage } from '../../storage/index.ts';
import { createLogger } from '../../telemetry/log.ts';
import { kubeconfigPath } from '../../testing/apiserver.ts';
import { pushImage } from '../../testing/image.ts';
import { startMinio, type Minio } from '../../testing/minio.ts';
import { asOperator } from '../../testing/role.ts';
import { startRegistry, type TestRegistry } from '../../testing/registry.ts';
import { succeededOf } from '../observed.ts';
import { stageRunCacheSpecs, stageRunController, type LogArchives } from '../index.ts';
import type { PodObject, StepName } from '../../api/steps.ts';
import { noLogs } from './logs.ts';
import { anApp, aRun, settings } from './objects.ts';
import { podWith, type State } from './pods.ts';

/** World is what lies around the controller: a real API server, registry and MinIO; the test itself is the kubelet. */
export interface World extends AsyncDisposable {
  readonly kube: KubeClient;
  readonly registry: TestRegistry;
  readonly client: RegistryClient;
  readonly storage: Storage;
  readonly config: Config;
  /** Namespace of the operator. */
  readonly home: string;
  /** pushes an image into the repository as a build would, and gives its digest. */
  push(repository: string, tag: string, labels?: Readonly<Record<string, string>>): Promise<string>;
  /** digest tells what a tag names, if anything. */
  digest(repository: string, tag: string): Promise<string | undefined>;
}

const encoded = (data: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

/** createWorld starts what the controller talks to, with the Secrets that bootstrap would make. */
export const createWorld = async (): Promise<World> => {
  const kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
  const home = `home-${Math.random().toString(36).slice(2, 10)}`;
  await kube.create(Namespace, { metadata: { name: home } });
  const [server, signer, minio] = await Promise.all([
    createServer(['127.0.0.1'], new Date()),
    createSigner(new Date()),
    startMinio(),
  ]);
  const registry = await startRegistry({ type: 'token', ...server, signer: signer.certificate });
  const secret = (name: string, data: Record<string, string>) =>
    kube.create(Secret, { metadata: { name, namespace: home }, data: encoded(data) });
  await secret('epinio-registry-token', { 'tls.key': signer.key, 'tls.crt': signer.certificate });
  await secret('epinio-registry-tls', { 'ca.crt': server.ca });
  const runImage = `${registry.host}/epinio/run:1`;
  const config = settings({
    registry: { push: registry.host, pull: '127.0.0.1:30500', caRef: 'epinio-registry-tls' },
    builders: [{ name: 'default', image: 'example.org/builder:1', runImage }],
    build: { concurrency: 2, perNamespace: 1 },
  });
  const storage = await openStorage(minio);
  const client = createRegistryClient({ ca: server.ca });
  const tokenFor = (repository: string): Credential => {
    const access = [{ type: 'repository' as const, name: repository, actions: ['pull' as const, 'push' as const] }];
    const request = { ...signer, issuer: 'epinio', service: 'registry', access, expiresSeconds: 60, subject: 'test' };
    return { type: 'bearer', token: signRunToken(request) };
  };
  const push: World['push'] = (repository, tag, labels = {}) => {
    const authorization = authorizationOf(tokenFor(repository));
    const target = { base: `https://${registry.host}`, repository, tag, ca: server.ca, authorization };
    return pushImage(target, { config: { Labels: labels } });
  };
  const digest: World['digest'] = async (repository, tag) => {
    const image = parseReference(`${registry.host}/${repository}:${tag}`);
    const found = await client.headManifest(image, tokenFor(repository));
    return found.type === 'found' ? found.digest : undefined;
  };
  await push('epinio/run', '1');
  const dispose = async (): Promise<void> => {
    await Promise.all([client.close(), storage.close(), kube.close()]);
    await registry[Symbol.asyncDispose]();
    await minio[Symbol.asyncDispose]();
  };
  return { kube, registry, client, storage, config, home, push, digest, [Symbol.asyncDispose]: dispose };
};

const openStorage = async ({ endpoint, accessKey, secretKey }: Minio): Promise<Storage> => {
  const storage = createStorage({ endpoint, region: 'us-east-1', bucket: 'epinio', prefix: '', accessKey, secretKey });
  await storage.ensureBucket();
  return storage;
};

/** Operator is a running controller; stop ends it in good order, kill as a crash does: with its next write. */
export interface Operator extends AsyncDisposable {
  readonly writes: readonly string[];
  kill(): void;
}

/** Options of a started operator. */
export interface OperatorOptions {
  readonly config?: Config;
  readonly registry?: RegistryClient;
  readonly logs?: LogArchives;
  /** dies is asked before every write; true ends the operator's life there: nothing of it gets through any more. */
  readonly dies?: (write: string) => boolean;
}

class Killed extends Error {}

/** startOperator runs the StageRun controller for one namespace, or several, with exactly the rights of an installed operator. */
export const startOperator = async (
  world: World,
  namespace: string | readonly string[],
  o: OperatorOptions = {},
): Promise<Operator> => {
  const config = o.config ?? world.config;
  const role = await asOperator();
  const client = createClient({ auth: authFrom(() => role) });
  const writes: string[] = [];
  let dead = false;
  const guarded = new Proxy(client, {
    get: (target, name: string) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      if (!['create', 'apply', 'remove', 'mergePatch'].includes(name)) return method;
      return (r: { kind: string }, ...args: unknown[]) => {
        const write = `${name} ${r.kind}`;
        dead ||= o.dies?.(write) ?? false;
        if (dead) return Promise.reject(new Killed(write));
        if (r.kind !== 'Event') writes.push(write);
        return method(r, ...args);
      };
    },
  });
  const cache = createCache(
    client,
    stageRunCacheSpecs.map((spec) => ({ ...spec, namespaces: [namespace].flat() })),
  );
  const controller = stageRunController({
    config,
    home: world.home,
    storage: world.storage,
    registry: o.registry ?? world.client,
    fetch: { image: 'example.org/operator:1', command: ['node', '/app/epinio-operator.mjs', 'fetch'] },
    logs: o.logs ?? noLogs,
  });
  const manager = new Manager({ controllers: [controller], kube: guarded, cache, log: createLogger('silent') });
  const running = manager.run();
  await cache.synced();
  const stop = async (): Promise<void> => {
    await manager.stop();
    await running;
    await client.close();
  };
  return { writes, kill: () => void (dead = true), [Symbol.asyncDispose]: stop };
};

/** applyRun makes an App and the run that it wants, as the App controller would. */
export const applyRun = async (
  { kube }: World,
  namespace: string,
  o: { name?: string; app?: Partial<AppSpec>; run?: Partial<StageRunSpec> } = {},
): Promise<StageRun> => {
  const plain = anApp(o.app, { name: o.name ?? 'shop', namespace });
  const app = await kube.create(App, {
    ...plain,
    apiVersion: 'epinio.io/v1alpha1',
    kind: 'App',
    metadata: names(plain),
  });
  const run = aRun(app, o.run);
  return kube.create(StageRun, {
    ...run,
    metadata: { ...names(run), ownerReferences: run.metadata.ownerReferences ?? [] },
  });
};

const names = ({ metadata: { name, namespace } }: { metadata: { name: string; namespace: string } }) =>
  ({ name, namespace }) as StageRun['metadata'];

/** readRun reads a run's status from the API. */
export const readRun = async ({ kube }: World, { metadata }: StageRun): Promise<StageRunStatus | undefined> =>
  (await kube.get(StageRun, metadata))?.status;

/** untilRun waits until the run's condition Succeeded has this status, and reason if given. */
export const untilRun = async (
  world: World,
  run: StageRun,
  status: 'True' | 'False' | 'Unknown',
  reason?: string,
): Promise<StageRunStatus> =>
  vi.waitFor(
    async () => {
      const found = (await readRun(world, run)) ?? {};
      const word = succeededOf({ ...run, status: found });
      expect(`${word?.status}/${word?.reason}: ${word?.message}`).toMatch(new RegExp(`^${status}/${reason ?? ''}`));
      return found;
    },
    { timeout: 20_000, interval: 100 },
  );

/** jobsOf lists the Jobs of a namespace. */
export const jobsOf = async ({ kube }: World, namespace: string) => (await kube.list(Job, { namespace })).items;

/** podOf waits for the pod that the Job controller makes for a run. */
export const podOf = async ({ kube }: World, { metadata }: StageRun): Promise<PodObject> =>
  vi.waitFor(
    async () => {
      const { items } = await kube.list(Pod, { namespace: metadata.namespace });
      const pod = items.find(
        (p) => p.metadata?.labels?.['job-name'] === metadata.name && !p.metadata.deletionTimestamp,
      );
      if (!pod) throw new Error('no pod yet');
      return pod;
    },
    { timeout: 15_000, interval: 100 },
  );

/** kubelet writes the status of a run's pod as a kubelet would: the steps before ended well, this one is as given. */
export const kubelet = async (
  world: World,
  run: StageRun,
  step: StepName,
  state: State,
  status: Partial<NonNullable<PodObject['status']>> = {},
  pod?: PodObject,
): Promise<void> => {
  const { metadata, status: before } = pod ?? (await podOf(world, run));
  const next = podWith(step, state, status).status ?? {};
  const conditions = [{ type: 'PodScheduled', status: 'True' }, ...(next.conditions ?? [])];
  const complete = (list: typeof next.containerStatuses) =>
    list?.map((c) => ({ ...c, image: 'x', imageID: 'x', restartCount: 0, ready: false }));
  const written = {
    ...next,
    conditions,
    startTime: before?.startTime ?? new Date().toISOString(),
    initContainerStatuses: complete(next.initContainerStatuses),
    containerStatuses: complete(next.containerStatuses),
  };
  const { name = '', namespace = '' } = metadata ?? {};
  const intent = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, status: written };
  await world.kube.apply(Pod, intent, { subresource: 'status', fieldManager: 'kubelet' });
};
