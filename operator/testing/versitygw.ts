import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureBinary } from '../../e2e/cluster/build.ts';
import { startDaemon, stopDaemon } from '../../e2e/cluster/daemon.ts';
import { createServer } from '../bootstrap/certificates.ts';
import { freePort } from './ports.ts';
import { serverName, type S3Server } from './s3server.ts';

const key = { accessKey: 'test-root', secretKey: 'test-root-secret' };
const region = 'eu-central-1';

const answers = (url: string, ca: string): Promise<boolean> =>
  new Promise((resolve) => {
    https
      .get(url, { ca, agent: false }, (answer) => resolve(answer.resume().statusCode === 200))
      .once('error', () => resolve(false));
  });

/** startVersityGw builds versitygw where the cache has none, and starts one: over TLS, in a region of its own, with users. */
export async function startVersityGw(): Promise<S3Server> {
  const command = await ensureBinary('versitygw');
  const folder = mkdtempSync(join(tmpdir(), 'epinio-versitygw-'));
  const inside = (name: string): string => join(folder, name);
  for (const name of ['data', 'users']) mkdirSync(inside(name));
  const { ca, ...pair } = await createServer(['127.0.0.1', serverName, `*.${serverName}`], new Date());
  const files = { 'tls.crt': pair.certificate, 'tls.key': pair.key, 'ca.crt': ca };
  for (const [name, text] of Object.entries(files)) writeFileSync(inside(name), text);
  const address = `127.0.0.1:${await freePort()}`;
  const endpoint = `https://${address}`;
  const root = ['--access', key.accessKey, '--secret', key.secretKey, '--region', region];
  const door = ['--port', address, '--cert', inside('tls.crt'), '--key', inside('tls.key'), '--health', '/health'];
  const args = [
    ...root,
    ...door,
    '--virtual-domain',
    serverName,
    '--iam-dir',
    inside('users'),
    'posix',
    inside('data'),
  ];
  const ready = (): Promise<boolean> => answers(`${endpoint}/health`, ca);
  await startDaemon(folder, { name: 'versitygw', command, args, ready, seconds: 30 }, 'ours');
  const admin = (...words: string[]): Promise<unknown> =>
    promisify(execFile)(command, ['admin', ...root, '--endpoint-url', endpoint, '--allow-insecure', ...words]);
  return {
    ...{ endpoint, region, ca, key },
    addUser: async (name, rights) => {
      const user = { accessKey: name, secretKey: `secret-of-${name}`, principal: name };
      const role = rights === 'all' ? 'admin' : 'user';
      await admin('create-user', '--access', user.accessKey, '--secret', user.secretKey, '--role', role);
      return user;
    },
    removeUser: async ({ accessKey }) => void (await admin('delete-user', '--access', accessKey)),
    [Symbol.asyncDispose]: async () => {
      await stopDaemon(folder, 'versitygw');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
