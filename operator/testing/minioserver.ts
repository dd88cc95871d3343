import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBinary } from '../../e2e/cluster/build.ts';
import { startDaemon, stopDaemon } from '../../e2e/cluster/daemon.ts';
import { createStorage, type Storage } from '../storage/index.ts';
import { freePort } from './ports.ts';

/** Minio is a real MinIO on the loopback address with an empty data folder. */
export interface Minio extends AsyncDisposable {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** folder holds the server's log. */
  readonly folder: string;
}

const accessKey = 'test-root';
const defaultSecretKey = 'test-root-secret';

const isReady = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const options = { agent: false, rejectUnauthorized: false } as const;
    const request = (url.startsWith('https') ? https : http).get(url, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });

/** startMinio builds MinIO where the cache has none, and starts one of the test's own. */
export async function startMinio(
  tls?: { certificate: string; key: string },
  secretKey: string = defaultSecretKey,
): Promise<Minio> {
  const command = await ensureBinary('minio');
  const folder = mkdtempSync(join(tmpdir(), 'epinio-minio-'));
  const port = await freePort();
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const certs = join(folder, 'certs');
  mkdirSync(certs);
  if (tls) {
    writeFileSync(join(certs, 'public.crt'), tls.certificate);
    writeFileSync(join(certs, 'private.key'), tls.key);
  }
  const args = ['server', join(folder, 'data'), '--address', `127.0.0.1:${port}`, '--certs-dir', certs];
  const ready = (): Promise<boolean> => isReady(`${endpoint}/minio/health/ready`);
  const env = { MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey, MINIO_BROWSER: 'off', HOME: folder };
  await startDaemon(folder, { name: 'minio', command, args, env, ready, seconds: 60 }, 'ours');
  const stop = async (): Promise<void> => {
    await stopDaemon(folder, 'minio');
    rmSync(folder, { recursive: true, force: true });
  };
  return { endpoint, accessKey, secretKey, folder, [Symbol.asyncDispose]: stop };
}

/** TestStorage is a storage with an empty bucket on a MinIO of its own. */
export interface TestStorage extends AsyncDisposable {
  readonly storage: Storage;
}

/** startStorage starts one. */
export async function startStorage(): Promise<TestStorage> {
  const minio = await startMinio();
  const { endpoint, accessKey, secretKey } = minio;
  const storage = createStorage({ endpoint, region: 'us-east-1', bucket: 'epinio', prefix: '', accessKey, secretKey });
  await storage.ensureBucket();
  const stop = async (): Promise<void> => {
    await storage.close();
    await minio[Symbol.asyncDispose]();
  };
  return { storage, [Symbol.asyncDispose]: stop };
}
