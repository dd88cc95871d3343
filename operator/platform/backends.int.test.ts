import { expect, it } from 'vitest';
import { configSchema, type Config } from '../config.ts';
import { Secret } from '../kube/resource.ts';
import { createOutside } from './backends.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { operate } from '../testing/harness.ts';
import { startMinio } from '../testing/minio.ts';

const configFor = (endpoint: string): Config =>
  configSchema.parse({
    domain: 'apps.test',
    s3: { endpoint, bucket: 'epinio', secretRef: 'storage' },
    registry: { push: '127.0.0.1:1' },
    builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
  });

it('follows the Secrets that open the storage: missing, wrong, corrected, exchanged', { timeout: 120_000 }, () =>
  inNamespace(async (namespace) => {
    await using minio = await startMinio();
    const outside = createOutside(configFor(minio.endpoint), namespace);
    await using world = operate({ namespace, caches: [Secret], tasks: [outside.task] });
    const { kube, requests } = world;
    const key = { namespace, name: 'storage' };
    const { storage } = outside;

    // Missing: said by name, in the storage and in the log.
    await expect(storage.head('a')).rejects.toThrow(`The Secret ${namespace}/storage, which the configuration names`);
    expect(world.logs().filter((line) => line['level'] === 'warn')).toHaveLength(1);

    // Wrong: the server's own words.
    const put = (secretKey: string) =>
      kube.apply(Secret, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: key,
        stringData: { accessKey: minio.accessKey, secretKey },
      });
    await put('not-the-right-one');
    await expect
      .poll(() => storage.head('a').catch(String), { timeout: 20_000 })
      .toMatch(/check the key in the Secret/);

    // Corrected: works without a restart, the bucket is made, and URLs signed before count for nothing.
    await put(minio.secretKey);
    await expect.poll(() => storage.head('a').catch(String), { timeout: 20_000 }).toBeUndefined();
    const changedAt = outside.s3ChangedAt();
    expect(changedAt).toBeDefined();
    await expect.poll(() => world.logs().some((line) => line['msg'] === 'storage is ready')).toBe(true);

    // What is no change of the content opens nothing anew; other Secrets are not even read.
    const reads = (): number => requests.total({ verb: 'get' });
    const before = reads();
    await kube.mergePatch(Secret, key, { metadata: { annotations: { team: 'a' } } });
    await expect.poll(reads).toBe(before + 1);
    await kube.apply(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'other' } });
    await expect.poll(() => world.cache.get(Secret, { namespace, name: 'other' })).toBeDefined();
    expect(reads()).toBe(before + 1);
    expect(outside.s3ChangedAt()).toBe(changedAt);

    // Taken away: what was read goes on being used.
    await kube.remove(Secret, key, { uid: world.cache.get(Secret, key)?.metadata?.uid ?? '' });
    await expect
      .poll(() => world.logs().filter((line) => String(line['cause']).includes('is missing')), { timeout: 20_000 })
      .toHaveLength(2);
    expect(await storage.head('a')).toBeUndefined();
    await world.manager.stop();
    await outside.close();
  }),
);
