import { beforeEach, describe, expect, it } from 'vitest';
import { logKey } from '../../api/names.ts';
import type { PodObject } from '../../api/steps.ts';
import { createLogger } from '../../telemetry/log.ts';
import { ManualClock } from '../../testing/clock.ts';
import { StorageError } from '../../storage/index.ts';
import { FakeBucket, FakeNode, stamp } from '../testing/logs.ts';
import { exited, podWith } from '../testing/pods.ts';
import { LogArchives } from './archives.ts';

const run = { namespace: 'team', name: 'shop-1' };
const uid = '11111111-1111-4111-8111-111111111111';
const otherUid = '22222222-2222-4222-8222-222222222222';
const key = logKey('p/', run, uid);
const running = { running: { startedAt: '2026-01-01T12:00:00Z' } };

let node: FakeNode;
let bucket: FakeBucket;
let clock: ManualClock;
let woken: string[];

/** start is an operator that begins to lead; stop, one that ends. */
const start = (readers = { all: 4, perNamespace: 2 }): { logs: LogArchives; stop: () => void } => {
  const logs = new LogArchives({
    ...{ source: node, storage: bucket.storage, prefix: 'p/', log: createLogger('silent') },
    ...{ maxBytes: 64 * 1024, readers, clock },
  });
  return { logs, stop: logs.answers(({ name }) => woken.push(name)) };
};

const follow = (logs: LogArchives, pod: PodObject | undefined, isOver = false): void =>
  logs.follow({ run, uid, pod, isOver });

/** texts are the lines in the bucket, without times. */
const texts = (at = key): string[] =>
  (bucket.objects.get(at) ?? '')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(/^\S+Z /, ''));

const complete = '[end] The log is complete.';

/** wholeBuild lets a build end that has printed in one step. */
const endBuild = async (logs: LogArchives): Promise<void> => {
  for (const step of ['fetch', 'analyze', 'detect', 'restore', 'build', 'export']) node.end(step);
  follow(logs, podWith('export', exited(0), { phase: 'Succeeded' }), true);
  await clock.advance(20_000);
};

beforeEach(() => {
  node = new FakeNode();
  bucket = new FakeBucket();
  clock = new ManualClock();
  woken = [];
});

