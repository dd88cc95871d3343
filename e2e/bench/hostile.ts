import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { App } from '../../operator/api/app.ts';
import { AppRoute } from '../../operator/api/approute.ts';
import { resourceId } from '../../operator/kube/paths.ts';
import { Deployment, Ingress, Secret, Service, type Resource } from '../../operator/kube/resource.ts';
import { during, say } from '../cluster/shell.ts';
import type { Memory } from './operator.ts';
import { parallel, range } from './parallel.ts';
import { createWorld, type World } from './world.ts';

/** Hostile is what the operator's memory is like when tenants write as much metadata as the API server takes. */
export interface Hostile {
  /** Objects of each kind, each with kilobytes of annotations. */
  readonly objects: number;
  readonly kilobytes: number;
  readonly kinds: readonly string[];
  readonly empty: Memory;
  readonly full: Memory;
  readonly syncedSeconds: number;
}

const kilobytes = 250;

/** Random, so that nothing is saved by compressing it. */
const annotations = (): Record<string, string> => ({
  note: randomBytes((kilobytes * 1000 * 3) / 4).toString('base64'),
});

const rules = (name: string) => [
  {
    host: `${name}.hostile.test`,
    http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'x', port: { number: 80 } } } }] },
  },
];

/** What a tenant may write of each kind that the operator caches as a whole cluster's. */
const contents: readonly (readonly [Resource, (name: string) => object])[] = [
  [Secret, () => ({})],
  [Ingress, (name) => ({ spec: { rules: rules(name) } })],
  [Service, () => ({ spec: { clusterIP: 'None', ports: [{ port: 80 }] } })],
  [
    Deployment,
    (name) => ({
      spec: {
        replicas: 0,
        selector: { matchLabels: { name } },
        template: { metadata: { labels: { name } }, spec: { containers: [{ name: 'x', image: 'x' }] } },
      },
    }),
  ],
  [AppRoute, (name) => ({ spec: { appRef: { name: 'none' }, host: `${name}.test`, path: '/' } })],
  [App, () => ({ spec: { paused: true, defaultRoute: 'Disabled' } })],
];

const measureStart = async (world: World): Promise<{ memory: Memory; syncedSeconds: number }> => {
  await using operator = await world.operator();
  await operator.synced();
  const syncedSeconds = operator.sinceStart();
  await operator.idle();
  await pause(15_000);
  return { memory: operator.memory(), syncedSeconds: Number(syncedSeconds.toFixed(1)) };
};

/** measureHostile starts the operator on an empty cluster, and on one that a tenant has filled. */
export const measureHostile = async (objects: number): Promise<Hostile> => {
  await using world = await createWorld([]);
  const namespace = await world.namespace('hostile');
  const { memory: empty } = await measureStart(world);
  for (const [r, content] of contents) {
    await during(`writing ${objects} ${r.plural} of ${kilobytes} KB`, 'seconds to minutes', () =>
      parallel(
        range(objects).map((i) => `hostile-${i}`),
        (name) =>
          world.kube.create(r, {
            apiVersion: r.group === '' ? r.version : `${r.group}/${r.version}`,
            kind: r.kind,
            metadata: { namespace, name, annotations: annotations() },
            ...content(name),
          }),
        8,
      ),
    );
  }
  // The first start writes statuses; memory is measured on the second, which only reads.
  await measureStart(world);
  const { memory: full, syncedSeconds } = await measureStart(world);
  say(`  ${empty.now} MB without them, ${full.now} MB with them, ${full.peak} MB at the most`);
  return { objects, kilobytes, kinds: contents.map(([r]) => resourceId(r)), empty, full, syncedSeconds };
};
