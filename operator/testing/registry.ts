import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { startDaemon, stopDaemon } from '../../e2e/cluster/daemon.ts';
import { ensurePrograms } from '../../e2e/cluster/packages.ts';
import { freePort } from './ports.ts';

/** Door is what a registry demands: TLS and tokens as builds meet it, or a password, as registries of others do, without TLS unless said. */
export type Door =
  | {
      readonly type: 'token';
      readonly certificate: string;
      readonly key: string;
      readonly ca: string;
      /** Certificate of the key that signs tokens. */
      readonly signer: string;
      /** Where tokens are given out; nowhere unless said. */
      readonly realm?: string;
    }
  | { readonly type: 'password'; readonly htpasswd: string; readonly tls?: Tls };

interface Tls {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

/** TestRegistry is a real docker-registry on the loopback address with nothing in it. */
export interface TestRegistry extends AsyncDisposable {
  /** host:port. */
  readonly host: string;
  /** setUsers exchanges the passwords: the registry reads the file when it has changed. */
  setUsers(this: void, htpasswd: string): void;
  /** readers starts the process that nodes' pulls are read from, as the manifests set it up, and gives its socket. */
  readers(this: void): Promise<string>;
  /** collect frees the room of deleted images as the manifests do it: while nobody pushes. */
  collect(this: void): Promise<void>;
}

const command = 'docker-registry';

const tlsOf = (door: Door): Tls | undefined => (door.type === 'token' ? door : door.tls);

const settings = (folder: string, port: number, door: Door): object => ({
  version: 0.1,
  log: { level: 'info' },
  storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
  http: {
    addr: `127.0.0.1:${port}`,
    ...(tlsOf(door) && { tls: { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') } }),
  },
  auth:
    door.type === 'token'
      ? {
          token: {
            realm: door.realm ?? `https://127.0.0.1:${port}/token`,
            service: 'registry',
            issuer: 'epinio',
            rootcertbundle: join(folder, 'signer.crt'),
          },
        }
      : { htpasswd: { realm: 'epinio', path: join(folder, 'htpasswd') } },
});

const writeFiles = (folder: string, port: number, door: Door): void => {
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
  // JSON is YAML.
  write('config.yml', JSON.stringify(settings(folder, port, door)));
  const tls = tlsOf(door);
  if (tls !== undefined) {
    write('tls.crt', tls.certificate);
    write('tls.key', tls.key);
  }
  if (door.type === 'password') write('htpasswd', door.htpasswd);
  else write('signer.crt', door.signer);
};

const answers = (url: string, ca: string | undefined): Promise<boolean> =>
  ca === undefined
    ? fetch(url).then(
        () => true,
        () => false,
      )
    : new Promise((resolve) => {
        const request = https.get(url, { ca, agent: false }, (response) => {
          response.resume();
          resolve(true);
        });
        request.on('error', () => resolve(false));
      });

const pullConfig = join(import.meta.dirname, '..', '..', 'manifests', 'components', 'registry', 'pull.yml');

interface PullConfig {
  readonly storage: object;
  readonly http: object;
}

const startReaders = async (folder: string): Promise<string> => {
  const socketPath = join(folder, 'pull.sock');
  const shipped = parse(readFileSync(pullConfig, 'utf8')) as PullConfig;
  const moved = {
    ...shipped,
    storage: { ...shipped.storage, filesystem: { rootdirectory: join(folder, 'data') } },
    http: { ...shipped.http, addr: socketPath },
  };
  writeFileSync(join(folder, 'pull.yml'), JSON.stringify(moved));
  const ready = (): Promise<boolean> =>
    new Promise((resolve) => {
      const call = request({ socketPath, path: '/v2/' }, (response) => resolve(response.resume().statusCode === 200));
      call.once('error', () => resolve(false)).end();
    });
  await startDaemon(
    folder,
    { name: 'pull', command, args: ['serve', join(folder, 'pull.yml')], ready, seconds: 30 },
    'ours',
  );
  return socketPath;
};

/** onSmallDisk mounts a disk of so many bytes where nobody but the registry sees it. */
const onSmallDisk = (folder: string, config: string, bytes: number) => {
  const data = join(folder, 'data');
  mkdirSync(data);
  const script = 'mount -t tmpfs -o size="$1" tmpfs "$2" && exec docker-registry serve "$3"';
  const args = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', String(bytes), data, config];
  return { command: 'unshare', args };
};

/** startRegistry starts a registry of the test's own; bytes: on a disk of that size. */
export async function startRegistry(door: Door, o: { readonly bytes?: number } = {}): Promise<TestRegistry> {
  await ensurePrograms([command]);
  const folder = mkdtempSync(join(tmpdir(), 'epinio-registry-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  writeFiles(folder, port, door);
  const ca = tlsOf(door)?.ca;
  const ready = (): Promise<boolean> => answers(`${ca === undefined ? 'http' : 'https'}://${host}/v2/`, ca);
  const config = join(folder, 'config.yml');
  const started = o.bytes === undefined ? { command, args: ['serve', config] } : onSmallDisk(folder, config, o.bytes);
  const daemon = { name: 'registry', ...started, ready, seconds: 30 };
  await startDaemon(folder, daemon, 'ours');
  const collect = async (): Promise<void> => {
    await stopDaemon(folder, 'registry');
    await promisify(execFile)(command, ['garbage-collect', config]);
    await startDaemon(folder, daemon, 'ours');
  };
  const stop = async (): Promise<void> => {
    await stopDaemon(folder, 'pull');
    await stopDaemon(folder, 'registry');
    rmSync(folder, { recursive: true, force: true });
  };
  const setUsers = (htpasswd: string): void => writeFileSync(join(folder, 'htpasswd'), htpasswd);
  return { host, setUsers, readers: () => startReaders(folder), collect, [Symbol.asyncDispose]: stop };
}
