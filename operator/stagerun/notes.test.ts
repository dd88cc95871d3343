import { expect, test } from 'vitest';
import type { StageRunStatus } from '../api/stagerun.ts';
import { batchConditions } from '../kube/conditions.ts';
import { notesOf } from './notes.ts';
import { anApp, aRun } from './testing/objects.ts';

const status = (value: 'True' | 'False' | 'Unknown', reason: string, more: StageRunStatus = {}): StageRunStatus => ({
  conditions: batchConditions(
    { previous: undefined, generation: 1, now: new Date('2026-03-01T12:00:00Z') },
    { status: value, reason, message: `${reason}.` },
  ),
  ...more,
});
const begun = { jobName: 'run' };

test.each<[string, StageRunStatus | undefined, StageRunStatus, string[]]>([
  ['that it is in the queue', undefined, status('Unknown', 'Queued'), []],
  [
    'that it has begun',
    status('Unknown', 'Queued'),
    status('Unknown', 'Pending', begun),
    ['Normal Running StartBuild'],
  ],
  ['what holds it up', undefined, status('Unknown', 'QuotaExceeded'), ['Warning QuotaExceeded Build']],
  ['what holds it up, once', status('Unknown', 'QuotaExceeded'), status('Unknown', 'QuotaExceeded'), []],
  ['that it goes on', status('Unknown', 'Pending', begun), status('Unknown', 'Running', begun), []],
  ['its success', status('Unknown', 'Running', begun), status('True', 'Succeeded', begun), ['Normal Succeeded Build']],
  ['its success, once', status('True', 'Succeeded', begun), status('True', 'Succeeded', begun), []],
  [
    'its failure',
    status('Unknown', 'Running', begun),
    status('False', 'BuildFailed', begun),
    ['Warning BuildFailed Build'],
  ],
])('a run tells by an event %s', (_, before, after, expected) => {
  const notes = notesOf(aRun(anApp(), {}, before), after);
  expect(notes.map(({ type, reason, action }) => `${type} ${reason} ${action}`)).toEqual(expected);
});
