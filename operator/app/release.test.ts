import { describe, expect, test } from 'vitest';
import type { AppSpec, AppStatus } from '../api/app.ts';
import { findCondition } from '../kube/conditions.ts';
import type { JobObject } from '../kube/job.ts';
import { Job } from '../kube/resource.ts';
import { checkConditions } from '../testing/conditionscheck.ts';
import { imageAsWritten } from './image.ts';
import type { DeploymentObject, Observed, PodObject } from './observed.ts';
import { planApp } from './plan.ts';
import { buildDeployment } from './resources/deployment.ts';
import { webOf } from './resources/process.ts';
import { releaseInputs, releaseJobName } from './resources/release.ts';
import type { Image } from './resources/container.ts';
import {
  acts,
  aDeployment,
  ago,
  aJob,
  anApp,
  aReleasePod,
  aRoute,
  aRun,
  blob,
  image,
  jobEnded,
  otherSha,
  running,
  see,
  settings,
  stagedImage,
  succeeded,
} from './testing/objects.ts';

const routes = [aRoute('ready')];
const spec: Partial<AppSpec> = { ...image('example.org/shop:2'), release: { command: ['migrate'] } };
const app = anApp(spec);
const next = imageAsWritten('example.org/shop:2', settings);
const inputs = releaseInputs(app, next);
const name = releaseJobName(app, inputs);
/** The earlier version serves. */
const serving = { app, routes, deployment: aDeployment('complete'), isCurrent: () => false };

const withJobs = (given: Partial<Observed>, ...jobs: readonly JobObject[]): Partial<Observed> => ({
  ...given,
  owned: [...see(given).owned, ...jobs.map((object) => ({ resource: Job, object }))],
});
const withStatus = (release: AppStatus['release']): Partial<Observed> => ({
  ...serving,
  app: { ...app, status: { observedGeneration: 1, ...(release && { release }) } },
});
const said = (given: Partial<Observed>, type = 'Ready'): string => {
  const { status } = acts(see(given));
  expect(checkConditions({ ...app, ...given.app, status: status as AppStatus })).toEqual([]);
  const found = findCondition(status?.conditions, type);
  return `${found?.status}/${found?.reason}: ${found?.message}`;
};
const created = (given: Partial<Observed>): (string | undefined)[] =>
  acts(see(given)).children.flatMap((child) => (child.type === 'create' ? [child.object.metadata?.name] : []));
const applied = (given: Partial<Observed>): string[] => acts(see(given)).applied.map(({ resource }) => resource.kind);
const removed = (given: Partial<Observed>): (string | undefined)[] =>
  acts(see(given)).removed.map(({ object }) => object.metadata?.name);
const release = (given: Partial<Observed>): AppStatus['release'] => acts(see(given)).status?.release;

const ended = (exitCode: number, more: object = {}): object => ({ terminated: { exitCode, ...more } });
const job = aJob(app, next);
const failed = aJob(app, next, { status: jobEnded('Failed', 'BackoffLimitExceeded', 'Job has reached the limit') });
const failedPod = aReleasePod(failed, ended(4), { phase: 'Failed' });

