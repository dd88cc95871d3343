import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { Deployment, Namespace, Secret } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { platformHash } from '../platform/builders.ts';
import { asUser, runApps, testConfig, type AppWorld, type User } from '../testing/apps.ts';
import { useStorage } from '../testing/minio.ts';
import { wantedRunName } from './resources/stagerun.ts';

const minio = useStorage();

interface Stage {
  readonly key: { readonly namespace: string; readonly name: string };
  readonly home: string;
  readonly world: AppWorld;
  readonly user: User;
}

const pullSecretRef = 'registry-pull';
const secretData = (password: string) => ({
  '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { 'registry.test': { password } } })).toString('base64'),
  password: Buffer.from(password).toString('base64'),
});

const registry = { push: 'registry.test:5000', pull: '127.0.0.1:30500', pullSecretRef };

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace((home) =>
    inNamespace(async (namespace) => {
      await using user = asUser();
      await user.kube.create(Secret, {
        metadata: { name: pullSecretRef, namespace: home },
        type: 'kubernetes.io/dockerconfigjson',
        data: secretData('first'),
      });
      await using world = await runApps({
        namespaces: [namespace],
        home,
        storage: minio.storage,
        config: { registry },
      });
      await scene({ key: { namespace, name: 'shop' }, home, world, user });
    }),
  );

const archive = () => {
  const bytes = randomBytes(1000);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, spec: { replicas: 0, source: { blob: { sha256, size: bytes.length } } } };
};

/** upload does what `curl -T` does with the URL and headers of the status. */
const upload = async ({ status }: App, bytes: Buffer): Promise<number> => {
  const { url = '', headers = {} } = status?.upload ?? {};
  const { 'content-length': _, ...sent } = headers;
  const answer = await fetch(url, { method: 'PUT', headers: sent, body: new Uint8Array(bytes) });
  return answer.status;
};

const time = (): string => new Date().toISOString().replace(/\.\d+/, '');
const word = (status: 'True' | 'False' | 'Unknown', reason: string, message = `${reason}.`) => [
  { type: 'Succeeded', status, reason, message, lastTransitionTime: time(), observedGeneration: 1 },
];
const digestOf = (n: number): string => `sha256:${String(n).repeat(64)}`;
const success = (key: Stage['key'], n: number) => ({
  conditions: word('True', 'Succeeded'),
  completionTime: time(),
  image: `registry.test:5000/apps/${key.namespace}/${key.name}@${digestOf(n)}`,
  processes: [{ type: 'web', default: true }],
});
const failure = (reason: string) => ({
  conditions: word('False', reason),
  completionTime: time(),
  failure: { reason, message: `It failed: ${reason}.` },
});

const runKey = (app: App) => ({ namespace: app.metadata.namespace, name: wantedRunName(app) });
const imageOf = async ({ kube }: User, key: Stage['key']): Promise<string | undefined> =>
  (await kube.get(Deployment, key))?.spec?.template.spec?.containers[0]?.image;

interface Pusher {
  readonly key: Stage['key'];
  readonly user: User;
}

/** push brings an App from its archive to its image, as a user and the StageRun controller would. */
const push = async ({ key, user }: Pusher, n: number): Promise<App> => {
  const { bytes, spec } = archive();
  await user.apply(key, spec);
  expect(await upload(await user.until(key, { Ready: 'Unknown/AwaitingUpload' }), bytes)).toBe(200);
  const staging = await user.until(key, { Ready: 'Unknown/Staging', SourceReady: 'True/SourceAvailable' });
  await user.build(runKey(staging), success(key, n));
  return user.until(key, { Ready: 'True/Stopped', Staged: 'True/Staged' });
};

