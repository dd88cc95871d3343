import { describe, expect, test } from 'vitest';
import { hangs, startHanging, storageOf } from '../testing/hanging.ts';
import type { Storage } from './index.ts';

const timeoutMs = 300;
const key = `blobs/team-a/${'a'.repeat(64)}`;
const calls: Readonly<Record<string, (storage: Storage) => Promise<unknown>>> = {
  'looks at an object': (s) => s.head(key),
  'removes an object': (s) => s.remove(key),
  'makes the bucket': (s) => s.ensureBucket(),
  'signs an upload': (s) => s.presignPut({ key, sha256: 'a'.repeat(64), size: 1, expiresSeconds: 60 }),
  'signs a download': (s) => s.presignGet({ key, expiresSeconds: 60, endpoint: 'internal' }),
};

/** HEAD is answered by headers alone, and a bucket that is there need not be made. */
const answered = new Set(['headers only', 'slow body']);
const byHead = new Set(['looks at an object', 'makes the bucket']);

describe.each(hangs)('an S3 server of the kind: %s', (hang) => {
  test.each(Object.keys(calls))('ends a call in time that %s, and its connection', async (name) => {
    await using server = await startHanging(hang);
    const storage = storageOf(server, timeoutMs);
    const startedAt = performance.now();
    const outcome = await calls[name]?.(storage).then(
      () => 'answered',
      (error: { reason?: string }) => error.reason,
    );
    expect(outcome).toBe(answered.has(hang) && byHead.has(name) ? 'answered' : 'EndpointUnreachable');
    expect(performance.now() - startedAt).toBeLessThan(10 * timeoutMs);
    await storage.close();
    await expect.poll(() => server.connections()).toBe(0);
  });
});