describe('a release', () => {
  test('runs before the pods of a new image, which come when it has ended well', () => {
    expect(created(serving)).toEqual([name]);
    expect(applied(serving)).toEqual(['AppRoute', 'Service']);
    expect(said(serving)).toBe(
      `Unknown/Releasing: The release runs as Job "${name}". The pods that are ready serve on.`,
    );
    expect(release(serving)).toEqual({ inputs, job: name, state: 'Running' });

    const under = withJobs(serving, job);
    expect(created(under)).toEqual([]);
    expect(applied(under)).toEqual(['AppRoute', 'Service']);
    expect(said(under, 'Deployed')).toMatch(/^Unknown\/Releasing/);

    const done = withJobs(serving, aJob(app, next, { status: jobEnded('Complete') }));
    expect(applied(done)).toEqual(['AppRoute', 'Service', 'Deployment']);
    expect(release(done)).toEqual({ inputs, job: name, state: 'Succeeded', released: [inputs] });
    expect(removed(done)).toEqual([]);
  });
  test('runs before the first pods too', () => {
    const first = { app, routes };
    expect(created(first)).toEqual([name]);
    expect(said(first)).toMatch(/^Unknown\/Releasing: The release runs as Job "[^"]+"\.$/);
  });
  test('has ended when its command has, whatever a sidecar goes on doing', () => {
    const given = { ...serving, releasePods: [aReleasePod(job, ended(0), { phase: 'Running' })] };
    expect(applied(withJobs(given, job))).toContain('Deployment');
  });
  test.each([
    ['its pod ran out of time', job, aReleasePod(job, ended(0), { phase: 'Failed', reason: 'DeadlineExceeded' })],
    ['its Job ran out of time', aJob(app, next, { status: jobEnded('Failed', 'DeadlineExceeded') }), undefined],
  ])('has failed when %s, also where the command ends well when it is told to stop', (_, over, pod) => {
    const releasePods = [pod ?? aReleasePod(over, ended(0), { phase: 'Running' })];
    const given = withJobs({ ...serving, releasePods, podLog: 'half' }, over);
    expect(applied(given)).not.toContain('Deployment');
    expect(said(given)).toMatch(/^False\/ReleaseFailed/);
    expect(release(given)?.released).toBeUndefined();
  });
  test('goes on when its pod is deleted: another one comes', () => {
    const pod = aReleasePod(job, ended(0), { phase: 'Running' });
    const going = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: ago(1) } } as PodObject;
    const given = withJobs({ ...serving, releasePods: [going] }, job);
    expect(applied(given)).not.toContain('Deployment');
    expect(said(given)).toMatch(/^Unknown\/Releasing/);
  });
  test('is not run again for what was released, though its Job is gone', () => {
    const given = withStatus({ inputs, job: name, state: 'Succeeded', released: [inputs] });
    expect(created(given)).toEqual([]);
    expect(applied(given)).toContain('Deployment');
  });
  test('is not run again when an image comes back that was released before', () => {
    const given = withStatus({
      inputs: 'b'.repeat(64),
      job: 'other',
      state: 'Succeeded',
      released: ['b'.repeat(64), inputs],
    });
    expect(created(given)).toEqual([]);
    expect(release(given)?.released).toEqual([inputs, 'b'.repeat(64)]);
  });
  test('remembers ten', () => {
    const ten = Array.from({ length: 10 }, (_, i) => String(i).repeat(64));
    const given = withStatus({ inputs: ten[0]!, job: 'other', state: 'Succeeded', released: ten });
    const done = withJobs(given, aJob(app, next, { status: jobEnded('Complete') }));
    expect(release(done)?.released).toEqual([inputs, ...ten.slice(0, 9)]);
  });
  test.each<[string, Partial<AppSpec>, Image, boolean]>([
    ['another image', spec, imageAsWritten('example.org/shop:3', settings), true],
    ['another command', { ...spec, release: { command: ['other'] } }, next, true],
    ['other arguments', { ...spec, release: { command: ['migrate'], args: ['-v'] } }, next, true],
    ['another restart', { ...spec, restart: '2' }, next, true],
    ['another environment', { ...spec, env: [{ name: 'A', value: '1' }] }, next, false],
    ['more time', { ...spec, release: { command: ['migrate'], timeoutSeconds: 1 } }, next, false],
    ['more replicas', { ...spec, replicas: 3 }, next, false],
  ])('is another one for %s: %o', (_, other, of, isOther) => {
    expect(releaseInputs(anApp(other), of) !== inputs).toBe(isOther);
  });
  test('is the same wherever the image is pulled from', () => {
    const moved = { ...stagedImage(), reference: stagedImage().reference.replace('127.0.0.1:30500', 'pull.test') };
    expect(releaseInputs(app, moved)).toBe(releaseInputs(app, stagedImage()));
  });
  test('waits while that of an earlier version is under way, which is left to end', () => {
    const old = aJob(anApp({ ...spec, restart: 'before' }), next);
    const given = withJobs(serving, old);
    expect(created(given)).toEqual([]);
    expect(removed(given)).toEqual([]);
    expect(said(given)).toContain(`waits until an earlier one has ended (Job "${old.metadata?.name}"`);
    const over = { ...old, status: jobEnded('Failed', 'BackoffLimitExceeded') } as JobObject;
    expect(created(withJobs(serving, over))).toEqual([name]);
    expect(removed(withJobs(serving, over))).toEqual([old.metadata?.name]);
  });
  test('waits for a pod of a Job that was deleted, lest two are at work', () => {
    const pod = aReleasePod(job, { running: {} }, { phase: 'Running' });
    const given = { ...serving, releasePods: [pod] };
    expect(created(given)).toEqual([]);
    expect(said(given)).toContain(`waits until an earlier one has ended (Pod "${pod.metadata?.name}"; delete it`);
    expect(created({ ...serving, releasePods: [aReleasePod(job, ended(1), { phase: 'Failed' })] })).toEqual([name]);
  });
  test('is not run while the App is stopped; what is new is there without pods', () => {
    const stopped = { ...serving, app: anApp({ ...spec, replicas: 0 }) };
    expect(created(stopped)).toEqual([]);
    expect(applied(stopped)).toContain('Deployment');
  });
  test('is not begun while the App is paused, which is told; one under way ends and is recorded', () => {
    const paused = { ...serving, app: anApp({ ...spec, paused: true }), isCurrent: () => true };
    expect(created(paused)).toEqual([]);
    expect(said(paused)).toMatch(/^False\/Paused/);
    const done = withJobs(paused, aJob(app, next, { status: jobEnded('Complete') }));
    expect(release(done)).toMatchObject({ state: 'Succeeded', released: [inputs] });
  });
  test('runs before what was stopped starts, and nothing is scaled until then', () => {
    // The image came while the App was stopped, so the Deployment has it already.
    const started = { ...serving, deployment: aDeployment('complete', next, 0) };
    expect(created(started)).toEqual([name]);
    expect(applied(started)).not.toContain('Deployment');
    const done = withJobs(started, aJob(app, next, { status: jobEnded('Complete') }));
    expect(applied(done)).toContain('Deployment');
  });
  test('runs before what was stopped starts, also while another version is on its way', () => {
    const old = aRun({ name: 'old', spec: blob(otherSha), created: 500, status: succeeded(400) });
    const building = anApp({ ...blob(), release: { command: ['migrate'] } });
    const given = (replicas: number): Partial<Observed> => ({
      ...{ app: building, routes, isCurrent: () => false },
      deployment: aDeployment('complete', stagedImage('old'), replicas),
      runs: [aRun({ status: running('build') }), old],
    });
    expect(created(given(1))).toEqual([]);
    expect(created(given(0))).toHaveLength(1);
    expect(applied(given(0))).not.toContain('Deployment');
  });
  test('goes on, and counts, when the environment changes meanwhile', () => {
    const changed = anApp({ ...spec, env: [{ name: 'A', value: '1' }] });
    expect(said(withJobs({ ...serving, app: changed }, job))).toMatch(/^Unknown\/Releasing: The release runs as Job/);
    expect(created(withJobs({ ...serving, app: changed }, job))).toEqual([]);
    const done = withJobs({ ...serving, app: changed }, aJob(app, next, { status: jobEnded('Complete') }));
    expect(applied(done)).toContain('Deployment');
    expect(release(done)).toMatchObject({ state: 'Succeeded', job: name });
  });
  test('leaves what serves to be scaled', () => {
    const more = { ...serving, app: anApp({ ...spec, replicas: 3 }) };
    const [intent] = acts(see(more)).applied.filter(({ resource }) => resource.kind === 'Deployment');
    expect(intent?.intent).toMatchObject({ spec: { replicas: 3 } });
    expect((intent?.intent.spec as DeploymentObject['spec'])?.template).toEqual(serving.deployment.spec?.template);
  });
  test('waits for the image that is built', () => {
    const building = anApp({ ...blob(), release: {} });
    const old = aRun({ name: 'old', spec: blob(otherSha), created: 500, status: succeeded(400) });
    const given = {
      ...{ app: building, routes, deployment: aDeployment('complete', stagedImage('old')) },
      runs: [aRun({ status: running('build') }), old],
    };
    expect(created(given)).toEqual([]);
    const processes = [{ type: 'web', default: true }, { type: 'release' }];
    const built = { ...given, runs: [aRun({ status: { ...succeeded(), processes } }), old] };
    expect(created(built)).toHaveLength(1);
    const lacking = { ...given, runs: [aRun({ status: succeeded() }), old] };
    expect(said(lacking)).toBe(
      'False/ProcessNotFound: The image has no process "release", it has "web": correct spec.release or the source.',
    );
  });
  test('goes with the App’s source, and its Job with spec.release', () => {
    const over = aJob(app, next, { status: jobEnded('Complete') });
    expect(removed(withJobs({ app: anApp(), routes }, over))).toEqual([name]);
    expect(removed(withJobs({ ...serving, app: anApp(image('example.org/shop:2')) }, over))).toEqual([name]);
    expect(removed(withJobs({ ...serving, app: anApp(image('example.org/shop:2')) }, job))).toEqual([]);
    expect(release({ ...serving, app: anApp(image('example.org/shop:2')) })).toBeUndefined();
  });
});

