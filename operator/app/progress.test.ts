import { describe, expect, test } from 'vitest';
import { findCondition } from '../kube/conditions.ts';
import type { Observed } from './observed.ts';
import { acts, see } from './testing/objects.ts';
import { states } from './testing/states.ts';

const conditionsOf = (given: Partial<Observed>) => {
  const plan = acts(see(given));
  return plan.status?.conditions;
};

/** A sentence begins with a capital or a quote and ends with a full stop, or with the word of another that we quote. */
const sentence = /^["A-Z0-9`].*\.$/;

describe('an App tells whether it goes on by itself or needs a person', () => {
  test.each(Object.entries(states))('%s', (_, [given, future, ready]) => {
    const conditions = conditionsOf(given);
    const found = findCondition(conditions, 'Ready');
    expect(`${found?.status}/${found?.reason}`).toBe(ready);
    const said = ['Reconciling', 'Stalled'].filter((type) => findCondition(conditions, type)?.status === 'True');
    expect(said).toEqual(future === 'Settled' ? [] : [future]);
    for (const { message } of conditions ?? []) expect(message).toMatch(sentence);
  });
});
