import { expect, test } from 'vitest';
import { ConfigMap, Secret } from '../resource.ts';
import { apply, keep, unplanned, type Child } from './plan.ts';

const map = (name: string, more: object = {}) => ({ resource: ConfigMap, object: { metadata: { name, ...more } } });
const wanted = (name: string): Child => apply(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const created = (name: string): Child => ({
  type: 'create',
  resource: ConfigMap,
  object: { metadata: { name } },
  dependents: [],
});

test.each<[string, Child[], boolean]>([
  ['is applied', [wanted('a')], true],
  ['is created', [created('a')], true],
  ['is kept', [keep(ConfigMap, map('a').object)], true],
  ['is not planned', [], false],
  ['is planned under another name', [wanted('b')], false],
  ['shares its name with one of another kind', [keep(Secret, map('a').object)], false],
])('an owned object that %s: does it stay?', (_, children, stays) => {
  const owned = [map('a')];
  expect(unplanned(owned, children)).toEqual(stays ? [] : owned);
});

test('what goes already is not removed again', () => {
  expect(unplanned([map('a', { deletionTimestamp: '2026-01-01T00:00:00Z' })], [])).toEqual([]);
});
