import { PassThrough } from 'node:stream';
import { loadAuth, type Auth } from '../kube/client/auth.ts';
import { cached, createCache, type ClusterCache } from '../kube/cache/cache.ts';
import { createClient, type KubeClient } from '../kube/client/client.ts';
import { RequestCounter } from '../kube/client/counter.ts';
import { Manager, type Ending, type ManagerOptions } from '../kube/controller/manager.ts';
import { logHappening } from '../kube/cache/reflectorlog.ts';
import type { Resource } from '../kube/resource.ts';
import { createLogger } from '../telemetry/log.ts';
import { kubeconfigPath } from './apiserver.ts';

/** HarnessOptions: what runs, on which kinds of one namespace. */
export interface HarnessOptions extends Partial<Omit<ManagerOptions, 'kube' | 'cache' | 'log'>> {
  readonly namespace: string;
  readonly caches: readonly Resource[];
  /** Absent: straight to the test run's API server. */
  readonly auth?: Auth;
  /** client changes the client that manager and cache use, e.g. to hold a watch back. */
  readonly client?: (kube: KubeClient) => KubeClient;
}

/** Harness is a manager that runs in the test's own process, with everything about it that a test may want to see. */
export interface Harness extends AsyncDisposable {
  readonly manager: Manager;
  readonly cache: ClusterCache;
  readonly kube: KubeClient;
  readonly requests: RequestCounter;
  readonly ended: Promise<Ending>;
  /** logs are the lines so far, parsed. */
  logs(): Record<string, unknown>[];
}

/** operate runs a manager against the test run's API server until the harness is disposed of. */
export const operate = (o: HarnessOptions): Harness => {
  const requests = new RequestCounter();
  const plain = createClient({ auth: o.auth ?? loadAuth({ kubeconfig: kubeconfigPath() }), onRequest: requests.count });
  const kube = o.client?.(plain) ?? plain;
  const lines = new PassThrough();
  const text: string[] = [];
  lines.on('data', (chunk: Buffer) => text.push(chunk.toString()));
  const specs = o.caches.map((r) => cached(r, { namespaces: [o.namespace] }));
  const log = createLogger('debug', lines);
  const cache = createCache(kube, specs, { onHappening: (h) => logHappening(log, h) });
  const manager = new Manager({ controllers: [], ...o, kube, cache, log });
  const ended = manager.run();
  ended.catch(() => undefined);
  return {
    manager,
    cache,
    kube,
    requests,
    ended,
    logs: () =>
      text
        .join('')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async [Symbol.asyncDispose]() {
      await manager.stop();
      await kube.close();
    },
  };
};

/** heldBack makes a client whose watches of one kind can be held back, as a slow API server would. */
export const heldBack = (held: Resource) => {
  let gate: Promise<void> = Promise.resolve();
  let open = (): void => undefined;
  return {
    hold: () => void (gate = new Promise((resolve) => (open = resolve))),
    release: () => open(),
    client: (kube: KubeClient): KubeClient => ({
      ...kube,
      async *watch(r, o) {
        for await (const event of kube.watch(r, o)) {
          if (r.kind === held.kind) await gate;
          yield event;
        }
      },
    }),
  };
};
