import { expect, it } from 'vitest';
import { nearest } from './nearest.ts';

const known = ['name', 'configuration', 'staging', 'origin', 'environment', 'instances', 'replace_env'];

it.each([
  ['enviroment', 'environment'],
  ['nmae', 'name'],
  ['Configuration', 'configuration'],
  ['replaceEnv', 'replace_env'],
  ['instance', 'instances'],
  ['orgin', 'origin'],
  ['replicas', undefined],
  ['', undefined],
  ['x'.repeat(10_000), undefined],
])('%s', (word, meant) => {
  expect(nearest(word, known)).toBe(meant);
});
