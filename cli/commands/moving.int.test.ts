import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { App } from '../../operator/api/app.ts';
import { CustomResourceDefinition, resource, Secret, type ObjectOf } from '../../operator/kube/resource.ts';
import { applyApp, inWorld, readApp } from '../testing/commands.ts';
import { start } from '../testing/process.ts';
import { createWorld, type World } from '../testing/world.ts';

let world: World;
let folder: string;
beforeAll(async () => {
  world = await createWorld();
  folder = await mkdtemp(join(tmpdir(), 'epinio-moving-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await world[Symbol.asyncDispose]();
});

const epinio = (...args: readonly string[]) => inWorld(world, args);
const locally = async (...args: readonly string[]) => (await start(args)).ended;
const secret = (name: string) => world.kube.get(Secret, { namespace: world.namespace, name });
const text = (value: string | undefined): string => Buffer.from(value ?? '', 'base64').toString();
const encode = (data: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

describe('epinio gitconfig', () => {
  it('makes, lists, shows and deletes credentials, and shows no secret', async () => {
    const file = join(folder, 'token');
    await writeFile(file, 's3cret\n');
    const url = 'https://git.test/team';
    const made = await epinio('gitconfig', 'create', 'mine', url, '--username', 'me', '--password-file', file);
    expect(made).toMatchObject({ code: 0 });
    expect(made.stderr).toContain(`epinio push --git ${url} --git-config mine`);
    const live = await secret('mine');
    expect(text(live?.data?.['password'])).toBe('s3cret');
    expect(live?.type).toBe('kubernetes.io/basic-auth');
    expect((await epinio('gitconfig', 'create', 'mine', url, '--password', 'x')).stderr).toMatch(/already/);

    await applyApp(world, 'clones', { source: { git: { url, secretRef: { name: 'mine' } } } });
    const list = await epinio('gitconfig', 'list');
    expect(list.stdout).toMatch(/^mine +https:\/\/git\.test\/team +password of me +\d+\w+ +clones$/m);
    const shown = await epinio('gitconfig', 'show', 'mine');
    expect(shown.stdout).toMatch(/^Keys: +password, username$/m);
    for (const form of ['json', 'yaml'])
      for (const args of [['list'], ['show', 'mine']]) {
        const { stdout } = await epinio('gitconfig', ...args, '-o', form);
        expect(stdout).toContain('mine');
        expect(stdout).not.toMatch(/czNjcmV0|s3cret/);
      }

    const asked = await epinio('gitconfig', 'delete', 'mine');
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(/App clones uses mine/);
    expect(await epinio('gitconfig', 'delete', 'mine', '--yes')).toMatchObject({ code: 0 });
    expect(await secret('mine')).toBeUndefined();
  }, 180_000);

  it('deletes no Secret that was made for something else', async () => {
    await epinio('configuration', 'create', 'settings', 'a=b');
    expect((await epinio('gitconfig', 'delete', 'settings', '--yes')).stderr).toMatch(
      /was not made by epinio gitconfig/,
    );
    expect(await secret('settings')).toBeDefined();
  });
});

const former = resource({ group: 'application.epinio.io', version: 'v1', kind: 'App', plural: 'apps' });

/** The CRD of Epinio 1.13, as far as it holds anything. */
const formerDefinition = () => {
  const text = { type: 'string' };
  const git = { type: 'object', required: ['repository'] };
  const names = ['branch', 'gitconfig', 'provider', 'repository', 'revision'];
  const properties = Object.fromEntries(names.map((name) => [name, text]));
  const origin = {
    type: 'object',
    properties: { archive: { type: 'boolean' }, container: text, path: text, git: { ...git, properties } },
  };
  const spec = {
    type: 'object',
    required: ['origin'],
    properties: {
      ...{ blobuid: text, builderimage: text, chartname: text, imageurl: text, stageid: text, origin },
      routes: { type: 'array', items: text },
      settings: { type: 'object', additionalProperties: text },
    },
  };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec, status: { type: 'object' } } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'apps.application.epinio.io' },
    spec: {
      group: 'application.epinio.io',
      names: { kind: 'App', listKind: 'AppList', plural: 'apps', singular: 'app' },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema }],
    },
  } as unknown as ObjectOf<typeof CustomResourceDefinition>;
};

const record = (app: string, area: string, data: Readonly<Record<string, string>>) =>
  world.kube.create(Secret, {
    metadata: {
      name: `r${app}-${area}`,
      namespace: world.namespace,
      labels: {
        'app.kubernetes.io/name': app,
        'app.kubernetes.io/part-of': world.namespace,
        'app.kubernetes.io/managed-by': 'epinio',
        'app.kubernetes.io/component': 'application',
        'epinio.io/area': area,
      },
    },
    type: 'Opaque',
    data: encode(data),
  });

const makeFormer = (name: string, spec: object) =>
  world.kube.create(former, {
    apiVersion: 'application.epinio.io/v1',
    kind: 'App',
    metadata: { name, namespace: world.namespace },
    spec,
  } as never);