describe('a release that fails', () => {
  const given = (releasePods: PodObject[] = [failedPod], more: Partial<Observed> = {}): Partial<Observed> =>
    withJobs({ ...serving, releasePods, ...more }, failed);
  const log = 'starting\nError: no table "orders"\nbye';

  test('is asked for its log, once', () => {
    expect(planApp(see(given()))).toMatchObject({
      type: 'lookUp',
      query: { type: 'log', pod: failedPod.metadata?.name },
    });
    const told = acts(see(given([failedPod], { podLog: log }))).status?.release;
    const again = withJobs({ ...withStatus(told), releasePods: [failedPod] }, failed);
    expect(release(again)).toEqual(told);
  });
  test('leaves the old pods serving, with exit code and log in status, until a person acts', () => {
    const seen = given([failedPod], { podLog: log });
    expect(said(seen)).toBe(
      `False/ReleaseFailed: The release ends with exit code 4; its log says "Error: no table 'orders'". ` +
        `Correct it and apply the App again, or delete Job "${name}" to run it again. The pods that are ready serve on.`,
    );
    expect(findCondition(acts(see(seen)).status?.conditions, 'Stalled')?.status).toBe('True');
    expect(applied(seen)).toEqual(['AppRoute', 'Service']);
    expect(removed(seen)).toEqual([]);
    expect(release(seen)).toMatchObject({ inputs, job: name, state: 'Failed', exitCode: 4, logTail: log });
  });
  test('says so in one line, whatever its log has in it', () => {
    const hostile = 'first\n\u001b[2J\u001b]0;title\u0007Error: \u202epassword=hunter22222 \u0000\u0008now';
    const told = acts(see(given([failedPod], { podLog: hostile }))).status?.release;
    for (const text of [told?.message, told?.logTail, said(given([failedPod], { podLog: hostile }))]) {
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]|hunter2/);
      expect(text).toContain('password=***');
    }
    expect(told?.message).not.toContain('\n');
  });
  test('has the end of its log from the kubelet where the node does not give it away', () => {
    const pod = aReleasePod(failed, ended(4, { message: 'Error: no table' }), { phase: 'Failed' });
    const seen = given([pod], { podLog: '' });
    expect(release(seen)).toMatchObject({ exitCode: 4, logTail: 'Error: no table' });
    expect(said(seen)).toContain('its log says "Error: no table"');
  });
  test.each<[string, Partial<AppSpec>]>([
    ['the environment', { env: [{ name: 'DATABASE_URL', value: 'right' }] }],
    ['the configurations', { configurations: [{ name: 'db', kind: 'Secret', as: 'Files', rollOnChange: true }] }],
    ['the memory limit', { resources: { limits: { memory: '1Gi' } } }],
    ['the time', { release: { command: ['migrate'], timeoutSeconds: 900 } }],
  ])('runs again when %s is corrected, and the Job that failed goes', (_, more) => {
    const corrected = withJobs({ ...serving, app: anApp({ ...spec, ...more }), releasePods: [failedPod] }, failed);
    expect(created(corrected)).toEqual([releaseJobName(anApp({ ...spec, ...more }), inputs)]);
    expect(removed(corrected)).toEqual([name]);
  });
  test('does not run again for another number of pods', () => {
    const scaled = withJobs(
      { ...serving, app: anApp({ ...spec, replicas: 3 }), releasePods: [failedPod], podLog: log },
      failed,
    );
    expect(created(scaled)).toEqual([]);
    expect(said(scaled)).toMatch(/^False\/ReleaseFailed/);
  });
  test('is known when its pod and its log are gone', () => {
    const told = release(given([failedPod], { podLog: log }));
    expect(release(withJobs(withStatus(told), failed))).toEqual(told);
    expect(said(given([], { podLog: '' }))).toContain('The release failed: Job has reached the limit.');
  });
  test('runs again when its Job is deleted', () => {
    const told = release(given([failedPod], { podLog: log }));
    expect(created(withStatus(told))).toEqual([name]);
    const going = aJob(app, next, { status: jobEnded('Failed'), deleting: true });
    expect(created(withJobs(withStatus(told), going))).toEqual([]);
    expect(said(withJobs(withStatus(told), going))).toMatch(
      /^Unknown\/AwaitingDeletion: The Job "[^"]+" is still being/,
    );
  });
  test.each<[string, object, object, RegExp]>([
    ['for want of memory', ended(137, { reason: 'OOMKilled' }), {}, /needed more memory than its limit: raise/],
    [
      'for a program that is not there',
      ended(128, { reason: 'StartError', message: 'exec: "migrate": not found' }),
      {},
      /The release cannot start: exec: "migrate": not found\./,
    ],
    [
      'by its deadline',
      ended(137),
      { reason: 'DeadlineExceeded' },
      /has not ended within 600 s, which spec\.release\.timeoutSeconds/,
    ],
  ])('%s says so', (_, state, status, words) => {
    const pod = aReleasePod(failed, state, { phase: 'Failed', ...status });
    expect(said(given([pod], { podLog: '' }))).toMatch(words);
  });
  test('of which Kubernetes took the pod away is run on by Kubernetes', () => {
    const conditions = [{ type: 'DisruptionTarget', status: 'True' }];
    const pod = aReleasePod(job, ended(143), { phase: 'Failed', conditions });
    expect(said(withJobs({ ...serving, releasePods: [pod] }, job))).toMatch(/^Unknown\/Releasing/);
  });
  test.each<[string, Partial<Observed>, string]>([
    [
      'an image that cannot be pulled',
      { releasePods: [aReleasePod(job, { waiting: { reason: 'ErrImagePull', message: 'no such image' } })] },
      'False/ImagePullBackOff: The release cannot begin: No such image. The pods that are ready serve on.',
    ],
    [
      'a Secret that is missing',
      {
        releasePods: [
          aReleasePod(job, { waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } }),
        ],
      },
      'False/CreateContainerConfigError: The release cannot begin: Secret "x" not found. The pods that are ready serve on.',
    ],
  ])('to begin, for %s, says why', (_, more, words) =>
    expect(said(withJobs({ ...serving, ...more }, job))).toBe(words),
  );
  test('to begin for a quota is told from the events of the Job, asked for when it is late', () => {
    const late = { ...job, metadata: { ...job.metadata, creationTimestamp: ago(20) } };
    const young = { ...job, metadata: { ...job.metadata, creationTimestamp: ago(4) } };
    expect(acts(see(withJobs(serving, young))).lookAfterMs).toBe(6_000);
    const query = { type: 'warnings', pod: name, uid: job.metadata?.uid };
    expect(planApp(see(withJobs(serving, late)))).toMatchObject({ type: 'lookUp', query });
    const note = 'Error creating: pods is forbidden: exceeded quota: small';
    const told = withJobs({ ...serving, warnings: [{ reason: 'FailedCreate', note }] }, late);
    expect(said(told)).toBe(
      `False/PodNotCreated: The release cannot begin: ${note}. The pods that are ready serve on.`,
    );
    expect(acts(see(told)).lookAfterMs).toBe(20_000);
  });
  test('to begin for a volume is told from the events of its pod', () => {
    const placed = { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: ago(20) }] };
    const pod = aReleasePod(job, {}, { phase: 'Pending', ...placed });
    const given = withJobs({ ...serving, releasePods: [pod] }, job);
    expect(planApp(see(given))).toMatchObject({ type: 'lookUp', query: { type: 'warnings', pod: pod.metadata?.name } });
    const told = { ...given, warnings: [{ reason: 'FailedMount', note: 'no volume' }] };
    expect(said(told)).toMatch(/^Unknown\/PodNotStarted: The release cannot begin: FailedMount: no volume\./);
  });
  test.each<[string, object, RegExp]>([
    ['suspended its Job', { suspend: true }, /is suspended: set its spec\.suspend to false, or delete it/],
    ['wants no pods of its Job', { parallelism: 0 }, /has spec\.parallelism 0: set it to 1, or delete it/],
  ])('to begin because somebody %s says so', (_, changed, words) => {
    const told = said(withJobs(serving, aJob(app, next, { spec: changed })));
    expect(told).toMatch(/^Unknown\/Releasing: The Job /);
    expect(told).toMatch(words);
  });
});