describe('an App that is built from an archive', () => {
  test('awaits the upload, is staged once, and runs the image by digest with the copied pull secret', () =>
    play(async (stage) => {
      const { key, user, world } = stage;
      const app = await push(stage, 1);
      const image = `127.0.0.1:30500/apps/${key.namespace}/shop@${digestOf(1)}`;
      expect(app.status).toMatchObject({ image, stageRun: { desired: runKey(app).name, deployed: runKey(app).name } });
      expect(app.status?.upload).toBeUndefined();
      const deployment = await user.kube.get(Deployment, key);
      expect(deployment?.spec?.template.spec?.imagePullSecrets).toEqual([{ name: pullSecretRef }]);
      const copy = await user.kube.get(Secret, { ...key, name: pullSecretRef });
      expect(copy?.data).toEqual({ '.dockerconfigjson': secretData('first')['.dockerconfigjson'] });
      await world.idle();
      world.writes();
      await user.apply(key, { ...archiveOf(app), env: [{ name: 'A', value: '1' }] });
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
      expect(Object.keys(world.writes()).sort()).toEqual(['apply apps.epinio.io/status', 'apply deployments.apps']);
    }));

  test('says what its build waits for, with one write for each thing', () =>
    play(async (stage) => {
      const { key, user, world } = stage;
      const { bytes, spec } = archive();
      await user.apply(key, spec);
      await upload(await user.until(key, { Ready: 'Unknown/AwaitingUpload' }), bytes);
      const run = runKey(await user.until(key, { Ready: 'Unknown/Staging' }));
      const says = (reason: string, message: string) =>
        user.build(run, { conditions: word('Unknown', reason, message) });
      await world.idle();
      world.writes();
      await says('Queued', '2 builds are ahead.');
      const queued = await user.until(key, { Ready: 'Unknown/Queued', Staged: 'Unknown/Queued' });
      expect(queued.status?.conditions?.[0]?.message).toBe(`2 builds are ahead. StageRun "${run.name}" waits.`);
      await says('Pending', 'The pod of the build is starting.');
      await user.until(key, { Ready: 'Unknown/Staging' });
      await says('Running', 'The step fetch is running.');
      await says('Running', 'The step build is running.');
      await user.build(run, success(key, 1));
      await user.until(key, { Ready: 'True/Stopped' });
      await world.idle();
      // Queued, Staging, and the end, which had a write before as well.
      expect(world.writes()['apply apps.epinio.io/status']).toBeLessThanOrEqual(4);
    }));

  test('follows the pull secret, and takes its copy away with the last App', () =>
    play(async (stage) => {
      const { key, home, user } = stage;
      const app = await push(stage, 1);
      await user.kube.mergePatch(Secret, { namespace: home, name: pullSecretRef }, { data: secretData('second') });
      const copy = { namespace: key.namespace, name: pullSecretRef };
      await vi.waitFor(
        async () =>
          expect((await user.kube.get(Secret, copy))?.data?.['.dockerconfigjson']).toBe(
            secretData('second')['.dockerconfigjson'],
          ),
        { timeout: 10_000 },
      );
      await user.kube.remove(App, key, { uid: app.metadata.uid });
      await user.gone(Secret, copy);
    }));

  test('does not touch a stranger’s Secret of the pull secret’s name, and says so before it builds', () =>
    play(async ({ key, user }) => {
      const { bytes, spec } = archive();
      const theirs = { namespace: key.namespace, name: pullSecretRef };
      const { metadata } = await user.kube.create(Secret, { metadata: theirs, stringData: { a: 'b' } });
      await user.apply(key, spec);
      const app = await user.until(key, { Ready: 'False/RegistrySecretConflict', SourceReady: 'False/AwaitingUpload' });
      expect(await upload(app, bytes)).toBe(200);
      await user.until(key, { SourceReady: 'True/SourceAvailable', Ready: 'False/RegistrySecretConflict' });
      expect((await user.kube.list(StageRun, { namespace: key.namespace })).items).toEqual([]);
      await user.kube.remove(Secret, theirs, { uid: metadata?.uid ?? '' });
      await user.until(key, { Ready: 'Unknown/Staging' });
    }));

  test('keeps the last good image when a build fails, and builds anew when the failure is corrected', () =>
    play(async (stage) => {
      const { key, user } = stage;
      const good = await push(stage, 1);
      const { bytes, spec } = archive();
      await user.apply(key, spec);
      await upload(await user.until(key, { Ready: 'Unknown/AwaitingUpload', Deployed: 'True/Stopped' }), bytes);
      const staging = await user.until(key, { Ready: 'Unknown/Staging' });
      await user.build(runKey(staging), failure('BuildFailed'));
      const failed = await user.until(key, {
        Ready: 'False/BuildFailed',
        Stalled: 'True/BuildFailed',
        Deployed: 'True/Stopped',
      });
      expect(failed.status?.stageRun).toEqual({ desired: runKey(staging).name, deployed: runKey(good).name });
      expect(await imageOf(user, key)).toContain(digestOf(1));
      // Back to yesterday's manifest: the same inputs find the same run, and nothing is built.
      await user.apply(key, archiveOf(good));
      await user.until(key, { Ready: 'True/Stopped', Staged: 'True/Staged' });
      expect((await user.kube.list(StageRun, { namespace: key.namespace })).items).toHaveLength(2);
    }));

  test('builds a failed run again when a Secret that its build names has changed, and only then', () =>
    play(async ({ key, user }) => {
      const { bytes, spec } = archive();
      const npm = { namespace: key.namespace, name: 'npm' };
      const secret = await user.kube.create(Secret, { metadata: npm, stringData: { token: 'wrong' } });
      const env = [{ name: 'NPM_TOKEN', valueFrom: { secretKeyRef: { name: 'npm', key: 'token' } } }];
      await user.apply(key, { ...spec, build: { env } });
      await upload(await user.until(key, { Ready: 'Unknown/AwaitingUpload' }), bytes);
      const run = runKey(await user.until(key, { Ready: 'Unknown/Staging' }));
      const version = secret.metadata?.resourceVersion ?? '';
      const hash = platformHash(testConfig([key.namespace], { registry }), {}, { npm: version });
      const { uid } = (await user.kube.get(StageRun, run))!.metadata;
      await user.build(run, { ...failure('BuildFailed'), platform: { hash } });
      await user.until(key, { Ready: 'False/BuildFailed', Stalled: 'True/BuildFailed' });
      expect((await user.kube.get(StageRun, run))?.metadata.uid).toBe(uid);
      await user.kube.mergePatch(Secret, npm, { stringData: { token: 'right' } });
      await vi.waitFor(
        async () => {
          const again = await user.kube.get(StageRun, run);
          expect(again).toBeDefined();
          expect(again?.metadata.uid).not.toBe(uid);
        },
        { timeout: 10_000 },
      );
    }));

  test('ends a build that a newer push makes useless, and never deploys it', () =>
    play(async ({ key, user }) => {
      const [old, young] = [archive(), archive()];
      await user.apply(key, old.spec);
      await upload(await user.until(key, { Ready: 'Unknown/AwaitingUpload' }), old.bytes);
      const first = runKey(await user.until(key, { Ready: 'Unknown/Staging' }));
      await user.apply(key, young.spec);
      const waiting = await user.until(key, { Ready: 'Unknown/AwaitingUpload' });
      const ended = await user.kube.get(StageRun, first);
      expect(ended?.spec.cancelled).toBe(true);
      expect(ended?.metadata.annotations?.['epinio.io/superseded-by']).toBe(runKey(waiting).name);
      await user.build(first, success(key, 1));
      await upload(waiting, young.bytes);
      await user.build(runKey(await user.until(key, { Ready: 'Unknown/Staging' })), success(key, 2));
      await user.until(key, { Ready: 'True/Stopped' });
      expect(await imageOf(user, key)).toContain(digestOf(2));
    }));

  test('rolls back to a pinned run, and builds nothing while it is pinned', () =>
    play(async (stage) => {
      const { key, user } = stage;
      const one = await push(stage, 1);
      const two = await push(stage, 2);
      await user.apply(key, { ...archiveOf(two), stageRun: runKey(one).name });
      const back = await user.until(key, { Ready: 'True/Stopped', Staged: 'True/Pinned' });
      expect(await imageOf(user, key)).toContain(digestOf(1));
      expect(back.status?.stageRun?.deployed).toBe(runKey(one).name);
      await user.apply(key, { ...archiveOf(two), stageRun: 'shop-0000000000' });
      await user.until(key, { Ready: 'False/StageRunNotFound' });
      expect(await imageOf(user, key)).toContain(digestOf(1));
    }));

  test('awaits the archive again, and says why, when a build finds other bytes', () =>
    play(async ({ key, user }) => {
      const { bytes, spec } = archive();
      await user.apply(key, spec);
      await upload(await user.until(key, { Ready: 'Unknown/AwaitingUpload' }), bytes);
      const run = runKey(await user.until(key, { Ready: 'Unknown/Staging' }));
      await user.build(run, failure('BlobDigestMismatch'));
      const app = await user.until(key, {
        Ready: 'Unknown/BlobDigestMismatch',
        SourceReady: 'False/BlobDigestMismatch',
      });
      await user.gone(StageRun, run);
      expect(await upload(app, bytes)).toBe(200);
      await user.until(key, { Ready: 'Unknown/Staging' });
    }));

  test('removes an upload that somebody swapped, and awaits the right one', () =>
    play(async ({ key, user }) => {
      const { bytes, spec } = archive();
      const { sha256 } = spec.source.blob;
      const { storage } = minio;
      const wrong = await storage.presignPut({
        key: storage.blobKey(key.namespace, sha256),
        sha256: createHash('sha256').update('wrong').digest('hex'),
        size: 5,
        expiresSeconds: 60,
      });
      const { 'content-length': _, ...headers } = wrong.headers as Record<string, string>;
      expect((await fetch(wrong.url, { method: 'PUT', headers, body: 'wrong' })).status).toBe(200);
      await user.apply(key, spec);
      const app = await user.until(key, { Ready: 'Unknown/UploadRejected' });
      expect(await upload(app, bytes)).toBe(200);
      await user.until(key, { Ready: 'Unknown/Staging' });
    }));
});

