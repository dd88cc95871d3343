import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubeconfigPath, kubectlPath } from '../cluster/access.ts';
import { getApp, inNamespace, page, stageRuns, waitFor, withArchive } from './lib/apps.ts';
import { command, kubectl, until, visit } from './lib/cluster.ts';
import { withTenant } from './lib/tenants.ts';

const program = join(import.meta.dirname, '..', '..', 'dist', 'epinio');
const name = `commands-${Math.random().toString(36).slice(2, 7)}`;
const host = `${name}.apps.localhost`;

let namespace = '';
let finish: () => void;
let over: Promise<unknown>;

/** The namespace stands before what belongs to a command in a pod. */
const epinio = (group: string, ...args: readonly string[]) => {
  const at = args.includes('--') ? args.indexOf('--') : args.length;
  return command(program, [group, ...args.slice(0, at), '--namespace', namespace, ...args.slice(at)]);
};
const push = (text: string) =>
  withArchive(page(text), (_, folder) =>
    command(program, ['push', '--name', name, '--path', folder, '--namespace', namespace]),
  );
const served = async (): Promise<string> => (await visit(host)).body.trim();

/** One App that all commands work on, in the order in which a person would. */
beforeAll(async () => {
  const ready = Promise.withResolvers<string>();
  const done = new Promise<void>((resolve) => (finish = resolve));
  over = inNamespace('commands', async (made) => {
    ready.resolve(made);
    await done;
  });
  namespace = await ready.promise;
  expect(await push('one')).toMatchObject({ code: 0 });
});
afterAll(async () => {
  finish();
  await over;
});

