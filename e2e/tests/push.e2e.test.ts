import { describe, expect, it } from 'vitest';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  getApp,
  inNamespace,
  page,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { kubectl, read, traffic, until, visit } from './lib/cluster.ts';

const childKinds = 'deployments,services,ingresses,jobs,pods,stageruns.epinio.io,approutes.epinio.io';

describe('pushing with kubectl and curl', () => {
  it('turns an uploaded archive into an answer at its URL, changes it without a failed request, and removes everything', () =>
    inNamespace('push', async (namespace) => {
      const host = `hello-${namespace}.apps.localhost`;
      const name = `hello-${namespace}`;

      await withArchive(page('version one'), async (archive) => {
        await applyApp(namespace, name, { source: blob(archive) });
        const app = await awaitUpload(namespace, name, archive);
        expect(await curlUpload(app, archive.file)).toBe('200');
      });
      const first = await waitFor(namespace, name, 'True/Ready');
      expect(first?.status).toMatchObject({ url: `http://${host}`, replicas: 1, readyReplicas: 1 });
      expect(first?.status?.image).toMatch(/^127\.0\.0\.1:30500\/apps\/.*@sha256:[0-9a-f]{64}$/);
      expect(first?.status?.upload).toBeUndefined();
      expect((await visit(host)).body.trim()).toBe('version one');

      const requests = traffic(host);
      await withArchive(page('version two'), async (archive) => {
        await applyApp(namespace, name, { source: blob(archive) });
        await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
      });
      await waitFor(namespace, name, 'True/Ready');
      await until(
        'the new answer',
        () => visit(host),
        ({ body }) => body.trim() === 'version two',
        30,
      );
      // The old pod is still leaving: requests must not notice that either.
      await until(
        'one pod is left',
        () => read<{ items: unknown[] }>(['pods', '-n', namespace, '-l', `epinio.io/app=${name},epinio.io/process`]),
        (pods) => pods?.items.length === 1,
        60,
      );
      await requests.stop();
      expect(requests.failures).toEqual([]);
      expect(requests.requests).toBeGreaterThan(50);
      expect([...requests.seen.keys()].sort()).toEqual(['version one', 'version two']);
      expect(await stageRuns(namespace)).toHaveLength(2);

      await kubectl(['delete', 'apps.epinio.io', name, '-n', namespace, '--timeout=60s']);
      await until(
        'all children are gone',
        () => read<{ items: { kind: string; metadata: { name: string } }[] }>([childKinds, '-n', namespace]),
        (left) => (left?.items.length ?? 0) === 0,
        60,
      );
      expect((await visit(host)).status).toBe(404);
    }));

  it("finds the earlier image again when yesterday's manifest is applied, without a build", () =>
    inNamespace('again', async (namespace) => {
      const name = `again-${namespace}`;
      const push = (text: string) =>
        withArchive(page(text), async (archive) => {
          await applyApp(namespace, name, { source: blob(archive) });
          const app = await until(
            'the upload address or the build',
            () => getApp(namespace, name),
            (seen) => seen?.status?.observedGeneration === seen?.metadata.generation,
            30,
          );
          if (app?.status?.upload) await curlUpload(app, archive.file);
          await waitFor(namespace, name, 'True/Ready');
        });
      await push('monday');
      await push('tuesday');
      const before = await stageRuns(namespace);
      await push('monday');
      const after = await stageRuns(namespace);
      expect(after.map((run) => run.metadata.uid).sort()).toEqual(before.map((run) => run.metadata.uid).sort());
      await until(
        'monday serves',
        () => visit(`${name}.apps.localhost`),
        ({ body }) => body.trim() === 'monday',
        30,
      );
    }));
});
