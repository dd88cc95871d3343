import { expect, test } from 'vitest';
import type { App } from '../../operator/api/app.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  getApp,
  inNamespace,
  waitFor,
  withArchive,
  type Site,
} from './lib/apps.ts';
import { kubectl, traffic, until, visit } from './lib/cluster.ts';

/** What the processes of one source are, as a Procfile names them. */
const site = (text: string): Site => ({
  Procfile: [
    'web: exec busybox httpd -f -p $PORT -h www',
    'worker: while true; do echo "at work on port $PORT"; sleep 1; done',
    'broken: echo "no queue"; exit 3',
  ].join('\n'),
  'www/index.html': text,
});

/** The server of the test ends at once when it is told to. */
const pod = { terminationGracePeriodSeconds: 2 };

const message = (app: App | undefined): string =>
  app?.status?.conditions?.find((c) => c.type === 'Ready')?.message ?? '';

const deployments = async (namespace: string): Promise<string[]> =>
  (
    await kubectl([
      'get',
      'deployments',
      '-n',
      namespace,
      '-o',
      'jsonpath={.items[*].metadata.labels.epinio\\.io/process}',
    ])
  )
    .split(' ')
    .filter((name) => name !== '')
    .sort();

const logsOf = (namespace: string, process: string): Promise<string> =>
  kubectl(['logs', '-n', namespace, '-l', `epinio.io/process=${process}`, '--tail=5']);

test('a worker of the same image runs beside web, one that crashes is named, and what is not wanted any more goes', () =>
  inNamespace('process', async (namespace) => {
    const name = `process-${namespace}`;
    const host = `${name}.apps.localhost`;
    const worker = { name: 'worker' };
    await withArchive(site('one'), async (archive) => {
      const apply = (processes?: object[]): Promise<string> =>
        applyApp(namespace, name, { source: blob(archive), pod, ...(processes && { processes }) });
      await apply([worker]);
      expect(await curlUpload(await awaitUpload(namespace, name, archive), archive.file)).toBe('200');
      const ready = await waitFor(namespace, name, 'True/Ready');
      expect(ready?.status).toMatchObject({ replicas: 1, readyReplicas: 1 });
      expect((await visit(host)).body.trim()).toBe('one');
      expect(await logsOf(namespace, 'worker')).toContain('at work on port 8080');

      await apply([worker, { name: 'broken' }]);
      const crashed = await waitFor(namespace, name, 'False/CrashLoopBackOff', 'Ready', 60);
      expect(message(crashed)).toMatch(/^Process "broken": The app ends with exit code 3; its log says "no queue"\./);
      await waitFor(namespace, name, /^True\//, 'Stalled', 90);
      expect((await visit(host)).body.trim()).toBe('one');

      await apply([worker, { name: 'absent' }]);
      const missing = await waitFor(namespace, name, 'False/ProcessNotFound', 'Ready', 30);
      expect(message(missing)).toBe(
        'The image has no process "absent", it has "broken", "web", "worker": correct process "absent" of spec.processes or the source.',
      );

      await apply([
        { name: 'worker', command: ['bash', '-c', 'while true; do echo "$0 of my own"; sleep 1; done', 'a command'] },
      ]);
      await waitFor(namespace, name, 'True/Ready', 'Ready', 90);
      expect(await deployments(namespace)).toEqual(['web', 'worker']);
      await until(
        'the command runs in the environment of the buildpacks',
        () => logsOf(namespace, 'worker'),
        (log) => log.includes('a command of my own'),
        30,
      );

      await apply();
      await waitFor(namespace, name, 'True/Ready', 'Ready', 60);
      expect(await deployments(namespace)).toEqual(['web']);
    });
  }));

const released = (text: string, release: string): Site => ({
  ...site(text),
  Procfile: `${site(text).Procfile}\nrelease: ${release}`,
});

test('a release runs before a new version serves, and one that fails leaves the version before it serving', () =>
  inNamespace('release', async (namespace) => {
    const name = `release-${namespace}`;
    const host = `${name}.apps.localhost`;
    await kubectl(['create', 'secret', 'generic', 'database', '-n', namespace, '--from-literal=uri=db://shop']);
    const push = (files: Site): Promise<void> =>
      withArchive(files, async (archive) => {
        await applyApp(namespace, name, {
          source: blob(archive),
          pod,
          release: {},
          env: [{ name: 'GREETING', value: 'hi' }],
          configurations: [{ name: 'database' }],
        });
        expect(await curlUpload(await awaitUpload(namespace, name, archive), archive.file)).toBe('200');
      });

    await push(released('one', 'echo "$GREETING, migrating $(cat /configurations/database/uri)"; sleep 3'));
    await waitFor(namespace, name, 'Unknown/Releasing');
    expect(await kubectl(['get', 'apps.epinio.io', name, '-n', namespace])).toMatch(/ Releasing /);
    const first = await waitFor(namespace, name, 'True/Ready');
    expect((await visit(host)).body.trim()).toBe('one');
    const job = first?.status?.release?.job ?? '';
    expect(first?.status?.release).toMatchObject({ state: 'Succeeded' });
    expect(await kubectl(['logs', '-n', namespace, `job/${job}`])).toContain('hi, migrating db://shop');

    const requests = traffic(host);
    await push(released('two', 'echo "Error: no table"; exit 4'));
    const failed = await waitFor(namespace, name, 'False/ReleaseFailed');
    expect(message(failed)).toMatch(
      /^The release ends with exit code 4; its log says "Error: no table"\. .* delete Job "[^"]+" to run it again\. The pods that are ready serve on\.$/,
    );
    expect(failed?.status?.release).toMatchObject({ state: 'Failed', exitCode: 4, logTail: 'Error: no table' });
    expect(failed?.status?.image).toBe(first?.status?.image);
    expect(await kubectl(['get', 'apps.epinio.io', name, '-n', namespace])).toMatch(/ ReleaseFailed /);

    await push(released('three', 'true'));
    await waitFor(namespace, name, 'True/Ready');
    await until(
      'the new version serves',
      () => visit(host),
      ({ body }) => body.trim() === 'three',
      30,
    );
    await requests.stop();
    expect(requests.failures).toEqual([]);
    expect([...requests.seen.keys()].sort()).toEqual(['one', 'three']);
  }));

