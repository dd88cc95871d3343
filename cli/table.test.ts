import { expect, it } from 'vitest';
import { age, duration, tableLines } from './table.ts';

const columns = [
  { head: 'NAME', cell: (row: readonly string[]) => row[0] },
  { head: 'MESSAGE', cell: (row: readonly string[]) => row[1] },
];

it('aligns columns, without blanks at the end of a line', () => {
  expect(tableLines([['web', 'fine'], ['a-long-name']], columns)).toEqual([
    'NAME          MESSAGE',
    'web           fine',
    'a-long-name',
  ]);
});

it('cuts a line that does not fit the terminal', () => {
  expect(tableLines([['web', 'a message of many words']], columns, 21)).toEqual([
    'NAME   MESSAGE',
    'web    a message of…',
  ]);
});

it('shows nothing of others that a terminal acts on, and keeps them to their line', () => {
  expect(tableLines([['w\u001b[31meb', 'a\nb\u001b]0;title\u0007\u009b2J']], columns)[1]).toBe('web    a b');
});

it.each([
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [125, '2m5s'],
  [601, '10m'],
  [7200, '2h'],
  [7260, '2h1m'],
  [86_400, '24h'],
  [172_800, '2d'],
  [176_400, '2d1h'],
  [8_640_000, '100d'],
  [-5, '0s'],
])('writes %d seconds as %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it('knows no age of what has no time', () => {
  expect(age(undefined, new Date())).toBe('<unknown>');
  expect(age('soon', new Date())).toBe('<unknown>');
  expect(age('2026-01-01T00:00:00Z', new Date('2026-01-01T00:05:00Z'))).toBe('5m');
});
