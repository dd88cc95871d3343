import { describe, expect, test } from 'vitest';
import type { AppRoute } from '../api/approute.ts';
import { meanings } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { checkConditions } from '../kube/conditionscheck.ts';
import { planRoute, type Plan } from './plan.ts';
import { routeUrl } from './resources/ingress.ts';
import type { IngressObject, Seen, Settings } from './seen.ts';

const now = new Date('2026-03-01T12:00:00Z');

const aRoute = (
  name: string,
  more: { namespace?: string; created?: number; host?: string; path?: string } = {},
): AppRoute => ({
  metadata: {
    name,
    namespace: more.namespace ?? 'team',
    uid: `uid-${name}`,
    generation: 1,
    creationTimestamp: `2026-03-01T11:00:${String(more.created ?? 0).padStart(2, '0')}Z`,
  },
  spec: { appRef: { name: 'shop' }, host: more.host ?? 'a.test', path: more.path ?? '/' },
});

interface IngressWishes {
  readonly namespace?: string;
  readonly path?: string;
  readonly owner?: string;
  readonly address?: string;
}

const anIngress = (
  name: string,
  { namespace = 'team', path = '/', owner, address }: IngressWishes = {},
): IngressObject =>
  ({
    metadata: {
      name,
      namespace,
      ...(owner && { ownerReferences: [{ controller: true, uid: `uid-${owner}`, kind: 'AppRoute', name: owner }] }),
    },
    spec: { rules: [{ host: 'a.test', http: { paths: [{ path }] } }] },
    status: { loadBalancer: { ingress: address === undefined ? [] : [{ ip: address }] } },
  }) as unknown as IngressObject;

const settings = (routes: Partial<Settings['routes']> = {}, ingress: Partial<Settings['ingress']> = {}): Settings => ({
  routes: { wildcards: false, sharedHosts: [], platformHosts: ['s3.test'], ...routes },
  ingress: { annotations: {}, httpPort: 80, waitForAddress: false, ...ingress },
});

const me = aRoute('me', { created: 30 });

const plan = (given: Partial<Seen> = {}): Plan => {
  const route = given.route ?? me;
  const { claims = [], ...rest } = given;
  const seen: Seen = {
    ingresses: [],
    appExists: true,
    refusal: undefined,
    settings: settings(),
    now,
    ...rest,
    route,
    claims: [...claims, route],
  };
  const result = planRoute(seen);
  const told = { ...route, status: result.status };
  expect(checkConditions(told)).toEqual([]);
  expect(result.status.conditions?.map((c) => c.reason).filter((r) => !(r in meanings))).toEqual([]);
  expect(planRoute({ ...seen, route: told }).status).toEqual(result.status);
  return result;
};

const word = ({ status }: Plan, type: string): string | undefined => {
  const found = findCondition(status.conditions, type);
  return found && `${found.status}/${found.reason}`;
};

