import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../operator/api/app.ts';
import { StageRun } from '../operator/api/stagerun.ts';
import { loadAuth } from '../operator/kube/client/auth.ts';
import { Pod } from '../operator/kube/resource.ts';
import { kubeconfigPath } from '../operator/testing/apiserver.ts';
import { startFaultProxy } from '../operator/testing/faults.ts';
import { startKubelet, type Kubelet } from './testing/kubelet.ts';
import { plainKubeconfig, start, type Ended, type Running } from './testing/process.ts';
import { createWorld, type World } from './testing/world.ts';

let world: World;
let kubelet: Kubelet;
beforeAll(async () => {
  world = await createWorld();
  kubelet = await startKubelet(world.kube, `node-${world.namespace}`);
});
afterAll(async () => {
  await kubelet[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

interface Pushing {
  readonly name: string;
  readonly run: string;
  readonly command: Running;
}

let apps = 0;
const begin = async (kubeconfig: string, args: readonly string[]): Promise<Pushing> => {
  const name = `app-${++apps}`;
  const flags = ['push', '--name', name, '--namespace', world.namespace, '--path', world.folder, ...args];
  return { name, run: `${name}-0123456789`, command: await start(flags, { kubeconfig }) };
};

/** pushing starts a push of the world's folder. */
const pushing = async (args: readonly string[] = [], kubeconfig = kubeconfigPath()): Promise<Pushing> => {
  const push = await begin(kubeconfig, args);
  await push.command.said(/Applied/);
  return push;
};

const building = 'The image is being built.';
/** following starts a push and brings it to where it shows the log of the step fetch. */
const following = async (args: readonly string[] = [], kubeconfig = kubeconfigPath()): Promise<Pushing> => {
  const push = await pushing(args, kubeconfig);
  await world.build(push.name, push.run, kubelet.node);
  const conditions = [`Ready=Unknown/Staging: ${building}`, `Staged=Unknown/Staging: ${building}`];
  const read = kubelet.reading(push.run);
  await world.tell(push.name, { conditions, more: { stageRun: { desired: push.run } } });
  await read;
  return push;
};

/** Whatever happens, a command says one sentence about it, shows no stack and leaves nothing behind. */
const clean = (ended: Ended, code: number, what: RegExp): void => {
  expect(ended).toMatchObject({ code, signal: null, stdout: '', left: [] });
  expect(ended.stderr).not.toMatch(/^ {4}at |node:internal|Unhandled/m);
  expect(ended.stderr.match(/^epinio: .*$/gm)).toHaveLength(1);
  expect(ended.stderr).toMatch(what);
};

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends a push that follows a log with %d', async (signal, code) => {
    const { command } = await following();
    command.kill(signal);
    clean(await command.ended, code, /was applied and goes on/);
  });

  it('ends a push that waits for the operator', async () => {
    const { command } = await pushing();
    command.kill('SIGINT');
    clean(await command.ended, 130, /^epinio: interrupted$/m);
  });

  it('ends a push in the middle of its upload', async () => {
    const { name, command } = await pushing();
    const asked = Promise.withResolvers<void>();
    const storage = createServer(() => asked.resolve());
    storage.on('checkContinue', () => asked.resolve());
    await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(storage.address() as AddressInfo).port}/blob`;
    const sha256 = (await world.kube.get(App, { namespace: world.namespace, name }))?.spec.source?.blob?.sha256 ?? '';
    const upload = { sha256, since: '2026-01-01T00:00:00Z', url };
    await world.tell(name, { conditions: ['SourceReady=False/AwaitingUpload'], more: { upload } });
    await asked.promise;
    command.kill('SIGTERM');
    clean(await command.ended, 143, /was applied and goes on/);
    storage.closeAllConnections();
    storage.close();
  });
});

describe('a closed pipe', () => {
  it('ends a push when nobody reads what it says', async () => {
    const { name, command } = await following();
    command.hangUp('stderr');
    await world.tell(name, { conditions: ['Ready=Unknown/Queued', 'Staged=Unknown/Queued: Two are ahead.'] });
    expect(await command.ended).toMatchObject({ code: 141, stdout: '', left: [] });
  });

  it('is told by the exit code when nobody reads the URL', async () => {
    const { name, command } = await pushing();
    command.hangUp('stdout');
    await world.ready(name);
    const ended = await command.ended;
    expect(ended).toMatchObject({ code: 141, left: [] });
    expect(ended.stderr).not.toMatch(/^ {4}at /m);
  });
});

describe('a time-out', () => {
  it('ends a push that follows a log', async () => {
    const { command } = await following(['--timeout', '8']);
    clean(await command.ended, 4, /was not ready within 8 s/);
  });

  it('says that nobody answers where no operator does', async () => {
    const { command } = await pushing(['--timeout', '11']);
    await command.said(/No operator has looked at the App for 10 s/);
    clean(await command.ended, 4, /nobody answers: see whether the operator runs/);
  });
});

describe('what goes away under a push', () => {
  it('the App: that is an end', async () => {
    const { name, command } = await following();
    const key = { namespace: world.namespace, name };
    const app = await world.kube.get(App, key);
    await world.kube.remove(App, key, { uid: app?.metadata.uid ?? '' });
    clean(await command.ended, 1, /was deleted during the push/);
  });

  it('the build and its pod: the next build is followed, and the push ends well', async () => {
    const { name, run, command } = await following();
    const namespace = world.namespace;
    const { items } = await world.kube.list(Pod, { namespace, labelSelector: `epinio.io/stagerun=${run}` });
    await world.kube.remove(
      Pod,
      { namespace, name: items[0]?.metadata?.name ?? '' },
      { uid: items[0]?.metadata?.uid ?? '' },
    );
    const before = await world.kube.get(StageRun, { namespace, name: run });
    await world.kube.remove(StageRun, { namespace, name: run }, { uid: before?.metadata.uid ?? '' });
    kubelet.end(run, 'broken');
    const again = kubelet.reading(run, 2);
    await world.build(name, run, kubelet.node);
    await again;
    kubelet.write(run, 'second attempt');
    await command.said(/\[fetch\] second attempt/);
    await world.ready(name);
    const ended = await command.ended;
    expect(ended).toMatchObject({ code: 0, stdout: `http://${name}.example.com\n`, left: [] });
    expect(ended.stderr.match(/Building \(StageRun/g)).toHaveLength(2);
    expect(ended.stderr).not.toMatch(/cannot be shown/);
  });

  it('the connection of a log: it is continued, without a line that is missing or twice', async () => {
    const { name, run, command } = await following();
    kubelet.write(run, 'one');
    await command.said(/one/);
    const again = kubelet.reading(run, 2);
    kubelet.end(run, 'broken');
    expect((await again).get('sinceTime')).toMatch(/Z$/);
    kubelet.replay(run);
    kubelet.write(run, 'two \u001b]0;title\u0007\u001b[2Jend');
    await command.said(/two end/);
    await world.ready(name);
    const ended = await command.ended;
    expect(ended.code).toBe(0);
    expect(ended.stderr.match(/\[fetch\] .*/g)).toEqual(['[fetch] one', '[fetch] two end']);
  });
});

