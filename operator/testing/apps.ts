import { expect, vi } from 'vitest';
import {
  appCacheSpecs,
  appController,
  followBudgets,
  followPods,
  keepPullSecrets,
  keepSecretCopies,
  type AppDeps,
} from '../app/index.ts';
import { App, type AppSpec } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { StageRun } from '../api/stagerun.ts';
import { appRouteCacheSpecs, appRouteController, followHosts } from '../approute/index.ts';
import { mergeCacheSpecs } from '../kube/cache/specs.ts';
import { configSchema, type Config } from '../config.ts';
import { authFrom, loadAuth } from '../kube/client/auth.ts';
import { createCache } from '../kube/cache/cache.ts';
import { createClient, type KubeClient } from '../kube/client/client.ts';
import { findCondition } from '../kube/conditions.ts';
import { checkConditions } from './conditionscheck.ts';
import { RequestCounter } from '../kube/client/counter.ts';
import { Manager, type Task } from '../kube/controller/manager.ts';
import { Pod, type Key, type KubeObject, type Resource } from '../kube/resource.ts';
import { Leftovers, registryAddresses } from '../registry/index.ts';
import { createLogger } from '../telemetry/log.ts';
import { kubeconfigPath } from './apiserver.ts';
import { asOperator } from './role.ts';

/** testConfig is a configuration whose default routes are the namespace's own, so that tests do not meet. */
export const testConfig = (namespaces: readonly string[], over: Readonly<Record<string, unknown>> = {}): Config =>
  configSchema.parse({
    domain: 'apps.test',
    routeTemplate: '{app}.{namespace}.{domain}',
    s3: { endpoint: 'http://127.0.0.1:1', bucket: 'epinio' },
    registry: { push: 'registry.test:5000', pull: '127.0.0.1:30500' },
    builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
    watchNamespaces: namespaces,
    ...over,
  });

const noStorage = (): Promise<never> => Promise.reject(new Error('this test has no storage'));

const noObjects = async function* (): AsyncGenerator<never> {
  // Nothing lies there.
};

/** AppWorld is a running operator without StageRuns: the test itself builds, and is the kubelet. */
export interface AppWorld extends AsyncDisposable {
  /** The operator's own requests; events, which are told in the background, are not writes. */
  readonly requests: RequestCounter;
  /** died resolves when the operator is killed. */
  readonly died: Promise<void>;
  /** writes counts what the operator wrote since the last call, as `verb resource`. */
  writes(): Record<string, number>;
  /** idle resolves when the operator has nothing to do for a moment. */
  idle(): Promise<void>;
}

/** AppWorldOptions: which namespaces, and what is not as in testConfig. */
export interface AppWorldOptions {
  readonly namespaces: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  /** What is left out is not there; its bucket is empty. */
  readonly storage?: Partial<AppDeps['storage']>;
  readonly home?: string;
  /** How long a host is kept for the namespace that had it; default as shipped. */
  readonly keptMs?: number;
  readonly tasks?: (config: Config) => readonly Task[];
  /** The operator is killed when it comes to this write, counted from 1: neither it nor anything after it gets through. */
  readonly diesAt?: number;
}

const writing = ['create', 'apply', 'remove', 'mergePatch'];

/** mortal lets writes through until the operator dies; died resolves then. */
const mortal = (kube: KubeClient, diesAt: number): { readonly kube: KubeClient; readonly died: Promise<void> } => {
  let writes = 0;
  const { promise: died, resolve } = Promise.withResolvers<void>();
  const guard = (target: KubeClient, name: string): unknown => {
    const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
    if (!writing.includes(name)) return method;
    return (resource: Resource, ...args: unknown[]) => {
      if (resource.kind !== 'Event') writes++;
      if (writes < diesAt) return method(resource, ...args);
      resolve();
      return Promise.reject(new Error('killed'));
    };
  };
  return { kube: new Proxy(kube, { get: guard }), died };
};

const quietMs = 400;

/** runApps runs the controllers of Apps and AppRoutes with exactly the rights of an installed operator. */
export const runApps = async (o: AppWorldOptions): Promise<AppWorld> => {
  const config = testConfig(o.namespaces, o.config);
  const home = o.home ?? o.namespaces[0] ?? 'default';
  const requests = new RequestCounter();
  const kubeconfig = await asOperator();
  const client = createClient({ auth: authFrom(() => kubeconfig), onRequest: requests.count });
  const { kube, died } = mortal(client, o.diesAt ?? Infinity);
  const cache = createCache(
    kube,
    mergeCacheSpecs([appCacheSpecs(config, home), appRouteCacheSpecs(config)], o.namespaces),
  );
  const [budgets, pods] = [followBudgets(cache), followPods(cache)];
  const hosts = followHosts(cache, config, o.keptMs === undefined ? {} : { keptMs: o.keptMs });
  const storage = {
    head: noStorage,
    presignPut: noStorage,
    remove: noStorage,
    probeRoom: noStorage,
    list: noObjects,
    ...o.storage,
  };
  const manager = new Manager({
    controllers: [
      appController({
        config,
        home,
        storage,
        addresses: registryAddresses(config.registry),
        leftovers: new Leftovers(),
        budgets,
        pods,
      }),
      appRouteController({ config, home, cache, hosts }),
    ],
    tasks: [keepPullSecrets(config, home), keepSecretCopies(config, home), ...(o.tasks?.(config) ?? [])],
    kube,
    cache,
    log: createLogger('fatal'),
  });
  const running = manager.run();
  await cache.synced();
  const changing = (): Record<string, number> =>
    Object.fromEntries(
      Object.entries(requests.snapshot())
        .filter(([key]) => /^(create|apply|delete|patch|update) /.test(key) && !key.includes(' events'))
        .map(([key, n]) => [key.split(' ').slice(0, 2).join(' '), n]),
    );
  return {
    requests,
    died,
    writes: () => {
      const found = changing();
      requests.reset();
      return found;
    },
    idle: async () => {
      let before = '';
      await vi.waitFor(
        () => {
          const now = JSON.stringify(changing());
          const quiet = manager.idle && now === before;
          before = now;
          if (!quiet) throw new Error('still at work');
        },
        { timeout: 20_000, interval: quietMs },
      );
    },
    [Symbol.asyncDispose]: async () => {
      await manager.stop();
      await running;
      await client.close();
    },
  };
};

