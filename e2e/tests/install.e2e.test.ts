import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { kubeconfigPath } from '../cluster/access.ts';
import { install } from '../cluster/install.ts';
import { getApp, inNamespace, page, reasonOf, withArchive } from './lib/apps.ts';
import { command, kubectl, kubectlAnswer, read, until, visit, type Answer } from './lib/cluster.ts';

const program = join(import.meta.dirname, '..', '..', 'dist', 'epinio');
const home = 'epinio-system';
const epinio = (...args: readonly string[]) => command(program, args);

let folder = '';
let config = '';
let images: string[] = [];

const live = (kind: string, name: string, path: string): Promise<string> =>
  kubectl(['get', kind, name, '-n', home, '-o', `jsonpath=${path}`]);
const container = (name: string): string => `{.spec.template.spec.containers[?(@.name=="${name}")].image}`;
const isThere = async (): Promise<boolean> =>
  (await kubectlAnswer(['get', 'deployment', 'epinio-operator', '-n', home])).code === 0;

/**
 * What this machine's cluster has in the place of public images, and its configuration, but for the bucket's public address: the
 * command finds the way through the cluster.
 */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epinio-install-'));
  config = join(folder, 'config.yaml');
  const name = await live('deployment', 'epinio-operator', '{.spec.template.spec.volumes[0].configMap.name}');
  const settings = parse(await live('configmap', name, '{.data.config\\.yaml}')) as { readonly s3: object };
  await writeFile(config, stringify({ ...settings, s3: { ...settings.s3, publicEndpoint: undefined } }));
  const places = {
    'ghcr.io/epinio/operator': await live('deployment', 'epinio-operator', container('operator')),
    'quay.io/minio/minio': await live('deployment', 'minio', container('minio')),
    'docker.io/library/registry': await live('deployment', 'registry', container('push')),
  };
  images = Object.entries(places).flatMap(([image, place]) => ['--image', `${image}=${place}`]);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await install();
});

it('takes over what kubectl installed when it is told to, and uninstalls it', async () => {
  const refused = await epinio('install', ...images);
  expect(refused.stderr).toMatch(/it was installed by something else/);
  expect(refused.code).toBe(1);

  const taken = await epinio('install', '--force', ...images);
  expect(taken.stderr).toMatch(/Epinio is installed/);
  expect(taken.code).toBe(0);
  const emptied = await epinio('uninstall', '--yes');
  expect(emptied.stderr).toMatch(/Deleted \d+ objects/);
  expect(emptied.code).toBe(0);
  expect(await isThere()).toBe(false);
});

it('installs into a cluster that has an Ingress controller and volumes', async () => {
  const installed = await epinio('install', '--config', config, ...images);
  expect(installed.stderr).toMatch(/✓ Ingress +IngressClass traefik\n.*✓ Domain +.*web\.apps\.localhost/);
  expect(installed.stderr).toMatch(/Epinio is installed/);
  expect(installed.code).toBe(0);
});

const push = (namespace: string, name: string, path: string): Promise<Answer> =>
  epinio('push', '--name', name, '--path', path, '--namespace', namespace);
const restricted = (namespace: string): Promise<string> =>
  kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
const relays = async (namespace: string): Promise<number> =>
  (await read<{ items: unknown[] }>(['jobs', '-n', namespace, '-l', 'epinio.io/relay']))?.items.length ?? 0;

