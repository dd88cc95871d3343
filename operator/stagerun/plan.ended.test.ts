import { describe, expect, it } from 'vitest';
import { keepJobMs, keepLogMs } from './plan.ts';
import { anApp, aRun } from './testing/objects.ts';
import { aJob, at, exited, podWith } from './testing/pods.ts';
import { app, ended, jobStays, observed, plan, said } from './testing/plans.ts';

const complete = aJob({ type: 'Complete', reason: 'CompletionsReached' });

describe('a run that has ended', () => {
  it('keeps its Job for an hour, then deletes it', () => {
    const facts = observed({ job: complete }, ended('True', 'Succeeded'));
    const afterEnd = (ms: number) => ({ ...facts, now: new Date(Date.parse(at(20)) + ms) });
    const made = plan(afterEnd(1000));
    expect(made).toMatchObject({
      status: undefined,
      notes: [],
      slot: 'release',
      next: { type: 'wait', afterMs: keepJobMs - 1000 },
    });
    expect(jobStays(facts, made)).toBe(true);
    expect(jobStays(facts, plan(afterEnd(keepJobMs - 1)))).toBe(true);
    expect(jobStays(facts, plan(afterEnd(keepJobMs)))).toBe(false);
  });

  it('gives up its Job after half a minute where its pod holds up the deletion of a volume', () => {
    const facts = observed({ job: complete, volumeGoes: true }, ended('True', 'Succeeded'));
    const afterEnd = (ms: number) => ({ ...facts, now: new Date(Date.parse(at(20)) + ms) });
    const made = plan(afterEnd(1000));
    expect(made.next).toEqual({ type: 'wait', afterMs: keepLogMs - 1000, reason: expect.any(String) as string });
    expect(jobStays(facts, made)).toBe(true);
    expect(jobStays(facts, plan(afterEnd(keepLogMs)))).toBe(false);
  });

  it('does nothing more once the Job is gone or going', () => {
    const nothing = { status: undefined, notes: [], slot: 'release', next: { type: 'done' } };
    expect(plan(observed({}, ended('True', 'Succeeded')))).toMatchObject(nothing);
    const going = { ...complete, metadata: { ...complete.metadata, deletionTimestamp: at(25) } };
    expect(plan(observed({ job: going }, ended('True', 'Succeeded')))).toMatchObject(nothing);
  });

  it('never begins again, whatever becomes of its App', () => {
    for (const over of [{ app: undefined }, { app: anApp({ paused: true }) }]) {
      expect(plan(observed(over, ended('False', 'BuildFailed'))).status).toBeUndefined();
    }
  });

  it('acknowledges that it was cancelled too late', () => {
    const run = aRun(app, { cancelled: true }, ended('True', 'Succeeded'));
    const made = plan(observed({ run: { ...run, metadata: { ...run.metadata, generation: 2 } } }));
    expect(made.status).toMatchObject({ observedGeneration: 2, completionTime: at(20) });
    expect(made.status?.conditions?.map((c) => c.observedGeneration)).toEqual([2, 2]);
    expect(said(made)).toBe('True/Succeeded');
  });

  it('has its pod looked at where that has ended, and is kept from going on where it has not', () => {
    const failed = ended('False', 'BuildFailed');
    const stays = (pod: ReturnType<typeof podWith>, job = aJob()) => {
      const facts = observed({ job, pod }, failed);
      return jobStays(facts, plan(facts));
    };
    expect(stays(podWith('build', exited(51)))).toBe(true);
    expect(stays(podWith('export', exited(0), { phase: 'Succeeded' }))).toBe(true);
    expect(stays(podWith('analyze', { waiting: { reason: 'ErrImagePull' } }))).toBe(false);
    expect(stays(podWith('build', { running: { startedAt: at(3) } }), complete)).toBe(true);
  });
});
