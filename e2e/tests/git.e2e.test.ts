import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../operator/api/app.ts';
import {
  createRepository,
  serveHttps,
  serveSsh,
  type HttpsGit,
  type SshGit,
  type TestRepository,
} from '../../operator/testing/git.ts';
import { applyApp, getApp, inNamespace, stageRuns, waitFor } from './lib/apps.ts';
import { kubectl, kubectlAnswer, machineAddress, read, seesThisMachine, until, visit } from './lib/cluster.ts';

const password = 'canary-password-5ae1';
const authorization = `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;

describe.runIf(seesThisMachine)('an App from git', () => {
  let root: string;
  let https: HttpsGit;
  let ssh: SshGit;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'epinio-e2e-git-'));
    const host = await machineAddress();
    https = await serveHttps(root, { host, authorization });
    ssh = await serveSsh(root, host);
  });
  afterAll(async () => {
    await https[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  let count = 0;
  const repository = (): TestRepository => createRepository(root, `team/shop-${++count}.git`);

  const secret = (namespace: string, name: string, data: Record<string, string>): Promise<string> =>
    kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData: data }),
    );
  const credential = (namespace: string): Promise<string> =>
    secret(namespace, 'git', { username: 'me', password, 'ca.crt': https.ca });
  const git = (of: TestRepository, more: object = {}): object => ({
    source: { git: { url: https.urlOf(of.name), secretRef: { name: 'git' }, ...more } },
  });
  const answer = (name: string, text: string): Promise<unknown> =>
    until(
      `${name} answers ${text}`,
      () => visit(`${name}.apps.localhost`),
      ({ body }) => body.trim() === text,
      60,
    );
  const message = (app: App | undefined): string =>
    app?.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';

  it('is built from the commit of its branch, which stands in the status, beside the image and in kubectl get', () =>
    inNamespace('git', async (namespace) => {
      const of = repository();
      const id = of.commit({ 'index.html': 'from git' });
      const name = `git-${namespace}`;
      await credential(namespace);
      await applyApp(namespace, name, git(of, { revision: 'main' }));
      const app = await waitFor(namespace, name, 'True/Ready');
      await answer(name, 'from git');
      expect(app?.status?.source?.revision).toBe(id);
      const [run] = await stageRuns(namespace);
      expect(run?.status?.revision).toBe(id);
      expect(await kubectl(['get', 'stageruns.epinio.io', '-n', namespace, '-o', 'wide'])).toContain(id);
      expect(await kubectl(['get', 'apps.epinio.io', '-n', namespace, '-o', 'wide'])).toContain(id);
      // The image says it too: a run whose image is found learns it from there.
      await kubectl(['delete', 'apps.epinio.io', name, '-n', namespace, '--timeout=60s']);
      await applyApp(namespace, name, git(of, { revision: 'main' }));
      await waitFor(namespace, name, 'True/Ready');
      const [found] = await stageRuns(namespace);
      expect(found?.status?.conditions?.find(({ type }) => type === 'Succeeded')?.reason).toBe('ImageFound');
      expect(found?.status?.revision).toBe(id);
      await noCanary(namespace, [password, authorization.slice(6), Buffer.from(password).toString('base64')]);
    }));

  /** Nothing but the Secret that a person made has the credential. */
  const noCanary = async (namespace: string, canaries: readonly string[]): Promise<void> => {
    const kinds = 'apps.epinio.io,stageruns.epinio.io,jobs,pods,deployments,events,configmaps';
    const objects = await kubectl(['get', kinds, '-n', namespace, '-o', 'yaml']);
    const secrets = await read<{ items: { metadata: { name: string } }[] }>(['secrets', '-n', namespace]);
    const others = secrets?.items.filter(({ metadata }) => metadata.name !== 'git');
    const pods = await read<{ items: { metadata: { name: string } }[] }>(['pods', '-n', namespace]);
    const logs = await Promise.all(
      (pods?.items ?? []).map(({ metadata }) =>
        kubectlAnswer(['logs', metadata.name, '-n', namespace, '--all-containers', '--ignore-errors']),
      ),
    );
    const all = `${objects}${JSON.stringify(others)}${logs.map(({ stdout }) => stdout).join('')}`;
    for (const form of canaries) expect(all).not.toContain(form);
  };

  it.each([
    ['a tag', { revision: 'v1' }, 'one'],
    ['a short commit', 'short', 'one'],
    ['a folder', { subPath: 'site' }, 'below'],
  ])('is built from %s', (_name, more, text) =>
    inNamespace('rev', async (namespace) => {
      const of = repository();
      const id = of.commit({ 'index.html': 'one', 'site/index.html': 'below' });
      of.git(['tag', 'v1', id]);
      of.commit({ 'index.html': 'two' });
      const name = `rev-${namespace}`;
      await credential(namespace);
      await applyApp(namespace, name, git(of, typeof more === 'string' ? { revision: id.slice(0, 9) } : more));
      await waitFor(namespace, name, 'True/Ready');
      await answer(name, text);
    }),
  );

  it('is built with its submodules', () =>
    inNamespace('sub', async (namespace) => {
      const lib = repository();
      const id = lib.commit({ 'index.html': 'of the submodule' });
      const of = repository();
      const modules = `[submodule "x"]\n\tpath = site\n\turl = ../${lib.name.split('/').at(-1)}\n`;
      of.commitTree(
        of.rawTree([
          ['100644', '.gitmodules', of.blob(modules)],
          ['100644', 'index.html', of.blob('x')],
          ['160000', 'site', id],
        ]),
      );
      const name = `sub-${namespace}`;
      await credential(namespace);
      await applyApp(namespace, name, git(of, { submodules: 'Recursive' }));
      await waitFor(namespace, name, 'True/Ready');
      expect((await visit(`${name}.apps.localhost`, '/site/')).body.trim()).toBe('of the submodule');
    }));

  it('says what is wrong with its credential, and goes on by itself when that is put right', () =>
    inNamespace('cred', async (namespace) => {
      const of = repository();
      of.commit({ 'index.html': 'at last' });
      const name = `cred-${namespace}`;
      await applyApp(namespace, name, git(of));
      await waitFor(namespace, name, /\/SecretNotFound$/);
      await secret(namespace, 'git', { username: 'me', password: 'wrong', 'ca.crt': https.ca });
      const app = await waitFor(namespace, name, 'False/GitAuthFailed');
      expect(message(app)).toContain('refuses the credential of the Secret "git"');
      expect(await kubectl(['get', 'stageruns.epinio.io', '-n', namespace, '-o', 'wide'])).toContain('GitAuthFailed');
      await credential(namespace);
      await waitFor(namespace, name, 'True/Ready');
    }));

  it.each<[string, object, RegExp, RegExp]>([
    ['a branch that is not there', { revision: 'nope' }, /\/GitRevisionNotFound$/, /no branch or tag "nope"/],
    ['a folder that is not there', { subPath: 'nope' }, /\/GitPathNotFound$/, /nope is not in commit/],
  ])('says so of %s', (_name, more, reason, words) =>
    inNamespace('wrong', async (namespace) => {
      const of = repository();
      of.commit({ 'index.html': 'x' });
      await credential(namespace);
      // A host of its own: that of a namespace which has just gone is kept for a minute.
      await applyApp(namespace, `wrong-${namespace}`, git(of, more));
      expect(message(await waitFor(namespace, `wrong-${namespace}`, reason))).toMatch(words);
    }),
  );

  it('is fetched over ssh as the user of the builder; an unknown server is told with the line to add', () =>
    inNamespace('ssh', async (namespace) => {
      const of = repository();
      of.commit({ 'index.html': 'over ssh' });
      const name = `ssh-${namespace}`;
      await secret(namespace, 'git', { 'ssh-privatekey': ssh.key });
      await applyApp(namespace, name, { source: { git: { url: ssh.urlOf(of.name), secretRef: { name: 'git' } } } });
      const app = await waitFor(namespace, name, 'False/GitHostKeyUnknown');
      expect(message(app)).toContain(ssh.fingerprint);
      const line = /\[[\d.]+\]:\d+ ssh-ed25519 [A-Za-z0-9+/=]+/.exec(message(app))?.[0] ?? '';
      await secret(namespace, 'git', { 'ssh-privatekey': ssh.key, known_hosts: line });
      await waitFor(namespace, name, 'True/Ready');
      await answer(name, 'over ssh');
      await noCanary(namespace, ssh.key.split('\n').slice(1, -2));
    }));

  it('builds the commit that was looked up again after its pod is lost, and the newest one after a restage', () =>
    inNamespace('retry', async (namespace) => {
      const of = repository();
      const first = of.commit({ 'index.html': 'first' });
      const name = `retry-${namespace}`;
      await credential(namespace);
      const slow = { ...git(of, { revision: 'main' }), build: { env: [{ name: 'BP_TEST_FAIL', value: 'slow:20' }] } };
      await applyApp(namespace, name, slow);
      await until(
        'the run has recorded its commit',
        () => getApp(namespace, name),
        (app) => app?.status?.stageRun?.revision === first,
        90,
      );
      const second = of.commit({ 'index.html': 'second' });
      await kubectl(['delete', 'pods', '-n', namespace, '-l', 'app.kubernetes.io/component=staging', '--wait=false']);
      await waitFor(namespace, name, 'True/Ready', 'Ready', 240);
      await answer(name, 'first');
      expect((await getApp(namespace, name))?.status?.source?.revision).toBe(first);
      await applyApp(namespace, name, { ...git(of, { revision: 'main' }), build: { restage: '2' } });
      await answer(name, 'second');
      expect((await waitFor(namespace, name, 'True/Ready'))?.status?.source?.revision).toBe(second);
    }));

  it('follows a branch by a step of CI that may patch this App and nothing else', () =>
    inNamespace('ci', async (namespace) => {
      const of = repository();
      const first = of.commit({ 'index.html': 'before' });
      const name = `ci-${namespace}`;
      await credential(namespace);
      await applyApp(namespace, name, git(of, { revision: first }));
      await waitFor(namespace, name, 'True/Ready');
      await kubectl(['create', 'serviceaccount', 'ci', '-n', namespace]);
      const rights = ['--verb=get,patch', '--resource=apps.epinio.io', `--resource-name=${name}`];
      await kubectl(['create', 'role', 'ci', '-n', namespace, ...rights]);
      await kubectl(['create', 'rolebinding', 'ci', '-n', namespace, '--role=ci', `--serviceaccount=${namespace}:ci`]);
      const second = of.commit({ 'index.html': 'after' });
      const as = `--as=system:serviceaccount:${namespace}:ci`;
      const patch = JSON.stringify({ spec: { source: { git: { revision: second } } } });
      await kubectl(['patch', 'apps.epinio.io', name, '-n', namespace, '--type=merge', '-p', patch, as]);
      await answer(name, 'after');
      expect((await kubectlAnswer(['get', 'secrets', '-n', namespace, as])).stderr).toContain('Forbidden');
    }));
});
