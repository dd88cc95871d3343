import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatOf, json, nameOf, printList, yaml } from './format.ts';
import type { Output } from './output.ts';

const evil = {
  escape: 'x\u001b[2J',
  carriage: 'a\rb',
  text: 'a\u009b2J\u202eb\u0000',
  more: 'plain: text',
  time: '2026-01-01T00:00:00Z',
  no: 'no',
  many: 'a\nb',
};

it.each([
  ['JSON', json, JSON.parse],
  ['YAML', yaml, (text: string) => parse(text) as unknown],
])('writes as %s nothing that a terminal acts on, and loses nothing', (_, write, read) => {
  const text = write(evil);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  expect(read(text)).toEqual(evil);
});

it('writes what a reader of YAML 1.1 would take for lines, a number or a word in quotes, in one line', () => {
  const texts = ['x\u2028kind: List', '0o17', 'no', 'a\n\nb', ' ', 'a ', '\ta', '2026-01-01'];
  const [first = '', ...rest] = yaml({ texts }).split('\n');
  expect(first).toBe('texts:');
  expect(rest).toHaveLength(texts.length);
  for (const line of rest) expect(line).toMatch(/^ {2}- "[^\u0085\u2028\u2029]*"$/);
  expect(yaml({ kind: 'App', image: 'docker.io/library/nginx' })).toBe('kind: App\nimage: docker.io/library/nginx');
});

it('writes names as kubectl does', () => {
  expect(nameOf({ apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { name: 'web' } })).toBe(
    'app.epinio.io/web',
  );
  expect(nameOf({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' } })).toBe('secret/db');
});

it('says which forms there are', () => {
  expect(formatOf(undefined)).toBe('table');
  expect(formatOf('yaml')).toBe('yaml');
  expect(() => formatOf('xml')).toThrow('-o xml is no form of output');
});

const printed = (format: 'json' | 'name' | 'table' | 'wide', objects: readonly object[]): string[] => {
  const said: string[] = [];
  const output = {
    result: (t: string) => said.push(t),
    step: (t: string) => said.push(`==> ${t}`),
  } as unknown as Output;
  const columns = [
    { head: 'NAME', cell: (o: { metadata?: { name?: string } }) => o.metadata?.name },
    { head: 'KIND', cell: (o: { kind?: string }) => o.kind, wide: true },
  ];
  printList(output, format, { objects, columns, none: 'There is nothing' });
  return said;
};
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', managedFields: [{ manager: 'x' }] } };

it('lists for people and for machines', () => {
  expect(printed('table', [secret])).toEqual(['NAME\ndb']);
  expect(printed('wide', [secret])).toEqual(['NAME   KIND\ndb     Secret']);
  expect(printed('name', [secret])).toEqual(['secret/db']);
  expect(JSON.parse(printed('json', [secret])[0] ?? '')).toMatchObject({
    kind: 'List',
    items: [{ kind: 'Secret', metadata: { name: 'db' } }],
  });
  expect(printed('json', [secret])[0]).not.toMatch(/managedFields/);
});

it('says where there is nothing, but not to machines', () => {
  expect(printed('table', [])).toEqual(['==> There is nothing']);
  expect(printed('name', [])).toEqual([]);
  expect(JSON.parse(printed('json', [])[0] ?? '')).toMatchObject({ items: [] });
});
