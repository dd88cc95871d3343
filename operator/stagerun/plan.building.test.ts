import { describe, expect, it } from 'vitest';
import type { PodObject } from '../api/steps.ts';
import { because } from './build/causes.ts';
import type { JobObject } from './build/jobstate.ts';
import { withWarning } from './build/reasons.ts';
import type { Observed } from './observed.ts';
import { idleMs } from './plan.ts';
import type { Situation } from './situation.ts';
import { aRun } from './testing/objects.ts';
import { aJob, at, exited, podWith } from './testing/pods.ts';
import {
  app,
  begun,
  conditions,
  data,
  failing,
  image,
  jobStays,
  later,
  observed,
  plan,
  platform,
  queryOf,
  said,
  type Given,
} from './testing/plans.ts';

const withPod = (pod: PodObject, status = begun, job: JobObject = aJob()): Observed => observed({ job, pod }, status);
const step = (name: 'fetch' | 'analyze' | 'build' | 'export', seconds: number) =>
  podWith(name, { running: { startedAt: at(seconds) } });

/** active is the situation of a run whose Job is at work, once its events were read. */
const active = (facts: Observed, warning?: string): Situation => {
  const query = queryOf(facts);
  if (query?.type !== 'active') throw new Error(`is not active: ${query?.type}`);
  const { job, judgement } = query;
  return { type: 'active', job, summary: withWarning(judgement, warning, facts.pod), missing: undefined };
};
const goOn = (facts: Observed, warning?: string) => plan(facts, active(facts, warning));
const told = (pod: PodObject) => ({ ...begun, ...goOn({ ...withPod(pod), now: later(60_000) }).status });

