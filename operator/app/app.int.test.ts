import { describe, expect, test, vi } from 'vitest';
import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { appRouteName } from '../api/names.ts';
import { Deployment, Event, Ingress, Pod, PodDisruptionBudget, Service, type Resource } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

const image = { source: { image: 'example.org/shop:1' } };

interface Stage {
  readonly namespace: string;
  readonly key: { readonly namespace: string; readonly name: string };
  readonly world: AppWorld;
  readonly user: User;
}

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    await using world = await runApps({ namespaces: [namespace] });
    await scene({ namespace, key: { namespace, name: 'shop' }, world, user });
  });

const total = (writes: Record<string, number>): number => Object.values(writes).reduce((sum, n) => sum + n, 0);

describe('an App that runs an image', () => {
  test('is made with seven writes, and then with none', () =>
    play(async ({ key, namespace, world, user }) => {
      await user.apply(key, { ...image, replicas: 0 });
      const app = await user.until(key, { Ready: 'True/Stopped', Routed: 'True/Routed', Deployed: 'True/Stopped' });
      await world.idle();
      const writes = world.writes();
      expect(writes).toEqual({
        'apply approutes.epinio.io': 1,
        'apply services': 1,
        'apply deployments.apps': 1,
        'apply ingresses.networking.k8s.io': 1,
        'apply approutes.epinio.io/status': 1,
        'apply apps.epinio.io/status': 2,
      });
      expect(app.status).toMatchObject({
        url: `http://shop.${namespace}.apps.test`,
        replicas: 0,
        selector: 'epinio.io/app=shop,epinio.io/process=web',
      });

      // A label of somebody else wakes everything and changes nothing.
      await user.kube.mergePatch(App, key, { metadata: { labels: { team: 'a' } } });
      await user.kube.mergePatch(Deployment, key, { metadata: { labels: { team: 'a' } } });
      await world.idle();
      expect(world.writes()).toEqual({});
    }));

  test('is told of once where many come together, with what it came to, and one event', () =>
    play(async ({ key, namespace, world, user }) => {
      const names = Array.from({ length: 16 }, (_, i) => `shop-${i}`);
      await Promise.all(names.map((name) => user.apply({ ...key, name }, { ...image, replicas: 0 })));
      for (const name of names) await user.until({ ...key, name }, { Ready: 'True/Stopped' });
      await world.idle();
      const { 'apply apps.epinio.io/status': told, ...others } = world.writes();
      expect(Object.values(others)).toEqual([16, 16, 16, 16, 16]);
      // The first ones do not know yet how many follow.
      expect(told).toBeGreaterThanOrEqual(16);
      expect(told).toBeLessThanOrEqual(24);
      await vi.waitFor(async () => {
        const { items } = await user.kube.list(Event, { namespace });
        const about = items.map(({ regarding, reason }) => `${regarding?.kind} ${regarding?.name} ${reason}`);
        expect(about.filter((text) => text.startsWith('App')).sort()).toEqual(
          names.map((name) => `App ${name} Stopped`).sort(),
        );
      }, 10_000);
    }));

  test('is edited and scaled with at most three writes, and routed anew', () =>
    play(async ({ key, namespace, world, user }) => {
      await user.apply(key, { ...image, replicas: 0 });
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
      world.writes();

      await user.apply(key, { ...image, replicas: 0, env: [{ name: 'A', value: '' }] });
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
      const edit = world.writes();
      expect(total(edit), JSON.stringify(edit)).toBeLessThanOrEqual(3);

      using _kubelet = user.kubelet(namespace);
      await user.apply(key, { ...image, replicas: 2, env: [{ name: 'A', value: '' }] });
      const scaled = await user.until(key, { Ready: 'True/Ready' });
      expect(scaled.status).toMatchObject({ readyReplicas: 2, image: `example.org/x@sha256:${'1'.repeat(64)}` });
      await world.idle();
      // With the second replica comes a PodDisruptionBudget.
      const { 'apply poddisruptionbudgets.policy': budgets, ...scale } = world.writes();
      expect(budgets).toBe(1);
      expect(total(scale), JSON.stringify(scale)).toBeLessThanOrEqual(3);

      const host = `new.${namespace}.test`;
      await user.apply(key, { ...image, replicas: 2, env: [{ name: 'A', value: '' }], routes: [{ host, path: '/' }] });
      const routed = await user.until(key, { Ready: 'True/Ready', Routed: 'True/Routed' });
      expect(routed.status?.url).toBe(`http://${host}`);
      await world.idle();
      const route = world.writes();
      expect(total(route), JSON.stringify(route)).toBeLessThanOrEqual(6);
      const { items } = await user.kube.list(AppRoute, { namespace });
      expect(items.map((r) => r.spec.host)).toEqual([host]);

      // What is owned and no longer planned goes, without a word of code about its removal.
      expect(await user.kube.get(PodDisruptionBudget, key)).toMatchObject({ spec: { maxUnavailable: 1 } });
      // Two budgets for one pod would keep every node with it from being drained.
      const own = {
        metadata: { namespace, name: 'own' },
        spec: { minAvailable: 1, selector: { matchLabels: { 'epinio.io/app': 'shop' } } },
      };
      const { metadata } = await user.kube.create(PodDisruptionBudget, own);
      await user.gone(PodDisruptionBudget, key);
      await user.kube.remove(PodDisruptionBudget, { namespace, name: 'own' }, { uid: metadata?.uid ?? '' });
      await vi.waitFor(async () => expect(await user.kube.get(PodDisruptionBudget, key)).toBeDefined(), 10_000);
      await user.apply(key, { ...image, replicas: 1, env: [{ name: 'A', value: '' }], routes: [{ host, path: '/' }] });
      await user.gone(PodDisruptionBudget, key);
    }));

  test('goes with all that it owns, by Kubernetes alone', () =>
    play(async ({ key, namespace, world, user }) => {
      const app = await user.apply(key, { ...image, replicas: 0 });
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
      world.writes();
      await user.kube.remove(App, key, { uid: app.metadata.uid });
      for (const resource of [Deployment, Service, AppRoute, Ingress]) {
        const name = resource === AppRoute || resource === Ingress ? routeName(namespace) : key.name;
        await user.gone(resource, { namespace, name });
      }
      await world.idle();
      expect(Object.keys(world.writes())).not.toContain('delete deployments.apps');
    }));

  test('that is deleted and applied again waits for what is left of the earlier one, and blames nobody', () =>
    play(async ({ key, namespace, world, user }) => {
      const first = await user.apply(key, { ...image, replicas: 0 });
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
      const leftovers = [
        [Deployment, key],
        [Service, key],
        [AppRoute, { namespace, name: routeName(namespace) }],
        [Ingress, { namespace, name: routeName(namespace) }],
      ] as const;
      const finalizers = (values: string[]) =>
        Promise.all(
          leftovers.map(async ([resource, of]) =>
            user.kube.mergePatch(resource as Resource, of, { metadata: { finalizers: values } }),
          ),
        );
      await finalizers(['example.org/slow']);
      await user.kube.remove(App, key, { uid: first.metadata.uid });
      await user.gone(App, key);
      await user.apply(key, { ...image, replicas: 0 });
      const waiting = await user.until(key, {
        Ready: 'Unknown/AwaitingDeletion',
        Deployed: 'Unknown/AwaitingDeletion',
      });
      expect(waiting.status?.conditions?.map((c) => c.type)).not.toContain('Stalled');
      await finalizers([]);
      const again = await user.until(key, { Ready: 'True/Stopped', Routed: 'True/Routed' });
      expect((await user.kube.get(Deployment, key))?.metadata?.ownerReferences).toMatchObject([
        { uid: again.metadata.uid },
      ]);
    }));

  test('that loses its source loses its Deployment and keeps its claim', () =>
    play(async ({ key, namespace, world, user }) => {
      await user.apply(key, { ...image, replicas: 0 });
      await user.until(key, { Ready: 'True/Stopped' });
      await user.apply(key, { replicas: 0 });
      await user.until(key, { Ready: 'True/NoSource' });
      await user.gone(Deployment, key);
      await world.idle();
      expect(await user.kube.get(Ingress, { namespace, name: routeName(namespace) })).toBeDefined();
    }));

  test('repairs what a stranger changes or removes', () =>
    play(async ({ key, world, user }) => {
      await user.apply(key, { ...image, replicas: 0 });
      await user.until(key, { Ready: 'True/Stopped' });
      await user.kube.mergePatch(Service, key, { spec: { selector: { 'epinio.io/app': 'other' } } });
      await world.idle();
      expect((await user.kube.get(Service, key))?.spec?.selector).toMatchObject({ 'epinio.io/app': 'shop' });
      const deployment = await user.kube.get(Deployment, key);
      await user.kube.remove(Deployment, key, { uid: deployment?.metadata?.uid ?? '' });
      await world.idle();
      expect((await user.kube.get(Deployment, key))?.metadata?.uid).not.toBe(deployment?.metadata?.uid);
    }));

  test('is stalled by a stranger’s Deployment of its name, which is not touched, until that goes', () =>
    play(async ({ key, user }) => {
      const labels = { app: 'theirs' };
      const theirs = await user.kube.create(Deployment, {
        metadata: { ...key },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'x', image: 'x' }] } },
        },
      });
      await user.apply(key, { ...image, replicas: 0 });
      await user.until(key, { Ready: 'False/NameTaken', Stalled: 'True/NameTaken' });
      expect((await user.kube.get(Deployment, key))?.spec?.selector).toEqual({ matchLabels: labels });
      await user.kube.remove(Deployment, key, { uid: theirs.metadata?.uid ?? '' });
      await user.until(key, { Ready: 'True/Stopped' });
    }));

  test('says which field Kubernetes refuses', () =>
    play(async ({ key, user }) => {
      await user.apply(key, {
        ...image,
        replicas: 0,
        env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'no.such' } } }],
      });
      const app = await user.until(key, { Ready: 'False/Invalid', Stalled: 'True/Invalid' });
      expect(JSON.stringify(app.status?.conditions)).toContain('fieldPath');
    }));

  test('does nothing while it is paused, and says what that means', () =>
    play(async ({ key, world, user }) => {
      await user.apply(key, { ...image, replicas: 0 });
      await user.until(key, { Ready: 'True/Stopped' });
      await user.apply(key, { ...image, replicas: 0, paused: true });
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
      world.writes();
      await user.apply(key, { ...image, replicas: 3, paused: true });
      await user.until(key, { Ready: 'False/Paused' });
      await world.idle();
      expect(world.writes()).toEqual({ 'apply apps.epinio.io/status': 1 });
    }));
});

