import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { App } from '../../operator/api/app.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  getApp,
  inNamespace,
  manifest,
  page,
  reasonOf,
  waitFor,
  withArchive,
  type Site,
} from './lib/apps.ts';
import { kubectlAnswer, read, until } from './lib/cluster.ts';

interface PodList {
  readonly items: { readonly status: { readonly phase: string } }[];
}

/** running lists the pods that still run or wait; ended ones only hold the log. */
const running = async (namespace: string): Promise<number> =>
  ((await read<PodList>(['pods', '-n', namespace]))?.items ?? []).filter(
    (pod) => !['Failed', 'Succeeded'].includes(pod.status.phase),
  ).length;

const message = (app: App | undefined): string =>
  app?.status?.conditions?.find((c) => c.type === 'Ready')?.message ?? '';

describe('what a user can get wrong', () => {
  it.each([
    ['a field that does not exist', { sources: {} }, /unknown field "spec\.sources"/],
    ['a digest that is none', { source: { blob: { sha256: 'abc', size: 1 } } }, /spec\.source\.blob\.sha256/],
    [
      'two sources at once',
      { source: { image: 'x', blob: { sha256: 'a'.repeat(64), size: 1 } } },
      /only one of `blob`, `git` and `image`: remove the others/,
    ],
    ['a port out of range', { port: 70_000 }, /spec\.port/],
    ['a host in upper case', { routes: [{ host: 'Shop.Example.org' }] }, /spec\.routes\[0\]\.host/],
  ])('%s is rejected at apply, naming it', (_, spec, words) =>
    inNamespace('reject', async (namespace) => {
      const answer = await kubectlAnswer(['apply', '--validate=strict', '-f', '-'], manifest(namespace, 'wrong', spec));
      expect(answer.code).not.toBe(0);
      expect(answer.stderr).toMatch(words);
    }),
  );

  it('a blob that nobody uploads is awaited, visibly, without a pod', () =>
    inNamespace('missing', async (namespace) => {
      await applyApp(namespace, 'missing', { source: { blob: { sha256: 'b'.repeat(64), size: 10 } } });
      const app = await waitFor(namespace, 'missing', /^Unknown\/AwaitingUpload$/, 'Ready', 60);
      expect(reasonOf(app, 'SourceReady')).toBe('False/AwaitingUpload');
      expect(app?.status?.upload?.url).toMatch(/^http:\/\/s3\.localhost\//);
      expect(await running(namespace)).toBe(0);
    }));

  it('bytes with another digest are refused by the upload address, and the App goes on waiting', () =>
    inNamespace('digest', async (namespace) => {
      await withArchive(page('the right one'), (right) =>
        withArchive(page('the wrong 1!'), async (wrong) => {
          await applyApp(namespace, 'digest', { source: { blob: { sha256: right.sha256, size: wrong.size } } });
          const app = await awaitUpload(namespace, 'digest', right);
          expect(await curlUpload(app, wrong.file)).toBe('400');
          expect(reasonOf(await getApp(namespace, 'digest'), 'SourceReady')).toMatch(
            /^False\/(AwaitingUpload|UploadRejected)$/,
          );
        }),
      );
    }));

  it('a file that is no archive ends in a condition that says so', () =>
    inNamespace('noarchive', async (namespace) => {
      const folder = await mkdtemp(join(tmpdir(), 'epinio-e2e-'));
      const file = join(folder, 'not-an-archive');
      const text = 'just some text, not an archive\n'.repeat(20);
      await writeFile(file, text);
      const sha256 = createHash('sha256').update(text).digest('hex');
      await applyApp(namespace, 'noarchive', { source: { blob: { sha256, size: text.length } } });
      const waiting = await until(
        'the upload address',
        () => getApp(namespace, 'noarchive'),
        (app) => app?.status?.upload !== undefined,
        60,
      );
      expect(await curlUpload(waiting, file)).toBe('200');
      const app = await waitFor(namespace, 'noarchive', 'False/ArchiveUnsupported');
      expect(reasonOf(app, 'Stalled')).toMatch(/^True\//);
      expect(message(app)).toMatch(/tar.*zip/);
      expect(await running(namespace)).toBe(0);
      await rm(folder, { recursive: true });
    }));

  it.each([
    ['a source that no buildpack detects', { 'notes.txt': 'nothing to run' }, {}, 'False/NoBuildpackDetected'],
    ['a buildpack that fails', page('x'), { env: [{ name: 'BP_TEST_FAIL', value: 'build' }] }, 'False/BuildFailed'],
  ] as const)('%s ends in a condition that names the cause, and no pod is left', (_, files, build, reason) =>
    inNamespace('fails', async (namespace) => {
      await withArchive(files, async (archive) => {
        await applyApp(namespace, 'fails', { source: blob(archive), build });
        await curlUpload(await awaitUpload(namespace, 'fails', archive), archive.file);
      });
      const app = await waitFor(namespace, 'fails', reason);
      expect(reasonOf(app, 'Stalled')).toMatch(/^True\//);
      expect(message(app)).not.toBe('');
      expect(await running(namespace)).toBe(0);
    }),
  );

  it('a bad build leaves the running app alone', () =>
    inNamespace('keep', async (namespace) => {
      const name = `keep-${namespace}`;
      await withArchive(page('good'), async (archive) => {
        await applyApp(namespace, name, { source: blob(archive) });
        await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
      });
      const good = await waitFor(namespace, name, 'True/Ready');
      await withArchive({ 'notes.txt': 'nothing to run' }, async (archive) => {
        await applyApp(namespace, name, { source: blob(archive) });
        await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
      });
      const bad = await waitFor(namespace, name, 'False/NoBuildpackDetected');
      expect(reasonOf(bad, 'Deployed')).toMatch(/^True\//);
      expect(bad?.status?.image).toBe(good?.status?.image);
      expect(bad?.status?.readyReplicas).toBe(1);
    }));

  const server = (code: string): Site => ({
    'package.json': JSON.stringify({ name: 'wrong', version: '1.0.0', scripts: { start: 'node server.js' } }),
    'server.js': code,
  });

  it.each([
    [
      'an app that listens on a port of its own is told which, long before the rollout is given up',
      "require('node:http').createServer((_, r) => r.end()).listen(3000, () => console.log('Listening on port 3000'));",
      'Unknown/NotListening',
      /^Nothing listens on port 8080, and the log says "Listening on port 3000": set spec\.port to 3000, or/,
    ],
    [
      'an app that crashes again and again is stalled with the line of its log that says why',
      "console.log('hello');\nthrow new Error('no database');",
      'False/CrashLoopBackOff',
      /^The app ends with exit code 1; its log says "Error: no database"\./,
    ],
  ])('%s', (_, code, reason, words) =>
    inNamespace('wrong', async (namespace) => {
      await withArchive(server(code), async (archive) => {
        await applyApp(namespace, 'wrong', { source: blob(archive) });
        await curlUpload(await awaitUpload(namespace, 'wrong', archive), archive.file);
      });
      await waitFor(namespace, 'wrong', 'True/Staged', 'Staged');
      const app = await waitFor(namespace, 'wrong', reason, 'Ready', 60);
      expect(message(app)).toMatch(words);
      if (reason.startsWith('False')) await waitFor(namespace, 'wrong', /^True\//, 'Stalled', 60);
    }),
  );
});