describe('a run that builds', () => {
  it('writes nothing about short steps, and looks again when they have become long', () => {
    const made = goOn(withPod(step('fetch', 29)));
    expect(made.status).toBeUndefined();
    expect(made.next).toMatchObject({ type: 'wait', afterMs: 4000 });
  });

  it('tells of a step that goes on', () => {
    const made = goOn(withPod(step('analyze', 20)));
    expect(said(made)).toBe('Unknown/Running');
    expect(made.status?.steps?.map((s) => s.name)).toEqual(['fetch', 'analyze']);
  });

  it.each(['build', 'export'] as const)('tells at once that %s has begun', (name) => {
    expect(goOn(withPod(step(name, 30))).status?.steps?.at(-1)).toEqual({ name, startedAt: at(30) });
  });

  it('writes nothing where all is told, and waits for nothing but the pod and its own end', () => {
    const pod = step('build', 30);
    const facts = withPod(pod, told(pod));
    const untilEnd = (600 + 1800 + 60 - 30) * 1000;
    const made = goOn(facts);
    expect(made).toMatchObject({
      status: undefined,
      notes: [],
      slot: 'acquire',
      next: { type: 'wait', afterMs: untilEnd },
    });
    expect(jobStays(facts, made)).toBe(true);
  });

  it('is looked at every 10 s where no watch tells of it', () => {
    const pod = step('build', 30);
    const made = goOn({ ...withPod(pod, told(pod)), unwatched: true });
    expect(made).toMatchObject({ slot: 'acquire', next: { type: 'wait', afterMs: 10_000 } });
  });

  it('gets its Secret where the operator died before it made it', () => {
    const job = aJob();
    const facts = observed({ job }, begun);
    const made = plan(facts, { ...active(facts), missing: data } as Situation);
    const [child] = made.children;
    expect(child).toMatchObject({ type: 'keep', name: 'run', dependents: { of: job } });
    const [secret] = child?.type === 'keep' ? (child.dependents?.create ?? []) : [];
    expect(secret?.objectFor(job)).toMatchObject({ metadata: { ownerReferences: [{ uid: 'job-uid' }] } });
  });

  it('gets its status where the operator died before it wrote it', () => {
    expect(goOn(observed({ job: aJob() })).status).toMatchObject({ startTime: at(0), platform: platform.status });
  });

  const initializing = { waiting: { reason: 'PodInitializing' } };
  const unscheduled = [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }];
  const changed = (spec: object): JobObject => ({ ...aJob(), spec: spec as NonNullable<JobObject['spec']> });
  const idle: [string, Given, string | undefined, string, RegExp][] = [
    ['no pod, and the Job says nothing', { job: aJob() }, undefined, 'Pending', /starting/],
    [
      'a quota',
      { job: aJob() },
      'FailedCreate: exceeded quota: q, requested: pods=1',
      'PodNotCreated',
      /Raise the quota/,
    ],
    [
      'a quota of memory',
      { job: aJob() },
      'FailedCreate: exceeded quota: q, requested: limits.memory=2Gi',
      'PodNotCreated',
      /lower spec\.build\.resources/,
    ],
    [
      'a LimitRange',
      { job: aJob() },
      'FailedCreate: maximum memory usage per Container is 1Gi, but limit is 2Gi',
      'PodNotCreated',
      /LimitRange/,
    ],
    ['a suspended Job', { job: changed({ suspend: true }) }, undefined, 'PodNotCreated', /spec\.suspend to false/],
    ['no parallelism', { job: changed({ parallelism: 0 }) }, undefined, 'PodNotCreated', /parallelism 0/],
    [
      'another manager',
      { job: changed({ managedBy: 'example.org/x' }) },
      undefined,
      'PodNotCreated',
      /example\.org\/x/,
    ],
    [
      'no node',
      { job: aJob(), pod: podWith('fetch', initializing, { conditions: unscheduled }) },
      undefined,
      'PodUnschedulable',
      /0\/1 nodes are available\. Lower spec\.build\.resources\.requests/,
    ],
    [
      'a volume that cannot be mounted',
      { job: aJob(), pod: podWith('fetch', initializing) },
      'FailedMount: secret "npm" not found',
      'PodNotStarted',
      /npm/,
    ],
    [
      'an image of the operator that cannot be pulled',
      { job: aJob(), pod: podWith('fetch', { waiting: { reason: 'ErrImagePull', message: 'no such host' } }) },
      undefined,
      'FetchImagePullFailed',
      /no such host/,
    ],
  ];

  it.each(idle)(
    'gives its slot back after a minute of %s, says why, and fails in the end',
    (_, given, warning, reason, words) => {
      const facts = observed(given, begun);
      const started = Date.parse(at(0));
      const before = goOn({ ...facts, now: new Date(started + idleMs - 1) }, warning);
      expect(before).toMatchObject({ slot: 'acquire', next: { type: 'wait', afterMs: 10_000 } });
      const made = goOn({ ...facts, now: new Date(started + idleMs) }, warning);
      expect(made).toMatchObject({ slot: 'stall', next: { type: 'wait', afterMs: 10_000 } });
      expect(jobStays(facts, made)).toBe(true);
      if (reason !== 'Pending') expect(said(made)).toBe(`Unknown/${reason}`);
      const after = observed(given, { ...begun, ...made.status });
      expect(after.run.status?.conditions?.[0]?.message).toMatch(words);
      // A pull has two minutes from when it was told that it fails.
      const end = new Date(started + (reason === 'FetchImagePullFailed' ? 180_000 : 600_000));
      expect(queryOf({ ...after, now: new Date(end.getTime() - 1) })?.type).toBe('active');
      const over = { ...after, now: end };
      const failed = plan(over, failing(over));
      expect(said(failed)).toMatch(/^False\/(Pod|FetchImagePullFailed)/);
      expect(failed).toMatchObject({ slot: 'release', next: { type: 'done' } });
    },
  );

  it('is not told each time that an image cannot be pulled in other words', () => {
    const pulling = (message: string) => podWith('analyze', { waiting: { reason: 'ErrImagePull', message } });
    const before = told(pulling('try 1'));
    expect(goOn({ ...withPod(pulling('try 2'), before), now: later(61_000) }).status).toBeUndefined();
  });

  it('is looked at every 3 s in its first moments, which no event may end', () => {
    const facts = { ...observed({ job: aJob() }, begun), now: new Date(at(14)) };
    expect(goOn(facts).next).toMatchObject({ afterMs: 3000 });
    expect(goOn({ ...facts, now: new Date(at(15)) }).next).toMatchObject({ afterMs: 10_000 });
  });

  it('counts its idleness from its last step', () => {
    const pulling = podWith('analyze', { waiting: { reason: 'ErrImagePull' } });
    const steps = [{ name: 'fetch', startedAt: at(10), finishedAt: at(20), exitCode: 0 } as const];
    const facts = observed({ job: aJob(), pod: pulling }, { ...begun, steps });
    const idleAt = (ms: number) => goOn({ ...facts, now: new Date(Date.parse(at(20)) + ms) }).slot;
    expect(idleAt(idleMs - 1)).toBe('acquire');
    expect(idleAt(idleMs)).toBe('stall');
  });

  it('is looked at when its time is over, be that at once', () => {
    const made = goOn({ ...observed({ job: aJob() }, begun), now: new Date(Date.parse(at(0)) + 599_500) });
    expect(made.next).toMatchObject({ type: 'wait', afterMs: 500 });
  });

  it('ends by the deadlines that it began with, whatever becomes of those in its Job', () => {
    const facts = withPod(step('build', 10));
    const end = new Date(Date.parse(at(0)) + (600 + 1800 + 60) * 1000);
    expect(queryOf({ ...facts, now: new Date(end.getTime() - 1) })?.type).toBe('active');
    const made = plan({ ...facts, now: end }, failing({ ...facts, now: end }));
    expect(said(made)).toBe('False/DeadlineExceeded');
    const after = { ...facts, run: aRun(app, {}, made.status) };
    expect(jobStays(after, plan(after))).toBe(false);
  });

  it('fails for what the API server would not take, where that is why its pod never started', () => {
    const pod = podWith('fetch', initializing);
    const before = { ...begun, conditions: conditions('Unknown', 'NameTaken', 'Rename the Secret.') };
    const facts = { ...withPod(pod, before), now: later(600_000) };
    const made = plan(facts, failing(facts));
    expect(said(made)).toBe('False/NameTaken');
    expect(made.status?.failure?.message).toMatch(/^Rename the Secret\. It had not started/);
  });
});

