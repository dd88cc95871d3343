import { describe, expect, it } from 'vitest';
import { Job } from '../kube/resource.ts';
import { because } from './build/causes.ts';
import type { Situation } from './situation.ts';
import { aRun } from './testing/objects.ts';
import { aJob, at } from './testing/pods.ts';
import {
  app,
  begun,
  conditions,
  data,
  earlierJob,
  image,
  observed,
  plan,
  platform,
  removals,
  said,
} from './testing/plans.ts';

describe('a run that has not begun', () => {
  const startable: Situation = { type: 'startable', platform, data };

  it('starts where the outside agrees: Job, Secret, status in one go', () => {
    const made = plan(observed(), startable);
    expect(made).toMatchObject({ slot: 'acquire', next: { type: 'wait', afterMs: 3000 } });
    const [child, ...more] = made.children;
    expect(more).toEqual([]);
    expect(child).toMatchObject({
      type: 'create',
      resource: Job,
      object: { metadata: { name: aRun(app).metadata.name, ownerReferences: [{ uid: 'run-uid' }] } },
    });
    const [secret] = child?.type === 'create' ? child.dependents : [];
    expect(secret?.objectFor({ metadata: { uid: 'made' } })).toMatchObject({
      kind: 'Secret',
      metadata: { name: aRun(app).metadata.name, ownerReferences: [{ kind: 'Job', uid: 'made' }] },
    });
    expect(said(made)).toBe('Unknown/Pending');
    expect(made.status).toMatchObject({ jobName: aRun(app).metadata.name, platform: platform.status, attempts: 1 });
  });

  it('trusts the CAs of the installation where it has some', () => {
    const volumes = (ca: string | undefined) => {
      const [child] = plan(observed(), { ...startable, data: { ...data, ca } }).children;
      return child?.type === 'create' ? JSON.stringify(child.object) : '';
    };
    expect(volumes('PEM')).toContain('SSL_CERT_FILE');
    expect(volumes(undefined)).not.toContain('SSL_CERT_FILE');
  });

  it('is done where the image is in the registry already', () => {
    const made = plan(observed(), { type: 'built', image });
    expect(said(made)).toBe('True/ImageFound');
    expect(made.status?.image).toBe(`registry.example.org:5000/apps/team/shop@${image.digest}`);
    expect(made.status?.platform).toEqual(platform.status);
    expect(made.status).not.toHaveProperty('jobName');
    expect(made).toMatchObject({ slot: 'release', next: { type: 'done' } });
  });

  it.each([
    ['what is down for everybody', 'RegistryUnreachable', true, 'keep'],
    ['what only its own builder needs', 'RegistryUnreachable', false, 'release'],
    ['a Secret of its own', 'SecretNotFound', false, 'release'],
  ] as const)('waits for %s (%s)', (_, reason, everybody, slot) => {
    const made = plan(observed(), { type: 'waiting', summary: { reason, message: 'No.' }, afterMs: 1000, everybody });
    expect(said(made)).toBe(`Unknown/${reason}`);
    expect(made).toMatchObject({ slot, next: { type: 'wait', afterMs: 1000 } });
  });

  it('fails before any Job where no build could help', () => {
    const made = plan(observed(), { type: 'failed', cause: because('RunImageUnavailable') });
    expect(said(made)).toBe('False/RunImageUnavailable');
    expect(made.status).toMatchObject({ failure: { reason: 'RunImageUnavailable' }, platform: platform.status });
    expect(made.status).not.toHaveProperty('jobName');
    expect(made).toMatchObject({ children: [], slot: 'release', next: { type: 'done' } });
  });

  const queued = (mayTell: boolean, ahead = 3): Situation => ({ type: 'queued', ahead, mayTell });

  it('says how many are ahead, and says it again only when it may', () => {
    const first = plan(observed(), queued(false));
    expect(first.status).toMatchObject({ queuePosition: 3 });
    expect(said(first)).toBe('Unknown/Queued');
    expect(first.slot).toBe('keep');
    const told = observed({}, { ...first.status, queuePosition: 4 });
    expect(plan(told, queued(false)).status).toBeUndefined();
    expect(plan(told, queued(true)).status?.queuePosition).toBe(3);
  });

  it.each([
    [0, 5000],
    [9, 5000],
    [10, 30_000],
  ])('that has %i ahead looks at the queue again after %i ms', (ahead, afterMs) => {
    expect(plan(observed(), queued(false, ahead)).next).toMatchObject({ type: 'wait', afterMs });
  });

  it.each([
    'SecretNotFound',
    'RegistryFull',
    'RegistryUnauthorized',
    'RegistryUnreachable',
    'StorageUnavailable',
    'QuotaExceeded',
    'AdmissionDenied',
    'Forbidden',
  ])('is not told that it is in line again where it was told what it waits for (%s), until 30 s later', (reason) => {
    const told = observed({}, { ...begun, conditions: conditions('Unknown', reason) });
    expect(plan(told, queued(false)).status).toBeUndefined();
    expect(said(plan(told, queued(true)))).toBe('Unknown/Queued');
  });

  it('is not begun where nobody wants it', () => {
    const made = plan(observed({ app: undefined }));
    expect(said(made)).toBe('Unknown/NotWanted');
    expect(made).toMatchObject({ children: [], slot: 'release', next: { type: 'done' } });
  });
});

