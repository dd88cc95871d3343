import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { labels, stageRunName } from '../api/names.ts';
import { rebaseInputs } from '../api/runid.ts';
import { createRegistryClient } from '../registry/index.ts';
import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { Job, keyOf, Pod, ResourceQuota, Secret } from './testing/kinds.ts';
import { brokenWebhook } from '../testing/brokenwebhook.ts';
import { inNamespace } from '../testing/apiserver.ts';
import {
  applyRun,
  createWorld,
  jobsOf,
  kubelet,
  podOf,
  readRun,
  startOperator,
  untilRun,
  type World,
} from './testing/harness.ts';
import { exited } from './testing/pods.ts';
import { settings } from './testing/objects.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const metadata = JSON.stringify({
  // Whoever may push an image decides what its labels hold.
  buildpacks: [null, { id: 'test/site', version: '1.0.0' }],
  processes: [{ type: 'web', command: ['server'], args: ['-p'] }],
  'buildpack-default-process-type': 'web',
});
const imageLabels = { 'io.buildpacks.build.metadata': metadata };
const report = (digest: string) => `[image]\n  tags = ["x"]\n  digest = "${digest}"\n  manifest-size = 1\n`;
const running = { running: { startedAt: new Date().toISOString() } };

describe('a build that goes well', () => {
  it('ends with the image by digest, one Job, and few writes', () =>
    inNamespace(async (namespace) => {
      await using operator = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await kubelet(world, run, 'fetch', running);
      await kubelet(world, run, 'build', running);
      const building = await vi.waitFor(async () => {
        const status = await readRun(world, run);
        expect(status?.steps?.map((s) => s.name)).toEqual(['fetch', 'analyze', 'detect', 'restore', 'build']);
        return status;
      });
      expect(building).toMatchObject({ jobName: run.metadata.name, attempts: 1 });
      await kubelet(world, run, 'export', running);
      const digest = await world.push(`apps/${namespace}/shop`, run.metadata.name, imageLabels);
      const cache = await world.push(`apps/${namespace}/shop/cache`, 'latest');
      await kubelet(world, run, 'export', exited(0, { message: report(digest) }));
      const status = await untilRun(world, run, 'True', 'Succeeded');
      // The next build moves the cache's tag: by the name of its run the sweep finds this one all the same.
      expect(await world.digest(`apps/${namespace}/shop/cache`, run.metadata.name)).toBe(cache);
      expect(status).toMatchObject({
        image: `${world.registry.host}/apps/${namespace}/shop@${digest}`,
        buildpacks: [{ id: 'test/site', version: '1.0.0' }],
        processes: [{ type: 'web', command: ['server'], args: ['-p'], default: true }],
        platform: { repository: `${world.registry.host}/apps/${namespace}/shop`, tag: run.metadata.name },
        observedGeneration: 1,
      });
      expect(status.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual(['Ready=True', 'Succeeded=True']);
      expect(status.steps?.at(-1)).toMatchObject({ name: 'export', exitCode: 0 });
      expect(await jobsOf(world, namespace)).toHaveLength(1);
      // Begin, build, export, end; a fifth where the first steps took longer than it takes to be told of them.
      const written = operator.writes.filter((write) => write === 'apply StageRun');
      expect(written.length).toBeGreaterThanOrEqual(3);
      expect(written.length).toBeLessThanOrEqual(5);
      expect(operator.writes.filter((write) => write !== 'apply StageRun')).toEqual(['create Job', 'create Secret']);
    }));

  it('is recorded although the labels of its image have three megabytes', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      const words = Array<string>(60).fill('x'.repeat(1000));
      const processes = Array.from({ length: 50 }, (__, i) => ({ type: `p${i}`, command: words }));
      const label = JSON.stringify({ processes, buildpacks: [{ id: 'test/site', version: '1.0.0' }] });
      expect(label.length).toBeGreaterThan(3_000_000);
      await kubelet(world, run, 'export', running);
      const digest = await world.push(`apps/${namespace}/shop`, run.metadata.name, {
        'io.buildpacks.build.metadata': label,
      });
      await kubelet(world, run, 'export', exited(0, { message: report(digest) }));
      const status = await untilRun(world, run, 'True', 'Succeeded');
      expect(JSON.stringify(status).length).toBeLessThan(65_536);
      expect(status.conditions?.[0]?.message).toMatch(/left out of it: 18 of 50 processes, 32 of 32 command lines\./);
    }));

  it('is not built where the registry has its image already', () =>
    inNamespace(async (namespace) => {
      await using operator = await startOperator(world, namespace);
      const other = await applyRun(world, namespace, { name: 'other' });
      await podOf(world, other);
      const run = await applyRun(world, namespace, { app: { paused: true } });
      await untilRun(world, run, 'Unknown', 'Paused');
      const digest = await world.push(`apps/${namespace}/shop`, run.metadata.name, imageLabels);
      const app = await world.kube.get(App, { namespace, name: 'shop' });
      await world.kube.mergePatch(App, keyOf(app!), { spec: { paused: null } });
      await kubelet(world, other, 'fetch', exited(70));
      const status = await untilRun(world, run, 'True', 'ImageFound');
      expect(status.image).toBe(`${world.registry.host}/apps/${namespace}/shop@${digest}`);
      expect(await jobsOf(world, namespace)).toHaveLength(1);
      expect(operator.writes.filter((write) => write === 'create Job')).toHaveLength(1);
    }));
});

