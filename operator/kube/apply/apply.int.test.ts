import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { installThings, Thing } from '../../testing/things.ts';
import { appliedAnnotation } from './apply.ts';
import { loadAuth } from '../client/auth.ts';
import { cached, createCache, type CacheSpec, type ClusterCache } from '../cache/cache.ts';
import { createClient, type KubeClient } from '../client/client.ts';
import { RequestCounter } from '../client/counter.ts';
import { applyIfChanged, applyStatusIfChanged, removeIfOwned, type Writing } from './statuswrites.ts';
import { ConfigMap, Deployment, Secret, Service, type KubeObject } from '../resource.ts';
import { trackWrites, tracked } from '../controller/writetracker.ts';
import type { Intent } from '../types.ts';

const counter = new RequestCounter();
let kube: KubeClient;
/** Somebody else, who writes with another field manager. */
let stranger: KubeClient;

beforeAll(async () => {
  const auth = loadAuth({ kubeconfig: kubeconfigPath() });
  kube = createClient({ auth, onRequest: counter.count });
  stranger = createClient({ auth, fieldManager: 'stranger' });
  await installThings(kube);
});
afterAll(() => Promise.all([kube.close(), stranger.close()]));

interface Scene extends Writing {
  readonly cache: ClusterCache;
  readonly namespace: string;
  readonly owner: KubeObject;
  /** apply waits until the cache has seen what it wrote. */
  apply(intent: Intent, r?: typeof Deployment): ReturnType<typeof applyIfChanged>;
  seen(): Promise<void>;
}

const specs: CacheSpec[] = [
  cached(Deployment),
  cached(Service),
  cached(ConfigMap, { labelSelector: 'ours=yes' }),
  cached(Secret, { metadataOnly: true }),
  cached(Thing),
];

const scene = (play: (s: Scene) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    const cache = createCache(
      kube,
      specs.map((spec) => ({ ...spec, namespaces: [namespace] })),
    );
    cache.start();
    await cache.synced();
    const tracker = trackWrites(cache);
    const owner = await kube.create(ConfigMap, { metadata: { namespace, name: 'owner' } });
    const ctx: Writing = {
      ...{ cache, kube: tracked(kube, tracker, 'me'), log: pino({ level: 'silent' }) },
      signal: AbortSignal.timeout(30_000),
    };
    const seen = async (): Promise<void> => expect(await tracker.caughtUp('me', { timeoutMs: 5000 })).toBe(true);
    try {
      await play({
        ...{ ...ctx, cache, namespace, owner, seen },
        apply: async (intent, r = Deployment) => {
          const answer = await applyIfChanged(ctx, r, intent, { owner });
          await seen();
          return answer;
        },
      });
    } finally {
      await cache.stop();
    }
  });

const deployment = (s: Scene, spec: object = {}, container: object = {}): Intent => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: s.namespace, name: 'web', labels: { app: 'web' } },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'web',
            image: 'none',
            resources: { limits: { cpu: '1000m' } },
            env: [{ name: 'A', value: '' }],
            ...container,
          },
        ],
      },
    },
    ...spec,
  },
});

const key = (s: Scene, name = 'web') => ({ namespace: s.namespace, name });

test('an intent is applied once; the same again, also by a restarted operator, sends nothing', () =>
  scene(async (s) => {
    expect(await s.apply(deployment(s))).toMatchObject({ type: 'applied', object: { spec: { replicas: 0 } } });
    counter.reset();
    expect(await s.apply(deployment(s))).toMatchObject({ type: 'unchanged' });
    const restarted = createCache(kube, [cached(Deployment, { namespaces: [s.namespace] })]);
    restarted.start();
    await restarted.synced();
    expect(await applyIfChanged({ ...s, cache: restarted }, Deployment, deployment(s), s)).toMatchObject({
      type: 'unchanged',
    });
    await restarted.stop();
    expect(counter.writes()).toBe(0);
    expect(counter.total({ verb: 'get' })).toBe(0);
  }));

test('what the intent no longer says goes, what others added stays', () =>
  scene(async (s) => {
    await s.apply(deployment(s, { minReadySeconds: 7 }));
    await stranger.mergePatch(Deployment, key(s), {
      metadata: { annotations: { theirs: 'yes' } },
      spec: { revisionHistoryLimit: 3 },
    });
    await vi.waitFor(() => expect(s.cache.get(Deployment, key(s))?.spec?.revisionHistoryLimit).toBe(3));
    expect(await s.apply(deployment(s, { minReadySeconds: 7 }))).toMatchObject({ type: 'unchanged' });
    const { object } = await s.apply(deployment(s));
    expect(object).toMatchObject({ metadata: { annotations: { theirs: 'yes' } }, spec: { revisionHistoryLimit: 3 } });
    expect(object).not.toHaveProperty('spec.minReadySeconds');
  }));

