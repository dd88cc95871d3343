import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { App } from '../operator/api/app.ts';
import type { KubeClient } from '../operator/kube/client.ts';
import { Namespace } from '../operator/kube/resource.ts';
import { connect } from '../operator/testing/apiserver.ts';
import { connectTo } from './client.ts';
import { runPush, type Push } from './push.ts';

const namespace = `push-${randomBytes(4).toString('hex')}`;
const run = `web-${'0'.repeat(10)}`;
let kube: KubeClient;
let path: string;

beforeAll(async () => {
  kube = connectTo(connect);
  path = await mkdtemp(join(tmpdir(), 'push-test-'));
  await writeFile(join(path, 'index.html'), 'hello');
  await kube.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterAll(async () => {
  await rm(path, { recursive: true });
  await kube.close();
});

const condition = (type: string, status: string, reason: string, generation: number) => ({
  type,
  status,
  reason,
  message: '',
  observedGeneration: generation,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

/** tell writes the status that the operator would write. */
const tell = async (name: string, ready: string, staged: string): Promise<void> => {
  const app = await kube.get(App, { namespace, name });
  const generation = app?.metadata.generation ?? 0;
  const status = {
    observedGeneration: generation,
    conditions: [condition('Ready', ready, 'Ready', generation), condition('Staged', staged, 'Staging', generation)],
    stageRun: { desired: run },
    url: 'http://web.example.com',
  };
  const intent = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { name, namespace }, status };
  await kube.apply(App, intent, { subresource: 'status' });
};

it('ends although the build that it follows never has a pod: the image was in the registry already', async () => {
  const steps: string[] = [];
  const building = Promise.withResolvers<void>();
  const applied = Promise.withResolvers<void>();
  const output = {
    step: (text: string) => {
      steps.push(text);
      if (text.startsWith('Applied')) applied.resolve();
      if (text.startsWith('Building')) building.resolve();
    },
    progress: () => undefined,
    line: (text: string) => steps.push(text),
    result: () => undefined,
  };
  const push: Push = { key: { namespace, name: 'web' }, path, force: false, timeoutMs: 30_000 };
  const pushed = runPush({ kube, config: connect(), output, signal: new AbortController().signal }, push);
  await applied.promise;
  await tell('web', 'Unknown', 'Unknown');
  await building.promise;
  await tell('web', 'True', 'True');
  expect(await pushed).toBe('http://web.example.com');
  expect(steps.join('\n')).not.toContain('cannot follow');
});

it('takes over another kind of source only by force, and then needs no force any more', async () => {
  const key = { namespace, name: 'taken' };
  const spec = { source: { image: 'example.org/shop:1' } };
  await kube.apply(
    App,
    { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: key, spec },
    { fieldManager: 'kubectl-client-side-apply' },
  );
  /** Ends when the App is applied; nobody would make it ready here. */
  const applied = async (force: boolean): Promise<string> => {
    const stop = new AbortController();
    const step = (text: string) => {
      if (text.startsWith('Applied')) stop.abort(new Error('applied'));
    };
    const output = { step, progress: () => undefined, line: () => undefined, result: () => undefined };
    const tools = { kube, config: connect(), output, signal: stop.signal };
    return runPush(tools, { key, path, force, timeoutMs: 30_000 }).then(String, String);
  };
  expect(await applied(false)).toMatch(/runs from another kind of source \(image\)/);
  expect(await applied(true)).toMatch(/applied/);
  expect(Object.keys((await kube.get(App, key))?.spec.source ?? {})).toEqual(['blob']);
  await writeFile(join(path, 'index.html'), 'hello again');
  expect(await applied(false)).toMatch(/applied/);
});
