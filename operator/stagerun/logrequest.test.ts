import { describe, expect, it } from 'vitest';
import { annotations } from '../api/names.ts';
import type { RunLog, StageRunStatus } from '../api/stagerun.ts';
import type { LogAnswer } from './log/archives.ts';
import { aRun } from './testing/objects.ts';
import { aJob, at, podWith } from './testing/pods.ts';
import { app, begun, ended, observed, plan, queryOf, said } from './testing/plans.ts';

/** asking is a run whose log somebody asks for. */
const asking = (value: string | undefined, status: StageRunStatus, log?: RunLog) => {
  const run = aRun(app, {}, { ...status, ...(log && { log }) });
  const notes = value === undefined ? {} : { annotations: { [annotations.requestLog]: value } };
  return { ...run, metadata: { ...run.metadata, ...notes } };
};

const over = ended('False', 'BuildFailed');
const kept: LogAnswer = { type: 'kept', key: 'logs/k', size: 7, url: 'https://s3/k?sig', expiresAt: new Date(at(59)) };

describe('a request for the log of a run', () => {
  it.each([
    ['that has ended', asking('a', over), { type: 'log', request: 'a' }],
    ['that has ended, with a new value', asking('b', over, { request: 'a' }), { type: 'log', request: 'b' }],
    ['with a value as long as others allow', asking('x'.repeat(999), over), { type: 'log', request: 'x'.repeat(256) }],
    ['that has an answer', asking('a', over, { request: 'a' }), undefined],
    ['that is no longer made', asking(undefined, over, { request: 'a' }), undefined],
    ['that nobody makes', asking(undefined, over), undefined],
  ])('is looked into for a run %s', (_, run, query) => {
    expect(queryOf(observed({ run }))).toEqual(query);
  });

  it('holds up no build: it waits until the run has ended', () => {
    const facts = observed({
      run: asking('a', begun),
      job: aJob(),
      pod: podWith('build', { running: { startedAt: at(3) } }),
    });
    expect(queryOf(facts)?.type).toBe('active');
  });

  it('is answered beside all that is known of the run', () => {
    const made = plan(observed({ run: asking('a', over), log: kept }));
    expect(made.status).toEqual({
      ...over,
      log: { request: 'a', key: 'logs/k', size: 7, url: 'https://s3/k?sig', expiresAt: at(59) },
    });
    expect(said(made)).toBe('False/BuildFailed');
    expect(made.notes).toEqual([]);
  });

  it.each([
    ['absent', { type: 'absent' } as const, /^No log of this run is kept: /],
    [
      'out of reach',
      { type: 'unavailable', message: 'It is down.\n\u001b[2J' } as const,
      /^It is down\. Ask again with another value\.$/,
    ],
  ])('is answered by a reason where the log is %s', (_, log, message) => {
    const { status } = plan(observed({ run: asking('a', over, { request: 'z', url: 'https://old' }), log }));
    expect(status?.log).toEqual({ request: 'a', message: expect.stringMatching(message) as string });
  });

  it('stays answered when a newer generation is seen', () => {
    const run = asking('a', over, { request: 'a', url: 'https://s3/k' });
    const { status } = plan(observed({ run: { ...run, metadata: { ...run.metadata, generation: 2 } } }));
    expect(status).toMatchObject({ observedGeneration: 2, log: { url: 'https://s3/k' } });
  });
});

describe('what the log is archived from', () => {
  it('is the pod of the run, until nothing more is told of it', () => {
    const pod = podWith('build', { running: { startedAt: at(3) } });
    const key = { namespace: 'team', name: aRun(app).metadata.name };
    expect(plan(observed({ run: asking(undefined, over), pod })).build).toEqual({
      ...{ run: key, uid: 'run-uid', pod, isOver: true },
    });
    expect(plan(observed(), { type: 'queued', ahead: 0, mayTell: false }).build).toMatchObject({ isOver: false });
  });
});
