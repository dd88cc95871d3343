import { setTimeout as pause } from 'node:timers/promises';
import { App } from '../../operator/api/app.ts';
import { group, version } from '../../operator/api/names.ts';
import type { Key } from '../../operator/kube/resource.ts';
import type { Intent } from '../../operator/kube/types.ts';
import { say } from '../cluster/shell.ts';
import { followReady, playKubelet, type Ready } from './actors.ts';
import { createApp, specOf } from './fixtures.ts';
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

const edited = (key: Key, spec: object): Intent => ({
  apiVersion: `${group}/${version}`,
  kind: 'App',
  metadata: { ...key },
  spec: { ...specOf(1), ...spec },
});

/**
 * measureTransitions counts writes with the real Deployment and ReplicaSet controllers; the benchmark is the kubelet. Apps go
 * through their changes a few at a time, as users change them.
 */
export const measureTransitions = async (count: number): Promise<Transitions> => {
  say(`transitions of ${count} Apps …`);
  const controllers = ['deployment-controller', 'replicaset-controller', 'serviceaccount-controller'];
  await using world: World = await createWorld([...controllers, 'garbage-collector-controller']);
  const namespace = await world.namespace('transitions');
  await using operator = await world.operator();
  await operator.synced();
  await operator.idle();
  await using _pods = await playKubelet(world.kube, namespace);
  await using ready = await followReady(world.kube, namespace);
  const apps = range(count).map((i) => ({ namespace, name: `app-${i}` }));
  const scene = { operator, ready, apps };
  const user = (spec: object) => (key: Key) => world.kube.apply(App, edited(key, spec), { fieldManager: 'user' });
  const env = [{ name: 'GREETING', value: 'good evening' }];
  const create = await change(scene, (key) => createApp(world.kube, key, 1));
  // An annotation wakes the operator and changes nothing that it reads.
  const noop = await change(scene, (key) =>
    world.kube.mergePatch(App, key, { metadata: { annotations: { 'example.org/seen': 'yes' } } }),
  );
  const edit = await change(scene, user({ env }));
  const scale = await change(scene, user({ env, replicas: 2 }));
  const route = await change(scene, (key) =>
    user({ env, replicas: 2, routes: [{ host: `${key.name}.shop.test`, path: '/' }] })(key),
  );
  return { create, noop, edit, scale, route };
};
