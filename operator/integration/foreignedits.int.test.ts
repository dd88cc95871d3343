import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectTo, type Call } from '../../e2e/cluster/api.ts';
import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { StageRun } from '../api/stagerun.ts';
import { imageAsWritten } from '../app/image.ts';
import { buildAppRoute } from '../app/resources/approute.ts';
import { buildDeployment } from '../app/resources/deployment.ts';
import { webOf } from '../app/resources/process.ts';
import { buildService } from '../app/resources/service.ts';
import { buildStageRun } from '../app/resources/stagerun.ts';
import { settings } from '../app/testing/objects.ts';
import { buildIngress } from '../approute/resources/ingress.ts';
import { applyIfChanged, type Writing } from '../kube/apply/apply.ts';
import { loadAuth } from '../kube/client/auth.ts';
import { cached, createCache } from '../kube/cache/cache.ts';
import { createClient, type KubeClient } from '../kube/client/client.ts';
import { RequestCounter } from '../kube/client/counter.ts';
import { intrusions } from '../kube/apply/intrusions.ts';
import { objectPath } from '../kube/paths.ts';
import { Deployment, Ingress, keyOf, Service, type KubeObject, type Resource } from '../kube/resource.ts';
import { isObject } from '../kube/canonical.ts';
import { differences, keysOf, pruned } from '../kube/apply/subset.ts';
import type { Intent } from '../kube/types.ts';
import { trackWrites, tracked } from '../kube/controller/writetracker.ts';
import { inNamespace, kubeconfigPath } from '../testing/apiserver.ts';
import { asUser, runApps, testConfig } from '../testing/apps.ts';

const requests = new RequestCounter();
let kube: KubeClient;
let call: Call;
let close: () => Promise<void>;

beforeAll(() => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }), onRequest: requests.count });
  ({ call, close } = connectTo(kubeconfigPath()));
});
afterAll(() => Promise.all([kube.close(), close()]));

type Json = Record<string, unknown>;
type Path = readonly (string | number)[];

/** Edit is what another hand does to an object. */
interface Edit {
  readonly what: string;
  readonly edit: (object: Json) => void;
}

const at = (object: unknown, path: Path): unknown =>
  path.reduce<unknown>((o, step) => (o as Json | undefined)?.[step], object);
const parent = (object: unknown, path: Path): Json => at(object, path.slice(0, -1)) as Json;
const last = (path: Path): string => String(path.at(-1));

/** edited makes an edit that does nothing where its place is gone. */
const edited = (what: string, path: Path, change: (holder: Json, name: string) => void): Edit => ({
  what: `${what} ${path.join('.')}`,
  edit: (object) => {
    const holder = parent(object, path);
    if (holder !== undefined && holder !== null) change(holder, last(path));
  },
});

/** otherValues are what else a field may hold; the API server refuses most of them. */
const otherValues = (value: unknown): unknown[] => {
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1, 0];
  if (typeof value !== 'string') return [];
  const words = ['Recreate', 'IfNotPresent', 'Always', 'NodePort', 'LoadBalancer', 'ClientIP', 'Local', 'UDP', 'Exact'];
  return [`${value}x`, 'other', '/other', '9', 'example.org/other:2', '', ...words];
};

const without = (holder: Json | unknown[], name: string): void => {
  if (Array.isArray(holder)) holder.splice(Number(name), 1);
  else delete holder[name];
};

/** editsOf makes every edit of everything that an intent says: other values, gone, and renamed, doubled, added items of lists. */
const editsOf = (wanted: unknown, path: Path): Edit[] => {
  const here: Edit[] = [
    ...otherValues(wanted).map((value) =>
      edited(`set to ${JSON.stringify(value)}:`, path, (holder, name) => (holder[name] = value)),
    ),
    edited('remove', path, without),
  ];
  if (Array.isArray(wanted)) {
    const keys = keysOf(last(path), wanted) ?? ['name', 'host', 'path'];
    const items = wanted.flatMap((item: unknown, i) => (isObject(item) ? itemEdits(item, [...path, i], keys) : []));
    return [...here, ...items, ...wanted.flatMap((item, i) => editsOf(item, [...path, i]))];
  }
  if (!isObject(wanted)) return here;
  return [...here, ...Object.entries(wanted).flatMap(([name, value]) => editsOf(value, [...path, name]))];
};

