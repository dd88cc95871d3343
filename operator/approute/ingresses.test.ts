import { expect, test } from 'vitest';
import { mostRules, servingOf } from './ingresses.ts';

test('no host of an Ingress hides behind a crowd of paths of another', () => {
  const backend = { service: { name: 'shop', port: { number: 80 } } };
  const paths = Array.from({ length: 2 * mostRules }, (_, i) => ({ path: `/${i}/`, pathType: 'Prefix', backend }));
  const rules = ['decoy.test', 'victim.test'].map((host) => ({ host, http: { paths } }));
  const served = servingOf({ metadata: { namespace: 'team', name: 'hand' }, spec: { rules } });
  expect(served.rules).toHaveLength(mostRules);
  expect(served.rules.slice(0, 2)).toEqual([
    { host: 'decoy.test', path: '/0', service: 'shop' },
    { host: 'victim.test', path: '/0', service: 'shop' },
  ]);
});
