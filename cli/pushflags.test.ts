import { describe, expect, it } from 'vitest';
import { boundSecret, nothing, type Asked } from './asked.ts';
import { choose } from './choose.ts';
import type { UserError } from './errors.ts';
import { intentOf, refuseUnknown, type Owned } from './intent.ts';
import { readFlags, type AppFlags } from './pushflags.ts';

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return `${(error as UserError).code} ${(error as UserError).message} // ${(error as UserError).hint}`;
  }
  return 'nothing was refused';
};
const env = (...entries: string[]) =>
  entries.map((e) => ({ name: e.split('=')[0], value: e.slice(e.indexOf('=') + 1) }));

describe('flags', () => {
  it.each<[string, AppFlags, Partial<Asked>]>([
    ['variables', { env: ['A=1', 'B=x=y z'] }, { spec: { env: env('A=1', 'B=x=y z') as never, build: { env: [] } } }],
    ['several in one text', { env: ['A=1,B=2'] }, { spec: { env: env('A=1', 'B=2') as never } }],
    [
      'a comma in a value',
      { env: ['LIST=a,b', 'J={"a":1,"b":2}'] },
      { spec: { env: env('LIST=a,b', 'J={"a":1,"b":2}') as never } },
    ],
    ['quotes around it, as for Epinio', { env: ['"A=1,B=""2"""'] }, { spec: { env: env('A=1,B="2"') as never } }],
    ['an empty value', { env: ['A='] }, { spec: { env: env('A=') as never } }],
    [
      'variables of buildpacks',
      { env: ['BP_X=1', 'BPE_Y=2', 'BPL_Z=3'] },
      { spec: { env: env('BPL_Z=3') as never, build: { env: env('BP_X=1', 'BPE_Y=2') as never } } },
    ],
    [
      'variables of the build alone: those of the App are not asked for',
      { buildEnv: ['GOFLAGS=-v'] },
      { spec: { build: { env: env('GOFLAGS=-v') as never } } },
    ],
    [
      'routes',
      { route: ['a.org,b.org/x'] },
      {
        spec: {
          routes: [
            { host: 'a.org', path: '/' },
            { host: 'b.org', path: '/x' },
          ],
        },
      },
    ],
    ['no routes', { clearRoutes: true }, { spec: { routes: [], defaultRoute: 'Disabled' } }],
    ['configurations', { bind: ['a,b', 'c'] }, { spec: { configurations: ['a', 'b', 'c'].map(boundSecret) } }],
    [
      'the standard chart and its port',
      { appChart: 'standard', chartValue: ['appListeningPort=80'] },
      { spec: { port: 80 } },
    ],
    ['a repository', { git: 'https://h/r' }, { origin: { type: 'remote', source: { git: { url: 'https://h/r' } } } }],
    [
      'a repository, a revision and credentials',
      { git: 'ssh://git@h/r,v1', gitConfig: 'mine' },
      {
        origin: {
          type: 'remote',
          source: { git: { url: 'ssh://git@h/r', revision: 'v1', secretRef: { name: 'mine' } } },
        },
      },
    ],
    ['an image', { containerImageUrl: 'nginx' }, { origin: { type: 'remote', source: { image: 'nginx' } } }],
    [
      'a builder and instances',
      { builderImage: 'b', instances: 0 },
      { spec: { replicas: 0, build: { builder: 'b' } } },
    ],
  ])('%s', (_, flags, asked) => {
    expect(readFlags(flags)).toMatchObject(asked);
  });

  it('that are not there ask for nothing', () => {
    expect(readFlags({})).toEqual(nothing);
  });

  it.each<[AppFlags, RegExp]>([
    [{ path: '.', git: 'https://h/r' }, /^2 --path and --git exclude each other/],
    [{ path: '.', git: 'x', containerImageUrl: 'y' }, /^2 --path and --git and --container-image-url exclude/],
    [{ gitConfig: 'x' }, /^2 --git-config is nothing without --git/],
    [{ git: 'a,b,c' }, /^2 --git a,b,c has more than a URL and a revision/],
    [{ git: 'git@github.com:org/repo' }, /is no URL of a repository \/\/ .*ssh:\/\/git@github.com/],
    [{ env: ['A'] }, /^2 --env A is no assignment \/\/ write --env NAME=VALUE/],
    [{ env: ['=x'] }, /is no assignment/],
    [{ route: ['a'], clearRoutes: true }, /^2 --route and --clear-routes exclude each other/],
    [{ appChart: 'mine' }, /^2 --app-chart mine: an App has no chart/],
    [{ chartValue: ['x=1'] }, /^2 --chart-value x: an App has no chart/],
    [{ chartValue: ['appListeningPort=x'] }, /^2 --chart-value appListeningPort must be a port/],
  ])('%j are refused', (flags, message) => {
    expect(messageOf(() => readFlags(flags))).toMatch(message);
  });
});

const manifest = (over: Partial<Asked>): Asked => ({ ...nothing, ...over });

