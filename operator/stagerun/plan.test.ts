import { describe, expect, it } from 'vitest';
import type { StageRunStatus } from '../api/stagerun.ts';
import { batchConditions } from '../kube/conditions.ts';
import { checkConditions } from '../testing/conditionscheck.ts';
import type { Answer } from './ask.ts';
import type { Seen } from './observe.ts';
import { phaseOf, type Phase } from './phase.ts';
import { idleMs, keepJobMs, planRefused, planRun, type RunPlan } from './plan.ts';
import { limitsOf, resolvePlatform } from './platform.ts';
import { because } from './causes.ts';
import { aJob, at, exited, podWith } from './testing/pods.ts';
import { anApp, aRun, settings } from './testing/objects.ts';
import type { PodObject } from '../api/steps.ts';
import type { JobObject } from './jobstate.ts';

const app = anApp();
const platform = resolvePlatform(settings(), aRun(app))!;
const now = new Date(at(30));
const later = (ms: number) => new Date(now.getTime() + ms);

const conditions = (status: 'True' | 'False' | 'Unknown', reason: string, message = 'A sentence.') =>
  batchConditions({ previous: undefined, generation: 1, now: new Date(at(0)) }, { status, reason, message });
const begun: StageRunStatus = {
  observedGeneration: 1,
  conditions: conditions('Unknown', 'Pending', 'The pod of the build is starting.'),
  jobName: aRun(app).metadata.name,
  startTime: at(0),
};
const ended = (status: 'True' | 'False', reason: string): StageRunStatus => ({
  ...begun,
  conditions: conditions(status, reason),
  completionTime: at(20),
});

const seen = (over: Partial<Seen> = {}, status?: StageRunStatus): Seen => ({
  run: aRun(app, {}, status),
  app,
  job: undefined,
  otherJob: undefined,
  pod: undefined,
  deployed: undefined,
  secretVersions: {},
  limits: limitsOf(settings(), aRun(app)),
  unwatched: false,
  ...over,
});

const plan = (facts: Seen, answer: Answer = { type: 'none' }, when = now, phase?: Phase): RunPlan => {
  const made = planRun({
    seen: facts,
    phase: phase ?? phaseOf(facts, when),
    answer,
    platform: platform.status,
    now: when,
  });
  // Every status that any plan wants to write obeys the rules that kstatus and Argo CD rely on.
  if (made.status) expect(checkConditions({ metadata: facts.run.metadata, status: made.status })).toEqual([]);
  return made;
};
const word = ({ status }: RunPlan) => {
  const found = status?.conditions?.find((c) => c.type === 'Succeeded');
  return found && `${found.status}/${found.reason}`;
};
const withPod = (pod: PodObject, status = begun, job: JobObject = aJob()) => seen({ job, pod }, status);
const image = { digest: `sha256:${'e'.repeat(64)}` };

