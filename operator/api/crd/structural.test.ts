import { describe, expect, it } from 'vitest';
import { crds, schemaOf } from './crd.ts';
import type { Schema } from './schema.ts';
import { problems, re2Problem } from './structural.ts';

const text: Schema = { description: 'x is a text.', type: 'string', maxLength: 9 };

/** kindWith is the smallest good schema of a kind, with one more field in its spec. */
const kindWith = (x: object, root: object = {}): Schema => ({
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: { type: 'object', description: 'spec is a test.', properties: { x } },
    status: { type: 'object', description: 'status is a test.', properties: { x: text } },
  },
  ...root,
});

describe('our CustomResourceDefinitions', () => {
  it.each([...crds()])('%s keeps every rule of structural schemas, and our own', (_file, crd) => {
    expect(problems(schemaOf(crd))).toEqual([]);
  });
});

describe('the checker', () => {
  it('has nothing against a good schema', () => {
    expect(problems(kindWith(text))).toEqual([]);
  });

  const items = { type: 'object', properties: { name: text, size: text }, required: ['name'] };
  const array = { description: 'x is a list.', type: 'array', maxItems: 3 };
  const map = (more: object): object => ({ ...array, 'x-kubernetes-list-type': 'map', items, ...more });

  it.each<[string, object, string]>([
    ['a $ref', { ...text, $ref: '#/x' }, 'keyword $ref'],
    ['nullable', { ...text, nullable: true }, 'keyword nullable'],
    ['readOnly', { ...text, readOnly: true }, 'keyword readOnly'],
    ['oneOf', { ...text, oneOf: [{ type: 'string' }] }, 'keyword oneOf'],
    [
      'an open object that keeps what it does not know',
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      'keyword x-kubernetes-preserve',
    ],
    ['no type', { description: 'x is nothing.' }, 'type is missing'],
    ['anyOf beside a type', { ...text, anyOf: [{ type: 'string' }] }, 'anyOf is only allowed'],
    ['int-or-string with a type', { ...text, 'x-kubernetes-int-or-string': true }, 'must have no type'],
    ['a floating point number', { description: 'x is a number.', type: 'number' }, 'floating point'],
    ['an object without properties', { description: 'x is an object.', type: 'object' }, 'the object is open'],
    ['a closed object', { type: 'object', properties: { y: text }, additionalProperties: false }, 'must be a schema'],
    [
      'properties beside additionalProperties',
      { type: 'object', properties: { y: text }, additionalProperties: text },
      'exclude each other',
    ],
    ['required without property', { type: 'object', properties: { y: text }, required: ['z'] }, 'required names z'],
    ['a list without list type', { ...array, items: text }, 'x-kubernetes-list-type is missing'],
    ['a list without items', { ...array, 'x-kubernetes-list-type': 'atomic' }, 'items is missing'],
    ['a list map without keys', map({}), 'x-kubernetes-list-map-keys is missing'],
    [
      'a list map by a key that is no property',
      map({ 'x-kubernetes-list-map-keys': ['key'] }),
      'no property of the items',
    ],
    [
      'a list map by a key that may be absent',
      map({ 'x-kubernetes-list-map-keys': ['size'] }),
      'neither required nor defaulted',
    ],
    ['a set of objects', map({ 'x-kubernetes-list-type': 'set' }), 'must hold scalars'],
    [
      'a list type on an object',
      { type: 'object', properties: { y: text }, 'x-kubernetes-list-type': 'atomic' },
      'is for lists',
    ],
    ['a string without bound', { description: 'x is a text.', type: 'string' }, 'maxLength is missing'],
    [
      'a list without bound',
      { ...array, maxItems: undefined, items: text, 'x-kubernetes-list-type': 'atomic' },
      'maxItems is missing',
    ],
    ['a map without bound', { type: 'object', additionalProperties: text }, 'maxProperties is missing'],
    ['an int32 without bounds', { description: 'x is a number.', type: 'integer', format: 'int32' }, 'is missing'],
    ['an integer without format', { description: 'x is a number.', type: 'integer' }, 'format must be'],
    ['a default that does not fit', { ...text, default: 'much too long' }, 'does not fit its own schema'],
    ['a pattern that Go cannot read', { ...text, pattern: '^(?=a)' }, 'look-ahead'],
    ['a pattern that looks anywhere', { ...text, pattern: 'a$' }, 'not anchored'],
    ['no description', { type: 'string', maxLength: 3 }, 'description is missing'],
    ['a description that is no sentence', { ...text, description: 'the x' }, 'no sentence'],
    [
      'a rule whose message does not say what to do',
      { ...text, 'x-kubernetes-validations': [{ rule: 'true', message: 'bad' }] },
      'must say must or may',
    ],
  ])('finds %s', (_name, node, wanted) => {
    const found = problems(kindWith(node));
    expect(found.join('\n')).toContain(wanted);
    expect(found.every((problem) => problem.startsWith('.spec.x'))).toBe(true);
  });

  it('finds a default on a required field', () => {
    const found = problems(
      kindWith({ description: 'x is.', type: 'object', properties: { y: { ...text, default: 'a' } }, required: ['y'] }),
    );
    expect(found).toEqual(['.spec.x.y: a required field has no use for a default']);
  });

  it('finds rules of the root that look at more of the metadata than the name', () => {
    const rule = { rule: 'has(self.metadata.labels)', message: 'labels must be there' };
    expect(problems(kindWith(text, { 'x-kubernetes-validations': [rule] }))).toEqual([
      '.: rules may look at metadata.name only',
    ]);
  });

  it('finds a root that says what metadata is, or has more than spec and status', () => {
    const good = kindWith(text);
    const properties = { ...good.properties, metadata: { type: 'object', properties: {} }, data: text };
    expect(problems({ ...good, properties })).toEqual([
      '.data: objects have only spec and status',
      '.metadata: must be left to the API server',
    ]);
  });
});

describe('re2Problem', () => {
  it.each([
    ['^(?!a)', 'look-ahead'],
    ['^(?<name>a)', 'named'],
    ['^(a)\\1$', 'reference back'],
    ['^\\p{L}$', 'an escape'],
    ['^\\u0041$', 'an escape'],
    ['^a{1,1001}$', 'more than 1000'],
    ['^(a$', 'Invalid regular expression'],
  ])('refuses %s', (pattern, reason) => {
    expect(re2Problem(pattern)).toContain(reason);
  });

  it.each(['^(?:a|b)*$', '^[-._a-zA-Z0-9]{0,61}$', '^\\d+\\.\\d+/?$'])('admits %s', (pattern) => {
    expect(re2Problem(pattern)).toBeUndefined();
  });
});
