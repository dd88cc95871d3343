import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { App, type AppSpec } from '../api/app.ts';
import {
  apiVersionOf,
  CustomResourceDefinition,
  Deployment,
  HorizontalPodAutoscaler,
  Pod,
  resource,
  type KubeObject,
} from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

interface PodMetrics extends KubeObject {
  readonly timestamp: string;
  readonly window: string;
  readonly containers: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[];
}
const PodMetrics = resource<PodMetrics>({
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  kind: 'PodMetrics',
  plural: 'pods',
});

/** Kubernetes' own autoscaler runs; what a metrics-server would tell it is written by the test. */
const definition = {
  metadata: {
    name: 'pods.metrics.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'unapproved, stands in for a metrics-server in tests' },
  },
  spec: {
    group: PodMetrics.group,
    scope: 'Namespaced',
    names: { kind: PodMetrics.kind, listKind: 'PodMetricsList', plural: PodMetrics.plural },
    versions: [
      {
        name: PodMetrics.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
} as const;

let user: User;
beforeAll(async () => {
  user = asUser();
  await user.kube.create(CustomResourceDefinition, structuredClone(definition) as never);
  await vi.waitFor(() => user.kube.list(PodMetrics, { namespace: 'default' }), 20_000);
});
afterAll(async () => {
  const key = { namespace: '', name: definition.metadata.name };
  const { metadata } = (await user.kube.get(CustomResourceDefinition, key)) ?? {};
  await user.kube.remove(CustomResourceDefinition, key, { uid: metadata?.uid ?? '' });
  await user[Symbol.asyncDispose]();
});

/** Load is what all pods of an App use together, in MiB, shared out among those that are ready. */
class Load implements Disposable {
  mebibytes = 0;
  readonly #namespace: string;
  #running = true;

  constructor(namespace: string, mebibytes: number) {
    this.#namespace = namespace;
    this.mebibytes = mebibytes;
    void this.#tell();
  }

  async #tell(): Promise<void> {
    while (this.#running) {
      await this.#pass().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #pass(): Promise<void> {
    const namespace = this.#namespace;
    const { items } = await user.kube.list(Pod, { namespace, labelSelector: 'epinio.io/process=web' });
    const ready = items.filter(({ status, metadata }) => status?.phase === 'Running' && !metadata?.deletionTimestamp);
    for (const { metadata } of ready) {
      const usage = { cpu: '1m', memory: `${Math.round((this.mebibytes / ready.length) * 1024)}Ki` };
      await user.kube.apply(
        PodMetrics,
        {
          apiVersion: apiVersionOf(PodMetrics),
          kind: PodMetrics.kind,
          metadata: { name: metadata?.name ?? '', namespace, labels: metadata?.labels ?? {} },
          timestamp: new Date().toISOString(),
          window: '1s',
          containers: [{ name: 'app', usage }],
        },
        { fieldManager: 'metrics' },
      );
    }
  }

  [Symbol.dispose](): void {
    this.#running = false;
  }
}

interface Stage {
  readonly namespace: string;
  readonly key: { readonly namespace: string; readonly name: string };
  readonly world: AppWorld;
}

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    await using world = await runApps({ namespaces: [namespace] });
    await scene({ namespace, key: { namespace, name: 'shop' }, world });
  });

const spec: Partial<AppSpec> = {
  source: { image: 'example.org/shop:1' },
  defaultRoute: 'Disabled',
  resources: { requests: { memory: '100Mi', cpu: '100m' } },
};
/** 50 MiB for each pod. */
const autoscaling = { minReplicas: 2, maxReplicas: 10, targetMemoryUtilizationPercentage: 50 };

const podsWanted = async ({ key }: Stage): Promise<number | undefined> =>
  (await user.kube.get(Deployment, key))?.spec?.replicas;

/** untilWanted waits until so many pods are wanted; never fewer than least on the way there. */
const untilWanted = (stage: Stage, n: number, least = 0): Promise<void> =>
  vi.waitFor(
    async () => {
      const wanted = (await podsWanted(stage)) ?? 0;
      if (wanted < least) throw Object.assign(new Error(`${wanted} pods: a dip below ${least}`), { dip: true });
      expect(wanted).toBe(n);
    },
    { timeout: 30_000, interval: 50 },
  );

/** lowest is how few pods were wanted at any moment while work was done. */
const lowest = async (stage: Stage, work: () => Promise<unknown>): Promise<number> => {
  let least = Infinity;
  let running = true;
  const watching = (async () => {
    while (running) {
      least = Math.min(least, (await podsWanted(stage)) ?? Infinity);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await work();
  running = false;
  await watching;
  return least;
};

/** measured waits until the autoscaler has looked at the pods that do run, and wants no other number. */
const measured = async ({ key }: Stage, desired: number): Promise<void> =>
  vi.waitFor(
    async () => {
      const { status } = (await user.kube.get(HorizontalPodAutoscaler, key)) ?? {};
      expect(status?.currentMetrics ?? []).not.toEqual([]);
      expect(status).toMatchObject({ currentReplicas: desired, desiredReplicas: desired });
    },
    { timeout: 20_000, interval: 100 },
  );

const specReplicas = async ({ key }: Stage): Promise<number | undefined> =>
  (await user.kube.get(App, key))?.spec.replicas;

test(
  'the load takes over from a number and scales up and down, without a dip, and gives the number back',
  { timeout: 180_000 },
  () =>
    play(async (stage) => {
      const { key, namespace, world } = stage;
      using _kubelet = user.kubelet(namespace);
      using load = new Load(namespace, 350);
      await user.apply(key, { ...spec, replicas: 7 });
      await user.until(key, { Ready: 'True/Ready' });
      // The manifest stops stating a number, so that the API server fills in the default, 1.
      const least = await lowest(stage, async () => {
        await user.apply(key, { ...spec, autoscaling });
        expect(await specReplicas(stage)).toBe(1);
        await vi.waitFor(async () => expect(await specReplicas(stage)).toBe(7), { timeout: 30_000, interval: 100 });
        await user.until(key, { Scaled: 'True/Autoscaled', Ready: 'True/Ready' });
      });
      expect(least).toBe(7);

      // Without autoscaling and without a number the pods stay as they are.
      expect(
        await lowest(stage, async () => {
          await user.apply(key, spec);
          await user.gone(HorizontalPodAutoscaler, key);
          await user.until(key, { Ready: 'True/Ready' });
          expect(await specReplicas(stage)).toBe(7);
          await user.apply(key, { ...spec, autoscaling });
          await user.until(key, { Scaled: 'True/Autoscaled', Ready: 'True/Ready' });
        }),
      ).toBe(7);

      load.mebibytes = 400;
      await untilWanted(stage, 8, 7);
      load.mebibytes = 150;
      await untilWanted(stage, 3, 3);
      await user.until(key, { Ready: 'True/Ready' });

      // The same manifest again, and an operator that starts anew, change nothing.
      await world.idle();
      world.writes();
      await user.apply(key, { ...spec, autoscaling });
      expect(await specReplicas(stage)).toBe(3);
      await world.idle();
      expect(world.writes()).toEqual({});

      // Stopped is stopped, also with autoscaling; then it begins with the least.
      await user.kube.mergePatch(App, key, { spec: { replicas: 0 } });
      await user.until(key, { Ready: 'True/Stopped', Scaled: 'True/Stopped' });
      expect(await podsWanted(stage)).toBe(0);
      await user.kube.mergePatch(App, key, { spec: { replicas: 1 } });
      await untilWanted(stage, 3);

      const back = await lowest(stage, async () => {
        await user.apply(key, { ...spec, replicas: 4 });
        await user.gone(HorizontalPodAutoscaler, key);
        await user.until(key, { Ready: 'True/Ready' });
      });
      expect(back).toBe(3);
      expect(await podsWanted(stage)).toBe(4);
    }),
);

test('a manifest that states a number with each sync costs no pods', { timeout: 120_000 }, () =>
  play(async (stage) => {
    const { key, namespace } = stage;
    using _kubelet = user.kubelet(namespace);
    using _load = new Load(namespace, 250);
    await user.apply(key, { ...spec, autoscaling, replicas: 1 });
    await untilWanted(stage, 5);
    const least = await lowest(stage, async () => {
      for (let i = 0; i < 4; i++) {
        await user.apply(key, { ...spec, autoscaling, replicas: 1 });
        await vi.waitFor(async () => expect(await specReplicas(stage)).toBe(5), { timeout: 30_000, interval: 100 });
        await measured(stage, 5);
      }
    });
    expect(least).toBe(5);
  }),
);

test('pods without requests are told, as what only a person can mend', () =>
  play(async (stage) => {
    const { key, namespace } = stage;
    using _kubelet = user.kubelet(namespace);
    using _load = new Load(namespace, 100);
    await user.apply(key, { ...spec, resources: { requests: { cpu: '1m' } }, autoscaling });
    const app = await user.until(key, {
      Ready: 'False/RequestsMissing',
      Scaled: 'False/RequestsMissing',
      Deployed: 'True/Deployed',
    });
    expect(app.status?.conditions?.[0]?.message).toContain('spec.resources.requests.memory is not set');
    await user.apply(key, { ...spec, autoscaling });
    await user.until(key, { Ready: 'True/Ready', Scaled: 'True/Autoscaled' });
  }));

const theirs = (namespace: string, name: string) => ({
  metadata: { namespace, name },
  spec: {
    scaleTargetRef: { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop' },
    minReplicas: 1,
    maxReplicas: 4,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 50 } },
      },
    ],
  },
});

test('an autoscaler that somebody made is followed, and ours makes way for it', { timeout: 120_000 }, () =>
  play(async (stage) => {
    const { key, namespace, world } = stage;
    using _kubelet = user.kubelet(namespace);
    using load = new Load(namespace, 150);
    await user.apply(key, { ...spec, autoscaling });
    await untilWanted(stage, 3);
    const own = await user.kube.create(HorizontalPodAutoscaler, theirs(namespace, 'mine'));
    await user.gone(HorizontalPodAutoscaler, key);
    await user.until(key, { Scaled: 'True/OtherAutoscaler' });
    load.mebibytes = 200;
    await untilWanted(stage, 4);
    await user.apply(key, spec);
    load.mebibytes = 50;
    await untilWanted(stage, 1);
    await world.idle();
    await user.apply(key, { ...spec, autoscaling });
    await user.kube.remove(HorizontalPodAutoscaler, { namespace, name: 'mine' }, { uid: own.metadata?.uid ?? '' });
    await user.until(key, { Scaled: 'True/Autoscaled' });
  }),
);

test('a stranger’s autoscaler of the App’s name is told, and left alone', () =>
  play(async ({ key, namespace }) => {
    const other = theirs(namespace, 'shop');
    const made = {
      ...other,
      spec: { ...other.spec, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' } },
    };
    const { metadata } = await user.kube.create(HorizontalPodAutoscaler, made);
    await user.apply(key, { ...spec, autoscaling });
    await user.until(key, { Ready: 'False/NameTaken' });
    expect((await user.kube.get(HorizontalPodAutoscaler, key))?.spec?.scaleTargetRef.name).toBe('x');
    await user.kube.remove(HorizontalPodAutoscaler, key, { uid: metadata?.uid ?? '' });
    using _kubelet = user.kubelet(namespace);
    await user.until(key, { Ready: 'True/Ready' });
  }));
