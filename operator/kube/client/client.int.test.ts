import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubeconfigPath, inNamespace } from '../../testing/apiserver.ts';
import { startFaultProxy, type FaultProxy } from '../../testing/faults.ts';
import { loadAuth, plainAuth } from './auth.ts';
import { createClient, type KubeClient } from './client.ts';
import { RequestCounter } from './counter.ts';
import { Stopped } from '../errors.ts';
import { ConfigMap, Deployment, Namespace, Pod, Secret, Service, type KubeObject } from '../resource.ts';
import type { Intent } from '../types.ts';

const counter = new RequestCounter();
let kube: KubeClient;
let proxy: FaultProxy;
/** The same client, through the fault proxy. */
let faulty: KubeClient;

beforeAll(async () => {
  const auth = loadAuth({ kubeconfig: kubeconfigPath() });
  kube = createClient({ auth, onRequest: counter.count });
  proxy = await startFaultProxy(auth);
  faulty = createClient({ auth: plainAuth(proxy.url), onRequest: counter.count });
});
afterAll(async () => {
  await Promise.all([kube.close(), faulty.close()]);
  await proxy.close();
});

const configMap = (namespace: string, name: string, data: Record<string, string> = {}): Intent => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});

describe('the client', () => {
  test('creates, reads, applies, patches and removes', () =>
    inNamespace(async (namespace) => {
      const key = { namespace, name: 'x' };
      expect(await kube.get(ConfigMap, key)).toBeUndefined();
      const created = await kube.create(ConfigMap, { metadata: key, data: { a: '1' } });
      await expect(kube.create(ConfigMap, { metadata: key })).rejects.toMatchObject({
        code: 409,
        reason: 'AlreadyExists',
      });
      const applied = await kube.apply(ConfigMap, configMap(namespace, 'x', { b: '2' }));
      expect(applied.data).toEqual({ a: '1', b: '2' });
      expect(applied.metadata?.managedFields?.length).toBe(2);
      expect((await kube.mergePatch(ConfigMap, key, { data: { a: null } })).data).toEqual({ b: '2' });
      const stale = { metadata: { resourceVersion: created.metadata?.resourceVersion }, data: { a: 'x' } };
      await expect(kube.mergePatch(ConfigMap, key, stale)).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
      const uid = applied.metadata?.uid ?? '';
      expect(await kube.remove(ConfigMap, key, { uid: 'another' })).toBe(false);
      expect(await kube.remove(ConfigMap, key, { uid })).toBe(true);
      expect(await kube.remove(ConfigMap, key, { uid })).toBe(false);
    }));

  test('an apply without force is refused where another manager has the field', () =>
    inNamespace(async (namespace) => {
      await kube.create(ConfigMap, { metadata: { namespace, name: 'x' }, data: { a: 'theirs' } }, {});
      await kube.mergePatch(ConfigMap, { namespace, name: 'x' }, { data: { a: 'theirs' } });
      const ours = configMap(namespace, 'x', { a: 'ours' });
      await expect(kube.apply(ConfigMap, ours, { force: false })).rejects.toMatchObject({
        code: 409,
        reason: 'Conflict',
      });
      expect((await kube.apply(ConfigMap, ours)).data).toEqual({ a: 'ours' });
    }));

  test('lists page by page, and every item of a list has its kind', () =>
    inNamespace(async (namespace) => {
      const names = Array.from({ length: 7 }, (_, i) => `x${i}`);
      await Promise.all(names.map((name) => kube.apply(ConfigMap, configMap(namespace, name))));
      counter.reset();
      const seen: (string | undefined)[] = [];
      const version = await kube.eachItem(ConfigMap, { namespace, limit: 3 }, (o) => seen.push(o.metadata?.name));
      expect(seen).toEqual(names);
      expect(Number(version)).toBeGreaterThan(0);
      expect(counter.total({ verb: 'list' })).toBe(3);
      const one = await kube.list(ConfigMap, { namespace, fieldSelector: 'metadata.name=x5' });
      expect(one.items).toMatchObject([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x5' } }]);
    }));

  test('metadata-only reads bring no content', () =>
    inNamespace(async (namespace) => {
      const key = { namespace, name: 'x' };
      const { resourceVersion = '' } = (await kube.list(Secret, { namespace })).metadata;
      await kube.create(Secret, { metadata: key, stringData: { password: 'secret' } });
      expect(Object.keys((await kube.getMetadata(Secret, key)) ?? {})).toEqual(['kind', 'apiVersion', 'metadata']);
      const items: KubeObject[] = [];
      await kube.eachItem(Secret, { namespace, metadataOnly: true }, (o) => items.push(o));
      expect(items).toHaveLength(1);
      expect(JSON.stringify(items)).not.toContain(btoa('secret'));
      const seen = kube.watch(Secret, { namespace, metadataOnly: true, resourceVersion });
      const first = await seen.next();
      await seen.return();
      expect(first.value).toMatchObject({ type: 'ADDED', object: { kind: 'PartialObjectMetadata', metadata: key } });
      expect(JSON.stringify(first.value)).not.toContain(btoa('secret'));
    }));

  test('tells what the kubelet would say of the logs of a pod', () =>
    inNamespace(async (namespace) => {
      const key = { namespace, name: 'x' };
      const containers = [{ name: 'main', image: 'none' }];
      await kube.create(Pod, { metadata: key, spec: { containers } });
      await expect(kube.logs(key, { container: 'none' })).rejects.toMatchObject({ code: 400, reason: 'BadRequest' });
    }));

  test('refuses a key that would name a whole collection', async () => {
    await expect(kube.remove(Pod, { namespace: 'a', name: '' }, { uid: 'x' })).rejects.toThrow('without a name');
    await expect(kube.get(Pod, { namespace: '', name: 'x' })).rejects.toThrow('without a namespace');
    expect(await kube.get(Namespace, { namespace: '', name: 'default' })).toMatchObject({ kind: 'Namespace' });
  });

  test('counts requests by verb, resource and code', () =>
    inNamespace(async (namespace) => {
      counter.reset();
      await kube.get(Service, { namespace, name: 'none' });
      await kube.list(Deployment, { namespace });
      await kube.getRaw('/version');
      expect(counter.snapshot()).toEqual({ 'get raw 200': 1, 'get services 404': 1, 'list deployments.apps 200': 1 });
      expect(counter.writes()).toBe(0);
    }));
});

describe('through the fault proxy', () => {
  const mine =
    (namespace: string) =>
    ({ path }: { path: string }) =>
      path.includes(`/${namespace}/`);

  test('429 is waited out as the server asks, whatever the verb', () =>
    inNamespace(async (namespace) => {
      const rule = proxy.inject({
        match: mine(namespace),
        times: 2,
        fault: { type: 'answer', code: 429, reason: 'TooManyRequests', retryAfter: 0.2 },
      });
      const started = performance.now();
      await faulty.create(ConfigMap, { metadata: { namespace, name: 'x' } });
      expect(rule.remove()).toBe(2);
      expect(performance.now() - started).toBeGreaterThan(390);
    }));

  test('429 for longer than a caller should be held up goes to the caller', () =>
    inNamespace(async (namespace) => {
      const rule = proxy.inject({
        match: mine(namespace),
        fault: { type: 'answer', code: 429, reason: 'TooManyRequests', retryAfter: 60 },
      });
      await expect(faulty.list(ConfigMap, { namespace })).rejects.toMatchObject({ code: 429, retryAfter: 60 });
      expect(rule.remove()).toBe(1);
    }));

  test('429 that would be waited out for longer than the request may take goes to the caller as what it is', () =>
    inNamespace(async (namespace) => {
      const rule = proxy.inject({
        match: mine(namespace),
        fault: { type: 'answer', code: 429, reason: 'TooManyRequests', retryAfter: 1 },
      });
      const started = performance.now();
      await expect(faulty.list(ConfigMap, { namespace, timeoutMs: 2500 })).rejects.toMatchObject({
        code: 429,
        retryAfter: 1,
      });
      expect(rule.remove()).toBe(3);
      expect(performance.now() - started).toBeLessThan(2400);
    }));

  test('401 is answered by one more try, also after a 429, and where nothing else would be repeated', () =>
    inNamespace(async (namespace) => {
      const match = mine(namespace);
      const busy = proxy.inject({ match, times: 1, fault: { type: 'answer', code: 429, retryAfter: 0 } });
      const stale = proxy.inject({ match, times: 1, fault: { type: 'answer', code: 401, reason: 'Unauthorized' } });
      await faulty.create(ConfigMap, { metadata: { namespace, name: 'x' } });
      expect([busy.remove(), stale.remove()]).toEqual([1, 1]);
      const once = proxy.inject({ match, times: 1, fault: { type: 'answer', code: 401, reason: 'Unauthorized' } });
      await faulty.create(ConfigMap, { metadata: { namespace, name: 'y' } });
      expect(once.remove()).toBe(1);
    }));

  test('500 is not repeated, 503 with Retry-After is where it is safe', () =>
    inNamespace(async (namespace) => {
      const match = mine(namespace);
      const plain = proxy.inject({ match, fault: { type: 'answer', code: 500 } });
      await expect(faulty.apply(ConfigMap, configMap(namespace, 'x'))).rejects.toMatchObject({ code: 500 });
      expect(plain.remove()).toBe(1);
      const busy = { type: 'answer', code: 503, reason: 'ServiceUnavailable', retryAfter: 0 } as const;
      const asked = proxy.inject({ match, times: 1, fault: busy });
      await expect(faulty.create(ConfigMap, { metadata: { namespace, name: 'x' } })).rejects.toMatchObject({
        code: 503,
      });
      asked.remove();
      const again = proxy.inject({ match, times: 3, fault: busy });
      await faulty.apply(ConfigMap, configMap(namespace, 'x'));
      expect(again.remove()).toBe(3);
    }));

  test('a connection lost before or after the server acted: an apply is sent again, a create is not', () =>
    inNamespace(async (namespace) => {
      for (const type of ['dropBefore', 'dropAfter'] as const) {
        const rule = proxy.inject({ match: mine(namespace), times: 1, fault: { type } });
        const name = type.toLowerCase();
        expect(await faulty.apply(ConfigMap, configMap(namespace, name))).toMatchObject({ metadata: { name } });
        expect(rule.remove()).toBe(1);
      }
      const rule = proxy.inject({ match: mine(namespace), times: 1, fault: { type: 'dropAfter' } });
      const lost = faulty.create(ConfigMap, { metadata: { namespace, name: 'made' } });
      await expect(lost).rejects.toMatchObject({ code: 0, reason: 'ConnectionFailed' });
      rule.remove();
      expect(await kube.get(ConfigMap, { namespace, name: 'made' })).toBeDefined();
    }));

  test('a request ends at its timeout or its signal, while it runs and while it waits', () =>
    inNamespace(async (namespace) => {
      const slow = proxy.inject({ match: mine(namespace), fault: { type: 'delay', ms: 2000 } });
      await expect(faulty.list(ConfigMap, { namespace, timeoutMs: 50 })).rejects.toMatchObject({
        code: 0,
        reason: 'Timeout',
      });
      const signal = AbortSignal.timeout(50);
      await expect(faulty.list(ConfigMap, { namespace, signal })).rejects.toMatchObject({ name: 'TimeoutError' });
      await expect(faulty.list(ConfigMap, { namespace, signal })).rejects.toMatchObject({ name: 'TimeoutError' });
      slow.remove();
      const busy = proxy.inject({ match: mine(namespace), fault: { type: 'answer', code: 429, retryAfter: 5 } });
      const waiting = AbortSignal.timeout(50);
      await expect(faulty.list(ConfigMap, { namespace, signal: waiting })).rejects.toMatchObject({
        name: 'TimeoutError',
      });
      busy.remove();
    }));

  test('a write that waited for a free connection is not sent if it may not be any more', () =>
    inNamespace(async (namespace) => {
      const narrow = createClient({ auth: plainAuth(proxy.url), maxSockets: 1 });
      const held = Promise.withResolvers<void>();
      const isRead = ({ verb, path }: { verb: string; path: string }) => verb === 'get' && path.includes(namespace);
      const hold = proxy.inject({ match: isRead, times: 1, fault: { type: 'until', promise: held.promise } });
      const first = narrow.get(ConfigMap, { namespace, name: 'x' });
      await expect.poll(() => hold.hits()).toBe(1);
      let leads = true;
      const beforeSend = (): void => {
        if (!leads) throw new Stopped('not leading any more');
      };
      const write = narrow.apply(ConfigMap, configMap(namespace, 'x'), { beforeSend });
      // All that comes before the pool's queue has happened by the end of this turn.
      await new Promise((resolve) => setImmediate(resolve));
      leads = false;
      held.resolve();
      await expect(write).rejects.toThrow('not leading any more');
      expect(await first).toBeUndefined();
      leads = true;
      await narrow.apply(ConfigMap, configMap(namespace, 'y'), { beforeSend });
      const paths = proxy.requests.filter((r) => r.verb === 'apply' && r.path.includes(namespace)).map((r) => r.path);
      expect(paths).toEqual([`/api/v1/namespaces/${namespace}/configmaps/y`]);
      await narrow.close();
    }));

  test('a closed client opens nothing any more: what runs ends, what comes is refused', () =>
    inNamespace(async (namespace) => {
      const fresh = createClient({ auth: plainAuth(proxy.url) });
      const hold = proxy.inject({ match: mine(namespace), fault: { type: 'delay', ms: 500 } });
      const running = fresh.list(ConfigMap, { namespace });
      const refused = expect(running).rejects.toThrow('the client is closed');
      await expect.poll(() => hold.hits()).toBe(1);
      await fresh.close();
      await refused;
      await expect(fresh.list(ConfigMap, { namespace })).rejects.toBeInstanceOf(Stopped);
      await expect(fresh.watch(ConfigMap, { namespace }).next()).rejects.toThrow('the client is closed');
      expect(hold.remove()).toBe(1);
    }));

  test('no more than 32 sockets, and watches do not take any of them', () =>
    inNamespace(async (namespace) => {
      const fresh = createClient({ auth: plainAuth(proxy.url) });
      const before = proxy.sockets().open;
      const stop = new AbortController();
      const { resourceVersion = '' } = (await fresh.list(ConfigMap, { namespace })).metadata;
      const watches = Array.from({ length: 40 }, async () => {
        for await (const event of fresh.watch(ConfigMap, { namespace, resourceVersion, signal: stop.signal }))
          void event;
      });
      await expect.poll(() => proxy.watches('configmaps').length, { timeout: 30_000 }).toBe(40);
      await Promise.all(Array.from({ length: 200 }, () => fresh.list(ConfigMap, { namespace })));
      expect(proxy.sockets().open - before).toBeLessThanOrEqual(40 + 32);
      expect(proxy.sockets().open - before).toBeGreaterThan(40);
      stop.abort(new Error('enough'));
      for (const watch of watches) await expect(watch).rejects.toThrow('enough');
      await expect.poll(() => proxy.watches('configmaps').length).toBe(0);
      await fresh.close();
    }));
});
