import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { App } from '../../operator/api/app.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  inNamespace,
  page,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { kubectl, read } from './lib/cluster.ts';
import { contentOf, formsOf, logsOf, tracesOf } from './lib/traces.ts';

const canary = `<password>canary-binding-${Math.random().toString(36).slice(2)}</password>`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const message = (app: App | undefined): string =>
  app?.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';

describe('a service binding of a build', () => {
  it('is awaited by name, seen by detect and build alone, and leaves no trace in logs, objects and image', () =>
    inNamespace('binding', async (namespace) => {
      const name = `binding-${namespace}`;
      await withArchive(page('bound'), async (archive) => {
        await applyApp(namespace, name, {
          source: blob(archive),
          build: {
            env: [{ name: 'BP_TEST_FAIL', value: 'binding:maven,peek' }],
            bindings: [{ name: 'maven', provider: 'example.org' }],
          },
        });
        await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
      });
      const waiting = await waitFor(namespace, name, 'False/SecretNotFound');
      expect(message(waiting)).toContain(
        'The Secret "maven" does not exist in this namespace: create it with the key "type"',
      );
      expect(await kubectl(['get', 'jobs', '-n', namespace, '-o', 'name'])).toBe('');

      const data = { type: 'maven', 'settings.xml': canary };
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'maven' }, stringData: data };
      await kubectl(['apply', '-f', '-'], JSON.stringify(secret));
      await waitFor(namespace, name, 'True/Ready');
      const logs = await logsOf(namespace);
      const files = { ...data, provider: 'example.org' };
      for (const [file, content] of Object.entries(files))
        expect(logs).toContain(`test/faults: binding maven ${file} ${sha256(content)}`);
      expect(logs).toContain('peek mount /platform/bindings/maven');

      const traces = await tracesOf(namespace, ['maven']);
      const [run] = await stageRuns(namespace);
      const image = await contentOf(namespace, run?.status?.image ?? '');
      for (const form of formsOf(canary)) {
        expect(traces.includes(form), form).toBe(false);
        for (const part of image) expect(part.includes(form), form).toBe(false);
      }
      const found = await kubectl([
        'exec',
        `deployment/${name}`,
        '-n',
        namespace,
        '--',
        'sh',
        '-c',
        'ls /platform/bindings || true',
      ]);
      expect(found).not.toContain('maven');
      const containers = (
        await read<{ items: { spec: { containers: unknown[]; initContainers: { name: string }[] } }[] }>([
          'pods',
          '-n',
          namespace,
          '-l',
          'app.kubernetes.io/component=staging',
        ])
      )?.items.flatMap(({ spec }) => [...spec.initContainers, ...spec.containers]);
      const seeing = containers?.filter((one) => JSON.stringify(one).includes('/platform/bindings')) as {
        name: string;
      }[];
      expect(seeing.map((one) => one.name)).toEqual(['detect', 'build']);
    }));
});
