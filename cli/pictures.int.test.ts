import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../operator/api/app.ts';
import { labels } from '../operator/api/names.ts';
import { stepNames, type StepName } from '../operator/api/steps.ts';
import { StageRun } from '../operator/api/stagerun.ts';
import { Pod } from '../operator/kube/resource.ts';
import { kubeconfigPath } from '../operator/testing/apiserver.ts';
import { startKubelet, type Kubelet } from './testing/kubelet.ts';
import { startInTerminal, type Session } from './testing/tmux.ts';
import { createWorld, write, type World } from './testing/world.ts';

// The command in a terminal, with the test as operator, kubelet and storage: docs/pictures has what it shows. Record them anew
// with `vitest run --project integration cli/pictures.int.test.ts -u`.

let world: World;
let kubelet: Kubelet;
let storage: Server;
beforeAll(async () => {
  world = await createWorld('demo');
  kubelet = await startKubelet(world.kube, `node-${world.namespace}`);
  await write(world.folder, 'package.json', '{"name":"shop"}');
  storage = createServer((request, response) => void request.resume().once('end', () => response.end()));
  await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  storage.closeAllConnections();
  storage.close();
  await kubelet[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const folder = join(import.meta.dirname, '..', 'docs', 'pictures');

/** What differs from run to run: the archive, the port of the storage, and how long the test itself took. */
const steady = (text: string): string =>
  text
    .replace(/127\.0\.0\.1:\d+/g, 's3.example.com')
    // It may go on in the next line.
    .replace(/(?<=sha256 )[0-9a-f\n]{12,13}(?=…)/g, (digits) => digits.replaceAll(/[0-9a-f]/g, '0'))
    .replace(/\b\d+(?:\.\d)? (?:B|KiB)/g, '512 B')
    // What is done says how long it took only where that was a second and more.
    .replace(/^( {2}[✓+] (?!Build).*?) {2}\d+s$/gm, '$1')
    .replace(/\b\d+s$/gm, '3s');

const picture = async (
  name: string,
  ...moments: readonly (readonly [when: string, shown: string])[]
): Promise<void> => {
  const text = moments.map(([when, shown]) => `# ${when}\n\n${steady(shown)}\n`).join('\n');
  await expect(text).toMatchFileSnapshot(join(folder, `${name}.txt`));
};

const source = { there: 'SourceReady=True/SourceAvailable: The source is there.' };
const build = {
  waits: 'Staged=Unknown/AwaitingUpload: The build waits for the archive.',
  queued: 'Staged=Unknown/Queued: 2 builds are ahead. StageRun "shop-0123456789" waits.',
  runs: 'Staged=Unknown/Staging: The image is being built.',
  done: (run: string) => `Staged=True/Staged: StageRun "${run}" built the image.`,
};
const rollout = {
  none: 'Deployed=Unknown/AwaitingImage: There is no image to run yet.',
  runs: 'Deployed=Unknown/RollingOut: 0 of 1 new pods are ready.',
  done: 'Deployed=True/Deployed: The pods run the wanted image.',
};
const route = {
  waits: 'Routed=Unknown/RoutesNotReady: The Ingress has no address yet.',
  done: 'Routed=True/Routed: All routes lead to the App.',
};

const push = async (name: string, more: { readonly width?: number; readonly env?: Record<string, string> } = {}) => {
  const args = ['push', '--name', name, '--namespace', world.namespace];
  const session = await startInTerminal(args, { kubeconfig: kubeconfigPath(), cwd: world.folder, ...more });
  await session.shows(/Applied App/);
  return session;
};

/** upload lets the command upload its archive. */
const upload = async (name: string, session: Session): Promise<void> => {
  const sha256 = (await world.kube.get(App, { namespace: world.namespace, name }))?.spec.source?.blob?.sha256 ?? '';
  const url = `http://127.0.0.1:${(storage.address() as AddressInfo).port}/blob`;
  await world.tell(name, {
    conditions: ['SourceReady=False/AwaitingUpload: The archive is awaited.', build.waits, rollout.none, route.waits],
    more: { upload: { sha256, since: '2026-01-01T00:00:00Z', url } },
  });
  await session.shows(/Uploading/);
};

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();

/** steps are those of a build pod: all before one that runs or has failed are done, in a second each. */
const stepsOf = (now: StepName | 'done', state: 'running' | 'failed') =>
  stepNames.flatMap((name, i) => {
    const isNow = name === now;
    if (now !== 'done' && stepNames.indexOf(now) < i) return [];
    const running = { running: { startedAt: new Date().toISOString() } };
    const exitCode = isNow ? 51 : 0;
    const terminated = { terminated: { exitCode, startedAt: at(i), finishedAt: at(i + (name === 'build' ? 8 : 1)) } };
    const base = { name, image: 'x', imageID: '', ready: true, restartCount: 0 };
    return [{ ...base, state: isNow && state === 'running' ? running : terminated }];
  });

const tellPod = async (run: string, now: StepName | 'done', state: 'running' | 'failed' = 'running'): Promise<void> => {
  const { namespace } = world;
  const { items } = await world.kube.list(Pod, { namespace, labelSelector: `${labels.stageRun}=${run}` });
  const name = items[0]?.metadata?.name ?? '';
  const phase = now === 'done' ? 'Succeeded' : state === 'failed' ? 'Failed' : 'Running';
  const status = { phase, containerStatuses: stepsOf(now, state) };
  await world.kube.apply(
    Pod,
    { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, status },
    { subresource: 'status' },
  );
};

/** building brings a push to its step build, with a line of its log. */
const building = async (name: string, session: Session): Promise<string> => {
  const run = `${name}-0123456789`;
  await world.build(name, run, kubelet.node);
  await tellPod(run, 'build');
  const conditions = [source.there, build.runs, rollout.none, route.waits];
  await world.tell(name, { conditions, more: { stageRun: { desired: run } } });
  for (let nth = 1; nth <= 4; nth++) {
    await kubelet.reading(run, nth);
    kubelet.end(run);
  }
  await kubelet.reading(run, 5);
  kubelet.write(run, 'added 12 packages in 3s (all of them)');
  await session.shows(/added 12/);
  return run;
};

const endBuild = async (run: string, status: object): Promise<void> => {
  await world.kube.apply(
    StageRun,
    {
      apiVersion: 'epinio.io/v1alpha1',
      kind: 'StageRun',
      metadata: { name: run, namespace: world.namespace },
      status: { completionTime: new Date().toISOString(), ...status },
    },
    { subresource: 'status' },
  );
};

/** built ends the step build well, and the step export after it. */
const built = async (name: string, session: Session): Promise<string> => {
  const run = await building(name, session);
  await tellPod(run, 'done');
  kubelet.end(run);
  await kubelet.reading(run, 6);
  kubelet.write(run, 'the image is pushed');
  kubelet.end(run);
  await session.shows(/the image is pushed/);
  await endBuild(run, {});
  await world.tell(name, { conditions: [source.there, build.done(run), rollout.runs, route.waits] });
  await session.shows(/0 of 1 new pods are ready/);
  return run;
};

describe('what a push shows in a terminal', () => {
  it('when it goes well', async () => {
    const session = await push('shop');
    await upload('shop', session);
    await world.tell('shop', { conditions: [source.there, build.queued, rollout.none, route.waits] });
    const queued = await session.shows(/2 builds are ahead.*\d+s/);
    const run = await building('shop', session);
    const during = await session.shows(/added[^]*restore 1s, build \d+s/);
    await tellPod(run, 'done');
    kubelet.end(run);
    await kubelet.reading(run, 6);
    kubelet.write(run, 'the image is pushed');
    kubelet.end(run);
    await session.shows(/the image is pushed/);
    await endBuild(run, {});
    await world.tell('shop', { conditions: [source.there, build.done(run), rollout.runs, route.waits] });
    const rolling = await session.shows(/0 of 1 new pods are ready.*\d+s/);
    const app = await world.kube.get(App, { namespace: world.namespace, name: 'shop' });
    const sha256 = app?.spec.source?.blob?.sha256 ?? '';
    const conditions = ['Ready=True/Ready: It runs.', source.there, build.done(run), rollout.done, route.done];
    await world.tell('shop', { conditions, more: { source: { sha256 }, url: 'https://shop.example.com' } });
    const { code, shown } = await session.ended();
    expect(code).toBe(0);
    await picture(
      'push-serves',
      ['It waits for its turn', queued],
      ['It is built', during],
      ['Its pods start', rolling],
      ['It serves', shown],
    );
  });

  it('when its build fails', async () => {
    const session = await push('broken');
    const run = await building('broken', session);
    kubelet.write(run, 'npm error missing script: build');
    await session.shows(/missing script/);
    await tellPod(run, 'build', 'failed');
    kubelet.end(run);
    const message = 'The step build ended with exit code 51: a buildpack failed.';
    await endBuild(run, {
      failure: { step: 'build', exitCode: 51, reason: 'BuildFailed', message, logTail: 'npm error' },
    });
    const conditions = [
      `Ready=False/BuildFailed: ${message}`,
      `Stalled=True/BuildFailed: ${message}`,
      source.there,
      `Staged=False/BuildFailed: ${message}`,
      'Deployed=False/AwaitingImage: There is no image to run yet.',
      route.waits,
    ];
    await world.tell('broken', { conditions, more: { stageRun: { desired: run } } });
    const { code, shown } = await session.ended();
    expect(code).toBe(1);
    await picture('push-build-fails', ['The build fails', shown]);
  });

  it('when its pods crash', async () => {
    const session = await push('crashes');
    const run = await built('crashes', session);
    const message = 'The app exits with 1. The log ends with "Error: no DATABASE_URL".';
    const failing = `Deployed=False/CrashLoopBackOff: ${message}`;
    await world.tell('crashes', { conditions: [source.there, build.done(run), failing, route.waits] });
    const first = await session.shows(/! Rollout.*\d+s/);
    const summary = [`Ready=False/CrashLoopBackOff: ${message}`, `Stalled=True/CrashLoopBackOff: ${message}`];
    await world.tell('crashes', { conditions: [...summary, source.there, build.done(run), failing, route.waits] });
    const { code, shown } = await session.ended();
    expect(code).toBe(1);
    await picture('push-crashes', ['The first crash, which may pass', first], ['It crashes again and again', shown]);
  });

  it('when its host is taken, in a narrow terminal without UTF-8', async () => {
    const session = await push('taken', { width: 40, env: { LC_ALL: 'C', NO_COLOR: '1' } });
    const message = 'The host shop.example.com belongs to another namespace.';
    const conditions = [
      `Ready=False/RouteConflict: ${message}`,
      `Stalled=True/RouteConflict: ${message}`,
      source.there,
      'Staged=Unknown/AwaitingRoutes: The build waits until the routes of the App are accepted.',
      rollout.none,
      `Routed=False/RouteConflict: ${message}`,
    ];
    await world.tell('taken', { conditions });
    const { code, shown } = await session.ended();
    expect(code).toBe(1);
    expect(steady(shown)).toMatch(/^[ -~\n…]*$/);
    await picture('push-route-taken', ['The host is taken', shown]);
  });

  it('when it is interrupted: the work goes on, and how to look again is told', async () => {
    const session = await push('left');
    await building('left', session);
    await session.shows(/restore 1s, build \d+s/);
    await session.type('C-c');
    const { code, shown } = await session.ended();
    expect(code).toBe(130);
    expect(shown).toMatch(/goes on in the cluster/);
    await picture('push-interrupted', ['Ctrl-C', shown]);
  });
});
