import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRepository, serveHttps } from '../../operator/testing/git.ts';
import { applyApp, blob, getApp, inNamespace, page, stageRuns, waitFor, withArchive, type Site } from './lib/apps.ts';
import {
  command,
  kubectl,
  kubectlAnswer,
  machineAddress,
  seesThisMachine,
  until,
  visit,
  type Answer,
} from './lib/cluster.ts';

const program = join(import.meta.dirname, '..', '..', 'dist', 'epinio');

let namespace = '';
let finish: () => void;
let over: Promise<unknown>;
beforeAll(async () => {
  const ready = Promise.withResolvers<string>();
  const done = new Promise<void>((resolve) => (finish = resolve));
  over = inNamespace('forms', async (made) => {
    ready.resolve(made);
    await done;
  });
  namespace = await ready.promise;
});
afterAll(async () => {
  finish();
  await over;
});

/** push runs `epinio push` in a folder. */
const push = (folder: string, ...args: readonly string[]): Promise<Answer> => {
  const enter = ['-c', 'cd "$0" && exec "$@"', folder, program];
  return command('sh', [...enter, 'push', '--namespace', namespace, ...args]);
};
const well = async (answer: Promise<Answer>): Promise<Answer> => {
  const { code, stderr, stdout } = await answer;
  expect(code, stderr).toBe(0);
  return { code, stderr, stdout };
};
const inFolder = (files: Site, use: (folder: string, archive: string) => Promise<void>): Promise<void> =>
  withArchive(files, (archive, folder) => use(folder, archive.file));
let count = 0;
const nameOf = (what: string): string => `${what}-${++count}-${namespace.slice(-5)}`;
const hostOf = (name: string): string => `${name}.apps.localhost`;
const answers = (host: string, text: string): Promise<unknown> =>
  until(
    `${host} answers ${text}`,
    () => visit(host),
    ({ body }) => body.trim() === text,
    60,
  );
const spec = async (name: string) => (await getApp(namespace, name))?.spec;