describe('epinio, on an App that runs', () => {
  it('lists and shows it', async () => {
    expect((await epinio('app', 'list')).stdout).toMatch(
      new RegExp(`^${name} +True +Ready +1/1 .*http://${host}$`, 'm'),
    );
    const { stdout } = await epinio('app', 'show', name);
    expect(stdout).toMatch(/● +\S+ +serves +Source/);
    expect(stdout).toMatch(/✓ +\S+ +Ready +0 /);
    expect((await epinio('route', 'list', '--app', name)).stdout).toContain(host);
  });

  it('checks that all is well, for a person with edit too', async () => {
    const { stdout, stderr, code } = await epinio('check');
    expect(stdout + stderr).not.toMatch(/^✗/m);
    expect(code).toBe(0);
    await withTenant('check', async ({ namespace: theirs, kubeconfig }) => {
      const answer = await command(program, ['check', '--namespace', theirs], '', { KUBECONFIG: kubeconfig });
      expect(answer.stdout).toMatch(/^✓ Rights/m);
      expect(answer.stdout).not.toMatch(/^✗/m);
    });
  });

  it('shows what its pods write, and its build', async () => {
    expect((await epinio('app', 'logs', name)).code).toBe(0);
    expect((await epinio('app', 'logs', name, '--staging')).stdout).toMatch(/^\[build\] /m);
  });

  it('follows its log, and ends when it is told to', async () => {
    const args = ['app', 'logs', name, '--follow', '--namespace', namespace];
    const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: kubeconfigPath() } });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const writes = ['sh', '-c', 'echo written by the app > /proc/1/fd/1'];
    expect((await epinio('app', 'exec', name, '--', ...writes)).code).toBe(0);
    await until(
      'a line of the log',
      async () => said,
      (text) => /^\[\S+\] written by the app$/m.test(text),
      60,
    );
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });

  it('runs a command in a pod, with its input and its exit code', async () => {
    const ran = await command(
      program,
      ['app', 'exec', name, '-i', '--namespace', namespace, '--', 'sh', '-c', 'cat; echo out; echo err >&2; exit 3'],
      'in\n',
    );
    expect(ran).toMatchObject({ code: 3, stdout: 'in\nout\n', stderr: 'err\n' });
    expect((await epinio('app', 'exec', name, '--', '/no/such/program')).stderr).toMatch(/epinio: /);
  });

  it('forwards a port to it', async () => {
    const child = spawn(program, ['app', 'port-forward', name, ':8080', '--namespace', namespace], {
      env: { ...process.env, KUBECONFIG: kubeconfigPath() },
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      await until(
        'the port',
        async () => said,
        (text) => /from 127\.0\.0\.1:\d+ /.test(text),
        30,
      );
      const [, port = ''] = /from 127\.0\.0\.1:(\d+) /.exec(said) ?? [];
      const ask = () =>
        new Promise<string>((resolve, reject) =>
          get({ host: '127.0.0.1', port, agent: false }, (response) => {
            let body = '';
            response.on('data', (chunk: Buffer) => (body += chunk.toString()));
            response.on('end', () => resolve(body.trim()));
          }).on('error', reject),
        );
      expect(await Promise.all([ask(), ask(), ask()])).toEqual(['one', 'one', 'one']);
    } finally {
      child.kill('SIGINT');
      await ended;
    }
  });

  it('scales, sets variables from a configuration, and restarts', async () => {
    expect((await epinio('app', 'scale', name, '2', '--wait')).code).toBe(0);
    expect((await epinio('configuration', 'create', 'db', 'password=s3cret')).code).toBe(0);
    expect((await epinio('app', 'env', 'set', name, '--from-secret', 'db', 'PASSWORD=password', '--wait')).code).toBe(
      0,
    );
    const shown = await epinio('app', 'exec', name, '--', 'sh', '-c', 'printf %s "$PASSWORD"');
    expect(shown).toMatchObject({ code: 0, stdout: 's3cret' });
    const before = await kubectl([
      'get',
      'pods',
      '-n',
      namespace,
      '-l',
      `epinio.io/app=${name},epinio.io/process`,
      '-o',
      'name',
    ]);
    expect((await epinio('app', 'restart', name, '--wait')).code).toBe(0);
    expect(
      await kubectl(['get', 'pods', '-n', namespace, '-l', `epinio.io/app=${name},epinio.io/process`, '-o', 'name']),
    ).not.toBe(before);
    expect((await getApp(namespace, name))?.spec).toMatchObject({
      replicas: 2,
      source: { blob: expect.anything() as object },
    });
  });

  it('goes back to an earlier build and forward again, and builds anew', async () => {
    expect(await push('two')).toMatchObject({ code: 0 });
    expect(await served()).toBe('two');
    expect((await epinio('app', 'rollback', name, '--wait')).code).toBe(0);
    await until('the earlier page', served, (text) => text === 'one', 60);
    expect((await epinio('app', 'history', name)).stdout).toMatch(/● .* rolled back to it/);
    expect((await epinio('app', 'rollback', name, '--off', '--wait')).code).toBe(0);
    await until('the later page', served, (text) => text === 'two', 60);
    const runs = (await stageRuns(namespace)).length;
    expect((await epinio('app', 'restage', name, '--wait')).code).toBe(0);
    expect((await stageRuns(namespace)).length).toBeGreaterThan(runs);
  });

  it('writes a manifest that makes the same App again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'epinio-e2e-manifest-'));
    try {
      const file = join(folder, 'app.yaml');
      expect((await epinio('app', 'manifest', name, file)).code).toBe(0);
      await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], await readFile(file, 'utf8'));
      await waitFor(namespace, name, 'True/Ready');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is kubectl epinio too', async () => {
    const PATH = `${join(program, '..')}:${process.env['PATH'] ?? ''}`;
    const answer = await command(kubectlPath(), ['epinio', 'app', 'list', '-n', namespace, '-o', 'name'], '', { PATH });
    expect(answer).toMatchObject({ code: 0, stdout: `app.epinio.io/${name}\n` });
  });

  it('deletes it, with all that belongs to it', async () => {
    expect((await epinio('app', 'delete', name)).code).toBe(2);
    expect((await epinio('app', 'delete', name, '--yes', '--wait')).code).toBe(0);
    expect(await getApp(namespace, name)).toBeUndefined();
    await until(
      'its StageRuns',
      () => stageRuns(namespace),
      (runs) => runs.length === 0,
      60,
    );
  });
});
