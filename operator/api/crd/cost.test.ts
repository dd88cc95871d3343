import { describe, expect, it } from 'vitest';
import { costOf, costs, limits } from './cost.ts';
import { crds, schemaOf } from './crd.ts';
import type { Schema } from './schema.ts';

describe('the rules of our CustomResourceDefinitions', () => {
  it.each([...crds()])('of %s cost less than a tenth of what the API server allows', (_file, crd) => {
    const all = costs(schemaOf(crd));
    expect(all.length).toBeGreaterThan(2);
    expect(all.filter(({ cost }) => cost > limits.rule / 10)).toEqual([]);
    expect(all.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThan(limits.crd / 10);
  });
});

describe('the estimate', () => {
  const text = (maxLength?: number): Schema => ({ type: 'string', ...(maxLength !== undefined && { maxLength }) });
  const list = (items: Schema, maxItems?: number): Schema => ({
    type: 'array',
    items,
    ...(maxItems !== undefined && { maxItems }),
  });
  const ruled = (node: Schema, rule: string): Schema => ({
    ...node,
    'x-kubernetes-validations': [{ rule, message: 'it must be' }],
  });
  const worst = (node: Schema): number => Math.max(...costs(node).map(({ cost }) => cost));

  it('grows with the size of what is compared', () => {
    const small = costOf(text(10), 'self == oldSelf');
    expect(costOf(text(100_000), 'self == oldSelf')).toBeGreaterThan(small * 1000);
  });

  it('grows with the lists that a rule stands in', () => {
    const rule = ruled(text(10), 'self.size() > 1');
    expect(worst(list(rule, 100))).toBeGreaterThan(99 * worst(rule));
  });

  it.each([
    ['a rule in a list without bound', list(ruled(text(10), 'self.size() > 1'))],
    ['a loop in a loop over a long list', ruled(list(text(10), 10_000), 'self.all(x, self.exists(y, x == y))')],
    ['a comparison of texts without bound in a list', list(ruled(text(), 'self == oldSelf'), 100)],
  ])('is over the limit for %s', (_name, node) => {
    expect(worst(node)).toBeGreaterThan(limits.rule);
  });
});