describe('the forms of epinio push', () => {
  it('this folder, under its name, and then what ./epinio.yml says of it', () =>
    inFolder(page('here'), async (folder) => {
      const name = nameOf('here');
      const first = await well(push(folder, '--name', name));
      expect(first.stdout).toBe(`http://${hostOf(name)}\n`);
      await answers(hostOf(name), 'here');
      await writeFile(join(folder, 'epinio.yml'), `name: ${name}\nconfiguration:\n  instances: 2\n`);
      const second = await well(push(folder));
      // The manifest is no source: nothing is built again.
      expect(second.stderr).not.toMatch(/Building/);
      expect((await spec(name))?.replicas).toBe(2);
      expect((await stageRuns(namespace)).filter(({ spec: { appRef } }) => appRef.name === name)).toHaveLength(1);
    }));

  it('a manifest elsewhere, with all that it may say', () => {
    const name = nameOf('manifest');
    const host = `other-${hostOf(name)}`;
    const manifest = `
name: ${name}
configuration:
  instances: 1
  environment: { DOGMA: no, BP_STATIC: off }
  routes: [ 'http://${host}/' ]
  settings: { appListeningPort: '8090' }
  ignore: [ '*.secret' ]
origin:
  path: site
`;
    return inFolder(
      { 'epinio.yml': manifest, 'site/index.html': 'elsewhere', 'site/a.secret': 'x' },
      async (folder) => {
        const { stdout } = await well(push('/', join(folder, 'epinio.yml')));
        expect(stdout).toBe(`http://${host}\n`);
        await answers(host, 'elsewhere');
        expect((await visit(host, '/a.secret')).status).toBe(404);
        expect(await spec(name)).toMatchObject({
          replicas: 1,
          port: 8090,
          env: [{ name: 'DOGMA', value: 'no' }],
          build: { env: [{ name: 'BP_STATIC', value: 'off' }] },
          routes: [{ host, path: '/' }],
        });
      },
    );
  });

  it('an archive', () =>
    inFolder(page('archived'), async (_, archive) => {
      const name = nameOf('archive');
      await well(push('/', '--name', name, '--path', archive));
      await answers(hostOf(name), 'archived');
    }));

  it('an image: that of another App of the namespace, with a port of its own', () =>
    inFolder(page('one image'), async (folder) => {
      const [built, runs] = [nameOf('built'), nameOf('image')];
      await well(push(folder, '--name', built));
      const image = (await getApp(namespace, built))?.status?.image ?? '';
      await well(push('/', '--name', runs, '--container-image-url', image, '-v', 'appListeningPort=8091'));
      await answers(hostOf(runs), 'one image');
      expect(await spec(runs)).toMatchObject({ source: { image }, port: 8091 });
    }));

  it('several Apps of one manifest, built at the same time', () => {
    const [one, two] = [nameOf('one'), nameOf('two')];
    const manifest = [
      `name: ${one}\norigin: { path: one }`,
      `apiVersion: epinio.io/v1alpha1\nkind: App\nmetadata: { name: ${two}, annotations: { epinio.io/path: two } }\nspec: { replicas: 1 }`,
    ].join('\n---\n');
    return inFolder({ 'all.yml': manifest, 'one/index.html': 'one', 'two/index.html': 'two' }, async (folder) => {
      const { stdout } = await well(push(folder, 'all.yml'));
      expect(stdout).toBe(`http://${hostOf(one)}\nhttp://${hostOf(two)}\n`);
      await answers(hostOf(one), 'one');
      await answers(hostOf(two), 'two');
      const again = await well(push(folder, 'all.yml', '--name', two, '--instances', '2'));
      expect(again.stdout).toBe(`http://${hostOf(two)}\n`);
      expect([(await spec(one))?.replicas, (await spec(two))?.replicas]).toEqual([1, 2]);
    });
  });
});

describe.runIf(seesThisMachine)('a repository', () => {
  it('at a tag, with the credential of a Secret', async () => {
    const root = mkdtempSync(join(tmpdir(), 'epinio-e2e-forms-'));
    const authorization = `Basic ${Buffer.from('me:password').toString('base64')}`;
    await using https = await serveHttps(root, { host: await machineAddress(), authorization });
    const repository = createRepository(root, 'team/forms.git');
    const id = repository.commit({ 'index.html': 'tagged' });
    repository.git(['tag', 'v1', id]);
    repository.commit({ 'index.html': 'newer' });
    const data = { username: 'me', password: 'password', 'ca.crt': https.ca };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'git' }, stringData: data };
    await kubectl(['apply', '-f', '-'], JSON.stringify(secret));
    const name = nameOf('git');
    await well(push('/', '--name', name, '--git', `${https.urlOf(repository.name)},v1`, '--git-config', 'git'));
    await answers(hostOf(name), 'tagged');
    expect((await getApp(namespace, name))?.status?.source?.revision).toBe(id);
    rmSync(root, { recursive: true, force: true });
  });
});

