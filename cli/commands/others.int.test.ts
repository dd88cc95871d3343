import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { startControlPlane } from '../../e2e/cluster/control-plane.ts';
import { App } from '../../operator/api/app.ts';
import { AppRoute } from '../../operator/api/approute.ts';
import { ConfigMap, Secret } from '../../operator/kube/resource.ts';
import { kubeconfigPath } from '../../operator/testing/apiserver.ts';
import { applyApp, inWorld, readApp } from '../testing/commands.ts';
import { plainKubeconfig, start } from '../testing/process.ts';
import { createWorld, type World } from '../testing/world.ts';

let world: World;
let folder: string;
beforeAll(async () => {
  world = await createWorld();
  folder = await mkdtemp(join(tmpdir(), 'epinio-commands-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await world[Symbol.asyncDispose]();
});

const epinio = (...args: readonly string[]) => inWorld(world, args);
const secret = (name: string) => world.kube.get(Secret, { namespace: world.namespace, name });
const text = (value: string | undefined): string => Buffer.from(value ?? '', 'base64').toString();

describe('epinio configuration', () => {
  it('makes, shows, changes and deletes Secrets, and shows no value that nobody asked for', async () => {
    const file = join(folder, 'ca.pem');
    await writeFile(file, 'a certificate');
    const made = await epinio('configuration', 'create', 'db', 'user=admin', 'password', 's3cret', '-f', `ca=${file}`);
    expect(made.code).toBe(0);
    expect(made.stderr).not.toMatch(/s3cret/);
    const live = await secret('db');
    expect(Object.entries(live?.data ?? {}).map(([key, value]) => [key, text(value)])).toEqual([
      ['ca', 'a certificate'],
      ['password', 's3cret'],
      ['user', 'admin'],
    ]);
    expect((await epinio('configuration', 'create', 'db', 'a=b')).stderr).toMatch(/already/);
    await applyApp(world, 'uses', {
      env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }],
    });
    expect((await epinio('configuration', 'list')).stdout).toMatch(/^db +ca, password, user +\d+\w+ +uses$/m);
    for (const form of ['json', 'yaml']) {
      expect((await epinio('configuration', 'list', '-o', form)).stdout).not.toContain('czNjcmV0');
      expect((await epinio('configuration', 'show', 'db', '-o', form)).stdout).not.toContain('czNjcmV0');
    }
    expect((await epinio('configuration', 'show', 'db')).stdout).toMatch(/^password +6$/m);
    expect((await epinio('configuration', 'show', 'db', '--reveal')).stdout).toContain('password=s3cret\n');
    expect((await epinio('configuration', 'update', 'db', '--set', 'user=root', '--unset', 'ca')).code).toBe(0);
    const changed = await secret('db');
    expect(Object.keys(changed?.data ?? {})).toEqual(['password', 'user']);
    expect(text(changed?.data?.['user'])).toBe('root');
    const asked = await epinio('configuration', 'delete', 'db');
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(/App uses uses db/);
    expect((await epinio('configuration', 'delete', 'db', '--yes')).code).toBe(0);
    expect(await secret('db')).toBeUndefined();
  });

  it('deletes no Secret that is no configuration', async () => {
    const { namespace } = world;
    await world.kube.create(Secret, { metadata: { name: 'other', namespace }, type: 'Opaque', data: {} });
    expect((await epinio('configuration', 'delete', 'other', '--yes')).stderr).toMatch(
      /was not made as a configuration/,
    );
    expect(await secret('other')).toBeDefined();
    expect((await epinio('configuration', 'list', '--all')).stdout).toMatch(/^other /m);
  });
});