const itemEdits = (item: Json, path: Path, keys: readonly string[]): Edit[] => {
  const others = [...new Set([...keys, 'name'])].filter((key) => item[key] !== undefined);
  return others.flatMap((key) => {
    const other = typeof item[key] === 'number' ? item[key] + 11 : `${String(item[key])}-x`;
    return [
      edited(`rename by ${key}`, path, (holder, i) => (holder[i] = { ...(holder[i] as Json), [key]: other })),
      edited(`double by ${key}`, path, (holder, i) => {
        const list = holder as unknown as unknown[];
        list.push({ ...(list[Number(i)] as Json), [key]: other });
      }),
      edited(`double in front by ${key}`, path, (holder, i) => {
        const list = holder as unknown as unknown[];
        list.unshift({ ...(list[Number(i)] as Json), [key]: other });
      }),
    ];
  });
};

const set = (path: Path, value: unknown): Edit => ({
  what: `add ${path.join('.')}`,
  edit: (object) => {
    let holder = object;
    for (const [i, step] of path.slice(0, -1).entries()) {
      holder[step] ??= typeof path[i + 1] === 'number' ? [] : {};
      holder = holder[step] as Json;
    }
    holder[last(path)] = value;
  },
});

const pod = ['spec', 'template', 'spec'];
const ours = [...pod, 'containers', 0];
const sidecar = (more: object) => ({ name: 'sidecar', image: 'example.org/sidecar:1', ...more });

/** What is added beside the fields that an intent sets. */
const additions: Readonly<Record<string, readonly Edit[]>> = {
  Deployment: [
    set(['spec', 'paused'], true),
    set([...ours, 'command'], ['/bin/other']),
    set([...ours, 'args'], ['other']),
    set([...ours, 'workingDir'], '/other'),
    set([...ours, 'livenessProbe'], { tcpSocket: { port: 1 }, periodSeconds: 1 }),
    set([...ours, 'startupProbe'], { exec: { command: ['false'] } }),
    set([...ours, 'env', 0], { name: 'PORT', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }),
    set([...ours, 'env', 1], { name: 'EMPTY', value: 'theirs' }),
    set([...ours, 'env', 1], { name: 'EMPTY', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } }),
    set([...ours, 'env', 2, 'valueFrom'], { configMapKeyRef: { name: 'x', key: 'y' } }),
    set([...ours, 'readinessProbe'], { exec: { command: ['true'] } }),
    set([...ours, 'lifecycle', 'preStop'], { exec: { command: ['true'] } }),
    set([...ours, 'lifecycle', 'postStart'], { exec: { command: ['sleep', '1000'] } }),
    set([...pod, 'containers', 1], sidecar({ ports: [{ containerPort: 8080 }] })),
    set([...pod, 'containers', 1], sidecar({ ports: [{ containerPort: 9090, name: 'http' }] })),
    set([...pod, 'initContainers', 0], sidecar({ restartPolicy: 'Always', ports: [{ containerPort: 8080 }] })),
    set([...pod, 'securityContext', 'seccompProfile'], { type: 'Localhost', localhostProfile: 'x' }),
    set([...pod, 'nodeSelector', 'theirs'], 'x'),
    set(
      [...pod, 'topologySpreadConstraints', 0, 'labelSelector', 'matchExpressions'],
      [{ key: 'x', operator: 'Exists' }],
    ),
    set([...ours, 'resources', 'limits'], { memory: '4Mi', cpu: '1m' }),
  ],
  Service: [
    set(['spec', 'selector', 'theirs'], 'x'),
    set(['spec', 'externalIPs'], ['192.0.2.1']),
    set(['spec', 'publishNotReadyAddresses'], true),
    set(['spec', 'type'], 'ExternalName'),
    set(['spec', 'externalTrafficPolicy'], 'Local'),
  ],
  Ingress: [
    set(['spec', 'defaultBackend'], { service: { name: 'theirs', port: { number: 80 } } }),
    set(['spec', 'tls'], [{ hosts: ['shop.test'], secretName: 'theirs' }]),
    set(['spec', 'ingressClassName'], 'theirs'),
  ],
  AppRoute: [set(['spec', 'ingressClassName'], 'theirs'), set(['spec', 'appRef', 'name'], 'theirs')],
  StageRun: [],
};