describe('a rebase', () => {
  it('puts what a run has built upon another run image, in a pod of one container, and is recorded as any run', () =>
    inNamespace(async (namespace) => {
      await using operator = await startOperator(world, namespace);
      const run = await applyRun(world, namespace, { app: { build: { rebase: 'Auto' } } });
      await kubelet(world, run, 'export', running);
      const labels = { 'io.buildpacks.lifecycle.metadata': '{"runImage":{"topLayer":"sha256:x"}}' };
      const first = await world.push(`apps/${namespace}/shop`, run.metadata.name, labels);
      await kubelet(world, run, 'export', exited(0, { message: report(first) }));
      const built = await untilRun(world, run, 'True', 'Succeeded');
      expect(built.base).toBe(await world.digest('epinio/run', '1'));
      expect(built.platform?.runImageDigest).toBe(built.base);

      const runImage = await world.push('epinio/run', '2', { a: 'newer' });
      const inputs = rebaseInputs(run.spec.inputs, runImage);
      const name = stageRunName('shop', inputs);
      const rebase = { stageRun: run.metadata.name, runImage };
      const { ownerReferences = [] } = run.metadata;
      const spec = { ...run.spec, inputs, reason: 'RunImage' as const, rebase };
      const metadata = { namespace, name, ownerReferences } as unknown as StageRun['metadata'];
      const second = await world.kube.create(StageRun, {
        apiVersion: run.apiVersion!,
        kind: 'StageRun',
        metadata,
        spec,
      });
      const pod = await podOf(world, second);
      expect(pod.spec?.initContainers).toBeUndefined();
      expect(pod.spec?.containers[0]?.args).toContain(
        `-previous-image=${world.registry.host}/apps/${namespace}/shop@${first}`,
      );
      await kubelet(world, second, 'rebase', running);
      const digest = await world.push(`apps/${namespace}/shop`, name, { ...labels, b: 'upon' });
      await kubelet(world, second, 'rebase', exited(0, { message: report(digest) }));
      const status = await untilRun(world, second, 'True', 'Succeeded');
      expect(status).toMatchObject({
        image: `${world.registry.host}/apps/${namespace}/shop@${digest}`,
        base: runImage,
        steps: [{ name: 'rebase', exitCode: 0 }],
      });
      expect(operator.writes.filter((write) => write === 'create Job')).toHaveLength(2);
    }));
});

