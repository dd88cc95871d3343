import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kubectlPath } from '../e2e/cluster/access.ts';
import { yaml } from './format.ts';

/** What the readers of YAML differ about, in pieces. */
const pieces = [
  ...[
    'a',
    '1',
    '0',
    '.',
    '-',
    '+',
    '_',
    ':',
    ' ',
    '\n',
    '\t',
    '#',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '\\',
    '|',
    '>',
    '%',
    '@',
  ],
  ...[
    '`',
    '&',
    '*',
    '!',
    '?',
    ',',
    '=',
    '<<',
    '~',
    'null',
    'yes',
    'No',
    '.inf',
    '.nan',
    '0x',
    '0o7',
    '0b1',
    'e',
    'E',
    '\r',
  ],
  ...[
    '\u0085',
    '\u00a0',
    '\u2028',
    '\u2029',
    '\ufeff',
    '\ufffe',
    '\u061c',
    '\u{e0041}',
    '\u{1f600}',
    '---',
    '...',
    '- ',
  ],
  ...['\u0007', '\u3000', '2001-01-01', '1:30', '0o17', '+_1', 'apiVersion:\u2028 v1'],
];

/** read gives what the real kubectl reads; it needs no server for that. */
const read = (text: string): Readonly<Record<string, string>> => {
  const args = ['label', '--local', '-f', '-', '-o', 'json', 'a=b'];
  const answer = execFileSync(kubectlPath(), args, { input: text, encoding: 'utf8', maxBuffer: 1e8 });
  return (JSON.parse(answer) as { data: Record<string, string> }).data;
};

test('whatever a text is, kubectl reads it as it was', () => {
  const texts = fc
    .sample(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }), 3000)
    .map((p) => p.join(''));
  const data = Object.fromEntries([...pieces, ...texts].map((text, at) => [`k${at}`, text]));
  const text = yaml({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data });
  expect(read(`${text}\n`)).toEqual(data);
});