describe('a run that has not begun', () => {
  it('starts where the outside agrees: Job, Secret, status in one go', () => {
    const material = { url: 'http://s3/a', keyring: {}, ca: undefined };
    const made = plan(seen(), { type: 'start', start: { type: 'go', platform, material } });
    expect(made).toMatchObject({ start: { platform, material }, slot: 'hold' });
    expect(word(made)).toBe('Unknown/Pending');
    expect(made.status).toMatchObject({ jobName: aRun(app).metadata.name, platform: platform.status, attempts: 1 });
  });

  it('is done where the image is in the registry already', () => {
    const made = plan(seen(), { type: 'start', start: { type: 'found', image, platform } });
    expect(word(made)).toBe('True/ImageFound');
    expect(made.status?.image).toBe(`registry.example.org:5000/apps/team/shop@${image.digest}`);
    expect(made.status).not.toHaveProperty('jobName');
    expect(made).toMatchObject({ slot: 'leave', next: { type: 'done' } });
  });

  it.each([
    ['what is down for everybody', 'RegistryUnreachable', true, 'keep'],
    ['what only its own builder needs', 'RegistryUnreachable', false, 'leave'],
    ['a Secret of its own', 'SecretNotFound', false, 'leave'],
  ] as const)('waits for %s (%s)', (_, reason, everybody, slot) => {
    const start = { type: 'wait', reason, message: 'No.', afterMs: 1000, everybody } as const;
    const made = plan(seen(), { type: 'start', start });
    expect(word(made)).toBe(`Unknown/${reason}`);
    expect(made).toMatchObject({ slot, next: { type: 'wait', afterMs: 1000 } });
  });

  it('fails before any Job where no build could help', () => {
    const made = plan(seen(), { type: 'start', start: { type: 'fail', cause: because('RunImageUnavailable') } });
    expect(word(made)).toBe('False/RunImageUnavailable');
    expect(made.status).toMatchObject({ failure: { reason: 'RunImageUnavailable' }, platform: platform.status });
    expect(made.status).not.toHaveProperty('jobName');
  });

  it('says how many are ahead, and says it again only when it may', () => {
    const queued = (mayTell: boolean): Phase => ({ type: 'queued', ahead: 3, mayTell });
    const first = plan(seen(), undefined, now, queued(false));
    expect(first.status).toMatchObject({ queuePosition: 3 });
    expect(word(first)).toBe('Unknown/Queued');
    const told = seen({}, { ...first.status, queuePosition: 4 });
    expect(plan(told, undefined, now, queued(false)).status).toBeUndefined();
    expect(plan(told, undefined, now, queued(true)).status?.queuePosition).toBe(3);
  });

  it('is not told that it is in line again where it was told what it waits for, until 30 s later', () => {
    const told = seen({}, { ...begun, conditions: conditions('Unknown', 'SecretNotFound') });
    const queued = (mayTell: boolean): Phase => ({ type: 'queued', ahead: 3, mayTell });
    expect(plan(told, undefined, now, queued(false)).status).toBeUndefined();
    expect(word(plan(told, undefined, now, queued(true)))).toBe('Unknown/Queued');
  });

  it('is not begun where nobody wants it', () => {
    const made = plan(seen({ app: undefined }));
    expect(word(made)).toBe('Unknown/NotWanted');
    expect(made).toMatchObject({ slot: 'leave', next: { type: 'done' } });
  });

  it('makes room where a Job of an earlier run of the same name is left', () => {
    const otherJob = aJob();
    otherJob.metadata!.ownerReferences = [
      {
        apiVersion: 'epinio.io/v1alpha1',
        kind: 'StageRun',
        name: aRun(app).metadata.name,
        uid: 'old',
        controller: true,
      },
    ];
    expect(plan(seen({ otherJob }))).toMatchObject({ remove: otherJob, next: { type: 'wait' } });
    otherJob.metadata!.deletionTimestamp = at(0);
    otherJob.metadata!.finalizers = ['example.org/keep'];
    expect(plan(seen({ otherJob }), undefined, new Date(at(9)))).toMatchObject({
      slot: 'leave',
      next: { type: 'wait' },
    });
    // Most are gone by then: not worth a write.
    expect(plan(seen({ otherJob }), undefined, new Date(at(9))).status).toBeUndefined();
    const stuck = plan(seen({ otherJob }));
    expect(word(stuck)).toBe('Unknown/AwaitingDeletion');
    expect(stuck.status?.conditions?.[0]?.message).toContain('example.org/keep');
    expect(stuck.remove).toBeUndefined();
  });

  it("does not touch a stranger's Job of its name", () => {
    const made = plan(seen({ otherJob: aJob() }));
    expect(word(made)).toBe('False/NameTaken');
    expect(made.remove).toBeUndefined();
  });

  it.each([
    ['Invalid', 'False/Invalid', 'done'],
    ['QuotaExceeded', 'Unknown/QuotaExceeded', 'wait'],
    ['AdmissionDenied', 'Unknown/AdmissionDenied', 'wait'],
  ] as const)('is told what the API server says against its Job: %s', (reason, expected, next) => {
    const made = planRefused(seen(), { reason, message: 'no' }, platform.status, now);
    expect(word(made)).toBe(expected);
    expect(made.next.type).toBe(next);
  });
});