describe('a run whose name is taken', () => {
  const going = (seconds: number, finalizers: string[] = []) => {
    const job = earlierJob(aJob());
    return { ...job, metadata: { ...job.metadata, deletionTimestamp: at(seconds), finalizers } };
  };

  it('makes room where the Job of an earlier run has it, and takes no slot meanwhile', () => {
    const otherJob = earlierJob(aJob());
    const facts = observed({ otherJob, situation: { type: 'occupied', earlier: otherJob } });
    const made = plan(facts);
    expect(removals(facts, made)).toEqual([otherJob]);
    expect(made).toMatchObject({ status: undefined, slot: 'release', next: { type: 'wait', afterMs: 1000 } });
  });

  it.each([
    [29, 1000],
    [26, 2000],
    [21, 4500],
  ])('waits in silence while that Job, deleted at %i s, is going (%i ms)', (seconds, afterMs) => {
    const facts = observed({ otherJob: going(seconds) });
    const made = plan(facts);
    expect(made).toMatchObject({ status: undefined, slot: 'release', next: { type: 'wait', afterMs } });
    expect(removals(facts, made)).toEqual([]);
  });

  it('says what keeps that Job after ten seconds, and looks again at least every half minute', () => {
    const facts = observed({ otherJob: going(20, ['example.org/keep']) });
    const made = plan(facts);
    expect(said(made)).toBe('Unknown/AwaitingDeletion');
    expect(made.status?.conditions?.[0]?.message).toContain('kept by its finalizers (example.org/keep)');
    expect(made).toMatchObject({ slot: 'release', next: { type: 'wait', afterMs: 5000 } });
    expect(removals(facts, made)).toEqual([]);
    const much = plan({ ...facts, otherJob: going(20), now: new Date(Date.parse(at(20)) + 3_600_000) });
    expect(much.next).toMatchObject({ afterMs: 30_000 });
    expect(much.status?.conditions?.[0]?.message).not.toContain('finalizers');
  });

  it("does not touch a stranger's Job", () => {
    const facts = observed({ otherJob: aJob() });
    const made = plan(facts);
    expect(said(made)).toBe('False/NameTaken');
    expect(removals(facts, made)).toEqual([]);
  });
});

describe('a run that the API server refuses', () => {
  const refused = (reason: 'Invalid' | 'QuotaExceeded' | 'AdmissionDenied' | 'NameTaken', owner = false) =>
    observed({
      situation: { type: 'startable', platform, data },
      refusals: [{ kind: owner ? 'Secret' : 'Job', reason, message: 'no', ...(owner && { owner: aJob() }) }],
    });

  it.each([
    ['Invalid', 'False/Invalid', { type: 'done' }],
    ['QuotaExceeded', 'Unknown/QuotaExceeded', { type: 'wait', afterMs: 30_000 }],
    ['AdmissionDenied', 'Unknown/AdmissionDenied', { type: 'wait', afterMs: 30_000 }],
  ] as const)('a Job is told so (%s), has begun nothing, and gives its slot back', (reason, expected, next) => {
    const made = plan(refused(reason));
    expect(said(made)).toBe(expected);
    expect(made).toMatchObject({ slot: 'release', next });
    expect(made.status).not.toHaveProperty('jobName');
    expect(made.status?.conditions?.[0]?.message).toMatch(/no\.?$/);
  });

  it.each([
    ['Invalid', 'False/Invalid', 'release'],
    ['NameTaken', 'Unknown/NameTaken', 'stall'],
    ['QuotaExceeded', 'Unknown/QuotaExceeded', 'stall'],
  ] as const)('the Secret of its Job is told so (%s), and has begun', (reason, expected, slot) => {
    const made = plan(refused(reason, true));
    expect(said(made)).toBe(expected);
    expect(made.slot).toBe(slot);
    expect(made.status).toMatchObject({ jobName: aRun(app).metadata.name, startTime: at(0) });
  });

  it('says what can be done about a quota', () => {
    const facts = refused('QuotaExceeded');
    const [refusal] = facts.refusals;
    const made = plan({ ...facts, refusals: [{ ...refusal!, message: 'exceeded quota: q, requested: pods=1' }] });
    expect(made.status?.conditions?.[0]?.message).toContain('Raise the quota');
  });
});
