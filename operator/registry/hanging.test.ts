import { describe, expect, test } from 'vitest';
import { hangs, startHanging } from '../testing/hanging.ts';
import { createRegistryClient, parseReference } from './index.ts';

describe.each(hangs)('a registry of the kind: %s', (hang) => {
  test('ends a question for an image in time', async () => {
    await using server = await startHanging(hang);
    const client = createRegistryClient({ insecure: [server.host], idleMs: 300, totalMs: 300 });
    const startedAt = performance.now();
    const answer = await client.imageConfig(parseReference(`${server.host}/apps/a/b:v1`));
    expect(answer).toMatchObject({ type: 'unreachable' });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await client.close();
    await expect.poll(() => server.connections()).toBe(0);
  });
});
