import { expect, test } from 'vitest';
import { selects, trimBudget } from './budgets.ts';

const labels = { app: 'shop', tier: 'web' };

test.each<[string, Parameters<typeof selects>[0], boolean]>([
  ['that is absent selects nothing', undefined, false],
  ['that is empty selects everything', {}, true],
  ['selects by a label', { matchLabels: { app: 'shop' } }, true],
  ['does not select by another value', { matchLabels: { app: 'shop', tier: 'db' } }, false],
  [
    'selects by one of several values',
    { matchExpressions: [{ key: 'tier', operator: 'In', values: ['db', 'web'] }] },
    true,
  ],
  [
    'does not select by none of several values',
    { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['web'] }] },
    false,
  ],
  ['selects what lacks the label', { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['web'] }] }, true],
  ['selects by a label that is there', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
  ['does not select by a label that is not there', { matchExpressions: [{ key: 'x', operator: 'Exists' }] }, false],
  ['selects by the lack of a label', { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] }, true],
  [
    'does not select by the lack of a label that is there',
    { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
    false,
  ],
])('a selector %s', (_, selector, expected) => expect(selects(selector, labels)).toBe(expected));

test('a budget with a huge selector is kept by its name alone', () => {
  const matchLabels = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`label-${i}`, 'x'.repeat(60)]));
  const metadata = { name: 'huge', namespace: 'team' };
  expect(trimBudget({ metadata, spec: { selector: { matchLabels } } })).toEqual({ metadata });
});
