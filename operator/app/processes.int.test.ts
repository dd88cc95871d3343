import { expect, test, vi } from 'vitest';
import { App } from '../api/app.ts';
import { deploymentName } from '../api/names.ts';
import { Deployment, Pod } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

interface Stage {
  readonly namespace: string;
  readonly key: { readonly namespace: string; readonly name: string };
  readonly workerKey: { readonly namespace: string; readonly name: string };
  readonly world: AppWorld;
  readonly user: User;
}

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    await using world = await runApps({ namespaces: [namespace] });
    const workerKey = { namespace, name: deploymentName('shop', 'worker') };
    await scene({ namespace, key: { namespace, name: 'shop' }, workerKey, world, user });
  });

const image = { source: { image: 'example.org/shop:1' } };
const worker = { name: 'worker', command: ['work'], replicas: 2 };

test('a worker costs one write more at each step, and goes when it is not wanted any more', () =>
  play(async ({ key, workerKey, world, user }) => {
    await user.apply(key, { ...image, replicas: 0, processes: [worker] });
    await user.until(key, { Ready: 'True/Stopped' });
    await world.idle();
    expect(world.writes()).toEqual({
      'apply approutes.epinio.io': 1,
      'apply services': 1,
      'apply deployments.apps': 2,
      'apply ingresses.networking.k8s.io': 1,
      'apply approutes.epinio.io/status': 1,
      'apply apps.epinio.io/status': 2,
    });
    expect((await user.kube.get(Deployment, workerKey))?.spec?.replicas).toBe(0);

    await user.apply(key, { ...image, replicas: 0, processes: [worker], env: [{ name: 'A', value: '1' }] });
    await user.until(key, { Ready: 'True/Stopped' });
    await world.idle();
    const edit = world.writes();
    expect(edit['apply deployments.apps']).toBe(2);
    expect(Object.values(edit).reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(4);

    await user.kube.mergePatch(App, key, { metadata: { labels: { team: 'a' } } });
    await world.idle();
    expect(world.writes()).toEqual({});

    await user.apply(key, { ...image, replicas: 0, env: [{ name: 'A', value: '1' }] });
    await user.gone(Deployment, workerKey);
    await user.until(key, { Ready: 'True/Stopped' });
  }));

test('web and a worker are ready together, and only web counts for who scales the App', () =>
  play(async ({ key, namespace, workerKey, user }) => {
    using _kubelet = user.kubelet(namespace);
    await user.apply(key, { ...image, processes: [worker] });
    const ready = await user.until(key, { Ready: 'True/Ready', Deployed: 'True/Deployed' });
    expect((await user.kube.get(Deployment, workerKey))?.status?.availableReplicas).toBe(2);
    expect(ready.status).toMatchObject({ replicas: 1, readyReplicas: 1 });
    // What Kubernetes' autoscaler asks for: the pods of the selector are those of web alone.
    const { items } = await user.kube.list(Pod, { namespace, labelSelector: ready.status?.selector ?? '' });
    expect(items).toHaveLength(1);
  }));

test('a worker that crashes is named in one line, while web serves', () =>
  play(async ({ key, namespace, user }) => {
    {
      using _kubelet = user.kubelet(namespace);
      await user.apply(key, image);
      await user.until(key, { Ready: 'True/Ready' });
    }
    await user.apply(key, { ...image, processes: [{ ...worker, replicas: 1 }] });
    const pod = await vi.waitFor(async () => {
      const { items } = await user.kube.list(Pod, { namespace, labelSelector: 'epinio.io/process=worker' });
      if (items[0] === undefined) throw new Error('no pod yet');
      return items[0];
    }, 10_000);
    const terminated = { exitCode: 3, reason: 'Error', startedAt: null, finishedAt: null };
    const status = { name: 'app', ready: false, restartCount: 1, image: 'x', imageID: '', state: { terminated } };
    await user.kube.apply(
      Pod,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: pod.metadata?.name ?? '', namespace },
        status: { phase: 'Running', containerStatuses: [status] },
      },
      { subresource: 'status', fieldManager: 'kubelet' },
    );
    const app = await user.until(key, { Ready: 'False/CrashLoopBackOff', Routed: 'True/Routed' });
    expect(app.status?.conditions?.[0]?.message).toBe(
      'Process "worker": The app ends with exit code 3. The pods that are ready serve on.',
    );
    expect(app.status).toMatchObject({ readyReplicas: 1 });
  }));

test('a stranger’s Deployment under the name of a worker is told and left alone, and the worker comes when it goes', () =>
  play(async ({ key, workerKey, user }) => {
    const labels = { app: 'theirs' };
    const theirs = await user.kube.create(Deployment, {
      metadata: { ...workerKey },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'x', image: 'x' }] } },
      },
    });
    await user.apply(key, { ...image, replicas: 0, processes: [worker] });
    const taken = await user.until(key, { Ready: 'False/NameTaken', Stalled: 'True/NameTaken' });
    expect(taken.status?.conditions?.[0]?.message).toContain(workerKey.name);
    expect((await user.kube.get(Deployment, workerKey))?.spec?.selector).toEqual({ matchLabels: labels });
    await user.kube.remove(Deployment, workerKey, { uid: theirs.metadata?.uid ?? '' });
    await user.until(key, { Ready: 'True/Stopped' });
    expect((await user.kube.get(Deployment, workerKey))?.metadata?.labels).toMatchObject({
      'epinio.io/process': 'worker',
    });
  }));

test('a worker that a stranger scales, deletes or takes from its App is put right', () =>
  play(async ({ key, workerKey, world, user }) => {
    await user.apply(key, { ...image, replicas: 0, processes: [worker] });
    await user.until(key, { Ready: 'True/Stopped' });
    await user.kube.mergePatch(Deployment, workerKey, { spec: { replicas: 3 } });
    await vi.waitFor(async () => expect((await user.kube.get(Deployment, workerKey))?.spec?.replicas).toBe(0), 5_000);
    const before = await user.kube.get(Deployment, workerKey);
    await user.kube.remove(Deployment, workerKey, { uid: before?.metadata?.uid ?? '' });
    await vi.waitFor(async () => {
      const now = await user.kube.get(Deployment, workerKey);
      expect(now?.metadata?.uid).toMatch(/./);
      expect(now?.metadata?.uid).not.toBe(before?.metadata?.uid);
    }, 5_000);
    await user.kube.mergePatch(Deployment, workerKey, { metadata: { ownerReferences: [] } });
    await vi.waitFor(
      async () =>
        expect((await user.kube.get(Deployment, workerKey))?.metadata?.ownerReferences).toMatchObject([
          { name: 'shop' },
        ]),
      5_000,
    );
    await world.idle();
  }));
