import { describe, expect, test } from 'vitest';
import type { AppSpec } from '../../api/app.ts';
import type { DeploymentObject } from '../observed.ts';
import { anApp, digest, image as imageSource, see, settings, stagedImage } from '../testing/objects.ts';
import { deploymentName } from '../../api/names.ts';
import { imageAsWritten, isForeignImage, lastImage, pullReference } from '../image.ts';
import type { Image } from './container.ts';
import { buildDeployment, scaleDeployment } from './deployment.ts';
import { processesOf, startOf, webOf } from './process.ts';
import { buildPullSecret, isPullSecretCopy, pullSecretData } from './pullsecret.ts';
import { buildService } from './service.ts';

const written = imageAsWritten('example.org/shop:1', settings);
const build = (spec: Partial<AppSpec> = {}, image = written, process?: string) => {
  const app = anApp({ ...imageSource(), ...spec });
  const found = processesOf(app).find(({ name }) => name === (process ?? 'web')) ?? webOf(app);
  return buildDeployment(app, found, { image, pullSecret: 'epinio-registry-pull' }) as unknown as DeploymentObject;
};
const podOf = (spec: Partial<AppSpec> = {}, image = written) => build(spec, image).spec?.template.spec;
const container = (spec: Partial<AppSpec> = {}, image = written) => podOf(spec, image)?.containers[0];

describe('the Deployment', () => {
  test('replaces pods without ever having fewer', () => {
    expect(build().spec?.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    });
    expect(container()?.lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } });
  });

  test('counts a pod only when Ingress controllers have had time to learn of it', () => {
    expect(build().spec?.minReadySeconds).toBe(2);
  });
  test('selects by the two labels that never change', () => {
    const selector = { 'epinio.io/app': 'shop', 'epinio.io/process': 'web' };
    expect(build().spec?.selector).toEqual({ matchLabels: selector });
    expect(build({ process: 'api', pod: { labels: { team: 'a' } } }).spec?.template.metadata?.labels).toMatchObject({
      ...selector,
      team: 'a',
    });
  });
  test('follows replicas', () => expect(build({ replicas: 7 }).spec?.replicas).toBe(7));
  test.each([
    [undefined, 600],
    [900, 900],
  ])('gives up after progressDeadlineSeconds: %s', (progressDeadlineSeconds, seconds) =>
    expect(build({ progressDeadlineSeconds }).spec?.progressDeadlineSeconds).toBe(seconds),
  );
  test('bears the StageRun’s name outside the pod template', () => {
    const staged = build({}, stagedImage('run'));
    expect(staged.metadata?.labels).toMatchObject({ 'epinio.io/stage-id': 'run' });
    expect(JSON.stringify(staged.spec)).not.toContain('stage-id');
  });
  test('the same image from another run does not roll the pods', () => {
    expect(build({}, stagedImage('one')).spec).toEqual(build({}, stagedImage('two')).spec);
  });
  test('a new restart rolls the pods', () => {
    expect(build({ restart: '1' }).spec?.template).not.toEqual(build({ restart: '2' }).spec?.template);
  });
  test('holds no token of `default`, and no variables of other Services', () => {
    expect(podOf()).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(podOf({ pod: { serviceAccountName: 'reader' } })).toMatchObject({
      automountServiceAccountToken: true,
      serviceAccountName: 'reader',
    });
  });
  test('what we built needs neither root nor capabilities', () => {
    expect(podOf({}, stagedImage())?.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container({}, stagedImage())?.securityContext).toMatchObject({ capabilities: { drop: ['ALL'] } });
  });
  test('an image from elsewhere may be made for root', () => {
    expect(podOf()?.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    expect(container()?.securityContext).toEqual({ allowPrivilegeEscalation: false });
  });
  test('an image from elsewhere needs neither root nor capabilities where its App says so', () => {
    const pod = { securityProfile: 'Restricted' } as const;
    expect(podOf({ pod })?.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container({ pod })?.securityContext).toMatchObject({ capabilities: { drop: ['ALL'] } });
  });
  test('only images of our registry are pulled with the copied secret', () => {
    const own = { imagePullSecrets: [{ name: 'mine' }] };
    expect(podOf()).not.toHaveProperty('imagePullSecrets');
    expect(podOf({ pod: own })?.imagePullSecrets).toEqual([{ name: 'mine' }]);
    expect(podOf({ pod: own }, stagedImage())?.imagePullSecrets).toEqual([
      { name: 'epinio-registry-pull' },
      { name: 'mine' },
    ]);
  });
  test('spread constraints count the pods of this App unless they say otherwise', () => {
    const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
    expect(podOf({ pod: { topologySpreadConstraints: [constraint] } })?.topologySpreadConstraints).toEqual([
      { ...constraint, labelSelector: { matchLabels: { 'epinio.io/app': 'shop', 'epinio.io/process': 'web' } } },
    ]);
  });
});

