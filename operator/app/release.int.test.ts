import { describe, expect, test, vi } from 'vitest';
import type { App, AppSpec } from '../api/app.ts';
import type { JobObject } from '../kube/job.ts';
import { Deployment, Job, keyOf, Pod } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

interface Stage {
  readonly namespace: string;
  readonly key: { readonly namespace: string; readonly name: string };
  readonly world: AppWorld;
  readonly user: User;
}

/** play begins with an App whose first version was released and serves. */
const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    await using world = await runApps({ namespaces: [namespace] });
    const stage = { namespace, key: { namespace, name: 'shop' }, world, user };
    await user.apply(stage.key, version(1));
    await end(stage, await jobOf(stage), 0);
    {
      using _kubelet = user.kubelet(namespace);
      await user.until(stage.key, { Ready: 'True/Ready' });
    }
    await world.idle();
    world.writes();
    await scene(stage);
  });

const version = (n: number, more: Partial<AppSpec> = {}): Partial<AppSpec> => ({
  source: { image: `example.org/shop:${n}` },
  release: { command: ['migrate'] },
  ...more,
});

const jobs = async ({ user, namespace }: Stage): Promise<JobObject[]> =>
  (await user.kube.list(Job, { namespace })).items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);

/** jobOf waits for a Job that runs an image. */
const jobOf = (stage: Stage, image = 'example.org/shop:1', but?: string): Promise<JobObject> =>
  vi.waitFor(async () => {
    const found = (await jobs(stage)).find(
      ({ spec, metadata }) => spec?.template.spec?.containers[0]?.image === image && metadata?.uid !== but,
    );
    if (found === undefined) throw new Error(`no Job for ${image} yet`);
    return found;
  }, 10_000);

/** end is what the kubelet says when the command of a Job ends. */
const end = async ({ user, namespace }: Stage, job: JobObject, exitCode: number): Promise<void> => {
  const pod = await vi.waitFor(async () => {
    const labelSelector = `epinio.io/release=${job.metadata?.labels?.['epinio.io/release']}`;
    const { items } = await user.kube.list(Pod, { namespace, labelSelector });
    const found = items.find(({ metadata }) => metadata?.ownerReferences?.[0]?.uid === job.metadata?.uid);
    if (found === undefined) throw new Error('no pod yet');
    return found;
  }, 10_000);
  const now = new Date().toISOString().replace(/\.\d+/, '');
  const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: now, finishedAt: now };
  const container = { name: 'app', ready: false, restartCount: 0, image: 'x', imageID: '', state: { terminated } };
  await user.kube.apply(
    Pod,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod.metadata?.name ?? '', namespace },
      status: { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses: [container] },
    },
    { subresource: 'status', fieldManager: 'kubelet' },
  );
};

const imageOf = async ({ user, key }: Stage): Promise<string | undefined> =>
  (await user.kube.get(Deployment, key))?.spec?.template.spec?.containers[0]?.image;
const message = (app: App): string => app.status?.conditions?.[0]?.message ?? '';

