import { describe, expect, test } from 'vitest';
import type { App, AppSpec } from '../api/app.ts';
import type { Configuration } from '../api/configurations.ts';
import { annotations } from '../api/names.ts';
import { findCondition } from '../kube/conditions.ts';
import type { Contents } from '../platform/contents.ts';
import { contentMarks, knownOf, type ContentMarks } from './contentmarks.ts';
import { imageAsWritten } from './image.ts';
import type { DeploymentObject, Observed } from './observed.ts';
import { describeMissing, referencesOf } from './references.ts';
import { buildDeployment } from './resources/deployment.ts';
import { webOf } from './resources/process.ts';
import { acts, aDeployment, anApp, aRoute, aRun, blob, image, running, see, settings } from './testing/objects.ts';

const bound = (name: string, more: Partial<Configuration> = {}): Configuration => ({
  name,
  kind: 'Secret',
  as: 'Files',
  ...more,
});
const settingsMap = bound('settings', { kind: 'ConfigMap', as: 'Environment' });

const buildWeb = (app: App, marks: ContentMarks) =>
  buildDeployment(app, webOf(app), {
    image: imageAsWritten('example.org/shop:1', settings),
    pullSecret: undefined,
    marks,
  });

const build = (spec: Partial<AppSpec>, there?: DeploymentObject, contents: Contents = { missing: [] }) =>
  buildWeb(anApp({ ...image(), ...spec }), contentMarks(there, contents)) as unknown as DeploymentObject;
const podOf = (...configurations: Configuration[]) => build({ configurations }).spec?.template.spec;

describe('a configuration', () => {
  test('is files under /configurations, unless it says where', () => {
    const pod = podOf(bound('db'), bound('tls', { mountPath: '/etc/tls' }), bound('site', { kind: 'ConfigMap' }));
    const [db = '', tls = '', site = ''] = (pod?.volumes ?? []).map(({ name }) => name);
    expect(pod?.volumes).toEqual([
      { name: db, secret: { secretName: 'db' } },
      { name: tls, secret: { secretName: 'tls' } },
      { name: site, configMap: { name: 'site' } },
    ]);
    expect(pod?.containers[0]?.volumeMounts).toEqual([
      { name: db, mountPath: '/configurations/db', readOnly: true },
      { name: tls, mountPath: '/etc/tls', readOnly: true },
      { name: site, mountPath: '/configurations/site', readOnly: true },
    ]);
  });

  test('keeps the name of its volume, so that another one beside it changes nothing', () => {
    expect(podOf(bound('db'))?.volumes?.[0]?.name).toBe('configuration-d33eb00c52');
    expect(podOf(bound('db', { kind: 'ConfigMap' }))?.volumes?.[0]?.name).not.toBe('configuration-d33eb00c52');
    expect(podOf(bound('x'), bound('db'))?.volumes?.[1]?.name).toBe('configuration-d33eb00c52');
    expect(podOf(bound('x'.repeat(253)))?.volumes?.[0]?.name).toMatch(/^configuration-[0-9a-f]{10}$/);
  });

  test('is variables in the order of the list, below those of env', () => {
    const pod = podOf(bound('db', { as: 'Environment', prefix: 'DB_' }), settingsMap);
    expect(pod?.containers[0]?.envFrom).toEqual([
      { prefix: 'DB_', secretRef: { name: 'db' } },
      { configMapRef: { name: 'settings' } },
    ]);
    expect(pod).not.toHaveProperty('volumes');
    expect(pod?.containers[0]).not.toHaveProperty('volumeMounts');
  });

  test('that is a service binding lies where its root says', () => {
    const container = podOf(bound('db', { serviceBinding: true }))?.containers[0];
    expect(container?.volumeMounts?.[0]?.mountPath).toBe('/bindings/db');
    expect(container?.env).toContainEqual({ name: 'SERVICE_BINDING_ROOT', value: '/bindings' });
    expect(podOf(bound('db'))?.containers[0]?.env).toEqual([{ name: 'PORT', value: '8080' }]);
  });

  test.each([
    [{ value: '/run/bindings/' }, '/run/bindings/db'],
    [{ value: 'bindings' }, '/bindings/db'],
    [{ valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, '/bindings/db'],
  ])('that is a service binding leaves the root to an App that sets it: %j', (own, path) => {
    const env = [{ name: 'SERVICE_BINDING_ROOT', ...own }];
    const spec = { env, configurations: [bound('db', { serviceBinding: true })] };
    const container = build(spec).spec?.template.spec?.containers[0];
    expect(container?.volumeMounts?.[0]?.mountPath).toBe(path);
    expect(container?.env?.filter(({ name }) => name === 'SERVICE_BINDING_ROOT')).toEqual(env);
  });

  test('leaves the pods of an App without any as they are', () => {
    const plain = build({});
    expect(build({ configurations: [], env: [] })).toEqual(plain);
    expect(JSON.stringify(plain)).not.toMatch(/volume|envFrom|epinio.io\/content/);
  });
});

describe('what pods take content from', () => {
  const secretKeyRef = { name: 'db', key: 'password' };
  test.each<[string, Partial<AppSpec>, string[]]>([
    ['nothing', {}, []],
    ['a configuration', { configurations: [bound('db')] }, ['Secret db rolls']],
    ['one that does not roll', { configurations: [bound('db', { rollOnChange: false })] }, ['Secret db']],
    ['an App that does not roll', { configurations: [settingsMap], rollOnChange: false }, ['ConfigMap settings']],
    [
      'one that rolls all the same',
      { configurations: [bound('db', { rollOnChange: true })], rollOnChange: false },
      ['Secret db rolls'],
    ],
    ['a binding', { configurations: [bound('db', { serviceBinding: true })] }, ['Secret db rolls', 'Secret db type']],
    ['a variable', { env: [{ name: 'A', valueFrom: { secretKeyRef } }] }, ['Secret db password rolls']],
    [
      'one that may be missing',
      {
        env: [{ name: 'A', valueFrom: { configMapKeyRef: { ...secretKeyRef, optional: true } } }],
        rollOnChange: false,
      },
      ['ConfigMap db password optional'],
    ],
    [
      'what is of the pod itself, or leads nowhere',
      {
        env: [
          { name: 'A', value: 'x' },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'C', valueFrom: { secretKeyRef: { key: 'a' } } },
        ],
      },
      [],
    ],
  ])('%s', (_, spec, wanted) => {
    const found = referencesOf({ ...anApp(spec).spec }).map(({ kind, name, key, optional, rolls }) =>
      [kind, name, key, optional === true && 'optional', rolls && 'rolls'].filter(Boolean).join(' '),
    );
    expect(found).toEqual(wanted);
  });

  test('is told where it is missing, with what to do, three at a time', () => {
    const [secret] = referencesOf({ configurations: [bound('db', { serviceBinding: true })] });
    const [, type] = referencesOf({ configurations: [bound('db', { serviceBinding: true })] });
    const [variable] = referencesOf({
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'site', key: 'a' } } }],
    });
    if (secret === undefined || type === undefined || variable === undefined) throw new Error('not named');
    expect(describeMissing([secret, type].map((reference) => ({ reference, keyOnly: false })))).toBe(
      'There is no Secret "db", which spec.configurations names: create it, or remove the entry.',
    );
    expect(describeMissing([{ reference: type, keyOnly: true }])).toBe(
      'Secret "db" has no key "type", which a service binding needs: add it, such as postgresql.',
    );
    expect(describeMissing([{ reference: variable, keyOnly: true }])).toBe(
      'ConfigMap "site" has no key "a", which spec.env names: add it, or remove the entry.',
    );
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ reference: { ...secret, name }, keyOnly: false }));
    expect(describeMissing(many)).toMatch(/"a".*"b".*"c".*remove the entry\. 2 more are missing\.$/);
  });
});

