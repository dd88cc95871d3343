import { expect, test } from 'vitest';
import { tar } from '../testing/archives.ts';
import { claim, runFetchProgram } from '../testing/fetch.ts';
import { useStorage } from '../testing/minio.ts';
import { exits } from '../api/fetchresult.ts';

const minio = useStorage();

test('what is uploaded to a presigned URL is what a build unpacks; what was removed is missing', async () => {
  const { storage } = minio;
  const bytes = await tar([{ name: 'app/index.html', content: 'hello' }]);
  const { FETCH_SHA256: sha256 = '', ...size } = claim(bytes);
  const key = storage.blobKey('team-a', sha256);
  const upload = await storage.presignPut({ key, sha256, size: bytes.length, expiresSeconds: 600 });
  const answer = await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: new Uint8Array(bytes) });
  expect(answer.status).toBe(200);
  const { url } = await storage.presignGet({ key, expiresSeconds: 600, endpoint: 'internal' });
  const env = { FETCH_SHA256: sha256, ...size };
  expect(await runFetchProgram(url, env)).toMatchObject({ exitCode: 0, tree: { 'index.html': 'hello' } });
  await storage.remove(key);
  expect(await runFetchProgram(url, env)).toMatchObject({ exitCode: exits.BlobMissing });
  const tampered = url.replace(/Signature=\w{8}/, 'Signature=00000000');
  expect(await runFetchProgram(tampered, env)).toMatchObject({ exitCode: exits.SourceDenied });
});