describe('a run whose build is over', () => {
  const exported = withPod(podWith('export', exited(0)));

  it('records the image with what is known of it', () => {
    const labels = { 'io.buildpacks.build.metadata': JSON.stringify({ processes: [{ type: 'web', command: ['x'] }] }) };
    const made = plan(exported, { type: 'built', image: { ...image, labels } });
    expect(said(made)).toBe('True/Succeeded');
    expect(made.status).toMatchObject({ processes: [{ type: 'web', command: ['x'] }], completionTime: at(30) });
    expect(made.status?.steps).toHaveLength(6);
    expect(made).toMatchObject({ slot: 'release', next: { type: 'done' } });
  });

  const unconfirmed = (reason: 'RegistryUnreachable' | 'Running'): Situation => ({
    type: 'unconfirmed',
    job: aJob(),
    summary: { reason, message: 'down' },
  });

  it('asks again while it cannot know the digest, says so, and not for ever', () => {
    const made = plan(exported, unconfirmed('RegistryUnreachable'));
    expect(made).toMatchObject({ slot: 'release', next: { type: 'wait', afterMs: 5000 } });
    expect(said(made)).toBe('Unknown/RegistryUnreachable');
    const atTheEnd = (ms: number) => ({
      ...exported,
      now: new Date(Date.parse(at(0)) + (600 + 1800 + 60) * 1000 + ms),
    });
    expect(said(plan(atTheEnd(-1), unconfirmed('RegistryUnreachable')))).toBe('Unknown/RegistryUnreachable');
    const end = plan(atTheEnd(0), unconfirmed('RegistryUnreachable'));
    expect(said(end)).toBe('False/RegistryUnreachable');
    expect(end.status?.failure?.step).toBe('export');
  });

  it('is not told that labels are waited for, nor twice that the registry is', () => {
    expect(plan(exported, unconfirmed('Running')).status).toBeUndefined();
    const { status } = plan(exported, unconfirmed('RegistryUnreachable'));
    const again = withPod(podWith('export', exited(0)), status);
    expect(plan(again, unconfirmed('RegistryUnreachable')).status).toBeUndefined();
  });

  it('records a failure with the end of the log', () => {
    const cause = because('RegistryUnauthorized', { step: 'export', exitCode: 62 });
    const facts = withPod(podWith('export', exited(62)));
    const made = plan(facts, { type: 'failed', cause, logTail: 'the end' });
    expect(said(made)).toBe('False/RegistryUnauthorized');
    expect(made.status?.failure).toMatchObject({ step: 'export', exitCode: 62, logTail: 'the end' });
  });

  it('is cancelled with its Job', () => {
    const facts = { ...withPod(step('build', 10)), run: aRun(app, { cancelled: true }, begun) };
    const made = plan(facts);
    expect(said(made)).toBe('False/Cancelled');
    expect(made.slot).toBe('release');
    expect(jobStays(facts, made)).toBe(false);
    expect(made.status).toMatchObject({ jobName: begun.jobName, completionTime: at(30) });
    expect(made.status).not.toHaveProperty('failure');
  });

  it.each([
    ['shop-newer', 'It is shop-newer.'],
    ['none', 'The App wants nothing to be built any more.'],
  ])('is superseded by %s: %s', (by, words) => {
    const run = aRun(app, { cancelled: true });
    run.metadata.annotations = { 'epinio.io/superseded-by': by };
    const made = plan(observed({ run }));
    expect(said(made)).toBe('False/Superseded');
    expect(made.status?.conditions?.[0]?.message).toContain(words);
    expect(made.status).not.toHaveProperty('jobName');
  });
});