describe('a run that builds', () => {
  const step = (name: 'fetch' | 'analyze' | 'build' | 'export', seconds: number) =>
    podWith(name, { running: { startedAt: at(seconds) } });
  const active: Answer = { type: 'active' };
  const told = (pod: PodObject) => ({ ...begun, ...plan(withPod(pod), active, later(60_000)).status });

  it('writes nothing about short steps, and looks again when they have become long', () => {
    const made = plan(withPod(step('fetch', 29)), active);
    expect(made.status).toBeUndefined();
    expect(made.next).toMatchObject({ type: 'wait', afterMs: 4000 });
  });

  it('tells of a step that goes on', () => {
    const made = plan(withPod(step('analyze', 20)), active);
    expect(word(made)).toBe('Unknown/Running');
    expect(made.status?.steps?.map((s) => s.name)).toEqual(['fetch', 'analyze']);
  });

  it.each(['build', 'export'] as const)('tells at once that %s has begun', (name) => {
    expect(plan(withPod(step(name, 30)), active).status?.steps?.at(-1)).toEqual({ name, startedAt: at(30) });
  });

  it('writes nothing where all is told, and waits for nothing but the pod and its own end', () => {
    const pod = step('build', 30);
    const untilEnd = (600 + 1800 + 60 - 30) * 1000;
    expect(plan(withPod(pod, told(pod)), active)).toEqual({
      slot: 'hold',
      next: { type: 'wait', afterMs: untilEnd, reason: expect.any(String) as string },
    });
  });

  it('is looked at every 10 s where no watch tells of it', () => {
    const pod = step('build', 30);
    const made = plan({ ...withPod(pod, told(pod)), unwatched: true }, active);
    expect(made).toMatchObject({ slot: 'hold', next: { type: 'wait', afterMs: 10_000 } });
  });

  it('gets its Secret where the operator died before it made it', () => {
    const material = { url: 'http://s3/a', keyring: {}, ca: undefined };
    const job = aJob();
    const made = plan(seen({ job }, begun), { type: 'active', material });
    expect(made.complete).toEqual({ job, material });
  });

  it('gets its status where the operator died before it wrote it', () => {
    expect(plan(seen({ job: aJob() }), active).status).toMatchObject({ startTime: at(0), platform: platform.status });
  });

  const initializing = { waiting: { reason: 'PodInitializing' } };
  const unscheduled = [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }];
  const changed = (spec: object): JobObject => ({ ...aJob(), spec: spec as NonNullable<JobObject['spec']> });
  const idle: [string, Partial<Seen>, string | undefined, string, RegExp][] = [
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
    (_, over, warning, reason, words) => {
      const facts = seen(over, begun);
      const answer: Answer = { type: 'active', warning };
      const started = Date.parse(at(0));
      expect(plan(facts, answer, new Date(started + idleMs - 1)).slot).toBe('hold');
      const made = plan(facts, answer, new Date(started + idleMs));
      expect(made).toMatchObject({ slot: 'stall', next: { type: 'wait' } });
      if (reason !== 'Pending') expect(word(made)).toBe(`Unknown/${reason}`);
      const told = seen(over, { ...begun, ...made.status });
      expect(told.run.status?.conditions?.[0]?.message).toMatch(words);
      // A pull has two minutes from when it was told that it fails.
      const end = new Date(started + (reason === 'FetchImagePullFailed' ? 180_000 : 600_000));
      expect(phaseOf(told, new Date(end.getTime() - 1))).toMatchObject({ judgement: { type: 'active' } });
      const failed = plan(told, { type: 'failed', logTail: '' }, end);
      expect(word(failed)).toMatch(/^False\/(Pod|FetchImagePullFailed)/);
      expect(failed).toMatchObject({ slot: 'leave', next: { type: 'done' } });
    },
  );

  it('ends by the deadlines that it began with, whatever becomes of those in its Job', () => {
    const facts = withPod(step('build', 10));
    const end = new Date(Date.parse(at(0)) + (600 + 1800 + 60) * 1000);
    expect(phaseOf(facts, new Date(end.getTime() - 1))).toMatchObject({ judgement: { type: 'active' } });
    const made = plan(facts, { type: 'failed', logTail: '' }, end);
    expect(word(made)).toBe('False/DeadlineExceeded');
    expect(plan({ ...facts, run: aRun(app, {}, made.status) }).remove).toBe(facts.job);
  });

  it('fails for what the API server would not take, where that is why its pod never started', () => {
    const pod = podWith('fetch', initializing);
    const facts = withPod(pod, { ...begun, conditions: conditions('Unknown', 'NameTaken', 'Rename the Secret.') });
    const made = plan(facts, { type: 'failed', logTail: '' }, later(600_000));
    expect(word(made)).toBe('False/NameTaken');
    expect(made.status?.failure?.message).toMatch(/^Rename the Secret\. It had not started/);
  });

  it('records the image with what is known of it', () => {
    const pod = podWith('export', exited(0));
    const labels = { 'io.buildpacks.build.metadata': JSON.stringify({ processes: [{ type: 'web', command: ['x'] }] }) };
    const made = plan(withPod(pod), { type: 'built', image: { ...image, labels }, unknown: undefined });
    expect(word(made)).toBe('True/Succeeded');
    expect(made.status).toMatchObject({ processes: [{ type: 'web', command: ['x'] }], completionTime: at(30) });
    expect(made.status?.steps).toHaveLength(6);
    expect(made).toMatchObject({ slot: 'leave', next: { type: 'done' } });
  });

  it('asks again while it cannot know the digest, says so, and not for ever', () => {
    const unknown = { reason: 'RegistryUnreachable', message: 'down' } as const;
    const made = plan(withPod(podWith('export', exited(0))), { type: 'built', image: undefined, unknown });
    expect(made).toMatchObject({ slot: 'leave', next: { type: 'wait' } });
    expect(word(made)).toBe('Unknown/RegistryUnreachable');
    const end = plan(
      withPod(podWith('export', exited(0))),
      { type: 'built', image: undefined, unknown },
      later(3_600_000),
    );
    expect(word(end)).toBe('False/RegistryUnreachable');
  });

  it('fails where a Job that succeeded has no image to show', () => {
    const made = plan(withPod(podWith('export', exited(0))), { type: 'built', image: undefined, unknown: undefined });
    expect(word(made)).toBe('False/ExportFailed');
  });

  it('records a failure with the end of the log, corrected by what the registry said', () => {
    const probed = { type: 'unauthorized', message: 'No.' } as const;
    const made = plan(withPod(podWith('export', exited(62))), { type: 'failed', logTail: 'the end', probed });
    expect(word(made)).toBe('False/RegistryUnauthorized');
    expect(made.status?.failure).toMatchObject({ step: 'export', exitCode: 62, logTail: 'the end' });
  });

  const going: JobObject = {
    ...aJob(),
    metadata: { ...aJob().metadata, deletionTimestamp: at(9), finalizers: ['x/y'] },
  };

  it('has built its image where export died after the last thing that it pushes', () => {
    const made = plan(withPod(podWith('export', exited(137))), { type: 'failed', logTail: '', image });
    expect(word(made)).toBe('True/Succeeded');
  });

  it('is not told each time that an image cannot be pulled in other words', () => {
    const pulling = (message: string) => podWith('analyze', { waiting: { reason: 'ErrImagePull', message } });
    const before = { ...begun, ...plan(withPod(pulling('try 1')), active, later(60_000)).status };
    expect(plan(withPod(pulling('try 2'), before), active, later(61_000)).status).toBeUndefined();
  });

  it('is judged by its Job also where that goes already without a pod, if it has ended', () => {
    const over = { job: { ...going, status: aJob({ type: 'Complete', reason: 'CompletionsReached' }).status! } };
    expect(word(plan(seen(over, begun), { type: 'built', image, unknown: undefined }))).toBe('True/Succeeded');
  });

  it('is lost with a Job that goes without a pod, though nothing was told of it yet', () => {
    expect(word(plan(seen({ job: going }), { type: 'lost' }))).toBe('False/PodDeleted');
  });

  it('is cancelled with its Job', () => {
    const facts = withPod(step('build', 10));
    const made = plan({ ...facts, run: aRun(app, { cancelled: true }, begun) });
    expect(word(made)).toBe('False/Cancelled');
    expect(made).toMatchObject({ remove: facts.job, slot: 'leave' });
    expect(made.status).not.toHaveProperty('failure');
  });

  it.each([
    ['its Job is gone', {}],
    ['its Job is being deleted, and something keeps it', { job: going }],
    ['its Job was taken from it', { otherJob: aJob() }],
  ] as const)('is lost where %s, unless the image is there', (_, over) => {
    const lost = (answer: Answer) => plan(seen(over, begun), answer);
    expect(word(lost({ type: 'lost' }))).toBe('False/PodDeleted');
    expect(word(lost({ type: 'lost', image }))).toBe('True/Succeeded');
    expect(lost({ type: 'lost' })).toMatchObject({ slot: 'leave', next: { type: 'done' } });
  });

  it('ends with its run where that is deleted and something keeps it', () => {
    const facts = withPod(step('build', 10));
    const run = { ...facts.run, metadata: { ...facts.run.metadata, deletionTimestamp: at(20) } };
    expect(plan({ ...facts, run })).toEqual({ remove: facts.job, slot: 'leave', next: { type: 'done' } });
  });
});