/** User is what a person does, with an administrator's rights. */
export interface User extends AsyncDisposable {
  readonly kube: KubeClient;
  /** apply sends an App as `kubectl apply --server-side` would. */
  apply(key: Key, spec: Partial<AppSpec>, annotations?: Record<string, string>): Promise<App>;
  /** until waits until the App says so: `status/reason` of conditions. */
  until(key: Key, conditions: Readonly<Record<string, string>>): Promise<App>;
  untilRoute(key: Key, conditions: Readonly<Record<string, string>>): Promise<AppRoute>;
  gone(resource: Resource, key: Key): Promise<void>;
  /** kubelet makes all pods of an App ready, as often as there are new ones, until stopped. */
  kubelet(namespace: string): Disposable;
  /** build ends a StageRun as its controller would. */
  build(key: Key, status: NonNullable<StageRun['status']>): Promise<void>;
}

const apiVersion = 'epinio.io/v1alpha1';

const saying = (object: (KubeObject & Parameters<typeof checkConditions>[0]) | undefined, wanted: object): void => {
  const conditions = object?.status?.conditions ?? [];
  const found = Object.fromEntries(
    Object.keys(wanted).map((type) => {
      const c = findCondition(conditions, type);
      const stale = c?.observedGeneration !== object?.metadata?.generation ? ' (stale)' : '';
      return [type, c && `${c.status}/${c.reason}${stale}`];
    }),
  );
  expect(found, JSON.stringify(conditions)).toEqual(wanted);
};

/** asUser makes a User. */
export const asUser = (): User => {
  const kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
  const until = <T extends KubeObject>(r: Resource<T>) => {
    return async (key: Key, conditions: Readonly<Record<string, string>>): Promise<T> =>
      vi.waitFor(
        async () => {
          const object = await kube.get(r, key);
          saying(object, conditions);
          if (object === undefined) throw new Error('not there');
          expect(checkConditions(object)).toEqual([]);
          return object;
        },
        { timeout: 20_000, interval: 50 },
      );
  };
  return {
    kube,
    apply: (key, spec, annotations) =>
      kube.apply(
        App,
        { apiVersion, kind: 'App', metadata: { ...key, ...(annotations && { annotations }) }, spec },
        { fieldManager: 'user' },
      ),
    until: until(App),
    untilRoute: until(AppRoute),
    gone: (resource, key) =>
      vi.waitFor(async () => expect(await kube.get(resource, key)).toBeUndefined(), { timeout: 20_000, interval: 100 }),
    kubelet: (namespace) => makeReady(kube, namespace),
    build: async (key, status) => {
      await kube.apply(
        StageRun,
        { apiVersion, kind: 'StageRun', metadata: { ...key }, status },
        { subresource: 'status', fieldManager: 'builder' },
      );
    },
    [Symbol.asyncDispose]: () => kube.close(),
  };
};

const readyStatus = (now: string) => ({
  phase: 'Running',
  conditions: [
    { type: 'Ready', status: 'True', lastTransitionTime: now },
    { type: 'ContainersReady', status: 'True', lastTransitionTime: now },
  ],
  containerStatuses: [
    {
      name: 'app',
      ready: true,
      started: true,
      restartCount: 0,
      image: 'x',
      imageID: `example.org/x@sha256:${'1'.repeat(64)}`,
    },
  ],
});

const makeReady = (kube: KubeClient, namespace: string): Disposable => {
  let running = true;
  const pass = async (): Promise<void> => {
    const { items } = await kube.list(Pod, { namespace });
    for (const { metadata, status } of items) {
      if (metadata?.name === undefined || metadata.deletionTimestamp || status?.phase !== 'Pending') continue;
      const intent = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: metadata.name, namespace },
        status: readyStatus(new Date().toISOString()),
      };
      await kube.apply(Pod, intent, { subresource: 'status', fieldManager: 'kubelet' });
    }
  };
  const timer = setInterval(() => void (running && pass().catch(() => undefined)), 200);
  return {
    [Symbol.dispose]: () => {
      running = false;
      clearInterval(timer);
    },
  };
};
