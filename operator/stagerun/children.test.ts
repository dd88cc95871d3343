import { describe, expect, it } from 'vitest';
import { because } from './build/causes.ts';
import { keepJobMs } from './plan.ts';
import type { Situation } from './situation.ts';
import { aRun } from './testing/objects.ts';
import { aJob, at, exited, podWith } from './testing/pods.ts';
import {
  app,
  begun,
  data,
  earlierJob,
  ended,
  goingRun,
  image,
  jobStays,
  observed,
  plan,
  platform,
  removals,
} from './testing/plans.ts';

const job = aJob();
const over = aJob({ type: 'Failed', reason: 'BackoffLimitExceeded' });
const summary = { reason: 'Pending', message: 'A sentence.' } as const;
const pod = podWith('build', { running: { startedAt: at(10) } });

type Row = readonly [of: string, facts: ReturnType<typeof observed>, stays: boolean];
const building = (situation: Situation): Row => [`of a Job at work`, observed({ job, pod, situation }, begun), true];

/** Every situation, so that a new one does not compile before somebody has said what becomes of the Job. */
const earlier = earlierJob(aJob());

const rows: Record<Situation['type'], readonly Row[]> = {
  going: [
    ['whose Job builds', observed({ job, pod, run: goingRun(aRun(app, {}, begun)) }), false],
    ['whose Job has ended', observed({ job: over, run: goingRun(aRun(app, {}, begun)) }), true],
  ],
  recorded: [
    ['with an image, whose pod is not counted yet', observed({ job, pod }, ended('True', 'Succeeded')), true],
    ['with a failure, whose pod goes on', observed({ job, pod }, ended('False', 'BuilderImagePullFailed')), false],
    ['with a failure, without a pod', observed({ job }, ended('False', 'PodNotStarted')), false],
    [
      'with a failure, whose pod has ended',
      observed({ job, pod: podWith('build', exited(51)) }, ended('False', 'BuildFailed')),
      true,
    ],
    ['with a failure, whose Job has ended', observed({ job: over, pod }, ended('False', 'BuildFailed')), true],
    [
      'for an hour',
      observed({ job: over, now: new Date(Date.parse(at(20)) + keepJobMs) }, ended('False', 'BuildFailed')),
      false,
    ],
  ],
  cancelled: [
    ['whose Job builds', observed({ job, pod, run: aRun(app, { cancelled: true }, begun) }), false],
    ['whose Job has ended', observed({ job: over, run: aRun(app, { cancelled: true }, begun) }), true],
  ],
  occupied: [
    ['by the Job of an earlier run', observed({ otherJob: earlier, situation: { type: 'occupied', earlier } }), true],
  ],
  unwanted: [building({ type: 'unwanted', summary })],
  queued: [building({ type: 'queued', ahead: 1, mayTell: true })],
  waiting: [building({ type: 'waiting', summary, afterMs: 1, everybody: true })],
  startable: [['that begins', observed({ situation: { type: 'startable', platform, data } }), true]],
  active: [
    building({ type: 'active', job, summary, missing: undefined }),
    building({ type: 'active', job, summary, missing: data }),
  ],
  unconfirmed: [
    building({ type: 'unconfirmed', job, summary }),
    [
      'beyond its deadline',
      observed(
        { job, pod, now: new Date(at(0).replace('2026', '2027')), situation: { type: 'unconfirmed', job, summary } },
        begun,
      ),
      true,
    ],
  ],
  built: [building({ type: 'built', image })],
  failed: [building({ type: 'failed', cause: because('BuildFailed') })],
};

describe.each(Object.entries(rows))('a run that is %s', (type, cases) => {
  it.each(cases)('%s: its Job is there afterwards: $2', (_, facts, stays) => {
    const made = plan(facts);
    expect(jobStays(facts, made)).toBe(stays);
    if (type !== 'occupied') expect(removals(facts, made)).toHaveLength(stays ? 0 : 1);
  });

  it.each(cases)('%s: nothing is deleted whose status is not right before', (_, facts) => {
    const made = plan(facts);
    // Only a run with a result, or one that goes, loses its Job; or the status that is written first says the end.
    if (jobStays(facts, made)) return;
    const recorded = made.status ?? facts.run.status;
    const isOver = recorded?.completionTime !== undefined || facts.run.metadata.deletionTimestamp !== undefined;
    expect(isOver).toBe(true);
  });
});

it('a refusal deletes no Job, whatever it says', () => {
  for (const reason of ['Invalid', 'QuotaExceeded', 'NameTaken'] as const) {
    for (const situation of [
      { type: 'startable', platform, data },
      { type: 'active', job, summary, missing: data },
    ] as const) {
      const owned = situation.type === 'active' ? { job } : {};
      const facts = observed(
        { ...owned, situation, refusals: [{ kind: 'Secret', reason, message: 'no', owner: job }] },
        begun,
      );
      expect(removals(facts, plan(facts))).toEqual([]);
    }
  }
});