describe('a push from where the bucket cannot be reached', () => {
  it('goes through a pod of the namespace, which is gone afterwards', () =>
    inNamespace('relay', async (namespace) => {
      await restricted(namespace);
      await withArchive(page('through the cluster'), async (_, path) => {
        const name = `relayed-${namespace.slice(-5)}`;
        const pushed = await push(namespace, name, path);
        expect(pushed.stderr).toMatch(
          /cannot reach the S3 server at minio\.epinio-system\.svc.*through the cluster instead/,
        );
        expect(pushed.stderr).toMatch(/Uploading .* to http:\/\/minio\.epinio-system\.svc:9000, through the cluster/);
        expect(pushed.code).toBe(0);
        expect((await visit(new URL(pushed.stdout.trim()).hostname)).body.trim()).toBe('through the cluster');
      });
      await until(
        'no relay is left',
        () => relays(namespace),
        (count) => count === 0,
        20,
      );
    }));

  it('leaves no pod behind when it is interrupted while it uploads', () =>
    inNamespace('relaystop', (namespace) =>
      withArchive({ 'index.html': 'x', 'noise.bin': randomBytes(96 << 20).toString('base64') }, async (_, path) => {
        const args = ['push', '--name', 'stopped', '--path', path, '--namespace', namespace];
        const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: kubeconfigPath() } });
        let stderr = '';
        child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
        await until(
          'it uploads',
          async () => stderr,
          (text) => /, through the cluster/.test(text),
          60,
        );
        expect(await relays(namespace)).toBe(1);
        child.kill('SIGINT');
        const [code] = (await once(child, 'close')) as [number];
        expect(stderr).toMatch(/interrupted/);
        expect(code).toBe(130);
        await until(
          'no relay is left',
          () => relays(namespace),
          (count) => count === 0,
          20,
        );
      }),
    ));

  it('says what keeps the pod from starting, and leaves nothing', () =>
    inNamespace('relayquota', async (namespace) => {
      await kubectl(['create', 'quota', 'none', '--hard=pods=0', '-n', namespace]);
      await withArchive(page('no room'), async (_, path) => {
        const pushed = await push(namespace, `quota-${namespace.slice(-5)}`, path);
        expect(pushed.stderr).toMatch(/The pod that leads to the storage waits: .*exceeded quota: none/);
        expect(pushed.stderr).toMatch(/did not start: .*exceeded quota/);
        expect(pushed.code).toBe(3);
      });
      expect(await relays(namespace)).toBe(0);
    }));

  it('says what right is missing', () =>
    inNamespace('relayrights', async (namespace) => {
      await kubectl([
        'create',
        'role',
        'pusher',
        '-n',
        namespace,
        '--verb=*',
        '--resource=apps.epinio.io,stageruns.epinio.io',
      ]);
      await kubectl(['create', 'rolebinding', 'pusher', '-n', namespace, '--role=pusher', '--user=jane']);
      await withArchive(page('no right'), async (_, path) => {
        const args = [
          '--name',
          `rights-${namespace.slice(-5)}`,
          '--path',
          path,
          '--namespace',
          namespace,
          '--as',
          'jane',
        ];
        const pushed = await epinio('push', ...args);
        expect(pushed.stderr).toMatch(/you may not make a pod that leads to it: .*jobs/);
        expect(pushed.code).toBe(3);
      });
    }));
});

it('upgrades, and uninstalls with the App left serving', () =>
  inNamespace('install', async (namespace) => {
    const name = `installed-${Math.random().toString(36).slice(2, 7)}`;
    const pushed = await withArchive(page('before'), (_, path) => push(namespace, name, path));
    expect(pushed.stderr).toMatch(/The App is ready/);
    expect(pushed.code).toBe(0);
    const host = new URL(pushed.stdout.trim()).hostname;
    expect((await visit(host)).body.trim()).toBe('before');

    const upgraded = await epinio('upgrade');
    expect(upgraded.stderr).toMatch(/Epinio is up to date/);
    expect(upgraded.stderr).not.toMatch(/[1-9]\d* (created|changed)/);

    const gone = await epinio('uninstall', '--yes');
    expect(gone.stderr).toMatch(/Left: .*CustomResourceDefinition\.apiextensions\.k8s\.io apps\.epinio\.io/);
    expect(gone.code).toBe(0);
    expect(await isThere()).toBe(false);
    expect((await visit(host)).body.trim()).toBe('before');
    expect(reasonOf(await getApp(namespace, name))).toBe('True/Ready');
    // A pod that comes later gets its image too.
    const ofApp = ['pod', '-n', namespace, '-l', `epinio.io/app=${name},epinio.io/process`];
    const [before = ''] = (await kubectl(['get', ...ofApp, '-o', 'name'])).trim().split('\n');
    await kubectl(['delete', before, '-n', namespace]);
    await until(
      'the new pod serves',
      () => visit(host).then(({ body }) => body.trim(), String),
      (body) => body === 'before',
      60,
    );
  }));
