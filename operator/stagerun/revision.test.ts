import { describe, expect, it } from 'vitest';
import { fetchedCommit, labelledCommit, recordedCommit } from './revision.ts';
import { anApp, aRun } from './testing/objects.ts';
import { exited, podWith } from './testing/pods.ts';

const commit = 'c'.repeat(40);
const source = { git: { url: 'https://git.example.org/team/shop' } };
const app = anApp({ source });
const run = aRun(app, { source });

describe('the commit that an earlier attempt has looked up', () => {
  const withStatus = (desired: string, revision: string) => ({ ...app, status: { stageRun: { desired, revision } } });

  it.each([
    ['is that of the App for the same run', withStatus(run.metadata.name, commit), commit],
    ['is none where the App wants another run', withStatus('shop-0', commit), undefined],
    ['is none where it is no commit', withStatus(run.metadata.name, '--upload-pack=x'), undefined],
    ['is none of an App that says nothing', app, undefined],
    ['is none without an App', undefined, undefined],
  ])('%s', (_name, of, expected) => {
    expect(recordedCommit(run, of)).toBe(expected);
  });

  it('is none for an archive', () => {
    const archive = aRun(anApp());
    expect(recordedCommit(archive, withStatus(archive.metadata.name, commit))).toBeUndefined();
  });
});

it.each([
  [JSON.stringify({ reason: 'Fetched', message: 'x', revision: commit }), commit],
  [JSON.stringify({ reason: 'Fetched', message: 'x', revision: 'main\u001b[31m' }), undefined],
  [JSON.stringify({ reason: 'Fetched', message: 'x', revision: { a: 1 } }), undefined],
  ['the end of a log', undefined],
])('fetch said %s: %s was brought', (message, expected) => {
  expect(fetchedCommit(podWith('fetch', exited(0, { message })))).toBe(expected);
});

it('what another container says of a commit counts for nothing', () => {
  const message = JSON.stringify({ reason: 'Fetched', message: 'x', revision: commit });
  expect(fetchedCommit(podWith('build', exited(0, { message })))).toBeUndefined();
});

it.each([
  [{ source: { type: 'git', version: { commit } } }, commit],
  [{ source: { version: { commit: 5 } } }, undefined],
  [null, undefined],
])('an image labelled %j is of commit %s', (metadata, expected) => {
  expect(labelledCommit({ 'io.buildpacks.project.metadata': JSON.stringify(metadata) })).toBe(expected);
});

it('an image whose label is no JSON, or that has none, is of no commit', () => {
  expect(labelledCommit({ 'io.buildpacks.project.metadata': '{' })).toBeUndefined();
  expect(labelledCommit(undefined)).toBeUndefined();
});
