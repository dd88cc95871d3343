import { expect, it } from 'vitest';
import { ownersOf, written, type Place } from './owners.ts';

const app = {
  metadata: {
    managedFields: [
      {
        manager: 'epinio-cli',
        time: '2026-01-01T00:00:00Z',
        fieldsV1: { 'f:spec': { 'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {} } } } },
      },
      { manager: 'kubectl', time: '2026-01-02T00:00:00Z', fieldsV1: { 'f:spec': { 'f:port': {} } } },
    ],
  },
};

it.each([
  [['spec', 'port'], ['kubectl'], 'spec.port'],
  [['spec', 'env', { name: 'A' }], ['epinio-cli'], 'spec.env[name="A"]'],
  [['spec', 'env', { name: 'B' }], [], 'spec.env[name="B"]'],
  [['spec', 'routes', { host: 'a.b', path: '/' }], [], 'spec.routes[host="a.b",path="/"]'],
  [['spec'], ['kubectl', 'epinio-cli'], 'spec'],
] as readonly (readonly [Place, readonly string[], string])[])(
  'tells who owns %j, the latest first',
  (place, owners, text) => {
    expect(ownersOf(app, place).map(({ manager }) => manager)).toEqual(owners);
    expect(written(place)).toBe(text);
  },
);
