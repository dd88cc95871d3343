import { expect, it } from 'vitest';
import { planApp } from '../operator/app/plan.ts';
import { see } from '../operator/app/testing/objects.ts';
import { states, type Future } from '../operator/app/testing/states.ts';
import { judge, type Verdict } from './judge.ts';

// What the operator really says of an App in each of its states, and what a push of the App's source makes of it.

const verdicts: Readonly<Record<Future, readonly Verdict['type'][]>> = {
  Reconciling: ['progress', 'failing', 'upload'],
  Stalled: ['ended'],
  Settled: ['ready'],
};

const pushed = Object.entries(states).flatMap(([name, [given, future, ready]]) => {
  const seen = see(given);
  const { source } = seen.app.spec;
  return source === undefined ? [] : [[name, { seen, source, future, ready }] as const];
});

it.each(pushed)('%s', (_, { seen, source, future, ready }) => {
  const plan = planApp(seen);
  if (plan.type === 'lookUp' || plan.status === undefined) throw new Error('there is no status');
  const app = { ...seen.app, status: plan.status };
  const wanted = plan.status.stageRun?.desired;
  const run = seen.runs.find((r) => r.metadata.name === wanted);
  const { name, namespace, uid } = app.metadata;
  const verdict = judge({ app, run }, { key: { name, namespace }, uid, source });
  const inVain = app.spec.stageRun !== undefined || app.spec.paused === true;
  expect(inVain && !ready.startsWith('True/') ? ['ended'] : verdicts[future], JSON.stringify(verdict)).toContain(
    verdict.type,
  );
});

it('there are many of them', () => {
  expect(pushed.length).toBeGreaterThan(30);
});
