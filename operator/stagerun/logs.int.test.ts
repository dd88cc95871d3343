import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { annotations, logFolder } from '../api/names.ts';
import { StageRun, type RunLog } from '../api/stagerun.ts';
import { keyOf } from '../kube/resource.ts';
import { createLogger } from '../telemetry/log.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { startHanging, storageOf } from '../testing/hanging.ts';
import { LogArchives } from './index.ts';
import { applyRun, createWorld, kubelet, readRun, startOperator, untilRun, type World } from './testing/harness.ts';
import { FakeNode } from './testing/logs.ts';
import { exited } from './testing/pods.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** archivesOf reads from a node that the test plays, and writes to a real MinIO unless another storage is given. */
const archivesOf = (source: FakeNode, storage = world.storage): LogArchives =>
  new LogArchives({
    ...{ source, storage, prefix: '', log: createLogger('silent'), maxBytes: 256 * 1024 },
    readers: { all: 4, perNamespace: 4 },
  });

const running = { running: { startedAt: new Date().toISOString() } };

const ask = async (run: StageRun, value: string): Promise<RunLog> => {
  await world.kube.mergePatch(StageRun, keyOf(run), { metadata: { annotations: { [annotations.requestLog]: value } } });
  return vi.waitFor(
    async () => {
      const log = (await readRun(world, run))?.log;
      expect(log?.request).toBe(value);
      return log!;
    },
    { timeout: 20_000, interval: 100 },
  );
};

const keysOf = async (run: StageRun): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of world.storage.list(logFolder('', keyOf(run)))) keys.push(key);
  return keys;
};

/** failInBuild lets a build print something and fail. */
const failInBuild = async (node: FakeNode, run: StageRun): Promise<void> => {
  node.print('fetch', 'unpacking');
  for (const step of ['fetch', 'analyze', 'detect', 'restore']) node.end(step);
  node.print('build', 'token=abcdefghijk', '\u001b[2Jcannot compile');
  await kubelet(world, run, 'build', running);
  node.end('build');
  await kubelet(world, run, 'build', exited(51));
  await untilRun(world, run, 'False', 'BuildFailed');
};

describe('the log of a build that has ended', () => {
  it('is given to who asks for it, whole, by a URL that works without a credential; and goes with its run', () =>
    inNamespace(async (namespace) => {
      const node = new FakeNode();
      await using operator = await startOperator(world, namespace, { logs: archivesOf(node) });
      const run = await applyRun(world, namespace);
      await failInBuild(node, run);
      const log = await ask(run, 'first');
      const answer = await fetch(log.url ?? '');
      const text = await answer.text();
      expect(answer.status).toBe(200);
      expect(text.split('\n').map((line) => line.replace(/^\S+Z /, ''))).toEqual([
        '[fetch] unpacking',
        '[build] token=***',
        '[build] cannot compile',
        '[end] The log is complete.',
        '',
      ]);
      expect(log).toMatchObject({
        size: Buffer.byteLength(text),
        key: `logs/${namespace}/${run.metadata.name}/${run.metadata.uid}.log`,
      });
      expect(Date.parse(log.expiresAt ?? '') - Date.now()).toBeGreaterThan(600_000);
      // Whoever has the URL may read this one object, and nothing else.
      expect((await fetch(log.url ?? '', { method: 'DELETE' })).status).toBe(403);
      // Nothing is written until somebody asks again.
      const { length } = operator.writes;
      const again = await ask(run, 'second');
      // A URL that is signed in the same second is the same one.
      expect(again.request).toBe('second');
      expect((await fetch(again.url ?? '')).status).toBe(200);
      expect(operator.writes.slice(length)).toEqual(['apply StageRun']);
      await world.kube.remove(StageRun, keyOf(run), { uid: run.metadata.uid });
      await vi.waitFor(async () => expect(await keysOf(run)).toEqual([]), { timeout: 10_000 });
    }));

  it('is said to be absent where nothing was built', () =>
    inNamespace(async (namespace) => {
      await using _ = await startOperator(world, namespace, { logs: archivesOf(new FakeNode()) });
      const run = await applyRun(world, namespace, { run: { cancelled: true } });
      await untilRun(world, run, 'False', 'Cancelled');
      const log = await ask(run, 'one');
      expect(log.url).toBeUndefined();
      expect(log.message).toMatch(/^No log of this run is kept: nothing was built in a pod/);
    }));

  it('is complete although the operator was another one when the build began', () =>
    inNamespace(async (namespace) => {
      const node = new FakeNode();
      const run = await (async () => {
        await using _ = await startOperator(world, namespace, { logs: archivesOf(node) });
        const begun = await applyRun(world, namespace);
        node.print('fetch', 'one');
        await kubelet(world, begun, 'fetch', running);
        await vi.waitFor(async () => expect(await keysOf(begun)).toHaveLength(1), { timeout: 15_000 });
        node.print('fetch', 'two');
        return begun;
      })();
      await using _ = await startOperator(world, namespace, { logs: archivesOf(node) });
      node.print('fetch', 'three');
      node.end('fetch');
      await kubelet(world, run, 'fetch', exited(70));
      await untilRun(world, run, 'False');
      const text = await (await fetch((await ask(run, 'x')).url ?? '')).text();
      expect(text.match(/\[fetch\] \w+/g)).toEqual(['[fetch] one', '[fetch] two', '[fetch] three']);
      expect(text).toContain('[end] The log is complete.');
    }));
});

describe('an S3 server that hangs', () => {
  it('holds up no build, and is the answer to who asks for a log', () =>
    inNamespace(async (namespace) => {
      await using hanging = await startHanging('silent');
      const storage = storageOf(hanging, 500);
      const node = new FakeNode();
      await using _ = await startOperator(world, namespace, { logs: archivesOf(node, storage) });
      const run = await applyRun(world, namespace);
      await failInBuild(node, run);
      const log = await ask(run, 'one');
      expect(log.url).toBeUndefined();
      expect(log.message).toMatch(/S3.*Ask again with another value\.$/);
      await storage.close();
    }));
});