describe('a build that goes wrong', () => {
  it('says what nobody foresaw, in the words of the server, and begins once that is over', () =>
    inNamespace(async (namespace) => {
      const webhook = await brokenWebhook(namespace, { group: 'batch', resource: 'jobs' });
      const job = { metadata: { namespace, name: 'probe' }, spec: { template: { spec: { restartPolicy: 'Never' } } } };
      const containers = [{ name: 'x', image: 'x' }];
      Object.assign(job.spec.template.spec, { containers });
      await vi.waitFor(() => expect(world.kube.create(Job, job as never)).rejects.toMatchObject({ code: 500 }), 10_000);
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      const { conditions } = await untilRun(world, run, 'Unknown', 'ReconcileError');
      expect(conditions?.[0]?.message).toContain('failed calling webhook');
      await webhook[Symbol.asyncDispose]();
      await untilRun(world, run, 'Unknown', 'Pending');
      // The first probe may have come before the webhook was in force.
      const made = (await jobsOf(world, namespace)).filter(({ metadata }) => metadata?.name !== 'probe');
      expect(made).toHaveLength(1);
    }));

  it('records step, exit code, reason and message', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await kubelet(world, run, 'detect', exited(20, { message: 'ERROR: \u001b[31mnothing\u001b[0m token=abcdefgh' }));
      const status = await untilRun(world, run, 'False', 'NoBuildpackDetected');
      expect(status.failure).toMatchObject({ step: 'detect', exitCode: 20, reason: 'NoBuildpackDetected' });
      expect(status.failure?.logTail).toBe('ERROR: nothing token=***');
      expect(status.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual([
        'Ready=False',
        'Succeeded=False',
        'Stalled=True',
      ]);
      expect(status.completionTime).toBeDefined();
    }));

  it('asks the registry with the credential of the run where an exit code leaves the reason open', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await podOf(world, run);
      const key = keyOf(run);
      const secret = await vi.waitFor(async () => {
        const found = await world.kube.get(Secret, key);
        expect(found).toBeDefined();
        return found!;
      });
      // A credential that no longer opens anything, as after a rotation of the signing key.
      await world.kube.remove(Secret, key, { uid: secret.metadata!.uid! });
      const auth = JSON.stringify({ [world.registry.host]: 'Bearer nothing' });
      await world.kube.create(Secret, {
        metadata: { ...key, ownerReferences: secret.metadata!.ownerReferences! },
        data: { 'registry-auth': Buffer.from(auth).toString('base64') },
      });
      await kubelet(world, run, 'export', exited(62));
      const { failure } = await untilRun(world, run, 'False', 'RegistryUnauthorized');
      expect(failure).toMatchObject({ step: 'export', exitCode: 62 });
    }));

  it('is built all the same where export died after its push', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await podOf(world, run);
      const digest = await world.push(`apps/${namespace}/shop`, run.metadata.name);
      await kubelet(world, run, 'export', exited(1));
      const { image } = await untilRun(world, run, 'True', 'Succeeded');
      expect(image).toContain(digest);
    }));

  it('tells of a pod that a quota forbids, with the words of Kubernetes', () =>
    inNamespace(async (namespace) => {
      await world.kube.create(ResourceQuota, { metadata: { name: 'none', namespace }, spec: { hard: { pods: '0' } } });
      await vi.waitFor(async () => {
        const quota = await world.kube.get(ResourceQuota, { namespace, name: 'none' });
        expect(quota?.status?.hard).toBeDefined();
      });
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      const status = await untilRun(world, run, 'Unknown', 'PodNotCreated');
      expect(status.conditions?.[0]?.message).toMatch(/exceeded quota: none/);
    }));

  it('says before the Job that the run image is not there', () =>
    inNamespace(async (namespace) => {
      const builders = [
        { name: 'default', image: 'example.org/b:1', runImage: `${world.registry.host}/epinio/nope:1` },
      ];
      const config = settings({ registry: world.config.registry, builders });
      await using _ = await startOperator(world, namespace, { config });
      const run = await applyRun(world, namespace);
      await untilRun(world, run, 'False', 'RunImageUnavailable');
      expect(await jobsOf(world, namespace)).toEqual([]);
    }));

  it('waits, rather than fails, while the registry does not answer', () =>
    inNamespace(async (namespace) => {
      const { registry: right } = world.config;
      const config = settings({ registry: { ...right, push: '127.0.0.1:1' } });
      await using _ = await startOperator(world, namespace, {
        config,
        registry: createRegistryClient({ idleMs: 500 }),
      });
      const run = await applyRun(world, namespace);
      const status = await untilRun(world, run, 'Unknown', 'RegistryUnreachable');
      expect(status.conditions?.map((c) => c.type)).toContain('Reconciling');
      expect(await jobsOf(world, namespace)).toEqual([]);
    }));

  it('names the Secret, or the key, of build.env that does not exist, and begins as soon as it is there', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const env = [{ name: 'NPM_TOKEN', valueFrom: { secretKeyRef: { name: 'npm', key: 'token' } } }];
      const run = await applyRun(world, namespace, { app: { build: { env } } });
      const none = await untilRun(world, run, 'Unknown', 'SecretNotFound');
      expect(none.conditions?.[0]?.message).toMatch(
        /"npm" does not exist in this namespace: create it with the key "token"/,
      );
      await world.kube.create(Secret, { metadata: { name: 'npm', namespace }, stringData: { other: 'x' } });
      const keyless = await untilRun(world, run, 'Unknown', 'SecretNotFound: The Secret "npm" has no key');
      expect(keyless.queuePosition).toBeUndefined();
      await world.kube.mergePatch(Secret, { name: 'npm', namespace }, { stringData: { token: 'x' } });
      await podOf(world, run);
      const begun = await untilRun(world, run, 'Unknown', 'Pending');
      expect(begun.platform?.hash).not.toBe(keyless.platform?.hash);
    }));

  it('names the Secret of a binding that does not exist, and mounts it into detect and build alone', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const bindings = [{ name: 'maven', provider: 'example.org' }];
      const run = await applyRun(world, namespace, { app: { build: { bindings } } });
      const none = await untilRun(world, run, 'Unknown', 'SecretNotFound');
      expect(none.conditions?.[0]?.message).toMatch(/"maven" does not exist in this namespace: create it with the key/);
      expect(await jobsOf(world, namespace)).toEqual([]);
      await world.kube.create(Secret, { metadata: { name: 'maven', namespace }, stringData: { type: 'maven' } });
      const { spec } = await podOf(world, run);
      const seeing = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].filter(({ volumeMounts = [] }) =>
        volumeMounts.some(({ mountPath }) => mountPath === '/platform/bindings/maven'),
      );
      expect(seeing.map(({ name }) => name)).toEqual(['detect', 'build']);
      const secret = await vi.waitFor(async () => {
        const found = await world.kube.get(Secret, keyOf(run));
        expect(found).toBeDefined();
        return found;
      });
      expect(Object.keys(secret?.data ?? {})).toContain('binding-0-provider');
    }));

  it('refuses a builder that this installation does not allow', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace, { app: { build: { builder: 'evil.example.org/builder' } } });
      await untilRun(world, run, 'False', 'BuilderNotFound');
      expect(await jobsOf(world, namespace)).toEqual([]);
    }));

  it("says so where a stranger's Secret has the name that its own needs, and goes on once that is gone", () =>
    inNamespace(async (namespace) => {
      const run = await applyRun(world, namespace);
      const stranger = await world.kube.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: keyOf(run) });
      await using _ = await startOperator(world, namespace);
      const waiting = await untilRun(world, run, 'Unknown', 'NameTaken');
      expect(waiting.jobName).toBe(run.metadata.name);
      await world.kube.remove(Secret, keyOf(run), { uid: stranger.metadata!.uid! });
      const pod = await podOf(world, run);
      await world.kube.mergePatch(Pod, keyOf(pod), { metadata: { annotations: { wake: 'up' } } });
      await untilRun(world, run, 'Unknown', 'Pending');
      const made = await world.kube.get(Secret, keyOf(run));
      expect(Object.keys(made?.data ?? {})).toContain('registry-auth');
    }));

  it('fails for good where a person deleted its Job, and says so', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await podOf(world, run);
      await untilRun(world, run, 'Unknown', 'Pending');
      const [job] = await jobsOf(world, namespace);
      await world.kube.remove(Job, keyOf(job!), { uid: job!.metadata!.uid! });
      await untilRun(world, run, 'False', 'PodDeleted');
      expect(await jobsOf(world, namespace)).toEqual([]);
    }));
});

