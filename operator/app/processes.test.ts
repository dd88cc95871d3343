import { describe, expect, test } from 'vitest';
import type { AppSpec, AppStatus } from '../api/app.ts';
import { deploymentName } from '../api/names.ts';
import { findCondition } from '../kube/conditions.ts';
import { checkConditions } from '../testing/conditionscheck.ts';
import type { DeploymentObject, Observed } from './observed.ts';
import { planApp } from './plan.ts';
import {
  acts,
  aDeployment,
  ago,
  anApp,
  aPod,
  aRoute,
  aRun,
  blob,
  failed,
  image,
  otherSha,
  podsOf,
  running,
  see,
  settings,
  stagedImage,
  succeeded,
  withWorkers,
} from './testing/objects.ts';
import { imageAsWritten } from './image.ts';

const routes = [aRoute('ready')];
const worker = { name: 'worker', replicas: 1, command: ['work'] };
const spec = { ...image(), processes: [worker] };
const app = anApp(spec);
const written = imageAsWritten('example.org/shop:1', settings);
const workerName = deploymentName('shop', 'worker');
const web = aDeployment('complete');
const workerIn = (state: Parameters<typeof aDeployment>[0], replicas = 1): DeploymentObject =>
  aDeployment(state, written, replicas, 'worker');

const names = (children: readonly { readonly intent: { readonly metadata: { readonly name: string } } }[]): string[] =>
  children.map(({ intent }) => intent.metadata.name);
const deployments = (given: Partial<Observed>): string[] =>
  names(acts(see(given)).applied.filter(({ resource }) => resource.kind === 'Deployment'));
const removed = (given: Partial<Observed>): (string | undefined)[] =>
  acts(see(given)).removed.map(({ object }) => object.metadata?.name);
const said = (given: Partial<Observed>, type = 'Ready'): string => {
  const plan = acts(see(given));
  expect(checkConditions({ ...app, ...given.app, status: plan.status as AppStatus })).toEqual([]);
  const found = findCondition(plan.status?.conditions, type);
  return `${found?.status}/${found?.reason}: ${found?.message}`;
};

describe('the processes of an App', () => {
  test('are made together, each as a Deployment of its own', () => {
    expect(deployments({ app, routes })).toEqual(['shop', workerName]);
  });
  test('make it Ready together', () => {
    expect(said(withWorkers({ app, routes, deployment: web }, workerIn('complete')))).toMatch(/^True\/Ready/);
  });
  test('are told by name in one line while one of them is on its way', () => {
    const given = withWorkers({ app, routes, deployment: web }, workerIn('starting'));
    expect(said(given)).toBe(
      'Unknown/RollingOut: Process "worker": 0 of 1 new pods are ready. The pods that are ready serve on.',
    );
  });
  test('go one by one when they are not wanted any more', () => {
    const other = aDeployment('complete', written, 1, 'old');
    expect(removed(withWorkers({ app, routes, deployment: web }, workerIn('complete'), other))).toEqual([
      deploymentName('shop', 'old'),
    ]);
    expect(removed(withWorkers({ app: anApp(), routes, deployment: web }, workerIn('complete')))).toEqual([
      'shop',
      workerName,
    ]);
  });
  test('end together where the App is stopped', () => {
    const stopped = anApp({ ...spec, replicas: 0 });
    const intents = acts(see({ app: stopped, routes })).applied.filter(
      ({ resource }) => resource.kind === 'Deployment',
    );
    expect(intents.map(({ intent }) => (intent.spec as { replicas: number }).replicas)).toEqual([0, 0]);
    const ended = withWorkers(
      { app: stopped, routes, deployment: aDeployment('complete', written, 0) },
      workerIn('complete', 0),
    );
    expect(said(ended)).toMatch(/^True\/Stopped/);
  });
  test('count for nothing in replicas, ready pods and selector, which autoscalers read', () => {
    const given = withWorkers({ app, routes, deployment: web }, workerIn('complete', 5));
    expect(acts(see(given)).status).toMatchObject({
      replicas: 1,
      readyReplicas: 1,
      selector: 'epinio.io/app=shop,epinio.io/process=web',
    });
  });
  test('have no PodDisruptionBudget but for web: nobody waits for an answer of a worker', () => {
    const many = anApp({ ...spec, processes: [{ ...worker, replicas: 3 }] });
    expect(acts(see({ app: many, routes })).applied.map(({ resource }) => resource.kind)).not.toContain(
      'PodDisruptionBudget',
    );
  });
});

