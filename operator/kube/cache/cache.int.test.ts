import type { V1ConfigMap } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { App } from '../../api/app.ts';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { startFaultProxy } from '../../testing/faults.ts';
import { operate } from '../../testing/harness.ts';
import { freePort } from '../../testing/ports.ts';
import { loadAuth, plainAuth } from '../client/auth.ts';
import { cached, createCache } from './cache.ts';
import { createClient, type KubeClient } from '../client/client.ts';
import { ConfigMap, Namespace, Secret, type Wire } from '../resource.ts';
import { currentVersion } from './reflectorstate.ts';
import type { Happening } from './failures.ts';
import { notOlder } from '../resourceversion.ts';

type Item = Wire<V1ConfigMap>;

let kube: KubeClient;

beforeAll(() => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
});
afterAll(() => kube.close());

test('an object whose trim throws is left out, told and counted, and stops no other', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    const behind = createClient({ auth: plainAuth(proxy.url), retries: 0 });
    const put = (name: string, value: string) =>
      kube.apply(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { value } });
    for (const name of ['a', 'b', 'c']) await put(name, name === 'b' ? 'bad' : 'good');
    const trim = (o: Item): void => {
      if (o.data?.value === 'bad') throw new Error('no such value');
    };
    const errors: Error[] = [];
    const happenings: Happening[] = [];
    const cache = createCache(behind, [cached(ConfigMap, { namespaces: [namespace], trim })], {
      onError: (e) => errors.push(e as Error),
      onHappening: (h) => happenings.push(h),
    });
    cache.start();
    await cache.synced();
    const names = (): string[] => cache.list(ConfigMap, namespace).map((o) => o.metadata?.name ?? '');
    expect(names().filter((name) => name.length === 1)).toEqual(['a', 'c']);
    expect(errors.map((e) => [e.message, (e.cause as Error).message])).toEqual([
      [`configmaps ${namespace}/b is not taken`, 'no such value'],
    ]);
    await put('a', 'bad');
    await put('b', 'good');
    await vi.waitFor(() => expect(names()).toContain('b'));
    expect(cache.get(ConfigMap, { namespace, name: 'a' })?.data, 'what was known of it stays').toEqual({
      value: 'good',
    });
    expect(happenings.filter((h) => h.type === 'unreadable')).toHaveLength(2);
    expect(proxy.requests.filter((r) => r.verb === 'list')).toHaveLength(1);
    await cache.stop();
    await behind.close();
  }));

test('a kind that may not be listed or watched is named by log and readiness, once, and so is the end of it', () =>
  inNamespace(async (namespace) => {
    await using proxy = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    const port = await freePort();
    const forbid = (verb: string) =>
      proxy.inject({
        match: (r) => r.resource === 'secrets' && r.verb === verb,
        fault: { type: 'answer', code: 403, reason: 'Forbidden' },
      });
    const ready = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    const lists = forbid('list');
    await using operator = operate({
      ...{ namespace, caches: [ConfigMap, Secret], auth: plainAuth(proxy.url) },
      health: { port, host: '127.0.0.1' },
    });
    await vi.waitFor(async () =>
      expect(await ready()).toContain(`[-] caches: secrets in ${namespace} not synced yet (list: 403 Forbidden)`),
    );
    await vi.waitFor(() => expect(lists.hits()).toBeGreaterThan(1), { timeout: 20_000 });
    const watches = forbid('watch');
    lists.remove();
    await vi.waitFor(
      async () => expect(await ready()).toContain(`[-] caches: secrets in ${namespace} not watched (watch: 403`),
      { timeout: 20_000 },
    );
    watches.remove();
    await vi.waitFor(async () => expect(await ready()).toContain('[+] caches ok'), { timeout: 20_000 });
    const told = operator.logs().filter((line) => line.resource === 'secrets');
    expect(told).toMatchObject([
      { level: 'warn', verb: 'list', namespace, code: 403, reason: 'Forbidden', msg: 'cannot list, trying again' },
      { level: 'warn', verb: 'watch', namespace, code: 403, reason: 'Forbidden', msg: 'cannot watch, trying again' },
      { level: 'info', namespace, msg: 'watching again' },
    ]);
  }));

test.each([
  ['a kind in all namespaces', ConfigMap, false],
  ['a kind in one namespace', ConfigMap, true],
  ['a kind without namespaces', Namespace, false],
  ['a kind of ours', App, false],
] as const)(
  'the version of the server can be asked for by %s, and is that of the last write to whatever kind',
  (_, r, one) =>
    inNamespace(async (namespace) => {
      const made = await kube.create(Secret, { metadata: { namespace, name: 'new' } });
      const version = await currentVersion(kube, r, one ? namespace : undefined, {});
      expect(version).toMatch(/^\d+$/);
      expect(notOlder(version, made.metadata?.resourceVersion ?? '')).toBe(true);
    }),
);