describe('a run that is not wanted', () => {
  it('does nothing if it was written by hand', () =>
    inNamespace(async (namespace) => {
      await using operator = await startOperator(world, namespace);
      const run = await applyRun(world, namespace, { run: { source: { blob: { sha256: 'b'.repeat(64), size: 1 } } } });
      await untilRun(world, run, 'Unknown', 'NotWanted');
      expect(operator.writes).toEqual(['apply StageRun']);
    }));

  it.each([
    ['by a person', {}, 'Cancelled'],
    ['by a newer version of the App', { 'epinio.io/superseded-by': 'shop-newer' }, 'Superseded'],
  ])('is ended with its pod when it is cancelled %s', (_, annotations, reason) =>
    inNamespace(async (namespace) => {
      await using operator = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await kubelet(world, run, 'build', running);
      await world.kube.mergePatch(StageRun, keyOf(run), { metadata: { annotations }, spec: { cancelled: true } });
      const status = await untilRun(world, run, 'False', reason);
      expect(status.failure).toBeUndefined();
      await vi.waitFor(async () => expect(await jobsOf(world, namespace)).toEqual([]), { timeout: 10_000 });
      // No kubelet ends the pod here, so it stays: that it is told to go is what we can do.
      await vi.waitFor(async () => {
        const pods = (await world.kube.list(Pod, { namespace })).items;
        expect(pods.every((pod) => pod.metadata?.deletionTimestamp !== undefined)).toBe(true);
      });
      expect(operator.writes.filter((write) => write.startsWith('remove'))).toEqual(['remove Job']);
    }),
  );
});

