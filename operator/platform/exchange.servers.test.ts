import { createHash } from 'node:crypto';
import { Agent, request } from 'undici';
import { expect, it } from 'vitest';
import { configSchema } from '../config.ts';
import { Secret } from '../kube/resource.ts';
import type { Presigned } from '../storage/index.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { operate } from '../testing/harness.ts';
import type { S3Key } from '../testing/s3server.ts';
import { startVersityGw } from '../testing/versitygw.ts';
import { createOutside } from './backends.ts';

it('exchanges the key of the storage at any moment: no question fails, and what is awaited is signed anew', () =>
  inNamespace(async (namespace) => {
    await using server = await startVersityGw();
    const config = configSchema.parse({
      domain: 'apps.test',
      s3: {
        ...{ endpoint: server.endpoint, region: server.region, bucket: 'epinio', secretRef: 'storage', caRef: 'ca' },
        signWithMainKey: true,
      },
      registry: { push: '127.0.0.1:1' },
      builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'example.org/run:1' }],
    });
    const outside = createOutside(config, namespace);
    await using world = operate({ namespace, caches: [Secret], tasks: [outside.task] });
    const { storage } = outside;
    const secret = (name: string, stringData: object): Promise<unknown> =>
      world.kube.apply(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData });
    const use = ({ accessKey, secretKey }: S3Key): Promise<unknown> => secret('storage', { accessKey, secretKey });
    const [first, second] = [await server.addUser('key-1', 'all'), await server.addUser('key-2', 'all')];
    await secret('ca', { 'ca.crt': server.ca ?? '' });
    await use(first);
    await expect.poll(() => storage.head('a').catch(String), { timeout: 20_000 }).toBeUndefined();

    const text = 'an archive that is pushed meanwhile';
    const sha256 = createHash('sha256').update(text).digest('hex');
    const archive = {
      key: storage.blobKey('team', sha256),
      sha256,
      size: Buffer.byteLength(text),
      expiresSeconds: 600,
    };
    const dispatcher = new Agent({ connect: { ca: server.ca ?? '' } });
    const put = async ({ url, headers }: Presigned): Promise<number> => {
      const { statusCode, body } = await request(url, { method: 'PUT', headers, body: text, dispatcher });
      await body.dump();
      return statusCode;
    };
    const signedBefore = await storage.presignPut(archive);

    // All the while the operator asks, as it does for an archive that is awaited.
    const failures: string[] = [];
    let asking = true;
    const asked = (async (): Promise<number> => {
      let questions = 0;
      for (; asking; questions++) await storage.head(archive.key).catch((error) => failures.push(String(error)));
      return questions;
    })();
    const changedAt = outside.s3ChangedAt();
    await use(second);
    await expect.poll(() => outside.s3ChangedAt(), { timeout: 20_000 }).not.toBe(changedAt);
    const signedAfter = await storage.presignPut(archive);
    expect(signedAfter.url).toContain('key-2');
    await server.removeUser(first);
    expect(await put(signedAfter)).toBe(200);
    expect(await put(signedBefore)).toBeGreaterThanOrEqual(400);
    expect(await storage.head(archive.key)).toMatchObject({ size: archive.size });
    asking = false;
    expect(await asked).toBeGreaterThan(10);
    expect(failures).toEqual([]);
    await dispatcher.close();
    await world.manager.stop();
    await outside.close();
  }));