test('no request fails while an App with one pod is restarted, and scaled to three and back', () =>
  inNamespace('scale', async (namespace) => {
    const name = `scale-${namespace}`;
    const host = `${name}.apps.localhost`;
    await withArchive(site('here'), async (archive) => {
      const apply = (more: object = {}): Promise<string> =>
        applyApp(namespace, name, { source: blob(archive), pod: { terminationGracePeriodSeconds: 10 }, ...more });
      await apply();
      await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
      await waitFor(namespace, name, 'True/Ready');
      const serve = async (n: number): Promise<void> => {
        await waitFor(namespace, name, 'True/Ready');
        await until(
          `${n} pods serve`,
          () => getApp(namespace, name),
          (app) => app?.status?.readyReplicas === n && app.status.replicas === n,
          90,
        );
      };
      const requests = traffic(host);
      await apply({ restart: '1' });
      await serve(1);
      for (const n of [3, 1]) {
        await kubectl(['scale', `apps.epinio.io/${name}`, '-n', namespace, `--replicas=${n}`]);
        await serve(n);
      }
      // The pods that left were told to: requests must not notice that either.
      await until(
        'one pod is left',
        () => kubectl(['get', 'pods', '-n', namespace, '-l', 'epinio.io/process=web', '-o', 'name']),
        (pods) => pods.trim().split('\n').length === 1,
        60,
      );
      await requests.stop();
      expect(requests.failures).toEqual([]);
      expect(requests.requests).toBeGreaterThan(100);
      // What scaled it keeps the number when the manifest comes again.
      await kubectl(['scale', `apps.epinio.io/${name}`, '-n', namespace, '--replicas=2']);
      await apply({ restart: '1' });
      await serve(2);
    });
  }));