describe('a run that is made again', () => {
  it('builds anew under the same name: Job and Secret of the earlier one make room', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const first = await applyRun(world, namespace);
      await kubelet(world, first, 'build', exited(51));
      await untilRun(world, first, 'False', 'BuildFailed');
      const { uid } = (await world.kube.get(StageRun, keyOf(first)))!.metadata;
      const [earlier] = await jobsOf(world, namespace);
      await world.kube.remove(StageRun, keyOf(first), { uid });
      const { name, ownerReferences = [] } = first.metadata;
      const again = { ...first, metadata: { name, namespace, ownerReferences } as unknown as typeof first.metadata };
      const second = await vi.waitFor(() => world.kube.create(StageRun, again), { timeout: 10_000 });
      await vi.waitFor(
        async () => {
          const [job, ...more] = await jobsOf(world, namespace);
          const secret = await world.kube.get(Secret, keyOf(second));
          expect(more).toEqual([]);
          expect(job?.metadata?.uid).not.toBe(earlier?.metadata?.uid);
          expect(job?.metadata?.ownerReferences?.[0]?.uid).toBe(second.metadata.uid);
          expect(secret?.metadata?.ownerReferences?.[0]?.uid).toBe(job?.metadata?.uid);
        },
        { timeout: 20_000 },
      );
      const digest = await world.push(`apps/${namespace}/shop`, name);
      const { uid: jobUid } = (await jobsOf(world, namespace))[0]!.metadata!;
      const pods = async () => (await world.kube.list(Pod, { namespace })).items;
      const ours = await vi.waitFor(async () => {
        const found = (await pods()).find((pod) => pod.metadata?.ownerReferences?.[0]?.uid === jobUid);
        expect(found).toBeDefined();
        return found!;
      });
      await kubelet(world, second, 'export', exited(0, { message: report(digest) }), {}, ours);
      expect(await untilRun(world, second, 'True')).toMatchObject({ image: expect.stringContaining(digest) as string });
    }));

  it('tells under which platform no builder was found, so that a new configuration lets it be tried again', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace, { app: { build: { builder: 'none' } } });
      const { platform } = await untilRun(world, run, 'False', 'BuilderNotFound');
      expect(platform?.hash).toMatch(/^[0-9a-f]{64}$/);
    }));
});