describe('a process that crashes', () => {
  const terminated = { exitCode: 3, startedAt: ago(9), finishedAt: ago(8) };
  const crashing = aPod({ process: 'worker', hash: 'w', restarts: 2, lastState: { terminated } });
  const given = withWorkers(
    { app, routes, deployment: web, pods: podsOf(aPod({ ready: true }), crashing), podLog: 'Error: no queue' },
    workerIn('starting'),
  );
  test('is named with what its log says, while web serves on', () => {
    expect(said(given)).toBe(
      'False/CrashLoopBackOff: Process "worker": The app ends with exit code 3; its log says "Error: no queue". See kubectl logs --previous shop-w. The pods that are ready serve on.',
    );
    expect(acts(see(given)).status?.conditions?.some(({ type }) => type === 'Stalled')).toBe(true);
  });
  test('is asked for its own log, whatever else goes on', () => {
    const plan = planApp(see({ ...given, podLog: undefined, deployment: aDeployment('starting') }));
    expect(plan).toMatchObject({ type: 'lookUp', query: { type: 'log', pod: 'shop-w', previous: true } });
  });
  test('is on trial for a moment after each start, though without a probe it is ready at once', () => {
    const up = (seconds: number): Partial<Observed> => {
      const running = { startedAt: ago(seconds) };
      const wishes = { process: 'worker', hash: 'w', restarts: 2, ready: true, lastState: { terminated } };
      return { ...given, pods: podsOf(aPod({ ...wishes, state: { running } })) };
    };
    expect(said(up(2))).toMatch(/^False\/CrashLoopBackOff: Process "worker": /);
    expect(said(up(30))).toMatch(/^Unknown\/RollingOut/);
  });
  test('says so in its own words when another one crashed before for the same reason', () => {
    const before = acts(see(given)).status as AppStatus;
    const other = { name: 'other', replicas: 1, command: ['other'] };
    const both = anApp({ ...spec, processes: [worker, other] });
    const next = withWorkers(
      {
        app: { ...both, status: before },
        ...{ routes, deployment: web, podLog: 'Error: no disk' },
        pods: podsOf(aPod({ process: 'other', hash: 'o', restarts: 2, lastState: { terminated } })),
      },
      workerIn('complete'),
      aDeployment('starting', written, 1, 'other'),
    );
    expect(said(next)).toContain('Process "other": The app ends with exit code 3; its log says "Error: no disk"');
  });
});

describe('processes of an image that is built', () => {
  const old = aRun({ name: 'old', spec: blob(otherSha), created: 500, status: succeeded(400) });
  const oldImage = stagedImage('old');
  const named = (...types: string[]): Partial<AppSpec> => ({
    ...blob(),
    processes: types.map((name) => ({ name, replicas: 1 })),
  });
  const withTypes = (...types: string[]) =>
    aRun({ status: { ...succeeded(), processes: types.map((type) => ({ type, default: type === 'web' })) } });

  test('are told with those that it has, where it lacks one', () => {
    expect(said({ app: anApp(named('worker')), routes, runs: [withTypes('web', 'clock')] })).toBe(
      'False/ProcessNotFound: The image has no process "worker", it has "web", "clock": correct process "worker" of spec.processes or the source.',
    );
  });
  test('run where it has them', () => {
    const given = { app: anApp(named('worker')), routes, runs: [withTypes('web', 'worker')], isCurrent: () => false };
    expect(deployments(given)).toEqual(['shop', workerName]);
  });
  test('that are new wait for the image, and those that are not wanted any more stay until then', () => {
    const given = withWorkers(
      {
        app: anApp(named('fresh')),
        routes,
        runs: [aRun({ spec: named('fresh'), status: running('build') }), old],
        deployment: aDeployment('complete', oldImage),
        isCurrent: () => false,
      },
      aDeployment('complete', oldImage, 1, 'worker'),
    );
    expect(deployments(given)).toEqual([]);
    expect(removed(given)).toEqual([]);
    expect(said(given, 'Deployed')).toMatch(/^True\/Deployed/);
  });
  test('stay as they are when the build fails, without a word about what the last image lacks', () => {
    const given = withWorkers(
      {
        app: anApp(named('fresh')),
        routes,
        runs: [aRun({ spec: named('fresh'), status: failed('BuildFailed') }), old],
        deployment: aDeployment('complete', oldImage),
      },
      aDeployment('complete', oldImage, 1, 'worker'),
    );
    expect(removed(given)).toEqual([]);
    expect(deployments(given)).toEqual(['shop']);
    expect(said(given)).toMatch(/^False\/BuildFailed/);
  });
  test('are scaled while a build goes on, and not rolled', () => {
    const wanted = {
      ...named('worker'),
      processes: [{ name: 'worker', replicas: 4 }],
      env: [{ name: 'NEW', value: '1' }],
    };
    const live = aDeployment('complete', oldImage, 1, 'worker');
    const given = withWorkers(
      {
        app: anApp(wanted),
        routes,
        runs: [aRun({ spec: wanted, status: running('build') }), old],
        deployment: aDeployment('complete', oldImage),
      },
      live,
    );
    const [intent] = acts(see(given)).applied.filter(({ resource }) => resource.kind === 'Deployment');
    expect(intent?.intent).toMatchObject({ metadata: { name: workerName }, spec: { replicas: 4 } });
    expect((intent?.intent.spec as DeploymentObject['spec'])?.template).toEqual(live.spec?.template);
  });
  test('run on by name when the run that knew all of them is gone', () => {
    const given = withWorkers(
      {
        app: anApp(named('worker', 'clock')),
        routes,
        runs: [aRun({ status: failed('BuildFailed') })],
        deployment: aDeployment('complete', { ...stagedImage('gone'), processes: [{ type: 'web' }] }),
        isCurrent: () => false,
      },
      aDeployment('complete', stagedImage('gone'), 1, 'worker'),
    );
    expect(deployments(given)).toEqual(['shop', workerName, deploymentName('shop', 'clock')]);
  });
});
