import { setTimeout as pause } from 'node:timers/promises';
import { App, type AppSpec } from '../../operator/api/app.ts';
import { group, version } from '../../operator/api/names.ts';
import type { KubeClient } from '../../operator/kube/client/client.ts';
import { Secret, type Key } from '../../operator/kube/resource.ts';
import type { Intent } from '../../operator/kube/types.ts';
import { selfSigned, tlsSecret } from '../../operator/testing/certificates.ts';
import { say } from '../cluster/shell.ts';
import { followReady, playKubelet, type Ready } from './actors.ts';
import { specOf } from './fixtures.ts';
import { cpuBetween, reconcilesBetween, requestsBetween, type Requests } from './metrics.ts';
import type { OperatorProcess } from './operator.ts';
import { parallel, range } from './parallel.ts';
import { createWorld, type World } from './world.ts';

/** Transition is what one change of an App costs, each figure for one App. */
export interface Transition {
  readonly writes: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly events: number;
  readonly gets: number;
  readonly reconciles: number;
  readonly cpuMs: number;
}

/** Transitions measured, by name. */
export type Transitions = Readonly<Record<'create' | 'noop' | 'edit' | 'scale' | 'route', Transition>>;

const per = (requests: Requests, reconciles: Record<string, number>, cpu: number, apps: number): Transition => {
  const each = (n: number): number => Math.round((n / apps) * 100) / 100;
  return {
    writes: each(requests.writesTotal),
    byKind: Object.fromEntries(Object.entries(requests.writes).map(([kind, n]) => [kind, each(n)])),
    events: each(requests.events),
    gets: each(requests.gets),
    reconciles: each(Object.values(reconciles).reduce((a, b) => a + b, 0)),
    cpuMs: each(cpu * 1000),
  };
};

interface Scene {
  readonly operator: OperatorProcess;
  readonly ready: Ready;
  readonly apps: readonly Key[];
}

/** change does something to every App, waits until all are ready and the operator rests, and counts. */
const change = async ({ operator, ready, apps }: Scene, act: (key: Key) => Promise<unknown>): Promise<Transition> => {
  const before = await operator.metrics();
  await parallel(apps, act, 4);
  await ready.all(apps.length);
  await pause(500);
  const after = await operator.idle({ quietMs: 1500 });
  const reconciles = reconcilesBetween(before, after);
  return per(requestsBetween(before, after), reconciles, cpuBetween(before, after), apps.length);
};

/** AppKind is what an App of a scene is like, and how it is changed. */
interface AppKind {
  readonly name: string;
  /** What it needs in its namespace. */
  readonly prepare: (kube: KubeClient, namespace: string) => Promise<void>;
  readonly spec: Partial<AppSpec>;
  readonly scaled: Partial<AppSpec>;
  readonly routes: (key: Key) => Partial<AppSpec>;
}

const routeOf = ({ name }: Key, host: string, more: object = {}): Partial<AppSpec> => ({
  routes: [{ host: `${name}.${host}`, path: '/', ...more }],
});

const plain: AppKind = {
  name: 'plain',
  prepare: () => Promise.resolve(),
  spec: specOf(1),
  scaled: { replicas: 2 },
  routes: (key) => routeOf(key, 'shop.test'),
};

const tls = { tls: { secretName: 'certificate' } };

const { replicas: _byLoad, ...withoutReplicas } = specOf(1);

/** full has everything that an App can have: certificates, a process besides the web, a configuration, the load that scales it. */
const full: AppKind = {
  name: 'full',
  prepare: async (kube, namespace) => {
    const names = ['*.full.test', '*.other.test'];
    const secret = { apiVersion: 'v1', kind: 'Secret' };
    await kube.create(Secret, {
      ...{ ...secret, metadata: { namespace, name: 'certificate' } },
      ...tlsSecret(await selfSigned({ names })),
    });
    await kube.create(Secret, { ...secret, metadata: { namespace, name: 'settings' }, data: { color: 'Ymx1ZQ==' } });
  },
  spec: {
    ...withoutReplicas,
    autoscaling: { minReplicas: 1, maxReplicas: 4, targetCPUUtilizationPercentage: 80 },
    resources: { requests: { cpu: '10m' } },
    processes: [{ name: 'worker', command: ['/worker'], replicas: 1 }],
    configurations: [{ kind: 'Secret', name: 'settings', as: 'Files' }],
  },
  scaled: { autoscaling: { minReplicas: 2, maxReplicas: 4, targetCPUUtilizationPercentage: 80 } },
  routes: (key) => routeOf(key, 'other.test', tls),
};

const intentOf = (key: Key, spec: object): Intent => ({
  apiVersion: `${group}/${version}`,
  kind: 'App',
  metadata: { ...key },
  spec,
});

const measure = async (world: World, operator: OperatorProcess, kind: AppKind, count: number): Promise<Transitions> => {
  const namespace = await world.namespace(`transitions-${kind.name}`);
  await kind.prepare(world.kube, namespace);
  await operator.idle();
  await using _pods = await playKubelet(world.kube, namespace);
  await using ready = await followReady(world.kube, namespace);
  const apps = range(count).map((i) => ({ namespace, name: `app-${i}` }));
  const scene = { operator, ready, apps };
  const first = (key: Key): object => ({ ...kind.spec, ...(kind === full && routeOf(key, 'full.test', tls)) });
  const user =
    (...specs: readonly object[]) =>
    (key: Key) =>
      world.kube.apply(App, intentOf(key, Object.assign({}, first(key), ...specs) as object), {
        fieldManager: 'user',
        force: true,
      });
  const env = { env: [{ name: 'GREETING', value: 'good evening' }] };
  const create = await change(scene, user());
  // An annotation wakes the operator and changes nothing that it reads.
  const noop = await change(scene, (key) =>
    world.kube.mergePatch(App, key, { metadata: { annotations: { 'example.org/seen': 'yes' } } }),
  );
  const edit = await change(scene, user(env));
  const scale = await change(scene, user(env, kind.scaled));
  const route = await change(scene, (key) => user(env, kind.scaled, kind.routes(key))(key));
  return { create, noop, edit, scale, route };
};

/**
 * measureTransitions counts writes with the real Deployment and ReplicaSet controllers; the benchmark is the kubelet. Apps go
 * through their changes a few at a time, as users change them.
 */
export const measureTransitions = async (count: number): Promise<Readonly<Record<'plain' | 'full', Transitions>>> => {
  say(`transitions of ${count} Apps, plain and with everything …`);
  const controllers = ['deployment-controller', 'replicaset-controller', 'serviceaccount-controller'];
  await using world: World = await createWorld([...controllers, 'garbage-collector-controller']);
  await using operator = await world.operator();
  await operator.synced();
  return {
    plain: await measure(world, operator, plain, count),
    full: await measure(world, operator, full, count),
  };
};