describe('a flag over a manifest', () => {
  const of = manifest({
    name: 'a',
    origin: { type: 'remote', source: { image: 'nginx' } },
    ignore: ['*.log'],
    spec: {
      replicas: 2,
      env: env('A=1') as never,
      build: { builder: 'b', env: env('BP_A=1') as never },
      routes: [],
      defaultRoute: 'Disabled',
    },
  });
  it.each<[string, AppFlags, object]>([
    ['nothing is nothing', {}, of],
    [
      'one variable drops all, those of the build too',
      { env: ['B=2'] },
      { spec: { env: env('B=2'), build: { builder: 'b', env: [] } } },
    ],
    [
      'a builder leaves the rest of the build',
      { builderImage: 'c' },
      { spec: { build: { builder: 'c', env: env('BP_A=1') } } },
    ],
    [
      'a source replaces the whole origin',
      { git: 'https://h/r' },
      { origin: { source: { git: { url: 'https://h/r' } } } },
    ],
    ['a name', { name: 'b' }, { name: 'b', ignore: ['*.log'] }],
  ])('%s', (_, flags, asked) => {
    expect(choose([of], readFlags(flags))[0]).toMatchObject(asked);
  });

  it('a route: there are routes again', () => {
    expect(choose([of], readFlags({ route: ['a.org'] }))[0]?.spec).toEqual({
      ...of.spec,
      routes: [{ host: 'a.org', path: '/' }],
      defaultRoute: undefined,
    });
  });
});

describe('a manifest with several Apps', () => {
  const two = [manifest({ name: 'a', manifest: 'm' }), manifest({ name: 'b', manifest: 'm' })];
  it.each<[string, readonly Asked[], AppFlags, string[]]>([
    ['is pushed as a whole', two, {}, ['a', 'b']],
    ['or one of it', two, { name: 'b' }, ['b']],
    ['none at all is this folder', [], {}, ['']],
  ])('%s', (_, manifests, flags, names) => {
    expect(choose(manifests, readFlags(flags)).map(({ name = '' }) => name)).toEqual(names);
  });
  it.each<[readonly Asked[], AppFlags, RegExp]>([
    [two, { instances: 2 }, /^2 the manifest has several Apps.*\/\/ say which one with --name: a, b/],
    [two, { name: 'c' }, /^2 the manifest has no App c \/\/ it has: a, b/],
    [[...two, manifest({ manifest: 'm' })], {}, /^2 an App in m has no name/],
    [[...two, ...two], {}, /^2 two Apps in m have the name a/],
  ])('%#', (manifests, flags, message) => {
    expect(messageOf(() => choose(manifests, readFlags(flags)))).toMatch(message);
  });
});

describe('what is applied', () => {
  const key = { namespace: 'n', name: 'a' };
  const source = { image: 'nginx' };
  const owned: Owned = {
    metadata: { labels: { team: 'x' } },
    spec: {
      source: { blob: {} },
      replicas: 3,
      env: env('A=1', 'B=2') as never,
      build: { builder: 'b', env: env('BP_A=1') as never },
      routes: [{ host: 'a.org', path: '/' }],
    },
  };
  const specOf = (asked: Partial<Asked>, before: Owned = owned) =>
    intentOf(key, manifest(asked), source, before)['spec'];

  it('of an App that is new is what is asked for, and nothing empty', () => {
    const asked = manifest({ spec: { env: [], build: { env: [] }, configurations: [] } });
    expect(intentOf(key, asked, source)).toEqual({
      apiVersion: 'epinio.io/v1alpha1',
      kind: 'App',
      metadata: { name: 'a', namespace: 'n' },
      spec: { source },
    });
  });

  it.each<[string, Partial<Asked>, object]>([
    ['without a word, what was applied before', {}, { ...owned.spec, source }],
    [
      'variables one by one',
      { spec: { env: env('B=3', 'C=4') as never } },
      { ...owned.spec, source, env: env('A=1', 'B=3', 'C=4') },
    ],
    [
      'all variables, where they are to replace the others',
      { spec: { env: env('C=4') as never }, replaceEnv: true },
      { ...owned.spec, source, env: env('C=4'), build: { builder: 'b' } },
    ],
    [
      'routes as a whole',
      { spec: { routes: [{ host: 'b.org', path: '/' }] } },
      { ...owned.spec, source, routes: [{ host: 'b.org', path: '/' }] },
    ],
    ['a probe that is none', { spec: { readinessProbe: {} } }, { ...owned.spec, source, readinessProbe: {} }],
    ['of an App as a manifest, only what is in it', { exact: true, spec: { port: 80 } }, { source, port: 80 }],
  ])('%s', (_, asked, spec) => {
    expect(specOf(asked)).toEqual(spec);
  });

  it('no routes, and routes again', () => {
    const cleared = specOf({ spec: { routes: [], defaultRoute: 'Disabled' } }) as object;
    expect(cleared).toMatchObject({ defaultRoute: 'Disabled' });
    expect(cleared).not.toHaveProperty('routes');
    const again = specOf({ spec: { routes: [{ host: 'a.org', path: '/' }] } }, { spec: cleared });
    expect(again).not.toHaveProperty('defaultRoute');
  });

  it('labels that were applied stay', () => {
    expect(intentOf(key, manifest({}), source, owned).metadata.labels).toEqual({ team: 'x' });
  });

  it('a field that Apps do not have is told before anything is sent', () => {
    const intent = intentOf(key, manifest({ spec: { nonsense: [1] } as never }), source);
    expect(messageOf(() => refuseUnknown(intent))).toMatch(/Apps have no field spec.nonsense in this version/);
  });
});