/** A Deployment as it would be after one was applied with these contents. */
const after = (there: DeploymentObject | undefined, contents: Contents): DeploymentObject =>
  build({ configurations: [bound('db')] }, there, contents);
const markOf = (deployment: DeploymentObject): string | undefined =>
  deployment.spec?.template.metadata?.annotations?.[annotations.content];
const seen = (hash: string, versions = 'v1'): Contents => ({ hash, versions, missing: [] });

describe('the pod template', () => {
  test('changes when the content has changed, and returns to what it was when that does', () => {
    const first = after(undefined, seen('k.1'));
    const second = after(first, seen('k.2', 'v2'));
    const third = after(second, seen('k.1', 'v3'));
    expect([first, second, third].map(markOf)).toEqual(['k.1', 'k.2', 'k.1']);
    expect(knownOf(second)).toEqual({ hash: 'k.2', versions: 'v2' });
  });

  test('does not change, nor does anything else, with a new version of the same content', () => {
    const first = after(undefined, seen('k.1'));
    expect(after(first, seen('k.1', 'v2'))).toEqual(first);
  });

  test('of a Deployment by an earlier operator stays as it is, until the content changes', () => {
    const old = build({ configurations: [bound('db')] });
    const first = after(old, seen('k.1'));
    expect(first.spec?.template).toEqual(old.spec?.template);
    expect(markOf(after(first, seen('k.1', 'v2')))).toBeUndefined();
    expect(markOf(after(first, seen('k.2', 'v2')))).toBe('k.2');
  });

  test('does not change with the key of the hashes: what it says under another one cannot be compared', () => {
    const first = after(undefined, seen('k.1'));
    const second = after(first, seen('other.1'));
    expect([second, after(second, seen('other.2'))].map(markOf)).toEqual(['k.1', 'other.2']);
  });

  test('loses its mark with the last reference', () => {
    const marks = contentMarks(after(undefined, seen('k.1')), { missing: [] });
    expect(marks).toEqual({ deployment: {}, template: {} });
  });

  test.each(['', 'x', 'x y z', ' ', 'a.b'])('is not misled by the annotation "%s" of a stranger', (text) => {
    const there = after(undefined, seen('k.1'));
    const edited = { ...there, metadata: { ...there.metadata, annotations: { [annotations.content]: text } } };
    expect(markOf(after(edited, seen('k.1')))).toBe('k.1');
    expect(knownOf(after(edited, seen('k.1')))).toEqual({ hash: 'k.1', versions: 'v1' });
  });
});

