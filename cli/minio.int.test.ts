import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useStorage } from '../operator/testing/minio.ts';
import { pack } from './pack.ts';
import { upload, UploadFailure } from './upload.ts';

const minio = useStorage();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epinio-minio-test-'));
  await writeFile(join(folder, 'index.html'), 'hello');
});
afterAll(() => rm(folder, { recursive: true }));

const kindOf = (error: unknown): string => (error instanceof UploadFailure ? error.kind : String(error));

it('a real S3 server takes a packed folder once, twice does no harm, and its refusals are told apart', async () => {
  const { storage } = minio;
  await using archive = await pack(folder);
  const { sha256, size } = archive;
  const key = storage.blobKey('team-a', sha256);
  const signed = await storage.presignPut({ key, sha256, size, expiresSeconds: 600 });
  await upload(signed, archive);
  await upload(signed, archive);
  await storage.remove(key);
  const other = { ...archive, file: join(folder, 'other') };
  await writeFile(other.file, Buffer.alloc(size));
  expect(await upload(signed, other).catch(kindOf)).toBe('final');
  const expired = await storage.presignPut({ key, sha256, size, expiresSeconds: 1 });
  await expect
    .poll(() => upload(expired, archive).then(() => storage.remove(key), kindOf), { timeout: 10_000 })
    .toBe('stale');
});
