import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { App } from '../api/app.ts';
import { home } from '../api/crd/rbac.ts';
import { StageRun } from '../api/stagerun.ts';
import { Deployment, type Key } from '../kube/resource.ts';
import { blobSweeper, sweepTask } from '../sweep/index.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type User } from '../testing/apps.ts';
import { hangs, startHanging, storageOf } from '../testing/hanging.ts';
import { useStorage } from '../testing/minio.ts';
import { wantedRunName } from './resources/stagerun.ts';

const minio = useStorage();

const archive = (size = 1000) => {
  const bytes = randomBytes(size);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, sha256, spec: { replicas: 0, source: { blob: { sha256, size } } } };
};

const upload = async ({ status }: App, bytes: Buffer): Promise<number> => {
  const { url = '', headers = {} } = status?.upload ?? {};
  const { 'content-length': _, ...sent } = headers;
  return (await fetch(url, { method: 'PUT', headers: sent, body: new Uint8Array(bytes) })).status;
};

/** push brings an App to where its image is built. */
const push = async (user: User, key: Key, { bytes, spec }: ReturnType<typeof archive>): Promise<App> => {
  await user.apply(key, spec);
  expect(await upload(await user.until(key, { Ready: 'Unknown/AwaitingUpload' }), bytes)).toBe(200);
  return user.until(key, { Ready: 'Unknown/Staging' });
};

const remove = async (user: User, key: Key): Promise<void> => {
  const app = await user.kube.get(App, key);
  await user.kube.remove(App, key, { uid: app?.metadata.uid ?? '' });
  await user.gone(App, key);
};

const sweep = { everySeconds: 1, afterSeconds: 2 };

describe('a namespace that is full', () => {
  test('is told so before an upload, and goes on by itself when the sweep has given back room', () =>
    inNamespace(async (namespace) => {
      const { storage } = minio;
      await using user = asUser();
      const key = (name: string): Key => ({ namespace, name });
      await using _ = await runApps({
        namespaces: [namespace],
        home: home.namespace,
        storage,
        config: { quota: { bytesPerNamespace: 2500 }, sweep },
        tasks: (config) => [sweepTask(config, [blobSweeper({ config, home: home.namespace, storage })])],
      });
      const [one, two, three] = [archive(), archive(), archive()];
      await push(user, key('one'), one);
      await push(user, key('two'), two);
      await user.apply(key('three'), three.spec);
      const full = await user.until(key('three'), { SourceReady: 'False/QuotaExceeded', Ready: 'False/QuotaExceeded' });
      expect(full.status?.upload).toBeUndefined();
      // Its neighbours in the namespace are built all the same, and a size that fits is taken.
      await user.apply(key('small'), archive(400).spec);
      await user.until(key('small'), { Ready: 'Unknown/AwaitingUpload' });
      await storage.write(`blobs/${namespace}/readme.txt`, 'not made by the operator');

      const run = await user.kube.get(StageRun, key(wantedRunName(full)));
      expect(run).toBeUndefined();
      await remove(user, key('one'));
      const runs = (await user.kube.list(StageRun, { namespace })).items;
      for (const { metadata, spec } of runs)
        if (spec.appRef.name === 'one') await user.kube.remove(StageRun, { ...metadata }, { uid: metadata.uid });
      await expect
        .poll(() => storage.head(storage.blobKey(namespace, one.sha256)), { timeout: 20_000 })
        .toBeUndefined();
      await user.apply(key('three'), three.spec, { 'epinio.io/request-upload': 'again' });
      await expect
        .poll(
          async () => {
            await user.apply(key('three'), three.spec, { 'epinio.io/request-upload': String(Date.now()) });
            return (await user.kube.get(App, key('three')))?.status?.upload?.url;
          },
          { timeout: 20_000, interval: 500 },
        )
        .toBeDefined();
      expect(await storage.head(storage.blobKey(namespace, two.sha256))).toBeDefined();
      expect(await storage.read(`blobs/${namespace}/readme.txt`)).toBe('not made by the operator');
    }));

  test('by its images builds nothing more, and keeps what runs', () =>
    inNamespace(async (namespace) => {
      await using user = asUser();
      const key = { namespace, name: 'shop' };
      await using _ = await runApps({
        namespaces: [namespace],
        storage: minio.storage,
        config: { quota: { bytesPerNamespace: 5000 } },
      });
      const staging = await push(user, key, archive());
      const now = new Date().toISOString().replace(/\.\d+/, '');
      await user.build(
        { namespace, name: wantedRunName(staging) },
        {
          conditions: [
            {
              type: 'Succeeded',
              status: 'True',
              reason: 'Succeeded',
              message: '.',
              lastTransitionTime: now,
              observedGeneration: 1,
            },
          ],
          completionTime: now,
          image: `registry.test:5000/apps/${namespace}/shop@sha256:${'1'.repeat(64)}`,
          size: { image: 4500, added: 4500 },
          processes: [{ type: 'web', default: true }],
        },
      );
      await user.until(key, { Ready: 'True/Stopped' });
      const next = archive();
      await user.apply(key, next.spec);
      const full = await user.until(key, { Ready: 'False/QuotaExceeded', Deployed: 'True/Stopped' });
      expect(full.status?.conditions?.find(({ type }) => type === 'SourceReady')?.message).toMatch(
        /may hold 4\.9 KiB .* holds 1000 bytes of archives and 4\.4 KiB of images; this archive has 1000 bytes/,
      );
    }));
});

describe.each(hangs)('an S3 server of the kind: %s', (hang) => {
  test('keeps no App waiting that needs no archive', () =>
    inNamespace(async (namespace) => {
      await using user = asUser();
      await using server = await startHanging(hang);
      const waiting = storageOf(server, 4_000);
      await using _ = await runApps({ namespaces: [namespace], storage: waiting });
      const names = Array.from({ length: 20 }, (_, i) => `blob-${i}`);
      await Promise.all(names.map((name) => user.apply({ namespace, name }, archive().spec)));
      const key = { namespace, name: 'image' };
      const begun = performance.now();
      await user.apply(key, { replicas: 0, source: { image: 'example.org/image:1' } });
      await expect.poll(() => user.kube.get(Deployment, key), { interval: 50, timeout: 5_000 }).toBeDefined();
      expect(performance.now() - begun).toBeLessThan(3_500);
      // Which of them is looked for first is nobody's promise, and each look lasts its whole time.
      await Promise.any(names.map((name) => user.until({ namespace, name }, { Ready: 'Unknown/StorageUnavailable' })));
      await waiting.close();
    }));
});
