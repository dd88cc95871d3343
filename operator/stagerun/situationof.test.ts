import { describe, expect, it } from 'vitest';
import { situationOf } from './situationof.ts';
import { anApp, aRun } from './testing/objects.ts';
import { aJob, at, exited, podWith } from './testing/pods.ts';
import { app, begun, earlierJob, ended, goingRun, later, observed, type Given } from './testing/plans.ts';
import type { StageRunStatus } from '../api/stagerun.ts';

const going = { ...aJob(), metadata: { ...aJob().metadata, deletionTimestamp: at(9), finalizers: ['x/y'] } };
const goingAndOver = { ...going, status: aJob({ type: 'Failed', reason: 'BackoffLimitExceeded' }).status! };
const goingAndBuilt = { ...going, status: aJob({ type: 'Complete', reason: 'CompletionsReached' }).status! };
const building = podWith('build', { running: { startedAt: at(10) } });
const cancelled = (status?: StageRunStatus) => aRun(app, { cancelled: true }, status);

const rows: readonly [name: string, given: Given, status: StageRunStatus | undefined, expected: object][] = [
  ['that is deleted', { run: goingRun(cancelled(ended('True', 'Succeeded'))) }, undefined, { type: 'going' }],
  ['that has succeeded', { job: aJob() }, ended('True', 'Succeeded'), { type: 'recorded' }],
  ['that has failed, and was cancelled', { run: cancelled(ended('False', 'X')) }, undefined, { type: 'recorded' }],
  ['that was cancelled while it builds', { run: cancelled(begun), job: aJob() }, undefined, { type: 'cancelled' }],
  ['that was cancelled before it began', { run: cancelled(), app: undefined }, undefined, { type: 'cancelled' }],
  ['without a Job', {}, undefined, { query: { type: 'turn' } }],
  ['without a Job that has its turn', { admitted: true }, undefined, { query: { type: 'start' } }],
  ['whose Job has no pod', { job: aJob() }, begun, { query: { type: 'active', judgement: { reason: 'Pending' } } }],
  ['whose Job nobody recorded', { job: aJob(), app: undefined }, undefined, { query: { type: 'active' } }],
  ['whose Job builds', { job: aJob(), pod: building }, begun, { query: { judgement: { reason: 'Running' } } }],
  ['whose Job goes, and still has its pod', { job: going, pod: building }, begun, { query: { type: 'active' } }],
  ['whose Job goes, and has failed', { job: goingAndOver }, begun, { query: { type: 'failed' } }],
  ['whose Job goes, and is complete', { job: goingAndBuilt }, begun, { query: { type: 'built' } }],
  ['whose Job goes, and nothing was told of it', { job: going }, undefined, { query: { type: 'lost' } }],
  ['whose Job goes without a pod', { job: going }, begun, { query: { message: 'Its Job is being deleted as well.' } }],
  ['whose Job is gone', {}, begun, { query: { type: 'lost', message: 'Its Job is gone as well.' } }],
  [
    'whose Job was taken from it',
    { otherJob: aJob() },
    begun,
    { query: { type: 'lost', message: 'Somebody made the Job run one that does not belong to this run.' } },
  ],
  [
    'whose export ended well',
    { job: aJob(), pod: podWith('export', exited(0, { message: 'report' })) },
    begun,
    { query: { type: 'built', report: 'report' } },
  ],
  [
    'whose build failed',
    { job: aJob(), pod: podWith('build', exited(51)) },
    begun,
    { query: { type: 'failed', cause: { reason: 'BuildFailed', step: 'build' } } },
  ],
  [
    'whose time is over',
    { job: aJob(), now: later(600_000) },
    begun,
    { query: { cause: { reason: 'PodNotStarted' } } },
  ],
  ['whose name an earlier one has', { otherJob: earlierJob(aJob()) }, undefined, { query: { type: 'earlier' } }],
  [
    'whose name one has that is going',
    {
      otherJob: {
        ...earlierJob(aJob()),
        metadata: { ...earlierJob(aJob()).metadata, deletionTimestamp: later(0).toISOString() },
      },
    },
    undefined,
    { type: 'occupied' },
  ],
  [
    'whose name a Job of a run of another name has',
    { otherJob: { metadata: { ownerReferences: [{ ...owner('StageRun'), name: 'other' }] } } },
    undefined,
    { type: 'failed', cause: { reason: 'NameTaken' } },
  ],
  [
    'whose name the Job of another kind has',
    { otherJob: { metadata: { ownerReferences: [owner('CronJob')] } } },
    undefined,
    { type: 'failed', cause: { reason: 'NameTaken' } },
  ],
  ["whose name a stranger's Job has", { otherJob: aJob() }, undefined, { cause: { reason: 'NameTaken' } }],
  [
    'that nobody wants',
    { app: undefined, admitted: true },
    undefined,
    { type: 'unwanted', summary: { reason: 'NotWanted' } },
  ],
  ['whose App is paused', { app: anApp({ paused: true }) }, undefined, { summary: { reason: 'Paused' } }],
];

function owner(kind: string) {
  return { apiVersion: 'x/v1', kind, name: aRun(app).metadata.name, uid: 'u', controller: true };
}

describe('the situation', () => {
  it.each(rows)('of a run %s', (_, given, status, expected) => {
    expect(situationOf(observed(given, status))).toMatchObject(expected);
  });

  it('is what a look-up found, and is not looked up again', () => {
    const situation = { type: 'queued', ahead: 1, mayTell: false } as const;
    expect(situationOf(observed({ situation }))).toBe(situation);
  });

  it('counts the time of a run from what its status says, else from its Job', () => {
    const early = { ...begun, startTime: '2026-11-21T03:00:00Z' };
    expect(situationOf(observed({ job: aJob() }, early))).toMatchObject({ query: { type: 'failed' } });
    const { startTime: _, ...unsaid } = begun;
    expect(situationOf(observed({ job: aJob() }, unsaid))).toMatchObject({ query: { type: 'active' } });
  });
});
