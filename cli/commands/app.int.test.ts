import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../../operator/api/app.ts';
import { applyApp, archive, inWorld, makeRun, readApp } from '../testing/commands.ts';
import { conditionOf } from '../testing/conditions.ts';
import { createWorld, type World } from '../testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const epinio = (...args: readonly string[]) => inWorld(world, args);

describe('epinio app list and show', () => {
  it('list Apps for people and for machines', async () => {
    await applyApp(world, 'listed', { replicas: 2 });
    await world.tell('listed', {
      conditions: ['Ready=False/CrashLoopBackOff: It crashes.'],
      more: { readyReplicas: 1 },
    });
    const table = await epinio('app', 'list');
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^NAME +READY +STATUS +INSTANCES +AGE +URL$/m);
    expect(table.stdout).toMatch(/^listed +False +CrashLoopBackOff +1\/2 /m);
    expect((await epinio('app', 'ls', '-o', 'name')).stdout).toMatch(/^app\.epinio\.io\/listed$/m);
    const json = JSON.parse((await epinio('app', 'list', '-o', 'json')).stdout) as { items: App[] };
    expect(json.items.find(({ metadata }) => metadata.name === 'listed')).toMatchObject({ spec: { replicas: 2 } });
  });

  it('draw the history: which run serves, which failed, and why', async () => {
    const app = await applyApp(world, 'drawn', { source: archive });
    const times = { startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:00:12Z' };
    const ended = (status: string, reason: string) => ({
      conditions: [conditionOf(`Succeeded=${status}/${reason}: Told.`, 1)],
    });
    await makeRun(world, app, 'drawn-good', { ...times, ...ended('True', 'Succeeded'), image: 'r/x@sha256:1' });
    const failure = {
      step: 'build',
      exitCode: 51,
      reason: 'BuildFailed',
      message: 'A buildpack failed.',
      logTail: 'no \u001b[2Jsuch module',
    };
    await makeRun(world, app, 'drawn-bad', { ...times, ...ended('False', 'BuildFailed'), failure });
    await world.tell('drawn', {
      conditions: [
        'Ready=False/StageRunFailed: The build failed.',
        'Staged=False/StageRunFailed: It failed.',
        'Deployed=True/Deployed: It runs.',
      ],
      more: { stageRun: { desired: 'drawn-bad', deployed: 'drawn-good' }, url: 'https://drawn.example.org' },
    });
    const { stdout, code } = await epinio('app', 'show', 'drawn');
    expect(code).toBe(0);
    expect(stdout).toMatch(/● +drawn-good +serves +Source +archive a{10} +12s/);
    expect(stdout).toMatch(/✗ +drawn-bad +BuildFailed .* step build, exit code 51: A buildpack failed\./);
    expect(stdout).toMatch(/✓ Deployed: Deployed – It runs\./);
    expect(stdout).toContain('  no such module');
    expect(stdout).not.toContain('\u001b');
    expect((await epinio('app', 'history', 'drawn')).stdout).toMatch(/● +drawn-good +serves/);
    const yaml = await epinio('app', 'show', 'drawn', '-o', 'yaml');
    expect(yaml.stdout).toMatch(/^kind: App$/m);
  });

  it('write a manifest that can be applied again', async () => {
    await applyApp(world, 'written', { source: archive, env: [{ name: 'A', value: 'no' }] });
    const folder = await mkdtemp(join(tmpdir(), 'epinio-manifest-'));
    try {
      const file = join(folder, 'app.yaml');
      expect((await epinio('app', 'manifest', 'written', file)).code).toBe(0);
      const text = await readFile(file, 'utf8');
      expect(text).not.toMatch(/uid|resourceVersion|managedFields|status/);
      expect(text).toMatch(/value: "no"/);
      expect(await epinio('app', 'manifest', 'written', file)).toMatchObject({ code: 1 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a change of an App', () => {
  it('leaves alone what push applied before, and what others own', async () => {
    await applyApp(world, 'kept', { source: archive, env: [{ name: 'PUSHED', value: '1' }] }, 'epinio-cli');
    await applyApp(world, 'kept', { port: 3000 }, 'argocd-controller');
    expect((await epinio('app', 'scale', 'kept', '3')).code).toBe(0);
    expect((await epinio('app', 'restart', 'kept')).code).toBe(0);
    expect((await epinio('app', 'env', 'set', 'kept', 'B=2', 'C=a=b')).code).toBe(0);
    expect((await readApp(world, 'kept')).spec).toMatchObject({
      source: archive,
      port: 3000,
      replicas: 3,
      restart: expect.any(String) as string,
      env: [
        { name: 'PUSHED', value: '1' },
        { name: 'B', value: '2' },
        { name: 'C', value: 'a=b' },
      ],
    });
  });

  it('takes over what a person wrote with kubectl, and says who else keeps a field', async () => {
    await applyApp(world, 'owned', { replicas: 2 }, 'kubectl-client-side-apply');
    expect((await epinio('app', 'scale', 'owned', '3')).code).toBe(0);
    await applyApp(world, 'synced', { replicas: 2, env: [{ name: 'A', value: '1' }] }, 'argocd-controller');
    const refused = await epinio('app', 'scale', 'synced', '3');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/spec\.replicas is managed by argocd-controller since 20\d\d-/);
    expect(refused.stderr).toMatch(/--force/);
    expect((await epinio('app', 'env', 'unset', 'synced', 'A')).stderr).toMatch(
      /spec\.env\[name="A"\] is managed by argocd-controller/,
    );
    expect((await readApp(world, 'synced')).spec).toMatchObject({ replicas: 2, env: [{ name: 'A', value: '1' }] });
    expect((await epinio('app', 'scale', 'synced', '3', '--force')).code).toBe(0);
    expect((await readApp(world, 'synced')).spec.replicas).toBe(3);
  });

  it('removes variables whoever of the people wrote them, and replaces a reference by a value', async () => {
    const ref = { secretKeyRef: { name: 'db', key: 'password' } };
    await applyApp(world, 'env', {
      env: [
        { name: 'A', value: '1' },
        { name: 'REF', valueFrom: ref },
      ],
    });
    await epinio('app', 'env', 'set', 'env', 'B', 'two words');
    expect((await epinio('app', 'env', 'list', 'env')).stdout).toMatch(/REF +<Secret db, key password>/);
    expect((await epinio('app', 'env', 'unset', 'env', 'A')).code).toBe(0);
    expect((await epinio('app', 'env', 'set', 'env', 'REF=plain')).code).toBe(0);
    expect((await epinio('app', 'env', 'set', 'env', '--from-secret', 'db', 'URL=url')).code).toBe(0);
    expect((await readApp(world, 'env')).spec.env).toEqual([
      { name: 'REF', value: 'plain' },
      { name: 'B', value: 'two words' },
      { name: 'URL', valueFrom: { secretKeyRef: { name: 'db', key: 'url' } } },
    ]);
    expect((await epinio('app', 'env', 'show', 'env', 'B')).stdout).toBe('two words\n');
    expect((await epinio('app', 'env', 'unset', 'env', 'NONE')).stderr).toMatch(/has no variable NONE/);
    await epinio('app', 'env', 'set', 'env', '--build', 'BP_NODE_VERSION=24');
    expect((await readApp(world, 'env')).spec.build?.env).toEqual([{ name: 'BP_NODE_VERSION', value: '24' }]);
  });

  it('goes back to the build before and forward again', async () => {
    const app = await applyApp(world, 'back', { source: archive });
    const built = { conditions: [conditionOf('Succeeded=True/Succeeded: Built.', 1)], image: 'r/x@sha256:1' };
    expect((await epinio('app', 'rollback', 'back')).stderr).toMatch(/has no earlier build/);
    await makeRun(world, app, 'back-one', built);
    // Creation times have whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await makeRun(world, app, 'back-two', built);
    await world.tell('back', {
      conditions: ['Ready=True/Ready: It runs.'],
      more: { stageRun: { deployed: 'back-two' } },
    });
    expect((await epinio('app', 'rollback', 'back')).code).toBe(0);
    expect((await readApp(world, 'back')).spec.stageRun).toBe('back-one');
    expect((await epinio('app', 'restage', 'back')).stderr).toMatch(/is pinned to the StageRun back-one/);
    expect((await epinio('app', 'rollback', 'back', '--off')).code).toBe(0);
    expect((await readApp(world, 'back')).spec.stageRun).toBeUndefined();
    expect((await epinio('app', 'restage', 'back')).code).toBe(0);
    expect((await readApp(world, 'back')).spec.build?.restage).toMatch(/^20/);
    expect((await epinio('app', 'rollback', 'back', 'nope')).stderr).toMatch(/has no StageRun nope/);
  });

  it('waits until the App is so, or says why it will not be', async () => {
    await applyApp(world, 'waited', {});
    const waiting = epinio('app', 'scale', 'waited', '2', '--wait');
    await expect.poll(async () => (await readApp(world, 'waited')).spec.replicas, { timeout: 20_000 }).toBe(2);
    await world.tell('waited', {
      conditions: ['Ready=True/Ready: It runs.'],
      more: { url: 'http://waited.example.org' },
    });
    expect(await waiting).toMatchObject({ code: 0, stdout: 'http://waited.example.org\n' });
    const late = epinio('app', 'scale', 'waited', '4', '--wait', '--timeout', '1s');
    expect(await late).toMatchObject({ code: 4 });
    const failing = epinio('app', 'scale', 'waited', '5', '--wait');
    await expect.poll(async () => (await readApp(world, 'waited')).spec.replicas, { timeout: 20_000 }).toBe(5);
    await world.tell('waited', {
      conditions: ['Ready=False/CrashLoopBackOff: It crashes.', 'Stalled=True/CrashLoopBackOff: It crashes.'],
    });
    expect((await failing).stderr).toMatch(/epinio: CrashLoopBackOff: It crashes\./);
  });
});

describe('epinio app delete', () => {
  it('says what goes, asks, and deletes nothing where nobody can answer', async () => {
    await applyApp(world, 'gone', {});
    await applyApp(world, 'gone-too', {});
    const asked = await epinio('app', 'delete', 'gone');
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(/Deletes gone in namespace/);
    expect(asked.stderr).toMatch(/--yes/);
    expect(await epinio('app', 'delete', 'gone', 'never-there', '--yes')).toMatchObject({ code: 1 });
    expect(await world.kube.get(App, { namespace: world.namespace, name: 'gone' })).toBeDefined();
    expect((await epinio('app', 'delete', 'gone', 'gone-too', '--yes')).code).toBe(0);
    expect(await world.kube.get(App, { namespace: world.namespace, name: 'gone' })).toBeUndefined();
    expect(await epinio('app', 'delete', '--yes')).toMatchObject({ code: 2 });
  });
});
