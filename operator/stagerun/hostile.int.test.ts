import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import { inNamespace } from '../testing/apiserver.ts';
import type { JobObject } from './build/jobstate.ts';
import { Job, keyOf, Pod } from './testing/kinds.ts';
import {
  applyRun,
  createWorld,
  jobsOf,
  kubelet,
  podOf,
  startOperator,
  untilRun,
  type World,
} from './testing/harness.ts';
import { exited } from './testing/pods.ts';

let world: World;
let hasty: Config;
beforeAll(async () => {
  world = await createWorld();
  // One build at once in a namespace, and a few seconds until one must have started.
  hasty = { ...world.config, build: { ...world.config.build, startTimeoutSeconds: 4 } };
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const running = { running: { startedAt: new Date().toISOString() } };
const report = (digest: string) => `[image]\n  digest = "${digest}"\n`;

/** What whoever has the role edit may do to a Job. */
const attacks: [string, (job: JobObject) => Promise<unknown>, string, RegExp][] = [
  [
    'suspends it',
    (job) => world.kube.mergePatch(Job, keyOf(job), { spec: { suspend: true } }),
    'PodNotCreated|PodDeleted',
    /spec\.suspend|deleted/,
  ],
  [
    'takes its parallelism',
    (job) => world.kube.mergePatch(Job, keyOf(job), { spec: { parallelism: 0 } }),
    'PodNotCreated|PodDeleted',
    /spec\.parallelism|deleted/,
  ],
  [
    'takes its labels, and its deadline',
    (job) =>
      world.kube.mergePatch(Job, keyOf(job), {
        metadata: { labels: null },
        spec: { activeDeadlineSeconds: 9_999_999 },
      }),
    'PodNotStarted',
    /not started after 4 s/,
  ],
  [
    'takes its owner',
    (job) => world.kube.mergePatch(Job, keyOf(job), { metadata: { ownerReferences: null } }),
    'PodDeleted',
    /does not belong to this run/,
  ],
  [
    'deletes it and lets its pod build on',
    (job) => world.kube.remove(Job, keyOf(job), { uid: job.metadata!.uid!, propagation: 'Orphan' }),
    'PodDeleted',
    /gone|being deleted/,
  ],
  [
    'deletes it behind a finalizer',
    async (job) => {
      await world.kube.mergePatch(Job, keyOf(job), { metadata: { finalizers: ['example.org/keep'] } });
      await world.kube.remove(Job, keyOf(job), { uid: job.metadata!.uid! });
    },
    'PodDeleted|PodNotStarted',
    /deleted|not started/,
  ],
  [
    'takes the labels of Job and pod',
    async (job) => {
      const { items } = await world.kube.list(Pod, { namespace: job.metadata!.namespace! });
      for (const pod of items) {
        await world.kube.mergePatch(Pod, keyOf(pod), { metadata: { labels: { 'epinio.io/app': null } } });
      }
      await world.kube.mergePatch(Job, keyOf(job), { metadata: { labels: null } });
    },
    'PodNotStarted',
    /not started after 4 s/,
  ],
];

describe('a tenant who may edit Jobs', () => {
  it.each(attacks)('and %s holds no slot: the run says why, and the next one builds', (_, attack, reason, words) =>
    inNamespace(async (namespace) => {
      await using __ = await startOperator(world, namespace, { config: hasty });
      const first = await applyRun(world, namespace, { name: 'first' });
      await podOf(world, first);
      await untilRun(world, first, 'Unknown', 'Pending');
      const [job] = await jobsOf(world, namespace);
      const second = await applyRun(world, namespace, { name: 'second' });
      await attack(job!);
      const { failure } = await untilRun(world, first, 'False', `(${reason}):`);
      expect(failure?.message).toMatch(words);
      await podOf(world, second);
      await releaseJobs(namespace);
    }),
  );

  it('cannot have its own Job taken for that of a run by making it first', () =>
    inNamespace(async (namespace) => {
      const first = await applyRun(world, namespace, { name: 'first' });
      await world.kube.create(Job, {
        ...({ apiVersion: 'batch/v1', kind: 'Job' } as const),
        metadata: keyOf(first),
        spec: {
          managedBy: 'example.org/nobody',
          template: { spec: { restartPolicy: 'Never', containers: [{ name: 'export', image: 'x' }] } },
        },
      });
      await using _ = await startOperator(world, namespace, { config: hasty });
      const { conditions } = await untilRun(world, first, 'False', 'NameTaken');
      expect(conditions?.[0]?.message).toContain(`A Job ${first.metadata.name} exists and is not of this run`);
      const second = await applyRun(world, namespace, { name: 'second' });
      await podOf(world, second);
    }));

  it('who takes the labels of Job and pod gets the image all the same', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await kubelet(world, run, 'build', running);
      await vi.waitFor(async () => {
        const found = await world.kube.get(StageRun, keyOf(run));
        expect(found?.status?.steps?.at(-1)?.name).toBe('build');
      });
      const [job] = await jobsOf(world, namespace);
      const pod = await podOf(world, run);
      await world.kube.mergePatch(Job, keyOf(job!), { metadata: { labels: null } });
      await world.kube.mergePatch(Pod, keyOf(pod), { metadata: { labels: { 'epinio.io/app': null } } });
      const digest = await world.push(`apps/${namespace}/shop`, run.metadata.name);
      await kubelet(world, run, 'export', exited(0, { message: report(digest) }));
      expect((await untilRun(world, run, 'True', 'Succeeded')).image).toContain(digest);
    }));

  it('who keeps the Job of an earlier run by a finalizer is told so by the next run, which takes no slot meanwhile', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const first = await applyRun(world, namespace, { name: 'first' });
      await podOf(world, first);
      await untilRun(world, first, 'Unknown', 'Pending');
      const [job] = await jobsOf(world, namespace);
      await world.kube.mergePatch(Job, keyOf(job!), { metadata: { finalizers: ['example.org/keep'] } });
      const { uid } = (await world.kube.get(StageRun, keyOf(first)))!.metadata;
      await world.kube.remove(StageRun, keyOf(first), { uid });
      const { name, ownerReferences = [] } = first.metadata;
      const again = { ...first, metadata: { name, namespace, ownerReferences } as unknown as typeof first.metadata };
      const next = await vi.waitFor(() => world.kube.create(StageRun, again), { timeout: 10_000 });
      const other = await applyRun(world, namespace, { name: 'other' });
      await podOf(world, other);
      const { conditions } = await untilRun(world, next, 'Unknown', 'AwaitingDeletion');
      expect(conditions?.[0]?.message).toContain('example.org/keep');
      await releaseJobs(namespace);
    }));

  it('who keeps a deleted run by a finalizer does not keep its build', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await podOf(world, run);
      await untilRun(world, run, 'Unknown', 'Pending');
      const { uid } = (await world.kube.get(StageRun, keyOf(run)))!.metadata;
      await world.kube.mergePatch(StageRun, keyOf(run), { metadata: { finalizers: ['example.org/keep'] } });
      await world.kube.remove(StageRun, keyOf(run), { uid });
      await vi.waitFor(async () => expect(await jobsOf(world, namespace)).toEqual([]), { timeout: 10_000 });
      await world.kube.mergePatch(StageRun, keyOf(run), { metadata: { finalizers: null } });
    }));
});

/** releaseJobs lets the namespace end. */
const releaseJobs = async (namespace: string): Promise<void> => {
  for (const job of await jobsOf(world, namespace)) {
    await world.kube.mergePatch(Job, keyOf(job), { metadata: { finalizers: null } });
  }
};
