import { expect, it } from 'vitest';
import { ownedBy, type Fields } from './owned.ts';

const object = (fieldsV1: unknown, spec: object, more: object = {}) => ({
  metadata: {
    name: 'web',
    labels: { mine: 'a', theirs: 'b' },
    managedFields: [
      { manager: 'other', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:port': {} } } },
      { manager: 'me', operation: 'Apply', fieldsV1: fieldsV1 as Fields, ...more },
    ],
  },
  spec,
});

it.each<[string, unknown, object, object]>([
  ['a field', { 'f:spec': { 'f:replicas': {} } }, { replicas: 2, port: 8080 }, { spec: { replicas: 2 } }],
  [
    'items of a list by their keys, and of an item only what is owned',
    {
      'f:spec': {
        'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} }, 'k:{"name":"B"}': { 'f:value': {} } },
      },
    },
    {
      env: [
        { name: 'B', value: '2', valueFrom: 'theirs' },
        { name: 'C', value: '3' },
        { name: 'A', value: '1' },
      ],
    },
    {
      spec: {
        env: [
          { name: 'B', value: '2' },
          { name: 'A', value: '1' },
        ],
      },
    },
  ],
  [
    'items with several keys',
    { 'f:spec': { 'f:routes': { 'k:{"host":"a","path":"/"}': { '.': {}, 'f:host': {}, 'f:path': {} } } } },
    {
      routes: [
        { host: 'a', path: '/x' },
        { host: 'a', path: '/' },
      ],
    },
    { spec: { routes: [{ host: 'a', path: '/' }] } },
  ],
  [
    'an object that is owned as a whole, and an empty one',
    { 'f:spec': { 'f:secretKeyRef': {}, 'f:readinessProbe': {} } },
    { secretKeyRef: { name: 'a', key: 'b' }, readinessProbe: {} },
    { spec: { secretKeyRef: { name: 'a', key: 'b' }, readinessProbe: {} } },
  ],
  ['labels', { 'f:metadata': { 'f:labels': { '.': {}, 'f:mine': {} } } }, {}, { metadata: { labels: { mine: 'a' } } }],
  ['nothing of what went meanwhile', { 'f:spec': { 'f:gone': {} } }, {}, { spec: {} }],
])('%s', (_, fields, spec, owned) => {
  expect(ownedBy(object(fields, spec), 'me')).toEqual(owned);
});

it('what a manager patched, or wrote into the status, it did not apply', () => {
  const fields = { 'f:spec': { 'f:port': {} } };
  expect(ownedBy(object(fields, { port: 1 }, { operation: 'Update' }), 'me')).toEqual({});
  expect(ownedBy(object(fields, { port: 1 }, { subresource: 'status' }), 'me')).toEqual({});
});

it('the items that a manager owns stay in the order of the list, for it may decide', () => {
  const fieldsV1 = {
    'f:env': {
      'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} },
      'k:{"name":"B"}': { '.': {}, 'f:name': {}, 'f:value': {} },
    },
  };
  const env = ['B', 'X', 'A'].map((name) => ({ name, value: name }));
  const app = { metadata: { managedFields: [{ manager: 'us', operation: 'Apply', fieldsV1 }] }, env };
  expect(ownedBy(app, 'us')).toEqual({ env: [env[0], env[2]] });
});