describe('epinio configuration bind', () => {
  const bound = async () => (await readApp(world, 'binds')).spec.configurations;

  it('gives an App Secrets and ConfigMaps, as files or variables, and takes them away again', async () => {
    const { namespace } = world;
    await epinio('configuration', 'create', 'queue', 'password=s3cret');
    await world.kube.create(ConfigMap, { metadata: { name: 'site', namespace }, data: { a: 'b' } });
    await applyApp(world, 'binds', {});
    const files = await epinio('configuration', 'bind', 'queue', 'binds');
    expect(files.stderr).toMatch(/App binds: gets Secret queue as files in \/configurations\/queue/);
    await epinio('configuration', 'bind', 'queue', 'binds', '--env', '--prefix', 'Q_');
    await epinio(
      'configuration',
      'bind',
      'site',
      'binds',
      '--config-map',
      '--mount-path',
      '/srv',
      '--no-roll-on-change',
    );
    expect(await bound()).toEqual([
      { name: 'queue', kind: 'Secret', as: 'Files' },
      { name: 'queue', kind: 'Secret', as: 'Environment', prefix: 'Q_' },
      { name: 'site', kind: 'ConfigMap', as: 'Files', mountPath: '/srv', rollOnChange: false },
    ]);
    // Bound again in another way, an entry is replaced as a whole.
    const binding = await epinio('configuration', 'bind', 'queue', 'binds', '--service-binding');
    expect(binding.stderr).toMatch(/as files in \/bindings\/queue/);
    expect((await bound())?.find(({ as }) => as === 'Files')).toMatchObject({ serviceBinding: true });
    await epinio('configuration', 'bind', 'queue', 'binds');
    expect((await bound())?.filter(({ name, as }) => name === 'queue' && as === 'Files')).toEqual([
      { name: 'queue', kind: 'Secret', as: 'Files' },
    ]);
    expect((await epinio('configuration', 'list')).stdout).toMatch(/^queue .* binds$/m);
    expect((await epinio('configuration', 'delete', 'queue')).stderr).toMatch(/App binds uses queue/);
    expect((await epinio('configuration', 'unbind', 'queue', 'binds')).code).toBe(0);
    expect((await bound())?.map(({ name }) => name)).toEqual(['site']);
    expect((await epinio('configuration', 'unbind', 'site', 'binds', '--config-map')).code).toBe(0);
    expect((await bound()) ?? []).toEqual([]);
  });

  it('takes what somebody bound with kubectl', async () => {
    await epinio('configuration', 'create', 'cache', 'a=b');
    await world.kube.apply(
      App,
      {
        apiVersion: 'epinio.io/v1alpha1',
        kind: 'App',
        metadata: { name: 'byhand', namespace: world.namespace },
        spec: { configurations: [{ name: 'cache' }] },
      },
      { fieldManager: 'kubectl' },
    );
    expect((await epinio('configuration', 'unbind', 'cache', 'byhand')).code).toBe(0);
    expect((await readApp(world, 'byhand')).spec.configurations ?? []).toEqual([]);
  });

  it.each([
    [['bind', 'nothing', 'binds'], /there is no configuration nothing/],
    [['bind', 'nothing', 'binds', '--config-map'], /there is no ConfigMap nothing/],
    [['bind', 'mail', 'nowhere'], /there is no App nowhere/],
    [['bind', 'mail', 'binds', '--prefix', 'A'], /only variables have a prefix/],
    [['bind', 'mail', 'binds', '--env', '--mount-path', '/a'], /variables have no path/],
    [['bind', 'mail', 'binds', '--service-binding', '--mount-path', '/a'], /a place of its own/],
    [['bind', 'mail', 'binds', '--mount-path', '../a'], /mountPath must start with \//],
    [['unbind', 'mail', 'binds'], /App binds has no Secret mail in spec\.configurations/],
  ])('says what is wrong with %j', async (args, words) => {
    await epinio('configuration', 'create', 'mail', 'a=b');
    await applyApp(world, 'binds', {});
    const answer = await epinio('configuration', ...args);
    expect(answer.stderr).toMatch(words);
    expect(answer.code).not.toBe(0);
  });
});

describe('epinio route', () => {
  it('adds and removes routes of an App, and lists what became of them', async () => {
    await applyApp(world, 'routed', {});
    const added = await epinio('route', 'add', 'routed', 'https://Shop.example.org/api/', 'www.example.org');
    expect(added.stderr).toMatch(/The default address goes/);
    expect((await readApp(world, 'routed')).spec.routes).toEqual([
      { host: 'shop.example.org', path: '/api' },
      { host: 'www.example.org', path: '/' },
    ]);
    const { namespace, kube } = world;
    const spec = { appRef: { name: 'routed' }, host: 'shop.example.org', path: '/api' };
    await kube.create(AppRoute, { metadata: { name: 'r', namespace }, spec } as unknown as AppRoute);
    expect((await epinio('route', 'list', '--app', 'routed')).stdout).toMatch(
      /^routed +shop\.example\.org +\/api +Unknown +AwaitingOperator/m,
    );
    expect((await epinio('route', 'remove', 'routed', 'shop.example.org/api')).code).toBe(0);
    expect((await readApp(world, 'routed')).spec.routes).toEqual([{ host: 'www.example.org', path: '/' }]);
    expect((await epinio('route', 'remove', 'routed', 'nope.example.org')).stderr).toMatch(/has no route nope/);
  });
});

describe('epinio target and namespace', () => {
  it('sets the namespace of the context, and leaves the rest of the file as it was', async () => {
    const kubeconfig = join(folder, 'kubeconfig');
    await copyFile(kubeconfigPath(), kubeconfig);
    await writeFile(kubeconfig, `# mine\n${await readFile(kubeconfig, 'utf8')}`, { mode: 0o600 });
    const run = async (...args: readonly string[]) => (await start(args, { kubeconfig })).ended;
    expect((await run('target', world.namespace)).code).toBe(0);
    expect((await run('target')).stdout).toBe(`${world.namespace}\n`);
    expect(await readFile(kubeconfig, 'utf8')).toMatch(/^# mine\n/);
    expect((await stat(kubeconfig)).mode & 0o077).toBe((await stat(kubeconfigPath())).mode & 0o077);
    const told = parse(await readFile(kubeconfig, 'utf8')) as { contexts: { context: { namespace: string } }[] };
    expect(told.contexts[0]?.context.namespace).toBe(world.namespace);
    expect((await run('target', 'never-there')).stderr).toMatch(/there is no namespace never-there/);
    expect((await run('namespace', 'list')).stdout).toMatch(new RegExp(`^\\* +${world.namespace} `, 'm'));
    await writeFile(`${kubeconfig}.lock`, '');
    expect((await run('target', world.namespace)).stderr).toMatch(/is being written by somebody else/);
  });
});

describe('epinio check', () => {
  it('tells what is there and what is not', async () => {
    const found = await epinio('check', '-o', 'json');
    const lines = JSON.parse(found.stdout) as { what: string; is: string }[];
    const is = (what: string): string | undefined => lines.find((line) => line.what === what)?.is;
    expect([is('Cluster'), is('API'), is('Namespace'), is('Rights')]).toEqual(['good', 'good', 'good', 'good']);
    // This cluster has no Ingress controller.
    expect(is('Ingress')).toBe('bad');
    expect(found.code).toBe(1);
    expect((await epinio('check')).stdout).toMatch(/^✗ Ingress .*\n +→ install an Ingress controller/m);
  });

  it('says which rights are missing, for whoever one acts for', async () => {
    const { stdout, code } = await epinio('check', '--as', 'nobody-here', '--as-group', 'system:authenticated');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✓ User +nobody-here$/m);
    expect(stdout).toMatch(/^✗ Rights .*you may not see Apps, push a new App/m);
    const member = await epinio('check', '--as', 'jane', '--as-group', 'system:masters');
    expect(member.stdout).toMatch(/^✓ Rights/m);
  });
});

describe('every command', () => {
  it('says in a sentence that a right is missing', async () => {
    for (const args of [
      ['app', 'list'],
      ['app', 'show', 'x'],
      ['configuration', 'list'],
      ['route', 'list'],
    ]) {
      const { code, stderr } = await epinio(...args, '--as', 'nobody-here');
      expect(code).toBe(1);
      expect(stderr).toMatch(/^epinio: the cluster does not allow it/);
    }
  });

  it('says in a sentence that there is no cluster, or none that knows Apps, or no valid token', async () => {
    await using plane = await startControlPlane({ controllers: [] }).then((p) => ({
      ...p,
      [Symbol.asyncDispose]: p.stop,
    }));
    const nowhere = await plainKubeconfig(folder, 'http://127.0.0.1:1');
    const admin = parse(await readFile(kubeconfigPath(), 'utf8')) as { users: unknown[] };
    const expired = join(folder, 'expired');
    const users = admin.users.map((user) => ({
      name: (user as { name: string }).name,
      user: { token: 'not-any-more' },
    }));
    await writeFile(expired, stringify({ ...admin, users }));
    for (const args of [['app', 'list'], ['app', 'show', 'x'], ['app', 'scale', 'x', '2'], ['check']]) {
      const run = async (kubeconfig: string) => (await start(args, { kubeconfig })).ended;
      expect(await run(nowhere)).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^epinio: the cluster cannot be reached/) as string,
      });
      expect(await run(expired)).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^epinio: the cluster does not accept your credentials/) as string,
      });
      const bare = await run(plane.kubeconfig);
      expect(bare.code).toBe(1);
      expect(bare.stdout + bare.stderr).toMatch(/does not know/);
    }
  });
});

describe('epinio version, info and completion', () => {
  it('tell who and where', async () => {
    expect((await epinio('version')).stdout).toMatch(/^epinio \d.*\nKubernetes v1\..*epinio\.io\/v1alpha1$/m);
    expect(await (await start(['version', '--client'])).ended).toMatchObject({ code: 0, stderr: '' });
    expect((await epinio('info')).stdout).toMatch(new RegExp(`^namespace +${world.namespace}$`, 'm'));
  });

  it('complete names of what is there', async () => {
    await applyApp(world, 'complete-me', {});
    const words = ['app', 'show', '-n', world.namespace, 'compl'];
    expect((await (await start(['__complete', '--', ...words], { kubeconfig: kubeconfigPath() })).ended).stdout).toBe(
      'complete-me\n',
    );
    expect((await (await start(['completion', 'bash'])).ended).stdout).toMatch(/complete -o default -F _epinio epinio/);
  });
});
