import { describe, expect, test } from 'vitest';
import { unplanned } from '../kube/reconcile/plan.ts';
import { Job } from '../kube/resource.ts';
import { ownedBy, planStageRun, type Asked, type Observed } from './children.ts';
import type { Seen } from './observe.ts';
import { limitsOf, resolvePlatform } from './platform.ts';
import { anApp, aRun, settings } from './testing/objects.ts';
import { aJob, at, podWith } from './testing/pods.ts';

const app = anApp();
const run = aRun(app);
const platform = resolvePlatform(settings(), run)!;
const deps = { config: settings(), fetch: { image: 'operator', command: ['fetch'] } };
const now = new Date(at(30));
const material = { url: 'http://s3.test/x', keyring: {}, ca: undefined };

const plan = (
  over: Partial<Seen>,
  asked: Partial<Asked> & Pick<Asked, 'phase'>,
  refusals: Observed['refusals'] = [],
) => {
  const none = { job: undefined, otherJob: undefined, pod: undefined, deployed: undefined, secretVersions: {} };
  const seen: Seen = { run, app, ...none, limits: limitsOf(settings(), run), unwatched: false, ...over };
  const observed: Observed = { seen, asked: undefined, owned: ownedBy(seen), refusals, now };
  const made = planStageRun(deps, observed, { answer: { type: 'none' }, platform: platform.status, ...asked });
  return { ...made, removed: unplanned(observed.owned, made.children).map(({ object }) => object) };
};

const job = aJob();
const building = {
  type: 'building',
  job,
  judgement: { type: 'active', reason: 'Running', message: 'It runs.' },
} as const;
const start = { type: 'start', start: { type: 'go', platform, material } } as const;

describe('the Job of a run', () => {
  test('is made with its Secret, which it owns', () => {
    const [child, ...more] = plan({}, { phase: { type: 'ready' }, answer: start }).children;
    expect(more).toEqual([]);
    expect(child).toMatchObject({ type: 'create', resource: Job, object: { metadata: { name: run.metadata.name } } });
    const [secret] = child?.type === 'create' ? child.dependents : [];
    expect(secret?.objectFor({ metadata: { uid: 'job-uid' } }).metadata?.ownerReferences).toMatchObject([
      { kind: 'Job', uid: 'job-uid', controller: true },
    ]);
  });

  test('gets the Secret that is missing, and stays', () => {
    const { children, removed } = plan({ job }, { phase: building, answer: { type: 'active', material } });
    expect(children).toMatchObject([{ type: 'keep', dependents: { of: job, create: [{}] } }]);
    expect(removed).toEqual([]);
  });

  test.each<[string, Partial<Seen>, Asked['phase'], boolean]>([
    ['stays while it builds', { job, pod: podWith('build', { running: { startedAt: at(10) } }) }, building, true],
    [
      'stays for an hour after its end',
      { job, run: aRun(app, {}, { completionTime: at(20) }) },
      { type: 'recorded' },
      true,
    ],
    ['goes then', { job, run: aRun(app, {}, { completionTime: at(-3600) }) }, { type: 'recorded' }, false],
    [
      'stays where the run is blocked',
      { job },
      { type: 'blocked', reason: 'Paused', message: 'x', failed: false },
      true,
    ],
    ['stays while the run is in the queue', { job }, { type: 'queued', ahead: 1, mayTell: true }, true],
    ['goes when the run is cancelled', { job }, { type: 'cancelled' }, false],
    ['goes when the run is deleted', { job }, { type: 'going' }, false],
  ])('%s', (_, over, phase, stays) => {
    const { removed, remove } = plan(over, { phase, answer: { type: phase.type === 'building' ? 'active' : 'none' } });
    expect(removed).toEqual(stays ? [] : [job]);
    expect(remove).toEqual([]);
  });

  test('of an earlier run of the same name goes, though it is not owned', () => {
    const earlier = aJob();
    const { remove, removed } = plan({ otherJob: earlier }, { phase: { type: 'occupied', job: earlier } });
    expect(remove).toEqual([{ resource: Job, object: earlier }]);
    expect(removed).toEqual([]);
  });

  test('that was refused is said so, and its slot goes to others', () => {
    const refusal = { kind: 'Job', reason: 'QuotaExceeded', message: 'exceeded quota: small' } as const;
    const { status, slot, next } = plan({}, { phase: { type: 'ready' }, answer: start }, [refusal]);
    expect(status?.conditions?.[0]).toMatchObject({ status: 'Unknown', reason: 'QuotaExceeded' });
    expect([slot, next.type]).toEqual(['leave', 'wait']);
  });

  test('that is there without the Secret that was refused keeps a stalled slot', () => {
    const refusal = { kind: 'Secret', reason: 'Forbidden', message: 'no', owner: job } as const;
    const { status, slot } = plan({}, { phase: { type: 'ready' }, answer: start }, [refusal]);
    expect(status).toMatchObject({ jobName: run.metadata.name });
    expect(slot).toBe('stall');
  });
});