describe('the container', () => {
  test('is given PORT first', () => {
    expect(container({ port: 9000, env: [{ name: 'A', value: '1' }] })?.env).toEqual([
      { name: 'PORT', value: '9000' },
      { name: 'A', value: '1' },
    ]);
  });
  test('a user’s PORT wins and is not doubled', () => {
    expect(container({ env: [{ name: 'PORT', value: '1' }] })?.env).toEqual([{ name: 'PORT', value: '1' }]);
  });
  test('an empty value is said, so that nobody else’s takes its place', () => {
    expect(container({ env: [{ name: 'A', value: '' }] })?.env).toContainEqual({ name: 'A', value: '' });
  });
  test('is pulled each time, unless its digest says what it is', () => {
    expect(container()?.imagePullPolicy).toBe('Always');
    expect(container({}, stagedImage())?.imagePullPolicy).toBe('IfNotPresent');
  });
  test('is asked for by TCP on its port, unless the user has a better question', () => {
    expect(container()?.readinessProbe).toEqual({ tcpSocket: { port: 'http' }, periodSeconds: 2 });
    const own = { httpGet: { path: '/healthz', port: 8080 } };
    expect(container({ readinessProbe: own })?.readinessProbe).toEqual(own);
    expect(container({ readinessProbe: {} })).not.toHaveProperty('readinessProbe');
  });
  test.each([
    [2, { preStop: { sleep: { seconds: 2 } } }],
    [0, undefined],
  ])('never sleeps longer than a grace period of %i s', (terminationGracePeriodSeconds, lifecycle) => {
    expect(container({ pod: { terminationGracePeriodSeconds } })?.lifecycle).toEqual(lifecycle);
  });
});

describe('the process that serves', () => {
  const of = (process: string | undefined, ...types: string[]) =>
    startOf(webOf(anApp(process === undefined ? {} : { process })), {
      staged: true,
      processes: types.map((type) => ({ type })),
    });
  test.each([
    ['the named one', of('api', 'api', 'web'), { type: 'process', name: 'api' }],
    ['web', of(undefined, 'api', 'web'), { type: 'process', name: 'web' }],
    ['the only one', of(undefined, 'api'), { type: 'process', name: 'api' }],
    ['what the image starts, among several', of(undefined, 'api', 'worker'), { type: 'entrypoint' }],
    ['what the image starts, if nothing is known of it', of(undefined), { type: 'entrypoint' }],
    ['the named one of an image of which nothing is known', of('api'), { type: 'process', name: 'api' }],
    ['none, where the named one is missing', of('api', 'web'), { type: 'missing', name: 'api' }],
  ])('is %s', (_, choice, expected) => expect(choice).toEqual(expected));
  test('is a command of one’s own, in place of any process', () => {
    const own = { command: ['node', 'server.js'], args: ['--verbose'] };
    expect(container(own)).toMatchObject(own);
    // With buildpacks the launcher gives the command what they prepared; -- keeps it from a shell.
    expect(container(own, stagedImage())).toMatchObject({
      command: ['/cnb/lifecycle/launcher'],
      args: ['--', 'node', 'server.js', '--verbose'],
    });
  });
  test('is given arguments of one’s own', () => {
    expect(container({ process: 'api', args: ['-v'] })).toMatchObject({ command: ['/cnb/process/api'], args: ['-v'] });
    expect(container({ args: ['-v'] })).not.toHaveProperty('command');
    expect(container({ command: [], args: [] })).not.toHaveProperty('args');
  });
  test('is not named where the image starts it by itself', () => {
    expect(container({}, stagedImage())).not.toHaveProperty('command');
    expect(container({ process: 'api' })?.command).toEqual(['/cnb/process/api']);
  });
});