describe('behind a door of its own', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'epinio-door-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('a cluster that does not answer for a while is waited for', async () => {
    await using door = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    const { name, command } = await pushing([], await plainKubeconfig(folder, door.url));
    const fault = door.inject({ match: () => true, fault: { type: 'dropBefore' } });
    await command.said(/The cluster does not answer/);
    fault.remove();
    await command.said(/The cluster answers again/);
    await world.ready(name);
    expect(await command.ended).toMatchObject({ code: 0, stdout: `http://${name}.example.com\n`, left: [] });
  });

  it('credentials that expire are an end', async () => {
    await using door = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
    const { command } = await pushing([], await plainKubeconfig(folder, door.url));
    door.inject({ match: () => true, fault: { type: 'answer', code: 401, reason: 'Unauthorized' } });
    clean(await command.ended, 3, /does not accept your credentials \(401\)\n.*log in/);
  });

  it('a cluster that is not there is told at once', async () => {
    const { command } = await begin(await plainKubeconfig(folder, 'http://127.0.0.1:1'), []);
    clean(await command.ended, 3, /cannot be reached[\s\S]*nothing was changed in the cluster/);
  });
});

it('a mistake of the command itself is one sentence too, with the stack for who asks for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'epinio-mistake-'));
  const door = await startFaultProxy(loadAuth({ kubeconfig: kubeconfigPath() }));
  const kubeconfig = await plainKubeconfig(folder, door.url);
  for (const debug of [false, true]) {
    const boom = 'process.once("SIGUSR2", () => { throw new TypeError("boom") })';
    const env = {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(boom)}`,
      ...(debug && { EPINIO_DEBUG: '1' }),
    };
    const flags = ['push', '--name', `mistake-${debug}`, '--namespace', world.namespace, '--path', world.folder];
    const command = await start(flags, { kubeconfig, env });
    await command.said(/Applied/);
    command.kill('SIGUSR2');
    const ended = await command.ended;
    expect(ended).toMatchObject({ code: 70, stdout: '', left: [] });
    expect(ended.stderr).toMatch(/^epinio: a mistake of epinio itself: boom\n {2}run it again with EPINIO_DEBUG=1/m);
    expect(/^ {4}at /m.test(ended.stderr)).toBe(debug);
  }
  await door.close();
  await rm(folder, { recursive: true });
});

describe('the command line', () => {
  it.each<[string, readonly string[], number, RegExp]>([
    ['an unknown flag', ['push', '--what'], 2, /unknown option '--what'/],
    ['an unknown command', ['pull'], 2, /unknown command 'pull'/],
    ['no time to wait', ['push', '--timeout', '-1'], 2, /must be a time such as 90s/],
    ['a file that is no archive', ['push', '--name', 'x', '--path', import.meta.filename], 1, /is no archive/],
    ['a name that is none', ['push', '--name', 'A_B'], 1, /cannot be the name of an App/],
  ])('%s', async (_, args, code, words) => {
    const ended = await (await start(args, { kubeconfig: kubeconfigPath() })).ended;
    expect(ended).toMatchObject({ code, stdout: '', left: [] });
    expect(ended.stderr).toMatch(words);
    expect(ended.stderr).not.toMatch(/^ {4}at /m);
  });

  it('tells its version', async () => {
    const ended = await (await start(['--version'])).ended;
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string });
  });
});
