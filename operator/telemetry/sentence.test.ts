import { expect, test } from 'vitest';
import { sentence } from './sentence.ts';

test.each([
  ['secret "db" not found', 'Secret "db" not found.'],
  ['0/3 nodes are available.', '0/3 nodes are available.'],
  ['deployments.apps "shop" is forbidden: no', 'deployments.apps "shop" is forbidden: no.'],
  [' What now? ', 'What now?'],
  ['cut off…', 'Cut off…'],
  ['', ''],
])('%j becomes a sentence', (text, expected) => expect(sentence(text)).toBe(expected));
