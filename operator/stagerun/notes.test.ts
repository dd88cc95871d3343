import { expect, test } from 'vitest';
import type { StageRunStatus } from '../api/stagerun.ts';
import { notesOf } from './notes.ts';
import { aRun } from './testing/objects.ts';
import { app, begun, conditions, ended } from './testing/plans.ts';

const waiting = (reason: string): StageRunStatus => ({ conditions: conditions('Unknown', reason, 'Why.') });
const warning = (reason: string, note = 'Why.') => ({ type: 'Warning', reason, action: 'Build', note });

const rows: readonly [name: string, before: StageRunStatus | undefined, after: StageRunStatus, notes: object[]][] = [
  [
    'that it has succeeded, with the image',
    begun,
    { ...ended('True', 'Succeeded'), image: 'r/a@sha256:1' },
    [{ type: 'Normal', reason: 'Succeeded', action: 'Build', note: 'A sentence. r/a@sha256:1' }],
  ],
  ['that it has failed', begun, ended('False', 'BuildFailed'), [warning('BuildFailed', 'A sentence.')]],
  [
    'that it ended before it began',
    undefined,
    ended('False', 'BuilderNotFound'),
    [warning('BuilderNotFound', 'A sentence.')],
  ],
  ['its end once', ended('False', 'BuildFailed'), ended('False', 'BuildFailed'), []],
  [
    'that it begins',
    waiting('Queued'),
    begun,
    [{ type: 'Normal', reason: 'Running', action: 'StartBuild', note: `The Job ${aRun(app).metadata.name} builds.` }],
  ],
  ['its beginning once', begun, { ...begun, conditions: conditions('Unknown', 'Running') }, []],
  ['what holds it up', waiting('Queued'), waiting('SecretNotFound'), [warning('SecretNotFound')]],
  ['what holds it up first', undefined, waiting('RegistryFull'), [warning('RegistryFull')]],
  ['what holds it up once', waiting('SecretNotFound'), waiting('SecretNotFound'), []],
  ['what holds it up while it builds', begun, { ...begun, ...waiting('PodNotCreated') }, [warning('PodNotCreated')]],
  ['nothing of its place in the queue', undefined, waiting('Queued'), []],
  ['nothing where there is nothing to say', begun, {}, []],
];

test.each(rows)('users are told of a run: %s', (_, before, after, notes) => {
  expect(notesOf(aRun(app, {}, before), after)).toEqual(notes);
});
