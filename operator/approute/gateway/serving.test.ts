import { describe, expect, test } from 'vitest';
import { annotations, redirectName } from '../../api/names.ts';
import { Gateway, trimGateway, trimHttpRoute, type GatewayObject, type HTTPRouteObject } from './gatewayapi.ts';
import { servingOfHttpRoute } from './serving.ts';

type Spec = NonNullable<HTTPRouteObject['spec']>;

const route = (spec: Spec, metadata: HTTPRouteObject['metadata'] = {}): HTTPRouteObject => ({
  metadata: { namespace: 'team', name: 'hand', ...metadata },
  spec: { parentRefs: [{ name: 'web' }], hostnames: ['a.test'], ...spec },
});

const backendRefs = [{ name: 'shop' }];
const under = (value: string, type = 'PathPrefix') => ({ path: { type, value } });

describe('an HTTPRoute', () => {
  const cases: [string, Spec, (readonly [string, string, string])[]][] = [
    ['without rules answers everything', {}, [['a.test', '/', '']]],
    ['without hosts has nobody’s', { hostnames: [] }, []],
    ['of a mesh serves nothing', { parentRefs: [{ kind: 'Service', name: 'x' }] }, []],
    [
      'of a mesh and of a Gateway serves',
      { parentRefs: [{ kind: 'Service', name: 'x' }, { name: 'web' }], rules: [{ backendRefs }] },
      [['a.test', '/', 'shop']],
    ],
    ['with a backend', { rules: [{ backendRefs }] }, [['a.test', '/', 'shop']]],
    ['with a path', { rules: [{ matches: [under('/b/')], backendRefs }] }, [['a.test', '/b', 'shop']]],
    [
      'for certain headers stands beside',
      { rules: [{ matches: [{ ...under('/'), headers: [{}] }], backendRefs }] },
      [['a.test', '', 'shop']],
    ],
    [
      'with a pattern stands beside',
      { rules: [{ matches: [under('/', 'RegularExpression')], backendRefs }] },
      [['a.test', '', 'shop']],
    ],
    [
      'to another namespace leads elsewhere',
      { rules: [{ backendRefs: [{ name: 'shop', namespace: 'other' }] }] },
      [['a.test', '/', '']],
    ],
    [
      'to another kind leads elsewhere',
      { rules: [{ backendRefs: [{ kind: 'Bucket', name: 'shop' }] }] },
      [['a.test', '/', '']],
    ],
    [
      'with two hosts and two backends',
      { hostnames: ['a.test', 'b.test'], rules: [{ backendRefs: [{ name: 'shop' }, { name: 'canary' }] }] },
      [
        ['a.test', '/', 'shop'],
        ['b.test', '/', 'shop'],
        ['a.test', '/', 'canary'],
        ['b.test', '/', 'canary'],
      ],
    ],
  ];
  test.each(cases)('%s', (_, spec, expected) => {
    const { rules, managed, name } = servingOfHttpRoute(route(spec));
    expect(rules.map(({ host, path, service }) => [host, path, service])).toEqual(expected);
    expect([managed, name]).toEqual([false, 'HTTPRoute hand']);
    const kept = trimHttpRoute(undefined)(route(spec));
    expect(servingOfHttpRoute(kept), 'as it is cached').toEqual(servingOfHttpRoute(route(spec)));
  });

  const owner = (kind: string, name: string, apiVersion = 'epinio.io/v1alpha1') => ({
    ownerReferences: [{ apiVersion, kind, name, uid: 'u', controller: true }],
  });
  test.each([
    ['that bears its name', { name: 'a', ...owner('AppRoute', 'a') }, true],
    ['that redirects for it', { name: redirectName('a'), ...owner('AppRoute', 'a') }, true],
    ['of another name', { name: 'b', ...owner('AppRoute', 'a') }, false],
    ['of an AppRoute of somebody else', { name: 'a', ...owner('AppRoute', 'a', 'example.org/v1') }, false],
  ])('is the work of an AppRoute: one %s', (_, metadata, expected) =>
    expect(servingOfHttpRoute(route({}, metadata)).managed).toBe(expected),
  );

  test('of a thousand rules is looked at up to a bound', () => {
    const hostnames = Array.from({ length: 16 }, (_, i) => `h${i}.test`);
    const rules = Array.from({ length: 1000 }, () => ({ backendRefs }));
    const served = servingOfHttpRoute(route({ hostnames, rules })).rules;
    expect(served).toHaveLength(500);
    expect(new Set(served.map(({ host }) => host)), 'every host of it').toEqual(new Set(hostnames));
  });
});

describe('what is cached', () => {
  const long = 'x'.repeat(250_000);
  const gateway = { namespace: 'edge', name: 'web', redirectToHttps: false, keepIngresses: false };
  const said = (message: string) => [{ type: 'Accepted', status: 'False', reason: 'No', message }];

  test('of ours is what we set and what our Gateway says, cut', () => {
    const ours = route({ rules: [{ backendRefs }] }, { annotations: { [annotations.applied]: 'hash' } });
    const parents = [
      { parentRef: { namespace: 'edge', name: 'web' }, conditions: said(long) },
      { parentRef: { namespace: 'team', name: 'web' }, conditions: said('of a Gateway of the tenant') },
    ];
    const kept = trimHttpRoute(gateway)({ ...ours, status: { parents } });
    expect(kept.spec).toEqual(ours.spec);
    expect(kept.status?.parents).toHaveLength(1);
    expect(JSON.stringify(kept).length).toBeLessThan(3000);
  });

  test('of strangers’ is neither status, nor filters, nor the values of what they match', () => {
    const rules = [{ matches: [{ headers: [{ name: 'x', value: long }] }], filters: [{ type: long }], backendRefs }];
    const kept = trimHttpRoute(gateway)({ ...route({ rules }), status: { parents: [{ conditions: said(long) }] } });
    expect(JSON.stringify(kept).length).toBeLessThan(1000);
  });

  test('of a Gateway does not change with the number of its routes', () => {
    const seen = (attachedRoutes: number, lastTransitionTime: string): GatewayObject =>
      trimGateway({
        ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: Gateway.kind },
        metadata: { namespace: 'edge', name: 'web' },
        spec: { listeners: [{ name: 'http', protocol: 'HTTP' }] },
        status: {
          addresses: [{ value: '192.0.2.1' }],
          conditions: [{ ...said('no')[0], lastTransitionTime } as object],
          listeners: [{ name: 'http', attachedRoutes, conditions: said('no') } as object],
        },
      });
    expect(seen(1, '2026-01-01T00:00:00Z')).toEqual(seen(2, '2026-01-02T00:00:00Z'));
    expect(seen(1, '').status).toMatchObject({ addresses: [{ value: '192.0.2.1' }], listeners: [{ name: 'http' }] });
  });
});