describe('the log of a build', () => {
  it('is in the bucket while the build runs, and whole when it has ended', async () => {
    const { logs } = start();
    node.print('fetch', 'cloning');
    node.end('fetch');
    node.print('build', 'compiling');
    for (const step of ['analyze', 'detect', 'restore']) node.end(step);
    follow(logs, podWith('build', running));
    await clock.advance(6_000);
    expect(texts()).toEqual(['[fetch] cloning', '[build] compiling']);
    node.print('build', 'done');
    await clock.advance(6_000);
    expect(texts().at(-1)).toBe('[build] done');
    await endBuild(logs);
    expect(texts()).toEqual(['[fetch] cloning', '[build] compiling', '[build] done', complete]);
    expect(node.reading).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('is written no more often than its size allows, and not at all where nothing is new', async () => {
    const { logs } = start();
    follow(logs, podWith('fetch', running));
    for (let second = 0; second < 60; second++) {
      node.print('fetch', 'x'.repeat(1000));
      await clock.advance(1000);
    }
    const { length } = bucket.writes;
    expect(length).toBeGreaterThan(5);
    expect(length).toBeLessThanOrEqual(12);
    await clock.advance(60_000);
    expect(bucket.writes.length).toBeLessThanOrEqual(length + 1);
  });

  it('of which each line is there once, over connections that break and a second of time that is read twice', async () => {
    const { logs } = start();
    follow(logs, podWith('fetch', running));
    await clock.advance(10);
    for (let n = 0; n < 30; n++) {
      node.print('fetch', `line ${n}`);
      if (n % 7 === 0) node.breakOff();
      await clock.advance(500);
    }
    await endBuild(logs);
    expect(texts()).toEqual([...Array.from({ length: 30 }, (_, n) => `[fetch] line ${n}`), complete]);
    expect(node.queries.length).toBeGreaterThan(5);
    expect(node.queries[1]?.sinceTime).toBeDefined();
  });

  it('is gone on with by the next leader, from where the last one wrote', async () => {
    const first = start();
    node.print('fetch', 'a', 'b');
    follow(first.logs, podWith('fetch', running));
    await clock.advance(6_000);
    node.print('fetch', 'c');
    await clock.advance(100);
    first.stop();
    await clock.advance(1);
    expect(node.reading).toBe(0);
    expect(texts()).toEqual(['[fetch] a', '[fetch] b']);
    const second = start();
    node.print('fetch', 'd');
    follow(second.logs, podWith('fetch', running));
    await clock.advance(6_000);
    expect(texts()).toEqual(['[fetch] a', '[fetch] b', '[fetch] c', '[fetch] d']);
    await endBuild(second.logs);
    expect(texts().at(-1)).toBe(complete);
  });

  it('that is complete is read no more, by this leader or the next', async () => {
    const first = start();
    node.print('fetch', 'a');
    follow(first.logs, podWith('fetch', running));
    await endBuild(first.logs);
    const before = node.queries.length;
    follow(first.logs, podWith('export', exited(0), { phase: 'Succeeded' }), true);
    first.stop();
    const second = start();
    follow(second.logs, podWith('export', exited(0), { phase: 'Succeeded' }), true);
    await clock.advance(60_000);
    expect(node.queries.length).toBe(before);
    expect(texts()).toEqual(['[fetch] a', complete]);
  });

  it('says so where its pod went before it was read', async () => {
    const { logs } = start();
    node.print('fetch', 'a');
    follow(logs, podWith('fetch', running));
    await clock.advance(100);
    node.forget();
    follow(logs, undefined, true);
    await clock.advance(5_000);
    expect(texts()).toEqual(['[fetch] a', '[end] The pod went before its log was read to the end.']);
  });

  it.each([
    ['of which the node had one file', 2, complete],
    ['of which the node may have begun another file', 12, '[end] The pod went before its log was read to the end.'],
  ])(
    '%s is complete only if nothing can be missing when the pod goes with its last line',
    async (_, mebibytes, end) => {
      const { logs } = start();
      follow(logs, podWith('build', running));
      for (const step of ['fetch', 'analyze', 'detect', 'restore']) node.end(step);
      node.print('build', ...Array.from({ length: mebibytes * 1024 }, () => 'x'.repeat(1024)));
      await clock.advance(20_000);
      node.end('build');
      await clock.advance(10);
      node.forget();
      follow(logs, undefined, true);
      await clock.advance(60_000);
      expect(texts().at(-1)).toBe(end);
    },
  );

  it('ends although the node that has it says nothing more', async () => {
    const { logs } = start();
    node.print('fetch', 'a');
    follow(logs, podWith('fetch', running));
    await clock.advance(100);
    follow(logs, podWith('fetch', exited(1)), true);
    await clock.advance(60_000);
    expect(texts()).toEqual(['[fetch] a', complete]);
    expect(node.reading).toBe(0);
  });

  it('of a build that never said anything is not kept', async () => {
    const { logs } = start();
    follow(logs, podWith('fetch', running));
    await endBuild(logs);
    expect(bucket.writes).toEqual([]);
  });
});

describe('a bucket that is down', () => {
  const down = new StorageError('EndpointUnreachable', 'The S3 endpoint does not answer.');

  it('while a build runs gets its log when it is back', async () => {
    const { logs } = start();
    node.print('fetch', 'a');
    follow(logs, podWith('fetch', running));
    await clock.advance(6_000);
    bucket.failure = down;
    node.print('fetch', 'b');
    await clock.advance(120_000);
    bucket.failure = undefined;
    await clock.advance(120_000);
    expect(texts()).toEqual(['[fetch] a', '[fetch] b']);
  });

  it('from the beginning of a build to after its end gets its log all the same', async () => {
    bucket.failure = down;
    const { logs } = start();
    node.print('fetch', 'a');
    follow(logs, podWith('fetch', running));
    await endBuild(logs);
    await clock.advance(600_000);
    bucket.failure = undefined;
    await clock.advance(60_000);
    expect(texts()).toEqual(['[fetch] a', complete]);
  });

  it('is asked ever less often', async () => {
    bucket.failure = down;
    let calls = 0;
    const list = bucket.storage.list.bind(bucket.storage);
    const counted = { ...bucket.storage, list: (prefix: string) => ((calls += 1), list(prefix)) };
    const logs = new LogArchives({
      ...{ source: node, storage: counted, prefix: 'p/', log: createLogger('silent') },
      ...{ maxBytes: 1, readers: { all: 1, perNamespace: 1 }, clock },
    });
    follow(logs, podWith('fetch', running));
    await clock.advance(600_000);
    expect(calls).toBeGreaterThan(5);
    expect(calls).toBeLessThan(16);
  });

  it('is the answer to who asks for the log', async () => {
    const { logs } = start();
    follow(logs, podWith('fetch', running));
    await clock.advance(100);
    expect(logs.ask(run, uid, 'one')).toBeUndefined();
    bucket.failure = down;
    node.print('fetch', 'a');
    await endBuild(logs);
    expect(woken).toEqual([run.name]);
    expect(logs.ask(run, uid, 'one')).toEqual({ type: 'unavailable', message: down.message });
    bucket.failure = undefined;
    await clock.advance(60_000);
    expect(texts().at(-1)).toBe(complete);
  });
});

describe('who asks for a log', () => {
  it('gets a URL of it that works for a quarter of an hour, and is woken for it', async () => {
    const { logs } = start();
    bucket.objects.set(key, 'text\n');
    expect(logs.ask(run, uid, 'one')).toBeUndefined();
    expect(logs.ask(run, uid, 'one')).toBeUndefined();
    await clock.advance(1);
    expect(woken).toEqual([run.name]);
    const expected = { type: 'kept', key, size: 5, url: `https://public/${key}?sig`, expiresAt: new Date(900_000) };
    expect(logs.ask(run, uid, 'one')).toEqual(expected);
    // Another request is another question.
    expect(logs.ask(run, uid, 'two')).toBeUndefined();
  });

  it('hears that there is none', async () => {
    const { logs } = start();
    logs.ask(run, uid, 'one');
    await clock.advance(1);
    expect(logs.ask(run, uid, 'one')).toEqual({ type: 'absent' });
  });

  it('never gets the log of an earlier run of the same name', async () => {
    const { logs } = start();
    bucket.objects.set(logKey('p/', run, otherUid), 'text\n');
    logs.ask(run, uid, 'one');
    await clock.advance(1);
    expect(logs.ask(run, uid, 'one')).toEqual({ type: 'absent' });
  });

  it('waits until it is complete', async () => {
    const { logs } = start();
    node.print('fetch', 'a');
    follow(logs, podWith('fetch', running));
    await clock.advance(6_000);
    expect(logs.ask(run, uid, 'one')).toBeUndefined();
    await endBuild(logs);
    expect(woken).toEqual([run.name]);
    logs.ask(run, uid, 'one');
    await clock.advance(1);
    expect(logs.ask(run, uid, 'one')).toMatchObject({ type: 'kept' });
  });
});

describe('what is kept', () => {
  it('goes with its run, and nobody else’s', async () => {
    const { logs } = start();
    const beside = logKey('p/', { ...run, name: 'shop-10' }, uid);
    for (const k of [key, logKey('p/', run, otherUid), beside]) bucket.objects.set(k, 'x');
    logs.forget(run);
    await clock.advance(1);
    expect([...bucket.objects.keys()]).toEqual([beside]);
  });

  it('of an earlier run of the same name goes when the next one begins', async () => {
    const { logs } = start();
    bucket.objects.set(logKey('p/', run, otherUid), 'x');
    node.print('fetch', 'a');
    follow(logs, podWith('fetch', running));
    await endBuild(logs);
    expect([...bucket.objects.keys()]).toEqual([key]);
  });

  it('ends to be read when its run goes or is made again', async () => {
    const { logs } = start();
    node.print('fetch', 'a');
    follow(logs, podWith('fetch', running));
    await clock.advance(100);
    expect(node.reading).toBe(1);
    logs.follow({ run, uid: otherUid, pod: undefined, isOver: false });
    await clock.advance(100);
    expect(node.reading).toBe(0);
    expect(bucket.writes).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

describe('many builds at once', () => {
  it('are read within bounds, of each namespace and in all, and the others when there is room', async () => {
    const { logs } = start({ all: 3, perNamespace: 2 });
    node.print('fetch', 'a');
    const runs = ['a', 'a', 'a', 'b', 'b'].map((namespace, i) => ({ namespace, name: `run-${i}` }));
    const uidOf = (i: number): string => uid.replace(/^./, String(i));
    const all = (pod: PodObject, isOver: boolean): void =>
      runs.forEach((one, i) => logs.follow({ run: one, uid: uidOf(i), pod, isOver }));
    all(podWith('fetch', running), false);
    await clock.advance(100);
    expect(node.reading).toBe(3);
    node.end('fetch');
    all(podWith('fetch', exited(1)), true);
    await clock.advance(60_000);
    expect(node.reading).toBe(0);
    expect(runs.map((one, i) => texts(logKey('p/', one, uidOf(i))).at(-1))).toEqual(runs.map(() => complete));
  });

  it('of which one writes without end cost no more than four megabytes in a second each, until it has ended', async () => {
    let bytes = 0;
    let most = Infinity;
    const line = Buffer.from(`${stamp(1)} ${'x'.repeat(64 * 1024)}\n`);
    const endless = {
      streamLog: async function* (_: unknown, { signal }: { signal: AbortSignal }) {
        for (; !signal.aborted && bytes < most; bytes += line.length) yield line;
      },
    };
    const logs = new LogArchives({
      ...{ source: endless, storage: bucket.storage, prefix: 'p/', log: createLogger('silent') },
      ...{ maxBytes: 64 * 1024, readers: { all: 1, perNamespace: 1 }, clock },
    });
    const stop = logs.answers(() => undefined);
    follow(logs, podWith('fetch', running));
    const MiB = 1024 ** 2;
    await clock.advance(10_000);
    expect(bytes).toBeGreaterThan(60 * MiB);
    expect(bytes).toBeLessThan(75 * MiB);
    most = bytes + 50 * MiB;
    follow(logs, podWith('fetch', exited(1)));
    await clock.advance(1000);
    expect(bytes).toBeGreaterThanOrEqual(most);
    stop();
  });
});
