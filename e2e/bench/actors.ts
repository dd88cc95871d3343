import { App } from '../../operator/api/app.ts';
import { ConditionType } from '../../operator/api/conditions.ts';
import type { KubeClient } from '../../operator/kube/client/client.ts';
import { findCondition } from '../../operator/kube/conditions.ts';
import { Deployment, Pod, type KubeObject, type Resource } from '../../operator/kube/resource.ts';
import { observeDeployment } from './fixtures.ts';

/** follow calls back for every object of a kind in a namespace, as it is now and whenever it changes, until disposed of. */
export const follow = async <T extends KubeObject>(
  kube: KubeClient,
  r: Resource<T>,
  namespace: string,
  changed: (object: T) => void,
): Promise<AsyncDisposable> => {
  const stop = new AbortController();
  const { metadata, items } = await kube.list(r, { namespace });
  items.forEach(changed);
  const watching = (async () => {
    for await (const event of kube.watch<T>(r, {
      namespace,
      resourceVersion: metadata.resourceVersion,
      signal: stop.signal,
    })) {
      if (event.type === 'ADDED' || event.type === 'MODIFIED') changed(event.object);
    }
    throw new Error(`the watch of ${r.plural} ended`);
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await watching;
    },
  };
};

/**
 * playDeployments is the Deployment controller for Deployments without pods. The real one sends 20 requests a second, so with it
 * 1,000 Deployments take minutes whoever writes them; here it must not be what is measured.
 */
export const playDeployments = (kube: KubeClient, namespace: string): Promise<AsyncDisposable> =>
  follow(kube, Deployment, namespace, ({ metadata, status }) => {
    const { name = '', generation = 1 } = metadata ?? {};
    if ((status?.observedGeneration ?? 0) < generation) void observeDeployment(kube, { namespace, name }, generation);
  });

/** playKubelet makes every pod of a namespace ready at once, as a kubelet would: there is no node. */
export const playKubelet = (kube: KubeClient, namespace: string): Promise<AsyncDisposable> =>
  follow(kube, Pod, namespace, ({ metadata, status }) => {
    const name = metadata?.name ?? '';
    if (status?.phase === 'Running' || metadata?.deletionTimestamp !== undefined) return;
    void kube.apply(
      Pod,
      { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, status: running() },
      { subresource: 'status', fieldManager: 'kubelet' },
    );
  });

const running = (): object => {
  const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, '');
  const imageID = `registry.k8s.io/pause@sha256:${'1'.repeat(64)}`;
  return {
    phase: 'Running',
    conditions: ['Ready', 'ContainersReady'].map((type) => ({ type, status: 'True', lastTransitionTime })),
    containerStatuses: [{ name: 'app', ready: true, started: true, restartCount: 0, image: 'pause', imageID }],
  };
};

/** isReady: the operator says so of the spec as it is now. */
export const isReady = ({ metadata, status }: App): boolean => {
  const ready = findCondition(status?.conditions, ConditionType.Ready);
  return ready?.status === 'True' && ready.observedGeneration === metadata.generation;
};

/** Ready tells when all Apps of a namespace are ready for the first time. */
export interface Ready extends AsyncDisposable {
  /** all resolves when so many Apps are ready for their present spec. */
  all(count: number): Promise<void>;
}

/** followReady watches the Apps of a namespace. */
export const followReady = async (kube: KubeClient, namespace: string): Promise<Ready> => {
  const ready = new Set<string>();
  let wake: (() => void) | undefined;
  const watching = await follow(kube, App, namespace, (app) => {
    if (isReady(app)) ready.add(app.metadata.name);
    else ready.delete(app.metadata.name);
    wake?.();
  });
  return {
    all: async (count) => {
      while (ready.size < count) await new Promise<void>((resolve) => (wake = resolve));
    },
    [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
  };
};
