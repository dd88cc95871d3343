import { expect, test } from 'vitest';
import { App } from '../../../operator/api/app.ts';
import { StageRun } from '../../../operator/api/stagerun.ts';
import { ApiError } from '../../../operator/kube/errors.ts';
import type { Resource } from '../../../operator/kube/resource.ts';
import type { Tools } from '../run.ts';
import { run } from './logs.ts';

const flags = { follow: false, staging: false, previous: false };
const metadata = { namespace: 'team', name: 'shop', uid: 'app-uid', creationTimestamp: '2026-01-01T00:00:00Z' };
const containers = [{ name: 'app' }];

interface World {
  readonly pods: readonly object[];
  readonly runs?: readonly object[];
  readonly log: (container: string) => AsyncIterable<Buffer>;
}

/** world is a cluster with the App and these pods; said is what is on stdout. */
const world = ({ pods, runs = [], log }: World): { readonly tools: Tools; readonly said: string[] } => {
  const said: string[] = [];
  const kube = {
    get: (r: Resource) => Promise.resolve(r.kind === App.kind ? { metadata, spec: {} } : undefined),
    list: (r: Resource) => Promise.resolve({ metadata: {}, items: r.kind === StageRun.kind ? runs : pods }),
    streamLog: (_: unknown, { container }: { container: string }) => log(container),
  };
  const output = { result: (text: string) => said.push(text), step: () => undefined };
  const { signal } = new AbortController();
  return { tools: { kube, namespace: 'team', signal, output } as unknown as Tools, said };
};

const pod = { metadata, spec: { containers } };

test('a log is shown as it comes, and not kept: it may be longer than the memory', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { tools, said } = world({
    pods: [pod],
    log: async function* () {
      yield Buffer.from('one\ntw');
      await promise;
      yield Buffer.from('o\n\nthree');
    },
  });
  const showing = run(tools, ['shop'], flags);
  await expect.poll(() => said).toEqual(['one']);
  resolve();
  await showing;
  expect(said).toEqual(['one', 'two', '', 'three']);
});

test('so is the log of a build, whose steps may be forgotten already', async () => {
  const state = { running: {} };
  const build = {
    metadata: { ...metadata, name: 'build' },
    status: { initContainerStatuses: [{ name: 'fetch', state }], containerStatuses: [{ name: 'build', state }] },
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  const ownerReferences = [
    { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop', uid: 'app-uid', controller: true },
  ];
  const { tools, said } = world({
    pods: [build],
    runs: [{ metadata: { ...metadata, name: 'shop-1', ownerReferences }, spec: { appRef: { name: 'shop' } } }],
    log: async function* (container) {
      if (container === 'fetch') throw new ApiError({ code: 404, reason: 'NotFound', message: 'gone' });
      yield Buffer.from('compiles\n');
      await promise;
      yield Buffer.from('done\n');
    },
  });
  const showing = run(tools, ['shop'], { ...flags, staging: true });
  await expect.poll(() => said).toEqual(['[build] compiles']);
  resolve();
  await showing;
  expect(said).toEqual(['[build] compiles', '[build] done']);
});
