import { describe, expect, test } from 'vitest';
import { Budgets, selects, trimBudget, type BudgetObject } from './budgets.ts';
import { anApp } from './testing/objects.ts';

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

test('a selector reads no label that is not there', () => {
  expect(selects({ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, labels)).toBe(false);
});

const shop = anApp({ replicas: 2 });
const ofWeb = { matchLabels: { 'epinio.io/app': 'shop', 'epinio.io/process': 'web' } };
const byHand = (name: string, selector: object | undefined, more: object = {}): BudgetObject =>
  ({ metadata: { name, namespace: 'team', ...more }, spec: { selector } }) as BudgetObject;
const mark = { annotations: { 'epinio.io/applied': 'abc' } };
const controlled = (kind: string, apiVersion: string) => ({
  ownerReferences: [{ kind, apiVersion, name: 'shop', uid: 'app-uid', controller: true }],
});
const covers = (...all: BudgetObject[]): boolean => {
  const budgets = new Budgets();
  for (const one of all) budgets.put(one);
  return budgets.covers(shop);
};

describe('the pods of an App have a budget of their own', () => {
  test.each<[string, BudgetObject[], boolean]>([
    ['no, without any', [], false],
    ['no, if it selects others', [byHand('own', { matchLabels: { app: 'x' } })], false],
    ['no, if an App made it', [byHand('shop', ofWeb, controlled('App', 'epinio.io/v1alpha1'))], false],
    ['no, if the App lost it and takes it over again', [byHand('shop', ofWeb, mark)], false],
    ['no, in another namespace', [byHand('own', ofWeb, { namespace: 'other' })], false],
    ['if somebody made it', [byHand('own', ofWeb)], true],
    ['if it is a copy of ours under another name', [byHand('mine', ofWeb, mark)], true],
    ['if another controller made it', [byHand('own', ofWeb, controlled('App', 'example.org/v1'))], true],
    [
      'if it is too large to be looked at',
      [trimBudget(byHand('huge', { matchLabels: { a: 'x'.repeat(2000) } }))],
      true,
    ],
    ['if there are too many to be looked at', Array.from({ length: 101 }, (_, i) => byHand(`b${i}`, undefined)), true],
  ])('%s', (_, all, expected) => expect(covers(...all)).toBe(expected));

  test('until it is gone, or made for others', () => {
    const budgets = new Budgets();
    const own = byHand('own', ofWeb);
    budgets.put(own);
    budgets.put(byHand('own', { matchLabels: { app: 'x' } }));
    expect(budgets.covers(shop)).toBe(false);
    budgets.put(own);
    expect(budgets.covers(shop)).toBe(true);
    budgets.remove(own);
    expect(budgets.covers(shop)).toBe(false);
  });
});