test('pods that crash are told with their reason, while those of the last good version serve', () =>
  play(async ({ key, namespace, user }) => {
    {
      using _kubelet = user.kubelet(namespace);
      await user.apply(key, image);
      await user.until(key, { Ready: 'True/Ready' });
    }
    const { items: good } = await user.kube.list(Pod, { namespace });
    await user.apply(key, { source: { image: 'example.org/shop:2' } });
    const crashing = await vi.waitFor(async () => {
      const { items } = await user.kube.list(Pod, { namespace });
      const found = items.find((p) => p.metadata?.name !== good[0]?.metadata?.name);
      if (found === undefined) throw new Error('no new pod yet');
      return found;
    });
    const terminated = { exitCode: 3, reason: 'Error', startedAt: null, finishedAt: null };
    const status = { name: 'app', ready: false, restartCount: 1, image: 'x', imageID: '', state: { terminated } };
    await user.kube.apply(
      Pod,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: crashing.metadata?.name ?? '', namespace },
        status: { phase: 'Running', containerStatuses: [status] },
      },
      { subresource: 'status', fieldManager: 'kubelet' },
    );
    const app = await user.until(key, { Ready: 'False/CrashLoopBackOff', Reconciling: 'True/CrashLoopBackOff' });
    expect(JSON.stringify(app.status)).toContain('exit code 3. The pods that are ready serve on.');
    expect(app.status).toMatchObject({ readyReplicas: 1 });
    expect(await user.kube.get(Pod, { namespace, name: good[0]?.metadata?.name ?? '' })).not.toHaveProperty(
      'metadata.deletionTimestamp',
    );

    using _kubelet = user.kubelet(namespace);
    await user.apply(key, { source: { image: 'example.org/shop:3' } });
    await user.until(key, { Ready: 'True/Ready' });
  }));

