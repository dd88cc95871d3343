import { describe, expect, test } from 'vitest';
import type { App } from '../api/app.ts';
import { findCondition } from '../kube/conditions.ts';
import type { Observed } from './observed.ts';
import { acts, aDeployment, ago, anApp, aPod, podsOf, aRoute, image, now, see, type Acts } from './testing/objects.ts';

const app = anApp(image());

const plan = (given: Partial<Observed>): Acts => {
  const result = acts(see(given));
  return result;
};

/** after is the App with the status that a plan gave it. */
const after = ({ status }: Acts, more: Partial<App['metadata']> = {}): App => ({
  ...app,
  metadata: { ...app.metadata, ...more },
  ...(status && { status }),
});

const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const first = plan({ app, isCurrent: () => false });

test('a create is told twice: at first sight, and when all is done', () => {
  const begun = after(first);
  const middle = { app: begun, deployment: aDeployment('complete'), routes: [aRoute('accepted')], now: later(2) };
  // Pods came, so it would be told after half a minute.
  expect(plan(middle)).toMatchObject({ status: undefined, notes: [], lookAfterMs: 28_000 });
  // That a new App is not ready yet is no event.
  expect(first).toMatchObject({ status: { observedGeneration: 1 }, notes: [] });
  const end = plan({ ...middle, routes: [aRoute('ready')] });
  expect(findCondition(end.status?.conditions, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
  expect(end.notes.map((n) => n.reason)).toEqual(['Ready']);
});

test.each<[string, Partial<NonNullable<App['status']>>]>([
  ['the image that is wanted is another one', { stageRun: { desired: 'earlier' } }],
  ['an upload is no longer awaited', { upload: { url: 'http://s3.test/x', sha256: 'a', since: ago(5) } }],
  ['the spec is a newer one', { observedGeneration: 0 }],
])('progress is told at once where %s', (_, before) => {
  const begun = after(first);
  const told = { ...begun, status: { ...begun.status, ...before } };
  const next = plan({ app: told, deployment: aDeployment('complete'), routes: [aRoute('accepted')], now: later(2) });
  expect(next.status).toBeDefined();
});

describe('among many Apps that come at once', () => {
  const young = (seconds: number): App => ({
    ...app,
    metadata: { ...app.metadata, creationTimestamp: ago(seconds) },
  });
  const begins = { isCurrent: () => false, peakDepth: 4 };

  test('a new one is told once, with what it came to', () => {
    expect(plan({ ...begins, app: young(1) })).toMatchObject({ status: undefined, notes: [], lookAfterMs: 5000 });
    const end = plan({
      app: young(3),
      peakDepth: 4,
      deployment: aDeployment('complete'),
      routes: [aRoute('ready')],
    });
    expect(findCondition(end.status?.conditions, 'Ready')?.status).toBe('True');
    expect(end.notes.map((n) => n.reason)).toEqual(['Ready']);
  });

  test.for([
    ['it is alone', { ...begins, peakDepth: 3, app: young(1) }],
    ['it takes long', { ...begins, app: young(10) }],
    ['our clock is behind', { ...begins, app: young(-60) }],
    ['it is in trouble', { ...begins, app: young(1), routes: [aRoute('conflict')] }],
  ] as const)('a new one is told at once where %s', ([, given]) => {
    expect(plan(given).status).toBeDefined();
  });
});

test('routes that are ready before the pods are no news for five minutes', () => {
  const middle = { app: after(first), isCurrent: () => false, routes: [aRoute('ready')] };
  expect(plan({ ...middle, now: later(299) }).status).toBeUndefined();
  expect(plan({ ...middle, now: later(300) }).status).toBeDefined();
});

test('pods that take longer than half a minute are told meanwhile', () => {
  const middle = plan({ app: after(first), deployment: aDeployment('starting'), now: later(31) });
  expect(middle.status).toBeDefined();
  expect(middle.lookAfterMs).toBeUndefined();
});

test('trouble is told at once', () => {
  const pods = podsOf(aPod({ state: { waiting: { reason: 'ImagePullBackOff' } } }));
  const trouble = plan({ app: after(first), deployment: aDeployment('starting'), pods, now: later(1) });
  expect(findCondition(trouble.status?.conditions, 'Ready')?.reason).toBe('ImagePullBackOff');
  expect(trouble.notes).toMatchObject([{ type: 'Warning', reason: 'ImagePullBackOff' }]);
});

test('a new generation is told at once', () => {
  expect(plan({ app: after(first, { generation: 2 }), now: later(1) }).status?.observedGeneration).toBe(2);
});

test('a rollout keeps telling of what serves until it is done', () => {
  const before: App = {
    ...app,
    status: { image: 'example.org/shop@sha256:old', stageRun: { deployed: 'old' }, source: { revision: 'r' } },
  };
  const { status } = plan({ app: before, deployment: aDeployment('starting') });
  expect(status).toMatchObject(before.status ?? {});
});

test('the times of conditions move with their status only', () => {
  const ready = { deployment: aDeployment('complete'), routes: [aRoute('ready')] };
  const told = after(plan({ ...ready, app }));
  const again = plan({ ...ready, app: told, now: later(600) });
  expect(again.status).toEqual(told.status);
  expect(findCondition(again.status?.conditions, 'Ready')?.lastTransitionTime).toBe(ago(0));
});