describe('a worker', () => {
  const worker = { name: 'worker', replicas: 2 };
  const many: Image = {
    ...stagedImage(),
    processes: ['web', 'worker', 'jobs'].map((type) => ({ type, default: type === 'web' })),
  };
  const workerOf = (more: object = {}, image = stagedImage(), spec: Partial<AppSpec> = {}) =>
    build({ ...spec, processes: [{ ...worker, ...more }] }, image, 'worker');
  const first = (deployment: DeploymentObject) => deployment.spec?.template.spec?.containers[0];

  test('is a Deployment of its own, under a name that no two processes share, with a label that tells its pods', () => {
    const deployment = workerOf();
    const selector = { 'epinio.io/app': 'shop', 'epinio.io/process': 'worker' };
    expect(deployment.metadata?.name).toBe(deploymentName('shop', 'worker'));
    expect(deployment.metadata?.labels).toMatchObject({ ...selector, 'epinio.io/stage-id': stagedImage().stageRun });
    expect(deployment.spec).toMatchObject({ replicas: 2, selector: { matchLabels: selector } });
    expect(deployment.spec?.template.metadata?.labels).toMatchObject(selector);
    const long = 'a'.repeat(63);
    const names = ['worker', 'worker-2', 'worker-22'].map((name) => deploymentName(long, name));
    expect(new Set([long, ...names]).size).toBe(4);
    expect(names.every((name) => name.length <= 63)).toBe(true);
  });
  test('gets no requests: no port, no probe, and no pause before it ends', () => {
    const found = first(workerOf());
    for (const field of ['ports', 'readinessProbe', 'lifecycle']) expect(found).not.toHaveProperty(field);
  });
  test('has the environment of the App, PORT with it, and the pods’ other fields', () => {
    const env = [{ name: 'A', value: '1' }];
    const deployment = workerOf({}, stagedImage(), { env, restart: '7', pod: { serviceAccountName: 'reader' } });
    expect(first(deployment)?.env).toEqual([{ name: 'PORT', value: '8080' }, ...env]);
    expect(deployment.spec?.template.spec?.serviceAccountName).toBe('reader');
    expect(deployment.spec?.template.metadata?.annotations).toEqual({ 'epinio.io/restart': '7' });
  });
  test('has resources and probes of its own alone', () => {
    const resources = { requests: { cpu: '1' } };
    const livenessProbe = { exec: { command: ['true'] } };
    const spec = { resources: { requests: { cpu: '2' } }, livenessProbe: { tcpSocket: { port: 8080 } } };
    expect(first(workerOf({}, stagedImage(), spec))).not.toHaveProperty('resources');
    expect(first(workerOf({}, stagedImage(), spec))).not.toHaveProperty('livenessProbe');
    expect(first(workerOf({ resources, livenessProbe }))).toMatchObject({ resources, livenessProbe });
  });
  test.each<[string, object, Image, object]>([
    ['the process of its name', {}, many, { command: ['/cnb/process/worker'] }],
    ['the process that it names', { process: 'jobs' }, many, { command: ['/cnb/process/jobs'] }],
    ['also one that the image starts by itself, by name', { process: 'web' }, many, { command: ['/cnb/process/web'] }],
    ['its command', { command: ['a'] }, written, { command: ['a'] }],
    ['an image from elsewhere with its arguments', { args: ['work'] }, written, { args: ['work'] }],
  ])('starts %s', (_, more, image, expected) => {
    const { command, args } = first(workerOf(more, image)) ?? {};
    expect({ ...(command && { command }), ...(args && { args }) }).toEqual(expected);
  });
  test('has no pods while the App is stopped', () => {
    expect(workerOf({}, stagedImage(), { replicas: 0 }).spec?.replicas).toBe(0);
  });
  test('counts only when it has run for a while', () => expect(workerOf().spec?.minReadySeconds).toBe(5));
});

test('a Deployment that is only scaled keeps its pods as they are', () => {
  const live = build({ env: [{ name: 'OLD', value: '1' }] });
  const scaled = scaleDeployment(build({ replicas: 7 }) as never, live) as unknown as DeploymentObject;
  expect(scaled.spec?.replicas).toBe(7);
  expect(scaled.spec?.template).toEqual(live.spec?.template);
});

describe('images', () => {
  test('of our registry are pulled by the nodes’ address', () => {
    expect(pullReference(`registry.test:5000/apps/team/shop@${digest}`, settings)).toBe(
      `127.0.0.1:30500/apps/team/shop@${digest}`,
    );
    expect(pullReference('example.org/shop:1', settings)).toBe('example.org/shop:1');
  });
  test('of our registry under another of its names are pulled by the address that there is a credential for', () => {
    expect(imageAsWritten('LOCALHOST:30500/apps/team/shop:1', settings)).toMatchObject({
      reference: '127.0.0.1:30500/apps/team/shop:1',
      ourRegistry: true,
    });
  });
  test('whose run is gone are remembered by the Deployment as they run', () => {
    const ran = { ...stagedImage('gone'), processes: [{ type: 'api' }] };
    const deployment = build({}, ran);
    const found = lastImage(see({ deployment }));
    expect(build({}, found)).toEqual(deployment);
  });
  test.each([
    ['registry.test:5000/apps/team/shop', false],
    ['127.0.0.1:30500/apps/other/shop', true],
    ['registry.test:5000/elsewhere', true],
    ['registry.test:5000/apps/team-b/shop', true],
    ['registry.test:5000/apps/team/../other/shop', true],
    ['registry.test:50001/apps/other/shop', false],
    ['localhost:30500/apps/other/shop', true],
    ['2130706433:30500/apps/other/shop', true],
    ['LOCALHOST:30500/apps/team/shop', false],
  ])('%s is foreign: %s', (reference, foreign) => {
    expect(isForeignImage(reference, 'team', settings)).toBe(foreign);
  });
});

test('the Service leads port 80 to the port of that name', () => {
  expect(buildService(anApp())).toMatchObject({
    metadata: { name: 'shop', namespace: 'team' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 'http' }], selector: { 'epinio.io/app': 'shop' } },
  });
});

test('the pull secret’s copy holds what nodes need and nothing else', () => {
  const data = pullSecretData({ '.dockerconfigjson': 'e30=', password: 'eA==' });
  expect(data).toEqual({ '.dockerconfigjson': 'e30=' });
  const copy = buildPullSecret('team', 'pull', data ?? {});
  expect(copy).toMatchObject({ type: 'kubernetes.io/dockerconfigjson', data });
  expect(isPullSecretCopy({ metadata: copy.metadata })).toBe(true);
  expect(pullSecretData({ password: 'eA==' })).toBeUndefined();
});