const archiveOf = ({ spec }: App) => ({ replicas: 0, ...(spec.source && { source: spec.source }) });

test('a namespace that ends takes its Apps along without a word', () =>
  play(async ({ key, user, world }) => {
    await user.apply(key, archive().spec);
    await user.until(key, { Ready: 'Unknown/AwaitingUpload' });
    const namespace = await user.kube.get(Namespace, { namespace: '', name: key.namespace });
    await user.kube.remove(Namespace, { namespace: '', name: key.namespace }, { uid: namespace?.metadata?.uid ?? '' });
    await user.gone(App, key);
    await world.idle();
  }));

describe('an operator that is killed', () => {
  // One push takes eleven writes; killed at the twelfth it is killed in the next.
  test.each(Array.from({ length: 12 }, (_, i) => i + 1))(
    'at its write %i ends the push all the same, with one StageRun',
    (n) =>
      inNamespace(async (namespace) => {
        await using user = asUser();
        const key = { namespace, name: 'shop' };
        const options = { namespaces: [namespace], storage: minio.storage };
        const pushing = push({ key, user }, 1);
        {
          await using first = await runApps({ ...options, diesAt: n });
          await Promise.race([first.died, pushing]);
        }
        await using world = await runApps(options);
        const app = await pushing;
        await world.idle();
        expect((await user.kube.list(StageRun, { namespace })).items).toHaveLength(1);
        expect(await imageOf(user, key)).toContain(digestOf(1));
        expect(app.status?.stageRun).toEqual({ desired: runKey(app).name, deployed: runKey(app).name });
      }),
  );
});
