import { describe, expect, test } from 'vitest';
import { prunedRuns } from './history.ts';
import { retryDelayMs } from './runs.ts';
import { attemptOf } from '../api/names.ts';
import { cancelStageRun, changeOf } from './resources/stagerun.ts';
import {
  aDeployment,
  anApp,
  aRun,
  blob,
  failed,
  otherSha,
  running,
  see,
  stagedImage,
  succeeded,
} from './testing/objects.ts';

test('retries wait from 30 s up to an hour', () => {
  expect([1, 2, 3, 7, 8, 50].map(retryDelayMs)).toEqual([30, 60, 120, 1920, 3600, 3600].map((s) => s * 1000));
});

test.each(['many', '', '0', '-3', '1.5', '1e308', 'NaN'])(
  'an attempt %s, which no status may hold, is the first',
  (text) => {
    expect(attemptOf(aRun({ annotations: { 'epinio.io/attempt': text } }))).toBe(1);
  },
);

describe('the history', () => {
  const ended = (name: string, at: number) => aRun({ name, created: at + 10, status: succeeded(at) });
  const good = [5, 4, 3, 2, 1].map((n) => ended(`good${n}`, (6 - n) * 100));
  const bad = [2, 1].map((n) =>
    aRun({ name: `bad${n}`, created: (6 - n) * 100 + 20, status: failed('BuildFailed', (6 - n) * 100 + 10) }),
  );
  const pruned = (given: Parameters<typeof see>[0]): string[] => prunedRuns(see(given)).map((r) => r.metadata.name);
  const app = anApp(blob());

  test('keeps the three newest successes and the newest failure', () => {
    expect(pruned({ app, runs: [...good, ...bad] })).toEqual(['good2', 'good1', 'bad1']);
  });
  test.each([
    [{ succeeded: 1 }, ['good4', 'good3', 'good2', 'good1', 'bad1']],
    [{ succeeded: 4, failed: 2 }, ['good1']],
    [{ failed: 0 }, ['good2', 'good1', 'bad2', 'bad1']],
    // The newest stays in any case.
    [{ succeeded: 0, failed: 0 }, ['good4', 'good3', 'good2', 'good1', 'bad2', 'bad1']],
  ])('keeps as many as the App says: %j', (history, gone) => {
    expect(pruned({ app: anApp({ ...blob(), build: { history } }), runs: [...good, ...bad] })).toEqual(gone);
  });
  test('never takes the deployed one', () => {
    expect(pruned({ app, runs: good, deployment: aDeployment('complete', stagedImage('good1')) })).toEqual(['good2']);
  });
  test('never takes the one that still serves during a rollout', () => {
    const rolling = { ...app, status: { stageRun: { deployed: 'good2' } } };
    expect(pruned({ app: rolling, runs: good, deployment: aDeployment('starting', stagedImage('good5')) })).toEqual([
      'good1',
    ]);
  });
  test('never takes the pinned one', () => {
    expect(pruned({ app: anApp({ ...blob(), stageRun: 'good1' }), runs: good })).toEqual(['good2']);
  });
  test('never takes one under way, or the newest', () => {
    const newest = aRun({ name: 'newest', created: 0, status: failed('BuildFailed', 5000) });
    const runs = [...bad, newest, aRun({ name: 'busy', created: 9000, status: running('build') })];
    expect(pruned({ app, runs })).toEqual(['bad1']);
  });
});

describe('the reason of a run', () => {
  const last = aRun({ name: 'last' });
  const spec = blob();
  test.each([
    ['Source', anApp(spec), []],
    ['Source', anApp(blob(otherSha)), [last]],
    ['Builder', anApp({ ...spec, build: { builder: 'other' } }), [last]],
    ['Environment', anApp({ ...spec, build: { env: [{ name: 'A', value: '1' }] } }), [last]],
    ['Environment', anApp({ ...spec, build: { bindings: [{ name: 'maven' }] } }), [last]],
    ['Restage', anApp({ ...spec, build: { restage: '2' } }), [last]],
  ] as const)('is %s', (reason, app, runs) => expect(changeOf(app, runs)).toBe(reason));
});

test('a cancelled run keeps all of its spec, which may not change', () => {
  const run = aRun({ annotations: { 'epinio.io/attempt': '3' } });
  const intent = cancelStageRun(anApp(), run, 'newer');
  expect(intent).toMatchObject({ spec: { ...run.spec, cancelled: true } });
  expect(intent.metadata.annotations).toEqual({ 'epinio.io/attempt': '3', 'epinio.io/superseded-by': 'newer' });
});
