import { describe, expect, it } from 'vitest';
import type { App } from '../api/app.ts';
import { anApp, aRebase, aRun, blob } from './testing/objects.ts';
import type { StageRun } from '../api/stagerun.ts';
import { whyNotStartable, type Rebasing } from './startable.ts';

const env = [
  { name: 'B', value: '2' },
  { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
];
const bindings = [{ name: 'maven' }, { name: 'ca', type: 'ca-certificates' }];
const app = anApp({ build: { env, bindings, builder: 'default', restage: 'x' } });
const run = aRun(app);
const other = { blob: { ...blob, sha256: 'b'.repeat(64) } };

describe('a run from git', () => {
  const git = { url: 'https://git.example.org/team/shop', revision: 'main', secretRef: { name: 'git-key' } };
  const wants = anApp({ source: { git } });

  it('is wanted while its App asks for the same', () => {
    expect(whyNotStartable(aRun(wants, { source: { git } }), wants)).toBeUndefined();
  });

  it.each([
    ['another repository', { ...git, url: 'https://git.example.org/team/other' }],
    ['another Secret', { ...git, secretRef: { name: 'other' } }],
    ['another branch', { ...git, revision: 'other' }],
    ['submodules', { ...git, submodules: 'Recursive' as const }],
  ])('is not wanted where it claims the inputs of its App and says %s', (_name, other) => {
    expect(whyNotStartable(aRun(wants, { source: { git: other } }), wants)?.reason).toBe('NotWanted');
  });

  it('is not wanted where it says an archive', () => {
    expect(whyNotStartable(aRun(wants, { source: { blob } }), wants)?.reason).toBe('NotWanted');
  });
});

describe('a run', () => {
  it('is wanted while its App asks for the same', () => {
    expect(whyNotStartable(run, app)).toBeUndefined();
  });

  it('is wanted in whatever order the settings stand, and whatever size the archive is said to have', () => {
    const same = anApp({
      ...app.spec,
      source: { blob: { ...blob, size: 1 } },
      build: { ...app.spec.build, env: env.toReversed(), bindings: bindings.toReversed() },
    });
    expect(whyNotStartable(run, same)).toBeUndefined();
  });

  const rows: [string, App | undefined, string][] = [
    ['its App is not there, or another one of that name', undefined, 'NotWanted'],
    ['its App is going', anApp(app.spec, { deletionTimestamp: '2026-11-21T04:00:00Z' }), 'NotWanted'],
    ['its App is paused', anApp({ ...app.spec, paused: true }), 'Paused'],
    ['its App is pinned to an earlier run', anApp({ ...app.spec, stageRun: 'shop-1' }), 'NotWanted'],
    ['its App has another source', anApp({ ...app.spec, source: other }), 'NotWanted'],
    ['its App has no source', anApp({ ...app.spec, source: {} }), 'NotWanted'],
    ['its App runs an image', anApp({ ...app.spec, source: { image: 'nginx' } }), 'NotWanted'],
    ['its App has another builder', anApp({ ...app.spec, build: { ...app.spec.build, builder: 'x' } }), 'NotWanted'],
    ['its App has other settings', anApp({ ...app.spec, build: { ...app.spec.build, env: [] } }), 'NotWanted'],
    ['its App has no bindings', anApp({ ...app.spec, build: { ...app.spec.build, bindings: [] } }), 'NotWanted'],
    ['its App was restaged', anApp({ ...app.spec, build: { ...app.spec.build, restage: 'y' } }), 'NotWanted'],
  ];
  it.each(rows)('is not wanted when %s', (_, changed, reason) => {
    expect(whyNotStartable(run, changed)?.reason).toBe(reason);
  });

  it.each([
    ['another source', { source: other }],
    ['another builder', { builder: 'evil' }],
    ['another binding', { bindings: [bindings[0]!, { name: 'ca', type: 'maven' }] }],
    ['another setting', { env: [{ name: 'B', value: 'evil' }] }],
    [
      "another Secret's value",
      { env: [env[0]!, { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'other' } } }] },
    ],
  ])('that claims the inputs of its App and has %s is not wanted', (_, spec) => {
    expect(whyNotStartable(aRun(app, spec), app)?.reason).toBe('NotWanted');
  });

  it('is not wanted under a name that is not that of its inputs: the name is the tag of the image', () => {
    const renamed = { ...run, metadata: { ...run.metadata, name: 'shop-0000000000' } };
    expect(whyNotStartable(renamed, app)?.reason).toBe('NotWanted');
  });
});

describe('a run that puts an image upon another run image', () => {
  const runImage = `sha256:${'2'.repeat(64)}`;
  const named = aRebase(app, runImage);
  const rebase = named.spec.rebase!;
  const wanted = { mode: 'Auto', image: 'r.test/a@sha256:1', newest: runImage } as const;

  it.each<[string, Rebasing]>([
    ['the App wants it', wanted],
    ['it is not known yet which run image is the newest', { ...wanted, newest: undefined }],
  ])('is wanted where %s', (_, facts) => expect(whyNotStartable(named, app, facts)).toBeUndefined());

  const other = { ...rebase, stageRun: 'shop-0000000000' };
  it.each<[string, StageRun, Rebasing]>([
    ['the App does not want it', named, { ...wanted, mode: 'Off' }],
    ['what it starts from has no image', named, { ...wanted, image: undefined }],
    ['there is a newer one', named, { ...wanted, newest: `sha256:${'3'.repeat(64)}` }],
    ['it starts from another run', { ...named, spec: { ...named.spec, rebase: other } }, wanted],
    [
      'it names another run image than it claims',
      { ...named, spec: { ...named.spec, rebase: { ...rebase, runImage: `sha256:${'4'.repeat(64)}` } } },
      wanted,
    ],
  ])('is not wanted where %s', (_, run, facts) => expect(whyNotStartable(run, app, facts)?.reason).toBe('NotWanted'));
});