describe('the queue', () => {
  it('builds as many at once as it may, and takes the next when one has ended', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const first = await applyRun(world, namespace, { name: 'first' });
      await podOf(world, first);
      const second = await applyRun(world, namespace, { name: 'second' });
      const queued = await untilRun(world, second, 'Unknown', 'Queued');
      expect(queued.queuePosition).toBe(0);
      expect(await jobsOf(world, namespace)).toHaveLength(1);
      await kubelet(world, first, 'build', exited(51));
      await podOf(world, second);
      await vi.waitFor(async () => expect((await readRun(world, second))?.queuePosition).toBeUndefined());
    }));
});

describe('an operator that is killed', () => {
  it.each(['create Job', 'create Secret', 'apply StageRun'])(
    'before "%s" is followed by one that ends with one StageRun and one Job',
    (fatal) =>
      inNamespace(async (namespace) => {
        let count = 0;
        const first = await startOperator(world, namespace, { dies: (write) => write === fatal && ++count > 0 });
        const run = await applyRun(world, namespace);
        await vi.waitFor(() => expect(count).toBeGreaterThan(0), { timeout: 10_000 });
        await first[Symbol.asyncDispose]();
        await using second = await startOperator(world, namespace);
        await untilRun(world, run, 'Unknown', 'Pending');
        await vi.waitFor(async () => expect(await world.kube.get(Secret, keyOf(run))).toBeDefined());
        const secret = await world.kube.get(Secret, keyOf(run));
        const [job] = await jobsOf(world, namespace);
        expect(secret?.metadata?.ownerReferences?.[0]?.uid).toBe(job?.metadata?.uid);
        await kubelet(world, run, 'build', exited(51));
        const status = await untilRun(world, run, 'False', 'BuildFailed');
        expect(status.attempts).toBe(1);
        expect(await jobsOf(world, namespace)).toHaveLength(1);
        expect(second.writes.filter((write) => write === 'create Job').length).toBe(fatal === 'create Job' ? 1 : 0);
      }),
  );

  it('and started again writes nothing where nothing has changed', () =>
    inNamespace(async (namespace) => {
      const run = await (async () => {
        await using _ = await startOperator(world, namespace);
        const made = await applyRun(world, namespace);
        await kubelet(world, made, 'build', running);
        await vi.waitFor(async () => expect((await readRun(world, made))?.steps).toHaveLength(5));
        return made;
      })();
      await using second = await startOperator(world, namespace);
      // A change of something else shows that the second one is awake and done with the first run.
      const other = await applyRun(world, namespace, { name: 'other' });
      await untilRun(world, other, 'Unknown', 'Queued');
      expect(second.writes).toEqual(['apply StageRun']);
      expect((await readRun(world, run))?.jobName).toBe(run.metadata.name);
    }));
});

describe('the build pod', () => {
  it('is admitted by Pod Security "restricted"', () =>
    inNamespace(
      async (namespace) => {
        await using _ = await startOperator(world, namespace);
        const env = [{ name: 'BP_LOG_LEVEL', value: 'debug' }];
        const run = await applyRun(world, namespace, { app: { build: { env } } });
        const pod = await podOf(world, run);
        expect(pod.metadata?.labels?.[labels.stageRun]).toBe(run.metadata.name);
      },
      {
        labels: {
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/enforce-version': 'latest',
        },
      },
    ));

  it('is owned through Job and StageRun by the App, so that all of it goes with it', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace);
      const run = await applyRun(world, namespace);
      await podOf(world, run);
      const app = await world.kube.get(App, { namespace, name: 'shop' });
      await world.kube.remove(App, keyOf(app!), { uid: app!.metadata.uid });
      await vi.waitFor(
        async () => {
          expect(await world.kube.get(StageRun, keyOf(run))).toBeUndefined();
          expect(await jobsOf(world, namespace)).toEqual([]);
          expect(await world.kube.get(Secret, keyOf(run))).toBeUndefined();
        },
        { timeout: 20_000 },
      );
    }));
});