describe('a run that has ended', () => {
  const complete = aJob({ type: 'Complete', reason: 'CompletionsReached' });

  it('keeps its Job for an hour, then deletes it', () => {
    const facts = seen({ job: complete }, ended('True', 'Succeeded'));
    const end = Date.parse(at(20));
    expect(plan(facts, undefined, new Date(end + 1000))).toEqual({
      slot: 'leave',
      next: { type: 'wait', afterMs: keepJobMs - 1000, reason: expect.any(String) as string },
    });
    expect(plan(facts, undefined, new Date(end + keepJobMs - 1000)).remove).toBeUndefined();
    expect(plan(facts, undefined, new Date(end + keepJobMs)).remove).toBe(complete);
  });

  it('does nothing more once the Job is gone or going', () => {
    const nothing = { slot: 'leave', next: { type: 'done' } };
    expect(plan(seen({}, ended('True', 'Succeeded')))).toEqual(nothing);
    const going = { ...complete, metadata: { ...complete.metadata, deletionTimestamp: at(25) } };
    expect(plan(seen({ job: going }, ended('True', 'Succeeded')))).toEqual(nothing);
  });

  it('leaves the Job of a built image to count its pod', () => {
    const facts = withPod(podWith('export', exited(0)), ended('True', 'Succeeded'));
    expect(plan(facts).remove).toBeUndefined();
  });

  it('ends a Job that was given up before Kubernetes did', () => {
    const pulling = podWith('analyze', { waiting: { reason: 'ErrImagePull' } });
    const facts = withPod(pulling, ended('False', 'BuilderImagePullFailed'));
    expect(plan(facts).remove).toBe(facts.job);
    expect(plan(withPod(podWith('build', exited(51)), ended('False', 'BuildFailed'))).remove).toBeUndefined();
    const over = aJob({ type: 'Failed', reason: 'DeadlineExceeded' });
    expect(plan(seen({ job: over }, ended('False', 'DeadlineExceeded'))).remove).toBeUndefined();
  });

  it('never begins again, whatever becomes of its App', () => {
    for (const over of [{ app: undefined }, { app: anApp({ paused: true }) }]) {
      expect(plan(seen(over, ended('False', 'BuildFailed'))).status).toBeUndefined();
    }
  });

  it('acknowledges that it was cancelled too late', () => {
    const run = aRun(app, { cancelled: true }, ended('True', 'Succeeded'));
    const made = plan(seen({ run: { ...run, metadata: { ...run.metadata, generation: 2 } } }));
    expect(made.status).toMatchObject({ observedGeneration: 2, completionTime: at(20) });
    expect(word(made)).toBe('True/Succeeded');
  });
});

it('has a plan for every phase and every answer, whether they fit each other or not', () => {
  const job = aJob();
  const judgement = { type: 'built', report: undefined } as const;
  const phases: Phase[] = [
    { type: 'going' },
    { type: 'recorded' },
    { type: 'cancelled' },
    { type: 'building', job, judgement },
    { type: 'lost' },
    { type: 'occupied', job },
    { type: 'blocked', reason: 'NotWanted', message: 'No.', failed: false },
    { type: 'ready' },
    { type: 'queued', ahead: 0, mayTell: true },
  ];
  const answers: Answer[] = [
    { type: 'none' },
    { type: 'start', start: { type: 'fail', cause: because('BuilderNotFound') } },
    { type: 'active' },
    { type: 'built', image, unknown: undefined },
    { type: 'failed', logTail: '' },
    { type: 'lost' },
  ];
  for (const phase of phases) {
    for (const answer of answers) {
      for (const status of [ended('False', 'BuildFailed'), begun, ...(phase.type === 'recorded' ? [] : [undefined])]) {
        expect(plan(seen({ job }, status), answer, now, phase).next.type).toMatch(/done|wait/);
      }
    }
  }
});
