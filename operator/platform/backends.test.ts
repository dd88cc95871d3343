import { describe, expect, it } from 'vitest';
import { configSchema, type Config } from '../config.ts';
import type { TaskContext } from '../kube/controller/manager.ts';
import { createOutside, type Outside } from './backends.ts';
import { parseReference } from '../registry/index.ts';
import { createLogger } from '../telemetry/log.ts';
import { hangs, startHanging } from '../testing/hanging.ts';

const config = configSchema.parse({
  domain: 'apps.test',
  s3: { endpoint: 'http://127.0.0.1:1', bucket: 'epinio' },
  registry: { push: '127.0.0.1:1' },
  builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
});
const data = { accessKey: Buffer.from('a').toString('base64'), secretKey: Buffer.from('s').toString('base64') };

/** opened runs the task that opens storage and registry, until the test ends. */
const opened = (over: Partial<Config['s3']>, push = '127.0.0.1:1') => {
  const outside = createOutside(
    { ...config, s3: { ...config.s3, ...over }, registry: { ...config.registry, push, insecure: true } },
    'home',
    // A tenth of what holds in a cluster.
    { slots: 4, waitMs: 100, totalMs: 500, restMs: 500 },
  );
  const stop = new AbortController();
  const ctx = {
    kube: { get: () => Promise.resolve({ data }) },
    cache: { subscribe: () => () => undefined },
    log: createLogger('fatal'),
    signal: stop.signal,
  } as unknown as TaskContext;
  const running = outside.task.run(ctx);
  return {
    outside,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      await outside.close();
    },
  };
};

const timed = async (call: () => Promise<unknown>): Promise<{ answer: string; ms: number }> => {
  const startedAt = performance.now();
  const answer = await call().then(
    (value) => JSON.stringify(value ?? 'nothing'),
    (error: Error) => `${error.name}: ${error.message}`,
  );
  return { answer, ms: performance.now() - startedAt };
};

describe('storage and registry', () => {
  it('tell what the client of the storage refuses, instead of being waited for', async () => {
    // The schema does not let this through; what another version of the client refuses, nobody knows today.
    await using world = opened({ endpoint: 'http://-minio:9000' });
    const { answer } = await timed(() => world.outside.storage.head('a'));
    expect(answer).toMatch(/StorageError: .* cannot be opened: .*Invalid endPoint/);
    const found = await world.outside.registry.headManifest(parseReference('127.0.0.1:1/a/b:v1'));
    expect(found).toMatchObject({ type: 'unreachable' });
  });

  it.each(hangs)(
    'of the kind %s hold up a hundred callers no longer than a few',
    async (hang) => {
      await using server = await startHanging(hang);
      await using world = opened({ endpoint: `http://${server.host}` }, server.host);
      const { storage, registry } = world.outside;
      const key = `blobs/a/${'a'.repeat(64)}`;
      const questions: readonly ((o: Outside) => Promise<unknown>)[] = [
        () => storage.presignPut({ key, sha256: 'a'.repeat(64), size: 1, expiresSeconds: 60 }),
        () => registry.imageConfig(parseReference(`${server.host}/apps/a/b:v1`)),
      ];
      for (const question of questions) {
        // Eight workers, each with one caller after the other.
        const startedAt = performance.now();
        const worker = async () => {
          const held: number[] = [];
          for (let i = 0; i < 12; i++) {
            const { answer, ms } = await timed(() => question(world.outside));
            expect(answer).toMatch(/in time|too slowly|does not answer/);
            held.push(ms);
          }
          return held;
        };
        const held = (await Promise.all(Array.from({ length: 8 }, worker))).flat();
        expect(performance.now() - startedAt).toBeLessThan(6_000);
        expect(held.filter((ms) => ms > 400).length).toBeLessThan(8);
      }
    },
    30_000,
  );
});