test("a stranger's edit of our fields is repaired, also that of the owner and of our mark", () =>
  scene(async (s) => {
    await s.apply(deployment(s));
    const edits = [
      { spec: { replicas: 3 } },
      { metadata: { ownerReferences: null } },
      { metadata: { labels: { app: null } } },
      { metadata: { annotations: { [appliedAnnotation]: 'other' } } },
    ];
    for (const edit of edits) {
      const { metadata } = await stranger.mergePatch(Deployment, key(s), edit);
      await vi.waitFor(() =>
        expect(Number(s.cache.resourceVersion(Deployment, key(s)))).toBeGreaterThanOrEqual(
          Number(metadata?.resourceVersion),
        ),
      );
      expect(await s.apply(deployment(s)), JSON.stringify(edit)).toMatchObject({
        type: 'applied',
        object: {
          spec: { replicas: 0 },
          metadata: { labels: { app: 'web' }, ownerReferences: [{ uid: s.owner.metadata?.uid }] },
        },
      });
      expect(await s.apply(deployment(s))).toMatchObject({ type: 'unchanged' });
    }
  }));

test('what the server writes in its own way is no drift, and what it drops is not sent for ever', () =>
  scene(async (s) => {
    // hostNetwork: false is not kept by the API server, so the intent never becomes a subset of the live object.
    const odd = (): Intent => {
      const intent = deployment(s);
      return {
        ...intent,
        spec: {
          ...(intent.spec as object),
          template: {
            metadata: { labels: { app: 'web' } },
            spec: {
              hostNetwork: false,
              containers: [{ name: 'web', image: 'none', ports: [{ containerPort: 80 }], args: [] }],
            },
          },
        },
      };
    };
    expect(await s.apply(odd())).toMatchObject({ type: 'applied' });
    for (let n = 0; n < 3; n++) expect(await s.apply(odd())).toMatchObject({ type: 'unchanged' });
    await stranger.mergePatch(Deployment, key(s), { spec: { replicas: 2 } });
    await vi.waitFor(() => expect(s.cache.get(Deployment, key(s))?.spec?.replicas).toBe(2));
    expect(await s.apply(odd())).toMatchObject({ type: 'applied', object: { spec: { replicas: 0 } } });
  }));

test("a name that is a stranger's is never touched, whether the cache has seen it, cannot see it, or is behind", () =>
  scene(async (s) => {
    const intent = (name: string): Intent => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: s.namespace, name },
      spec: { clusterIP: 'None', selector: { app: 'ours' } },
    });
    const theirs = { spec: { clusterIP: 'None', selector: { app: 'theirs' } } };
    const made = await stranger.create(Service, { metadata: key(s, 'svc'), ...theirs });
    await vi.waitFor(() => expect(s.cache.get(Service, key(s, 'svc'))).toBeDefined());
    expect(await applyIfChanged(s, Service, intent('svc'), s)).toMatchObject({
      type: 'nameTaken',
      object: made.metadata ? { metadata: { name: 'svc' } } : {},
    });
    expect((await kube.get(Service, key(s, 'svc')))?.metadata?.resourceVersion).toBe(made.metadata?.resourceVersion);

    // The cache's selector leaves this one out.
    await stranger.create(ConfigMap, { metadata: key(s, 'cm'), data: { a: 'theirs' } });
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...key(s, 'cm'), labels: { ours: 'yes' } },
      data: { b: 'ours' },
    };
    expect(await applyIfChanged(s, ConfigMap, configMap, s)).toMatchObject({ type: 'nameTaken' });
    expect((await kube.get(ConfigMap, key(s, 'cm')))?.data).toEqual({ a: 'theirs' });

    // The cache is behind: it was stopped before the stranger came.
    await s.cache.stop();
    await stranger.apply(Service, { ...intent('late'), ...theirs });
    expect(await applyIfChanged(s, Service, intent('late'), s)).toMatchObject({ type: 'nameTaken' });
    expect((await kube.get(Service, key(s, 'late')))?.spec?.selector).toEqual({ app: 'theirs' });
  }));

test('what belongs to a deleted owner of the same kind and name is left to the garbage collector', () =>
  scene(async (s) => {
    const { object } = await s.apply(deployment(s));
    const after = { ...s.owner, metadata: { ...s.owner.metadata, uid: 'successor' } };
    const namesake = { ...after, kind: 'Another' };
    expect(await applyIfChanged(s, Deployment, deployment(s), { owner: after })).toMatchObject({ type: 'predecessor' });
    expect(await applyIfChanged(s, Deployment, deployment(s), { owner: namesake })).toMatchObject({
      type: 'nameTaken',
    });
    expect((await kube.get(Deployment, key(s)))?.metadata?.uid).toBe(object.metadata?.uid);
  }));