const spec: App['spec'] = {
  replicas: 0,
  port: 8080,
  defaultRoute: 'Enabled',
  source: { blob: { sha256: 'a'.repeat(64), size: 10 } },
  env: [
    { name: 'EMPTY', value: '' },
    { name: 'A', value: 'ours' },
    { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
  ],
  resources: { requests: { cpu: '100m', memory: '64Mi' } },
  pod: {
    nodeSelector: { disk: 'fast' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    annotations: { ours: 'yes' },
    imagePullSecrets: [{ name: 'mine' }],
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
  },
};

interface Made {
  readonly r: Resource;
  readonly intent: Intent;
  readonly owner: KubeObject;
}

const make = async (kind: string, namespace: string): Promise<Made> => {
  const app = await kube.create(App, { metadata: { namespace, name: 'shop' }, spec } as unknown as App);
  const wanted = { host: 'shop.test', path: '/', isDefault: false };
  switch (kind) {
    case 'Deployment':
      return {
        r: Deployment,
        intent: buildDeployment(app, webOf(app), {
          image: imageAsWritten('example.org/shop:1', settings),
          pullSecret: undefined,
        }),
        owner: app,
      };
    case 'Service':
      return { r: Service, intent: buildService(app), owner: app };
    case 'AppRoute':
      return { r: AppRoute, intent: buildAppRoute(app, wanted), owner: app };
    case 'StageRun':
      return { r: StageRun, intent: buildStageRun(app, 'Source', 2), owner: app };
    default: {
      const metadata = { namespace, name: 'hand' };
      const route = await kube.create(AppRoute, {
        metadata,
        spec: { appRef: { name: 'shop' }, host: 'shop.test', path: '/' },
      } as unknown as AppRoute);
      const { ingress } = testConfig([namespace], { ingress: { className: 'traefik', annotations: { a: 'b' } } });
      return { r: Ingress, intent: buildIngress(route, { ingress }, undefined), owner: route };
    }
  }
};

interface Scene extends Made {
  /** hand writes an object as `kubectl edit` does; undefined: the API server refuses it, or nothing is changed. */
  hand(edit: Edit): Promise<KubeObject | undefined>;
  /** settle applies until there is nothing to apply, and tells how many writes that took. */
  settle(intent?: Intent): Promise<number>;
  live(): Promise<KubeObject>;
  /** caughtUp waits until the cache has the object as it is. */
  caughtUp(): Promise<void>;
  /** afterApply lets somebody act as soon as an apply has gone through, before its answer is seen. */
  afterApply(act: () => Promise<void>): void;
}

const scene = (kind: string, play: (s: Scene) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    const made = await make(kind, namespace);
    const { r, intent, owner } = made;
    const cache = createCache(kube, [cached(r, { namespaces: [namespace] })]);
    cache.start();
    await cache.synced();
    const tracker = trackWrites(cache);
    let then = (): Promise<void> => Promise.resolve();
    const apply: KubeClient['apply'] = async (resource, object, o) => {
      const answer = await kube.apply(resource, object, o);
      if (o?.dryRun === true) return answer;
      await then();
      return (await kube.get(resource, keyOf(object)))!;
    };
    const ctx: Writing = {
      ...{ cache, kube: tracked({ ...kube, apply }, tracker, 'me'), log: pino({ level: 'silent' }) },
      signal: AbortSignal.timeout(600_000),
    };
    const key = keyOf(intent);
    const live = async (): Promise<KubeObject> => (await kube.get(r, key)) ?? {};
    const settle = async (wanted = intent): Promise<number> => {
      requests.reset();
      for (let n = 0; n < 4; n++) {
        const { type } = await applyIfChanged(ctx, r, wanted, { owner });
        expect(await tracker.caughtUp('me', { timeoutMs: 5000 })).toBe(true);
        if (type === 'unchanged') return requests.writes();
        expect(type).toBe('applied');
      }
      throw new Error('applied again and again');
    };
    const caughtUp = (): Promise<void> =>
      vi.waitFor(async () => expect(cache.resourceVersion(r, key)).toBe((await live()).metadata?.resourceVersion), {
        timeout: 10_000,
        interval: 5,
      });
    const hand = async ({ what, edit }: Edit): Promise<KubeObject | undefined> => {
      const before = (await kube.get(r, key)) as unknown as Json & KubeObject;
      const object = structuredClone(before);
      edit(object);
      const { status, body } = await call('PUT', `${objectPath(r, key)}?fieldManager=hand`, object);
      // A controller was faster.
      if (status === 409) return hand({ what, edit });
      const version = (body as KubeObject).metadata?.resourceVersion;
      if (status >= 300 || version === before.metadata?.resourceVersion) return undefined;
      await caughtUp();
      return body;
    };
    try {
      expect(await settle()).toBe(1);
      await play({ ...made, hand, settle, live, caughtUp, afterApply: (act) => void (then = act) });
    } finally {
      await cache.stop();
    }
  });

const isAsWanted = ({ r, intent }: Made, live: KubeObject): void => {
  expect(differences(pruned(intent), live)).toEqual([]);
  expect(intrusions(r, pruned(intent), live)).toEqual([]);
};

describe('whatever another hand does to what we set of a', () => {
  test.each(['Deployment', 'Service', 'Ingress', 'AppRoute', 'StageRun'])(
    '%s, it ends as wanted again',
    (kind) =>
      scene(kind, async (s) => {
        const { metadata, spec: wanted } = pruned(s.intent);
        const { labels, annotations = {} } = metadata;
        const marks = { ...annotations, 'epinio.io/applied': 'x' };
        const edits = [
          ...editsOf(labels, ['metadata', 'labels']),
          ...editsOf(marks, ['metadata', 'annotations']),
          edited('remove', ['metadata', 'ownerReferences'], without),
          ...editsOf(wanted, ['spec']),
          ...(additions[kind] ?? []),
        ];
        let taken = 0;
        for (const edit of edits) {
          if ((await s.hand(edit)) === undefined) continue;
          taken++;
          try {
            const writes = await s.settle();
            expect(writes).toBeLessThanOrEqual(4);
            isAsWanted(s, await s.live());
            expect(await s.settle(), 'again').toBe(0);
          } catch (error) {
            throw new Error(`${edit.what}: ${String(error)}`, { cause: error });
          }
        }
        expect(taken).toBeGreaterThan(80);
      }),
    300_000,
  );
});

/** theirs are what others may add; each is looked for in the end. */
const theirs: Readonly<Record<string, readonly (readonly [Path, unknown])[]>> = {
  Deployment: [
    [['metadata', 'annotations', 'theirs'], 'yes'],
    [['metadata', 'labels', 'theirs'], 'yes'],
    [['spec', 'template', 'metadata', 'annotations', 'kubectl.kubernetes.io/restartedAt'], 'now'],
    [['spec', 'template', 'metadata', 'labels', 'theirs'], 'yes'],
    [[...pod, 'containers', 1], { name: 'sidecar', image: 'a', ports: [{ containerPort: 9090, name: 'metrics' }] }],
    [[...pod, 'volumes', 0], { name: 'theirs', emptyDir: {} }],
    [[...ours, 'volumeMounts', 0], { name: 'theirs', mountPath: '/theirs' }],
    [[...ours, 'env', 4], { name: 'THEIRS', value: 'yes' }],
    [[...ours, 'ports', 1], { containerPort: 9091, name: 'admin', protocol: 'TCP' }],
    [[...ours, 'resources', 'limits', 'memory'], '128Mi'],
  ],
  Service: [
    [['metadata', 'annotations', 'theirs'], 'yes'],
    [['spec', 'ports', 1], { name: 'metrics', port: 9090, targetPort: 9090, protocol: 'TCP' }],
    [['spec', 'ports', 0, 'appProtocol'], 'kubernetes.io/h2c'],
  ],
  Ingress: [
    [['metadata', 'annotations', 'theirs'], 'yes'],
    [['metadata', 'labels', 'theirs'], 'yes'],
  ],
};

describe('what others add beside ours', () => {
  test.each(Object.entries(theirs))('stays on a %s, also where ours is set right', (kind, added) =>
    scene(kind, async (s) => {
      for (const [path, value] of added) {
        expect(await s.hand(set(path, value)), path.join('.')).toBeDefined();
        expect(await s.settle(), path.join('.')).toBe(0);
      }
      const inTheWay = (additions[kind] ?? [])[0] ?? set([], {});
      expect(await s.hand(inTheWay)).toBeDefined();
      // A patch of the owners and an apply; the patch again where a controller wrote in between.
      expect(await s.settle()).toBeLessThanOrEqual(4);
      const live = await s.live();
      isAsWanted(s, live);
      for (const [path, value] of added) expect(differences(value, at(live, path)), path.join('.')).toEqual([]);
    }),
  );

  test('goes where the server will not take ours beside it, and only then', () =>
    scene('Deployment', async (s) => {
      await s.hand(set([...ours, 'resources', 'limits', 'memory'], '128Mi'));
      await s.hand(set([...pod, 'containers', 1], sidecar({})));
      expect(await s.settle()).toBe(0);
      const bigger = structuredClone(s.intent) as unknown as { spec: { template: { spec: { containers: Json[] } } } };
      const [container = {}] = bigger.spec.template.spec.containers;
      container.resources = { requests: { memory: '1Gi' } };
      await s.settle(bigger as unknown as Intent);
      isAsWanted({ ...s, intent: bigger as unknown as Intent }, await s.live());

      await s.hand(set([...pod, 'containers', 1], sidecar({})));
      container.resources = { requests: { memory: 'nonsense' } };
      await expect(s.settle(bigger as unknown as Intent)).rejects.toThrow('quantities must match');
      expect(at(await s.live(), [...pod, 'containers'])).toHaveLength(2);
    }));

  test('in the place of ours, each time again, as an admission webhook does, is not fought over', () =>
    scene('Service', async (s) => {
      const add = set(['spec', 'publishNotReadyAddresses'], true);
      s.afterApply(async () => void (await s.hand(add)));
      await s.hand(add);
      expect(await s.settle()).toBeLessThanOrEqual(4);
      expect(await s.settle()).toBe(0);
    }));

  test('by an apply of another tool in the place of ours goes too', () =>
    scene('Service', async (s) => {
      const { apiVersion, kind, metadata } = s.intent;
      const { name, namespace } = metadata;
      const ports = [{ name: 'http', port: 81, targetPort: 1 }];
      const other = { apiVersion, kind, metadata: { name, namespace }, spec: { ports } } as Intent;
      await expect(kube.apply(s.r, other, { fieldManager: 'gitops' })).rejects.toThrow('Duplicate value');
      await s.hand({ what: 'renumber', edit: (object) => void ((object.spec as Json).ports = ports) });
      await kube.apply(s.r, other, { fieldManager: 'gitops' });
      await s.caughtUp();
      expect(await s.settle()).toBeLessThanOrEqual(4);
      isAsWanted(s, await s.live());
      expect(at(await s.live(), ['spec', 'ports'])).toHaveLength(1);
    }));
});

test('a running operator sees each of them and mends it, and then is quiet', () =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    await using world = await runApps({ namespaces: [namespace] });
    const key = { namespace, name: 'shop' };
    await user.apply(key, { source: { image: 'example.org/shop:1' }, replicas: 0 });
    await user.until(key, { Ready: 'True/Stopped' });
    const [route] = (await user.kube.list(AppRoute, { namespace })).items;
    const routeKey = keyOf(route ?? {});
    const strip = (...names: string[]): Edit => ({
      what: `strip ${names.join(', ')}`,
      edit: ({ metadata }) => names.forEach((name) => void delete (metadata as Json)[name]),
    });
    const hands: [Resource, typeof key, Edit][] = [
      [Service, key, set(['spec', 'ports', 0, 'port'], 81)],
      [Service, key, set(['spec', 'selector', 'theirs'], 'x')],
      [Service, key, strip('labels', 'ownerReferences')],
      [Deployment, key, set([...ours, 'name'], 'renamed')],
      [Deployment, key, set([...ours, 'ports', 0, 'containerPort'], 9999)],
      [Deployment, key, set(['spec', 'paused'], true)],
      [Deployment, key, strip('labels')],
      [Deployment, key, strip('labels', 'ownerReferences')],
      [AppRoute, routeKey, strip('labels')],
      [AppRoute, routeKey, strip('ownerReferences')],
      [AppRoute, routeKey, set(['spec', 'ingressClassName'], 'theirs')],
      [AppRoute, routeKey, set(['spec', 'appRef', 'name'], 'theirs')],
      [Ingress, routeKey, strip('ownerReferences')],
      [Ingress, routeKey, strip('labels')],
      [Ingress, routeKey, set(['spec', 'rules', 0, 'host'], 'theirs.test')],
      [Ingress, routeKey, set(['spec', 'defaultBackend'], { service: { name: 'x', port: { number: 1 } } })],
    ];
    const stateOf = (object: unknown): unknown => {
      const { metadata, spec: said } = object as { metadata: NonNullable<KubeObject['metadata']>; spec: unknown };
      return { labels: metadata.labels, owners: metadata.ownerReferences, spec: said };
    };
    for (const [r, at, { what, edit }] of hands) {
      await world.idle();
      const wanted = stateOf(await user.kube.get(r, at));
      const edited = await vi.waitFor(async () => {
        const object = structuredClone(await user.kube.get(r, at)) as unknown as Json;
        edit(object);
        const { status, body } = await call('PUT', `${objectPath(r, at)}?fieldManager=hand`, object);
        expect(status, `${r.kind}: ${what}: ${String(body.message)}`).toBe(200);
        return body;
      });
      expect(stateOf(edited), `${r.kind}: ${what}`).not.toEqual(wanted);
      await vi.waitFor(async () => expect(stateOf(await user.kube.get(r, at)), `${r.kind}: ${what}`).toEqual(wanted), {
        timeout: 10_000,
        interval: 50,
      });
      await user.until(key, { Ready: 'True/Stopped' });
    }
    await world.idle();
    world.writes();
    await user.kube.mergePatch(Deployment, key, { metadata: { labels: { theirs: 'x' } } });
    await world.idle();
    expect(world.writes()).toEqual({});
  }));