test('a port on which nothing listens is told after seconds, by what the kubelet says of the pod', () =>
  play(async ({ key, namespace, world, user }) => {
    await user.apply(key, image);
    const pod = await vi.waitFor(async () => {
      const found = (await user.kube.list(Pod, { namespace })).items[0];
      if (found === undefined) throw new Error('no pod yet');
      return found;
    }, 10_000);
    const { name = '', uid = '' } = pod.metadata ?? {};
    const note = 'Readiness probe failed: dial tcp 10.1.2.3:8080: connect: connection refused';
    await user.kube.create(Event, {
      metadata: { namespace, name: `${name}.1` },
      type: 'Warning',
      reason: 'Unhealthy',
      note,
      action: 'Probe',
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
      reportingController: 'kubelet',
      reportingInstance: 'node',
      eventTime: new Date().toISOString().replace('Z', '000Z'),
    });
    const startedAt = new Date(Date.now() - 7_000).toISOString();
    const app = { name: 'app', ready: false, started: true, restartCount: 0, image: 'x', imageID: '' };
    await user.kube.apply(
      Pod,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        status: { phase: 'Running', containerStatuses: [{ ...app, state: { running: { startedAt } } }] },
      },
      { subresource: 'status', fieldManager: 'kubelet' },
    );
    const told = await user.until(key, { Ready: 'Unknown/NotListening', Deployed: 'Unknown/NotListening' });
    expect(told.status?.conditions?.[0]?.message).toMatch(/^Nothing listens on port 8080: /);
    // Once for the reason, and once more when the status that tells it wakes the App.
    expect(world.requests.snapshot()['list events.events.k8s.io 200']).toBeLessThanOrEqual(2);
  }));

const routeName = (namespace: string): string =>
  appRouteName('shop', { host: `shop.${namespace}.apps.test`, path: '/' });

test('a restarted operator finds everything as it left it, and writes nothing', () =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    const key = { namespace, name: 'shop' };
    {
      await using world = await runApps({ namespaces: [namespace] });
      const probe = { httpGet: { path: '/', port: 'http' }, initialDelaySeconds: 1 };
      const resources = { requests: { cpu: '0.1', memory: '1024Mi' } };
      const env = [{ name: 'A', value: '' }];
      await user.apply(key, { ...image, replicas: 0, livenessProbe: probe, resources, env });
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
    }
    await using world = await runApps({ namespaces: [namespace] });
    await world.idle();
    expect(world.writes()).toEqual({});
  }));