describe('epinio migrate', () => {
  it('says so where there is nothing of Epinio 1.x', async () => {
    const { code, stderr } = await epinio('migrate');
    expect(code).toBe(1);
    expect(stderr).toMatch(/no Apps of Epinio 1\.x.*--context/s);
  });

  describe('in a cluster that has it', () => {
    beforeAll(async () => {
      await world.kube.create(CustomResourceDefinition, formerDefinition());
      await vi.waitFor(() => makeFormer('shop', formerShop), { timeout: 30_000, interval: 200 });
      await record('shop', 'environment', { TOKEN: 's3cret', BP_NODE_VERSION: '22' });
      await record('shop', 'scaling', { desired: '3' });
      await record('shop', 'configuration', { db: '' });
      await epinio('configuration', 'create', 'db', 'user=admin');
      await makeFormer('folder', { origin: { path: '/home/me/folder' }, routes: [] });
    });
    afterAll(async () => {
      const key = { namespace: '', name: 'apps.application.epinio.io' };
      const uid = (await world.kube.getMetadata(CustomResourceDefinition, key))?.metadata.uid ?? '';
      await world.kube.remove(CustomResourceDefinition, key, { uid });
    });
    const formerShop = {
      origin: { git: { repository: 'https://git.test/shop', revision: 'abc', branch: 'main' } },
      routes: ['shop.apps.test'],
      chartname: 'standard',
      settings: { appListeningPort: '3000', replicas: '2' },
      stageid: '1',
      imageurl: 'registry/x:1',
    };

    it('shows what it would make, without a value of a Secret, and makes nothing', async () => {
      const { code, stdout, stderr } = await epinio('migrate');
      expect(code).toBe(0);
      expect(stdout).toMatch(/kind: App[\s\S]*---[\s\S]*kind: App/);
      expect(stdout).not.toMatch(/s3cret|czNjcmV0/);
      expect(stderr).toMatch(/gets its variables: BP_NODE_VERSION, TOKEN/);
      expect(stderr).toMatch(/shop: chart values have no counterpart: replicas/);
      expect(stderr).toMatch(/folder: its sources were uploaded from \/home\/me\/folder/);
      expect(stderr).toMatch(/Would make 2 of 2 Apps\. Nothing was changed/);
      const key = { namespace: world.namespace, name: 'shop' };
      expect(await world.kube.get(App, key)).toBeUndefined();
    });

    it('makes them, leaves those of Epinio 1.x as they are, and does nothing twice', async () => {
      const { code, stderr } = await epinio('migrate', '--apply');
      expect(stderr).toMatch(/Made 2 of 2 Apps/);
      expect(code).toBe(0);
      const { spec } = await readApp(world, 'shop');
      expect(spec).toMatchObject({
        source: { git: { url: 'https://git.test/shop', revision: 'abc' } },
        replicas: 3,
        port: 3000,
        defaultRoute: 'Disabled',
        configurations: [{ name: 'db', kind: 'Secret', as: 'Files' }],
      });
      const name = spec.env?.[0]?.valueFrom?.secretKeyRef?.name ?? '';
      expect(text((await secret(name))?.data?.['TOKEN'])).toBe('s3cret');
      expect(spec.routes).toBeUndefined();
      expect(stderr).toMatch(/epinio route add shop shop\.apps\.test/);
      await readApp(world, 'folder');
      expect(await world.kube.get(former, { namespace: world.namespace, name: 'shop' })).toBeDefined();
      const again = await epinio('migrate', '--apply');
      expect(again.code).toBe(0);
      expect(again.stderr).toMatch(/App \S+shop is here already: left as it is[\s\S]*Made 0 of 2/);
    });

    it('makes those that can be made, and says which cannot', async () => {
      await makeFormer('good', { origin: { container: 'nginx:1' } });
      await makeFormer('wrong', { origin: { git: { repository: 'git@git.test:wrong' } } });
      await record('wrong', 'environment', { A: 'b' });
      await makeFormer('with.dots', { origin: { container: 'nginx:1' } });
      const { code, stderr } = await epinio('migrate', '--apply', 'good', 'wrong', 'with.dots');
      expect(code).toBe(1);
      expect(stderr).toMatch(/App \S+wrong would be refused: .*url/);
      expect(stderr).toMatch(/with\.dots cannot be that of an App/);
      expect(stderr).toMatch(/Made 1 of 3 Apps/);
      expect((await readApp(world, 'good')).spec.source?.image).toBe('nginx:1');
      const all = await world.kube.list(Secret, { namespace: world.namespace });
      expect(all.items.map(({ metadata }) => metadata?.name)).not.toContainEqual(expect.stringMatching(/^wrong-/));
      expect((await epinio('migrate', 'nobody')).stderr).toMatch(/no App nobody/);
    });
  });
});

it('epinio manifest convert writes one form as the other', async () => {
  const file = join(folder, 'epinio.yml');
  await writeFile(file, 'name: shop\nconfiguration: {instances: 2, ignore: [tmp]}\norigin: {container: nginx}\n');
  const there = await locally('manifest', 'convert', file);
  expect(there).toMatchObject({ code: 0 });
  expect(there.stdout).toMatch(/kind: App[\s\S]*replicas: 2/);
  expect(there.stderr).toMatch(/shop: configuration\.ignore is no part of an App/);
  const converted = join(folder, 'app.yaml');
  await writeFile(converted, there.stdout);
  const back = await locally('manifest', 'convert', converted);
  expect(back.stdout).toMatch(/^name: shop\nconfiguration:\n {2}instances: 2\norigin:\n {2}container: nginx\n$/);
  expect((await locally('manifest', 'convert', join(folder, 'nothing.yml'))).stderr).toMatch(/there is no manifest/);
});