describe('the flags of epinio push', () => {
  it('say what an App is to be; what they do not say stays', () =>
    inFolder(page('flags'), async (folder) => {
      const name = nameOf('flags');
      const route = `r-${hostOf(name)}`;
      const flags = ['-i', '2', '-e', 'A=1,2', '-e', 'B=2', '--build-env', 'BP_X=1', '-r', route];
      await well(push(folder, '--name', name, ...flags));
      const given = {
        replicas: 2,
        routes: [{ host: route, path: '/' }],
        build: { env: [{ name: 'BP_X', value: '1' }] },
      };
      expect(await spec(name)).toMatchObject({
        ...given,
        env: [
          { name: 'A', value: '1,2' },
          { name: 'B', value: '2' },
        ],
      });
      const before = (await getApp(namespace, name))?.metadata.resourceVersion;
      await well(push(folder, '--name', name));
      expect((await getApp(namespace, name))?.metadata.resourceVersion).toBe(before);
      await well(push(folder, '--name', name, '--env-replace', '-e', 'C=3', '-z'));
      const after = await spec(name);
      expect(after).toMatchObject({ replicas: 2, env: [{ name: 'C', value: '3' }], defaultRoute: 'Disabled' });
      expect(after?.routes).toBeUndefined();
    }));

  it('--dry-run prints what kubectl takes, and --no-wait -o name returns when the cluster has the sources', () =>
    inFolder(page('dry'), async (folder) => {
      const name = nameOf('dry');
      const { stdout } = await well(push(folder, '--name', name, '-e', 'NO=no', '--dry-run'));
      expect(await getApp(namespace, name)).toBeUndefined();
      await kubectl(['apply', '-n', namespace, '--dry-run=server', '-f', '-'], stdout);
      const left = await well(push(folder, '--name', name, '--no-wait', '-o', 'name'));
      expect(left.stdout).toBe(`app.epinio.io/${name}\n`);
      await waitFor(namespace, name, 'True/Ready');
      await answers(hostOf(name), 'dry');
    }));

  it('--builder-image names a builder, and one that is not allowed is told before anything is built', () =>
    inFolder(page('builder'), async (folder) => {
      const name = nameOf('builder');
      const answer = await push(folder, '--name', name, '--builder-image', 'nobody/knows:1');
      expect(answer.code).toBe(1);
      expect(answer.stderr).toMatch(/BuilderNotFound/);
      expect((await spec(name))?.build?.builder).toBe('nobody/knows:1');
    }));

  it('--timeout ends the waiting with 4, and the App goes on', () =>
    inFolder(page('late'), async (folder) => {
      const name = nameOf('late');
      const answer = await push(folder, '--name', name, '--timeout', '1s');
      expect(answer.code).toBe(4);
      await waitFor(namespace, name, 'True/Ready');
    }));
});

describe('an App that a tool manages', () => {
  it('is not taken over: whose a field is, since when, and what to do; with --force it is', () =>
    withArchive(page('shared'), async (archive, folder) => {
      const name = nameOf('shared');
      const object = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { namespace, name } };
      const theirs = JSON.stringify({ ...object, spec: { replicas: 1, env: [{ name: 'A', value: 'theirs' }] } });
      await kubectl(['apply', '--server-side', '--field-manager', 'argocd-controller', '-f', '-'], theirs);
      const refused = await push(folder, '--name', name, '-e', 'A=mine');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/spec\.env\[name="A"\]\.value is managed by argocd-controller since 20/);
      expect(refused.stderr).toMatch(/--force/);
      await well(push(folder, '--name', name, '-e', 'B=mine'));
      const env = (await spec(name))?.env;
      expect(env).toEqual([
        { name: 'A', value: 'theirs' },
        { name: 'B', value: 'mine' },
      ]);
      expect((await spec(name))?.source).toMatchObject(blob(archive));
      // The tool syncs again, and takes nothing of what was pushed away.
      await kubectl(['apply', '--server-side', '--field-manager', 'argocd-controller', '-f', '-'], theirs);
      expect((await spec(name))?.env).toEqual(env);
      await well(push(folder, '--name', name, '-e', 'A=mine', '--force'));
      const set = await kubectlAnswer(
        ['apply', '--server-side', '--field-manager', 'argocd-controller', '-f', '-'],
        theirs,
      );
      expect(set.stderr).toMatch(/conflict with "epinio-cli"/);
    }));

  it('is one that people wrote by kubectl: then it is taken over', () =>
    inFolder(page('people'), async (folder) => {
      const name = nameOf('people');
      await applyApp(namespace, name, { replicas: 2, paused: false });
      await well(push(folder, '--name', name, '-i', '1'));
      expect((await spec(name))?.replicas).toBe(1);
    }));
});