test('a release has the environment, the files and the bindings that the pods have', () => {
  const configurations: AppSpec['configurations'] = [
    { name: 'settings', kind: 'ConfigMap', as: 'Environment', prefix: 'SHOP_', rollOnChange: true },
    { name: 'database', kind: 'Secret', as: 'Files', serviceBinding: true, rollOnChange: true },
  ];
  const bound = anApp({
    ...spec,
    configurations,
    env: [{ name: 'A', value: '1' }],
    pod: { serviceAccountName: 'shop' },
  });
  const [child] = acts(see({ ...serving, app: bound })).children.filter(({ type }) => type === 'create');
  const released = (child?.type === 'create' ? child.object : {}) as JobObject;
  const runtime = { image: next, pullSecret: undefined };
  const pods = (buildDeployment(bound, webOf(bound), runtime) as unknown as DeploymentObject).spec?.template.spec;
  const { containers, volumes, serviceAccountName, securityContext } = released.spec?.template.spec ?? {};
  const { env, envFrom, volumeMounts } = containers?.[0] ?? {};
  const app = pods?.containers[0];
  expect({ env, envFrom, volumeMounts, volumes, serviceAccountName, securityContext }).toEqual({
    ...{ env: app?.env, envFrom: app?.envFrom, volumeMounts: app?.volumeMounts, volumes: pods?.volumes },
    ...{ serviceAccountName: 'shop', securityContext: pods?.securityContext },
  });
  expect(env).toContainEqual({ name: 'SERVICE_BINDING_ROOT', value: expect.any(String) });
  expect([envFrom, volumeMounts, volumes].map((list) => list?.length)).toEqual([1, 1, 1]);
});

describe('the name of a release’s Job', () => {
  test('that a stranger took is told, and looked at again', () => {
    const there = { ...job, metadata: { ...job.metadata, ownerReferences: [], annotations: {} } };
    const given = { ...serving, there };
    expect(said(given)).toMatch(/^False\/NameTaken/);
    expect(created(given)).toEqual([]);
    expect(acts(see(given)).lookAfterMs).toBe(60_000);
  });
  test('finds it also where it lost the labels by which it is cached', () => {
    const there = { ...job, status: jobEnded('Complete') } as JobObject;
    expect(applied({ ...serving, there })).toContain('Deployment');
  });
});

test('a pod of a release that only bears the label counts for nothing', () => {
  const forged = { ...aReleasePod(job, ended(0)), metadata: { name: 'x', labels: job.metadata?.labels } };
  expect(applied(withJobs({ ...serving, releasePods: [forged as PodObject] }, job))).not.toContain('Deployment');
});
