import { expect, test } from 'vitest';
import { StageRun } from '../api/stagerun.ts';
import { Store } from '../kube/cache/store.ts';
import { Job, Pod, type Key } from '../kube/resource.ts';
import type { Cache } from '../kube/types.ts';
import type { PodObject } from '../api/steps.ts';
import type { JobObject } from './build/jobstate.ts';
import { builtAppOf, byBuiltApp, hasOthersAtWork, runsBuilding } from './observe.ts';

const reference = { apiVersion: 'epinio.io/v1alpha1', kind: 'StageRun', name: 'run', uid: 'u', controller: true };
const meta = { name: 'run', namespace: 'team', resourceVersion: '1' };
const job = (more: object = {}, rest: object = {}): JobObject => ({
  metadata: { ...meta, uid: 'job', ownerReferences: [reference], ...more },
  ...rest,
});
const run = (status = {}): StageRun => ({ metadata: { ...meta, uid: 'u' }, spec: {}, status }) as unknown as StageRun;
const succeeded = { conditions: [{ type: 'Succeeded', status: 'True' }] };

const building = (runs: StageRun[], jobs: JobObject[]): Key[] => {
  const stores = { StageRun: new Store({ resource: StageRun }), Job: new Store({ resource: Job }) };
  for (const object of runs) stores.StageRun.put(object);
  for (const object of jobs) stores.Job.put(object);
  const storeOf = (r: { kind: string }) => stores[r.kind as 'Job'];
  const cache = { get: (r, key) => storeOf(r).get(key), list: (r) => storeOf(r).list() } as Pick<Cache, 'get' | 'list'>;
  return runsBuilding(cache);
};

const key = { namespace: 'team', name: 'run' };

test.each<[string, StageRun[], JobObject[], Key[]]>([
  ['the run whose Job is at work', [run()], [job()], [key]],
  ['none that has ended', [run()], [job({}, { status: { conditions: [{ type: 'Complete', status: 'True' }] } })], []],
  ['none whose result is recorded', [run(succeeded)], [job()], []],
  ['none that is not there', [], [job()], []],
  ['none for a Job of another name', [run()], [job({ name: 'other' })], []],
  ['none for a Job of another namespace', [run()], [job({ namespace: 'x' })], []],
  ['none for a Job that names another uid', [run()], [job({ ownerReferences: [{ ...reference, uid: 'x' }] })], []],
  ['none for a Job of another kind’s', [run()], [job({ ownerReferences: [{ ...reference, kind: 'App' }] })], []],
  [
    'none for a Job that only mentions it',
    [run()],
    [job({ ownerReferences: [{ ...reference, controller: false }] })],
    [],
  ],
  ['none for a Job that goes', [run()], [job({ deletionTimestamp: '2026-01-01T00:00:00Z' })], []],
])('builds at the start: %s', (_, runs, jobs, expected) => expect(building(runs, jobs)).toEqual(expected));

const buildPod = (of: string, phase: string, more: object = {}): PodObject => ({
  metadata: {
    ...{ name: `${of}-x`, namespace: 'team', resourceVersion: '1' },
    labels: { 'epinio.io/app': 'shop', 'epinio.io/stagerun': of },
    ...more,
  },
  status: { phase },
});

test.each<[string, PodObject[], object, boolean]>([
  ['nobody', [], {}, false],
  ['a pod of another run', [buildPod('other', 'Running')], {}, true],
  ['one that has not begun', [buildPod('other', 'Pending')], {}, true],
  [
    'one that is being deleted',
    [buildPod('other', 'Running', { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    {},
    true,
  ],
  ['none that has ended', [buildPod('other', 'Failed'), buildPod('other', 'Succeeded', { name: 'y' })], {}, false],
  ['one of an earlier run of its name', [buildPod('run', 'Running')], {}, true],
  ['not its own', [buildPod('run', 'Running')], { jobName: 'run' }, false],
  ['none of another namespace', [buildPod('other', 'Running', { namespace: 'x' })], {}, false],
  ['no pod that serves the App', [buildPod('other', 'Running', { labels: { 'epinio.io/app': 'shop' } })], {}, false],
])('beside a run there is at work: %s', (_, pods, status, expected) => {
  const store = new Store({ resource: Pod, indexes: { [byBuiltApp]: builtAppOf } });
  for (const pod of pods) store.put(pod);
  const cache = { byIndex: (_r: unknown, index: string, value: string) => store.byIndex(index, value) };
  const of = { ...run(status), spec: { appRef: { name: 'shop' } } } as StageRun;
  expect(hasOthersAtWork(cache as unknown as Pick<Cache, 'byIndex'>, of)).toBe(expected);
});