describe('an address', () => {
  const cases: [string, Partial<Seen>, string][] = [
    ['is the route’s that asks alone', {}, 'True/Accepted'],
    ['is the older route’s', { claims: [aRoute('old', { created: 10 })] }, 'False/RouteConflict'],
    ['is not the younger route’s', { claims: [aRoute('young', { created: 40 })] }, 'True/Accepted'],
    [
      'is the smaller uid’s, of two routes of one second',
      { claims: [aRoute('aa', { created: 30 })] },
      'False/RouteConflict',
    ],
    ['is free beside an older route of another path', { claims: [aRoute('old', { path: '/b' })] }, 'True/Accepted'],
    [
      'is taken by another namespace, whatever its path',
      { claims: [aRoute('old', { path: '/b', namespace: 'x' })] },
      'False/RouteConflict',
    ],
    [
      'is free on a shared host, by path',
      { claims: [aRoute('old', { path: '/b', namespace: 'x' })], settings: settings({ sharedHosts: ['a.test'] }) },
      'True/Accepted',
    ],
    [
      'is taken on a shared host, by the same path',
      { claims: [aRoute('old', { namespace: 'x' })], settings: settings({ sharedHosts: ['a.test'] }) },
      'False/RouteConflict',
    ],
    ['is taken by an Ingress of the same path', { ingresses: [anIngress('hand')] }, 'False/RouteConflict'],
    [
      'is taken by an Ingress that writes the path with a slash',
      { route: aRoute('me', { path: '/b' }), ingresses: [anIngress('hand', { path: '/b/' })] },
      'False/RouteConflict',
    ],
    ['is free beside an Ingress of another path', { ingresses: [anIngress('hand', { path: '/b' })] }, 'True/Accepted'],
    [
      'is taken by any Ingress of another namespace',
      { ingresses: [anIngress('hand', { path: '/b', namespace: 'x' })] },
      'False/RouteConflict',
    ],
    [
      'is taken as long as the Ingress of an earlier winner is there',
      { ingresses: [anIngress('gone', { owner: 'gone' })] },
      'False/RouteConflict',
    ],
    [
      'stays the route’s that has its Ingress',
      { ingresses: [anIngress('me', { owner: 'me' }), anIngress('hand')] },
      'True/Accepted',
    ],
    ['of the platform is refused', { route: aRoute('me', { host: 's3.test' }) }, 'False/HostNotAllowed'],
    ['with a wildcard is refused', { route: aRoute('me', { host: '*.test' }) }, 'False/WildcardNotAllowed'],
    [
      'with a wildcard is allowed by configuration',
      { route: aRoute('me', { host: '*.test' }), settings: settings({ wildcards: true }) },
      'True/Accepted',
    ],
  ];
  test.each(cases)('%s', (_, given, expected) => {
    const result = plan(given);
    expect(word(result, 'Accepted')).toBe(expected);
    const accepted = expected.startsWith('True');
    expect(result.apply !== undefined).toBe(accepted);
    expect(word(result, 'Ready')).toBe(accepted ? 'True/Ready' : expected);
    expect(findCondition(result.status.conditions, 'Stalled') !== undefined).toBe(!accepted);
  });

  test('a refusal does not tell who in another namespace has the host', () => {
    const { status } = plan({ claims: [aRoute('secret-name', { namespace: 'secret-team' })] });
    expect(JSON.stringify(status)).not.toContain('secret');
  });
  test('a loser’s Ingress goes', () => {
    const mine = anIngress('me', { owner: 'me' });
    expect(plan({ claims: [aRoute('old')], ingresses: [mine] }).remove).toBe(mine);
  });
});

describe('a route', () => {
  const mine = (address?: string): IngressObject => anIngress('me', { owner: 'me', ...(address && { address }) });
  const waits = settings({}, { waitForAddress: true });
  test('to an App that is not there waits for it, without an Ingress', () => {
    const result = plan({ appExists: false, ingresses: [mine()] });
    expect(result).toMatchObject({ apply: undefined, remove: mine() });
    expect(word(result, 'Ready')).toBe('False/AppNotFound');
    expect(word(result, 'Reconciling')).toBe('True/AppNotFound');
  });
  test('is Ready with its Ingress where controllers tell no address', () => {
    expect(word(plan({ ingresses: [mine()] }), 'Ready')).toBe('True/Ready');
  });
  test('waits for the address where controllers tell it', () => {
    expect(word(plan({ ingresses: [mine()], settings: waits }), 'Ready')).toBe('Unknown/AwaitingAddress');
    const served = plan({ ingresses: [mine('192.0.2.1')], settings: waits });
    expect(word(served, 'Ready')).toBe('True/Ready');
    expect(served.status).toMatchObject({ address: '192.0.2.1', url: 'http://a.test' });
  });
  test('tells that the name of its Ingress is taken', () => {
    expect(word(plan({ refusal: { reason: 'NameTaken', message: 'Taken.' } }), 'Ready')).toBe('False/NameTaken');
  });
  test.each([
    ['http://a.test', me, {}],
    ['http://a.test/b', aRoute('me', { path: '/b' }), {}],
    ['http://a.test:8080', me, { httpPort: 8080 }],
    [undefined, aRoute('me', { host: '*.test' }), {}],
  ])('has the URL %s', (url, route, ingress) => expect(routeUrl(route, settings({}, ingress))).toBe(url));
  test('has an Ingress with the installation’s class and annotations, unless it names a class', () => {
    const ours = settings({}, { className: 'traefik', annotations: { a: 'b' } });
    expect(plan({ settings: ours }).apply).toMatchObject({
      metadata: { name: 'me', namespace: 'team', annotations: { a: 'b' } },
      spec: {
        ingressClassName: 'traefik',
        rules: [
          {
            host: 'a.test',
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service: { name: 'shop', port: { name: 'http' } } } },
              ],
            },
          },
        ],
      },
    });
    const own = { ...me, spec: { ...me.spec, ingressClassName: 'own' } };
    expect(plan({ route: own, settings: ours }).apply).toMatchObject({ spec: { ingressClassName: 'own' } });
  });
});
