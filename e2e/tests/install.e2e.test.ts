import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { install } from '../cluster/install.ts';
import { getApp, inNamespace, page, reasonOf, withArchive } from './lib/apps.ts';
import { command, kubectl, kubectlAnswer, until, visit } from './lib/cluster.ts';

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

/** What this machine's cluster has in the place of public images, and its configuration: what a mirror and --config are for. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epinio-install-'));
  config = join(folder, 'config.yaml');
  const name = await live('deployment', 'epinio-operator', '{.spec.template.spec.volumes[0].configMap.name}');
  await writeFile(config, await live('configmap', name, '{.data.config\\.yaml}'));
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

it('takes over, uninstalls, installs, pushes, upgrades, and uninstalls; the App serves on without Epinio', async () => {
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

  const installed = await epinio('install', '--config', config, ...images);
  expect(installed.stderr).toMatch(/✓ Ingress +IngressClass traefik\n.*✓ Domain +.*web\.apps\.localhost/);
  expect(installed.stderr).toMatch(/Epinio is installed/);
  expect(installed.code).toBe(0);
  await inNamespace('install', async (namespace) => {
    const name = `installed-${Math.random().toString(36).slice(2, 7)}`;
    const pushed = await withArchive(page('before'), (_, path) =>
      epinio('push', '--name', name, '--path', path, '--namespace', namespace),
    );
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
  });
}, 600_000);