describe('several processes', () => {
  const app = anApp({ ...image(), configurations: [bound('db')], processes: [{ name: 'worker', replicas: 1 }] });
  const given = (hash: string): Partial<Observed> => ({
    app,
    routes: [aRoute('ready')],
    contents: seen(hash),
    isCurrent: () => false,
  });
  const marksOf = (observed: Partial<Observed>): (string | undefined)[] =>
    acts(see(observed))
      .applied.filter(({ resource }) => resource.kind === 'Deployment')
      .map(({ intent }) => markOf(intent as unknown as DeploymentObject));

  test('all roll with the content, and each has the files', () => {
    expect(marksOf(given('k.1'))).toEqual(['k.1', 'k.1']);
    const deployments = acts(see(given('k.1'))).applied.filter(({ resource }) => resource.kind === 'Deployment');
    for (const { intent } of deployments) expect(JSON.stringify(intent)).toContain('/configurations/db');
  });
});

test('a change that comes while an image is built is not lost by scaling', () => {
  const configurations = [bound('db')];
  const app = anApp({ ...blob(), configurations, replicas: 2 });
  const web = build({ configurations }, undefined, seen('k.1'));
  const there = { ...aDeployment('complete'), metadata: { ...aDeployment('complete').metadata, ...web.metadata } };
  const deployment = { ...there, spec: web.spec } as DeploymentObject;
  const given = { app, runs: [aRun({ status: running('build') })], routes: [aRoute('ready')], deployment };
  const observed = see({ ...given, contents: seen('k.2', 'v2'), isCurrent: () => false });
  const scaled = acts(observed).applied.find(({ resource }) => resource.kind === 'Deployment');
  const intent = scaled?.intent as unknown as DeploymentObject;
  expect(intent.spec?.replicas).toBe(2);
  expect(knownOf(intent)).toEqual({ hash: 'k.1', versions: 'v1' });
  expect(markOf(intent)).toBe('k.1');
  expect(markOf(after(intent, seen('k.2', 'v2')))).toBe('k.2');
});

describe('an App that lacks a Secret', () => {
  const configurations = [bound('db')];
  const [reference] = referencesOf({ configurations });
  const missing: Contents = { hash: 'k.0', versions: '', missing: reference ? [{ reference, keyOnly: false }] : [] };
  const app = anApp({ ...image(), configurations });
  const lacking: Partial<Observed> = { app, routes: [aRoute('ready')], contents: missing, isCurrent: () => false };
  const deployedOf = (given: Partial<Observed>) => findCondition(acts(see(given)).status?.conditions, 'Deployed');

  test('makes no pod, says which, and goes on by itself when it is there', () => {
    const { applied, next, status } = acts(see(lacking));
    expect(applied.map(({ resource }) => resource.kind)).not.toContain('Deployment');
    expect(findCondition(status?.conditions, 'Deployed')).toMatchObject({
      status: 'False',
      reason: 'ConfigurationNotFound',
      message: 'There is no Secret "db", which spec.configurations names: create it, or remove the entry.',
    });
    expect(findCondition(status?.conditions, 'Stalled')).toBeUndefined();
    expect(next.type).toBe('done');
  });

  test('keeps the pods that run', () => {
    const given = { ...lacking, deployment: aDeployment('complete') };
    const { applied, removed } = acts(see(given));
    expect([...applied, ...removed].map(({ resource }) => resource.kind)).not.toContain('Deployment');
    expect(deployedOf(given)?.message).toMatch(/The pods that are ready serve on\.$/);
  });

  test('can be stopped', () => {
    const stopped = anApp({ ...image(), configurations, replicas: 0 });
    const { applied } = acts(see({ ...lacking, app: stopped, deployment: aDeployment('complete') }));
    expect(applied.map(({ resource }) => resource.kind)).toContain('Deployment');
  });

  test('is built all the same, and hears of it meanwhile', () => {
    const built = anApp({ ...blob(), configurations });
    const given = { ...lacking, app: built, runs: [aRun({ status: running('build') })] };
    expect(deployedOf(given)?.reason).toBe('ConfigurationNotFound');
  });
});

test('what is not followed at once is looked at again in time', () => {
  const app = anApp({ ...image(), configurations: [bound('db')] });
  const given = { app, routes: [aRoute('ready')], deployment: aDeployment('complete') };
  expect(acts(see({ ...given, contents: { ...seen('k.1'), againMs: 700 } })).lookAfterMs).toBe(700);
  expect(acts(see({ ...given, contents: seen('k.1') })).lookAfterMs).toBeUndefined();
});