describe('a release', () => {
  test('runs between two versions, with two writes more, and not for what is no new version', () =>
    play(async (stage) => {
      const { key, namespace, user, world } = stage;
      await user.apply(key, version(2));
      const releasing = await user.until(key, { Ready: 'Unknown/Releasing', Reconciling: 'True/Releasing' });
      const job = await jobOf(stage, 'example.org/shop:2');
      expect(message(releasing)).toBe(
        `The release runs as Job "${job.metadata?.name}". The pods that are ready serve on.`,
      );
      expect(await imageOf(stage)).toBe('example.org/shop:1');
      expect(job.metadata?.ownerReferences).toMatchObject([{ kind: 'App', name: 'shop', controller: true }]);
      using _kubelet = user.kubelet(namespace);
      await end(stage, job, 0);
      const done = await user.until(key, { Ready: 'True/Ready' });
      expect(await imageOf(stage)).toBe('example.org/shop:2');
      expect(done.status?.release).toMatchObject({ state: 'Succeeded', job: job.metadata?.name });
      expect(done.status?.release?.released).toHaveLength(2);
      await world.idle();
      const { 'apply apps.epinio.io/status': told, ...others } = world.writes();
      // The Job, and that it is under way; the Job of the version before goes.
      expect(others).toEqual({ 'create jobs.batch': 1, 'delete jobs.batch': 1, 'apply deployments.apps': 1 });
      expect(told).toBeLessThanOrEqual(3);
      expect(await jobs(stage)).toHaveLength(1);

      await user.apply(key, version(2, { env: [{ name: 'A', value: '1' }], replicas: 2 }));
      await user.until(key, { Ready: 'True/Ready' });
      // A rollback to what was released before.
      await user.apply(key, version(1));
      await user.until(key, { Ready: 'True/Ready' });
      expect(await imageOf(stage)).toBe('example.org/shop:1');
      await world.idle();
      expect(Object.keys(world.writes())).not.toContain('create jobs.batch');

      await user.apply(key, version(1, { restart: 'now' }));
      await user.until(key, { Ready: 'Unknown/Releasing' });
      await end(stage, await jobOf(stage, 'example.org/shop:1', job.metadata?.uid), 0);
      await user.until(key, { Ready: 'True/Ready' });
      await world.idle();
      world.writes();
      await user.kube.mergePatch(Deployment, key, { metadata: { labels: { team: 'a' } } });
      await world.idle();
      expect(world.writes()).toEqual({});
    }));

  test('that fails leaves the earlier version serving, and is told until it is run again by deleting its Job', () =>
    play(async (stage) => {
      const { key, namespace, user } = stage;
      await user.apply(key, version(2));
      const job = await jobOf(stage, 'example.org/shop:2');
      await end(stage, job, 4);
      const failed = await user.until(key, {
        Ready: 'False/ReleaseFailed',
        Deployed: 'False/ReleaseFailed',
        Stalled: 'True/ReleaseFailed',
        Routed: 'True/Routed',
      });
      expect(message(failed)).toBe(
        `The release ends with exit code 4. Correct it and apply the App again, or delete Job "${job.metadata?.name}" to run it again. The pods that are ready serve on.`,
      );
      expect(failed.status?.release).toMatchObject({ state: 'Failed', exitCode: 4 });
      expect(failed.status).toMatchObject({ readyReplicas: 1, image: `example.org/x@sha256:${'1'.repeat(64)}` });
      expect(await imageOf(stage)).toBe('example.org/shop:1');
      // What serves can be scaled all the same, and keeps its image.
      await user.apply(key, version(2, { replicas: 2 }));
      await vi.waitFor(async () => expect((await user.kube.get(Deployment, key))?.spec?.replicas).toBe(2), 5_000);
      expect(await imageOf(stage)).toBe('example.org/shop:1');

      await user.kube.remove(Job, keyOf(job), { uid: job.metadata?.uid ?? '' });
      using _kubelet = user.kubelet(namespace);
      await end(stage, await jobOf(stage, 'example.org/shop:2', job.metadata?.uid), 0);
      await user.until(key, { Ready: 'True/Ready' });
      expect(await imageOf(stage)).toBe('example.org/shop:2');
    }));

  test('is not killed by a newer version, whose own release waits for its end', () =>
    play(async (stage) => {
      const { key, namespace, user } = stage;
      await user.apply(key, version(2));
      const old = await jobOf(stage, 'example.org/shop:2');
      await user.until(key, { Ready: 'Unknown/Releasing' });
      await user.apply(key, version(3));
      const waiting = await vi.waitFor(async () => {
        const app = await user.until(key, { Ready: 'Unknown/Releasing' });
        expect(message(app)).toContain('waits until an earlier one has ended');
        return app;
      }, 10_000);
      expect(message(waiting)).toContain(old.metadata?.name);
      expect((await jobs(stage)).filter(({ metadata }) => metadata?.uid === old.metadata?.uid)).toHaveLength(1);
      await end(stage, old, 0);
      const next = await jobOf(stage, 'example.org/shop:3');
      await end(stage, next, 0);
      using _kubelet = user.kubelet(namespace);
      await user.until(key, { Ready: 'True/Ready' });
      expect(await imageOf(stage)).toBe('example.org/shop:3');
    }));

  test('that somebody suspends or deletes is told, and made again', () =>
    play(async (stage) => {
      const { key, namespace, user } = stage;
      await user.apply(key, version(2));
      const job = await jobOf(stage, 'example.org/shop:2');
      await user.kube.mergePatch(Job, keyOf(job), { spec: { suspend: true } });
      await vi.waitFor(async () => {
        const app = await user.until(key, { Ready: 'Unknown/Releasing' });
        expect(message(app)).toContain('is suspended: set its spec.suspend to false');
      }, 10_000);
      await user.kube.remove(Job, keyOf(job), { uid: job.metadata?.uid ?? '' });
      const again = await jobOf(stage, 'example.org/shop:2', job.metadata?.uid);
      expect(again.metadata?.name).toBe(job.metadata?.name);
      using _kubelet = user.kubelet(namespace);
      await end(stage, again, 0);
      await user.until(key, { Ready: 'True/Ready' });
      expect(await imageOf(stage)).toBe('example.org/shop:2');
    }));

  test('under a name that a stranger’s Job has is told, and that Job left alone', () =>
    play(async (stage) => {
      const { key, namespace, user } = stage;
      await user.apply(key, version(2, { paused: true }));
      await user.until(key, { Ready: 'False/Paused' });
      // The stranger knows the name beforehand: from an App of the same spec elsewhere.
      const name = await inNamespace(async (elsewhere) => {
        await using world = await runApps({ namespaces: [elsewhere] });
        const twin = { namespace: elsewhere, name: 'shop' };
        await user.apply(twin, version(2));
        const found = await jobOf({ ...stage, namespace: elsewhere, key: twin, world }, 'example.org/shop:2');
        return found.metadata?.name ?? '';
      });
      const theirs = await user.kube.create(Job, {
        metadata: { namespace, name },
        spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'x', image: 'x' }] } } },
      });
      await user.apply(key, version(2));
      const taken = await user.until(key, { Ready: 'False/NameTaken', Stalled: 'True/NameTaken' });
      expect(message(taken)).toContain(`Job "${name}" exists and was not made for this App`);
      expect((await user.kube.get(Job, { namespace, name }))?.metadata?.uid).toBe(theirs.metadata?.uid);
      expect(await imageOf(stage)).toBe('example.org/shop:1');
    }));

  test('is found by an operator that starts anew, and by one whose Job lost its labels and its owner', () =>
    inNamespace(async (namespace) => {
      await using user = asUser();
      const key = { namespace, name: 'shop' };
      let stage: Stage;
      {
        await using world = await runApps({ namespaces: [namespace] });
        stage = { namespace, key, world, user };
        await user.apply(key, version(1));
        await jobOf(stage);
        await user.until(key, { Ready: 'Unknown/Releasing' });
      }
      const job = await jobOf(stage);
      await user.kube.mergePatch(Job, keyOf(job), { metadata: { labels: null, ownerReferences: null } });
      await end(stage, job, 0);
      await using world = await runApps({ namespaces: [namespace] });
      using _kubelet = user.kubelet(namespace);
      const ready = await user.until(key, { Ready: 'True/Ready' });
      expect(ready.status?.release).toMatchObject({ state: 'Succeeded' });
      expect((await jobs({ ...stage, world })).map(({ metadata }) => metadata?.uid)).toEqual([job.metadata?.uid]);
    }));
});

describe('an operator that is killed', () => {
  test.each(Array.from({ length: 10 }, (_, i) => i + 1))('at its write %i releases once all the same', (n) =>
    inNamespace(async (namespace) => {
      await using user = asUser();
      const key = { namespace, name: 'shop' };
      const stage = { namespace, key, user } as Stage;
      const running = async (): Promise<void> => {
        await user.apply(key, version(1));
        await end(stage, await jobOf(stage), 0);
      };
      const released = running();
      {
        await using first = await runApps({ namespaces: [namespace], diesAt: n });
        await Promise.race([first.died, released]);
      }
      await using world = await runApps({ namespaces: [namespace] });
      await released;
      using _kubelet = user.kubelet(namespace);
      await user.until(key, { Ready: 'True/Ready' });
      await world.idle();
      const { items } = await user.kube.list(Pod, { namespace, labelSelector: 'epinio.io/release' });
      expect(items).toHaveLength(1);
    }),
  );
});