test('of a Secret only metadata is cached; it is written once, and again when somebody wrote it', () =>
  scene(async (s) => {
    const secret = (password: string): Intent => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: key(s, 'pull'),
      data: { password: btoa(password) },
    });
    const apply = (password: string) => s.apply(secret(password), Secret);
    expect(await apply('one')).toMatchObject({ type: 'applied' });
    expect(await apply('one')).toMatchObject({ type: 'unchanged' });
    expect(JSON.stringify(s.cache.get(Secret, key(s, 'pull')))).not.toContain(btoa('one'));
    expect(await apply('two')).toMatchObject({ type: 'applied' });
    await stranger.mergePatch(Secret, key(s, 'pull'), { stringData: { password: 'theirs' } });
    await vi.waitFor(async () =>
      expect(s.cache.resourceVersion(Secret, key(s, 'pull'))).toBe(
        (await kube.get(Secret, key(s, 'pull')))?.metadata?.resourceVersion,
      ),
    );
    expect(await apply('two')).toMatchObject({ type: 'applied' });
    expect((await kube.get(Secret, key(s, 'pull')))?.data).toEqual({ password: btoa('two') });
    expect(await apply('two')).toMatchObject({ type: 'unchanged' });
  }));

test('a status is written as a whole, once, and only onto the object it is about', () =>
  scene(async (s) => {
    const made = await kube.create(Thing, {
      metadata: key(s, 'x'),
      spec: { unknown: { to: ['any', 'schema', null] } },
    });
    expect(made.spec).toEqual({ unknown: { to: ['any', 'schema', null] } });
    const conditions = [
      { type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ];
    const current = (): Thing => s.cache.get(Thing, key(s, 'x')) ?? made;
    const write = async (status: Record<string, unknown>): Promise<string> => {
      const answer = await applyStatusIfChanged(s, Thing, current(), status);
      await s.seen();
      return answer;
    };
    expect(await write({ observedGeneration: 1, url: 'u', conditions })).toBe('applied');
    expect(await write({ observedGeneration: 1, url: 'u', conditions, none: undefined, empty: [] })).toBe('unchanged');
    expect(await write({ observedGeneration: 1, conditions })).toBe('applied');
    expect(current().status).toEqual({ observedGeneration: 1, conditions });
    expect(await write({ observedGeneration: 2, conditions })).toBe('applied');

    // A field of another writer in our status is not fought over for ever.
    await stranger.apply(
      Thing,
      { apiVersion: 'test.epinio.io/v1', kind: 'Thing', metadata: key(s, 'x'), status: { theirs: 1 } },
      { subresource: 'status' },
    );
    await vi.waitFor(() => expect(current().status).toHaveProperty('theirs'));
    expect(await write({ observedGeneration: 2, conditions })).toBe('applied');
    expect(await write({ observedGeneration: 2, conditions })).toBe('unchanged');

    // Somebody edits the spec between our look and our write.
    const behind = current();
    await stranger.mergePatch(Thing, key(s, 'x'), { spec: { edited: true } });
    const late = applyStatusIfChanged(s, Thing, behind, { observedGeneration: 3, conditions });
    await expect(late).rejects.toMatchObject({ code: 409 });
    await vi.waitFor(() => expect(current().spec).toHaveProperty('edited'));
    expect(await write({ observedGeneration: 3, conditions })).toBe('applied');

    const old = current();
    await kube.remove(Thing, key(s, 'x'), { uid: old.metadata?.uid ?? '' });
    expect(await applyStatusIfChanged(s, Thing, old, { observedGeneration: 4 })).toBe('gone');
    await kube.create(Thing, { metadata: key(s, 'x') });
    await expect(applyStatusIfChanged(s, Thing, old, { observedGeneration: 4 })).rejects.toMatchObject({ code: 409 });
    expect((await kube.get(Thing, key(s, 'x')))?.status).toBeUndefined();
  }));

test('only what is owned is removed, and never its successor', () =>
  scene(async (s) => {
    const { object } = await s.apply(deployment(s));
    const other = { ...s.owner, metadata: { ...s.owner.metadata, uid: 'another' } };
    expect(await removeIfOwned(s, Deployment, object, { owner: other })).toBe(false);
    expect(await removeIfOwned(s, Deployment, { metadata: { ...object.metadata, uid: 'successor' } }, s)).toBe(false);
    expect(await removeIfOwned(s, Deployment, object, s)).toBe(true);
    await s.seen();
    expect(s.cache.get(Deployment, key(s))?.metadata?.deletionTimestamp ?? 'gone').toBeDefined();
    expect(await removeIfOwned(s, Deployment, object, s)).toBe(false);
  }));
