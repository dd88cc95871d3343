import { describe, expect, test } from 'vitest';
import type { GatewayObject, Listener } from './gatewayapi.ts';
import { doorsOf, listed, secureDoors, takesHost } from './listeners.ts';
import type { GatewayObserved } from './observed.ts';

const http: Listener = { name: 'http', protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } };
const https: Listener = { ...http, name: 'https', protocol: 'HTTPS' };

const at = (
  listeners: readonly Listener[],
  status: GatewayObject['status'] = {},
  settings: Partial<GatewayObserved['settings']> = {},
): GatewayObserved => ({
  settings: { namespace: 'edge', name: 'web', redirectToHttps: false, keepIngresses: false, ...settings },
  served: true,
  gateway: { metadata: { namespace: 'edge', name: 'web' }, spec: { listeners }, status },
});

describe('a listener', () => {
  test.each([
    [undefined, 'a.test', true],
    ['', 'a.test', true],
    ['a.test', 'a.test', true],
    ['b.test', 'a.test', false],
    ['*.test', 'a.test', true],
    ['*.test', 'b.a.test', true],
    ['*.test', 'test', false],
    ['*.test', 'atest', false],
    ['*.test', '*.test', true],
    ['*.test', '*.a.test', true],
    ['a.test', '*.test', true],
    ['*.a.test', '*.test', true],
    ['a.example', '*.test', false],
  ])('for %s takes the host %s: %s', (hostname, host, expected) =>
    expect(takesHost(hostname === undefined ? {} : { hostname }, host)).toBe(expected),
  );

  const kinds = (kind: string): Listener => ({ ...http, allowedRoutes: { kinds: [{ kind }] } });
  const cases: [string, Listener, number][] = [
    ['for http', http, 1],
    ['for https', https, 1],
    ['that lets TLS through', { ...https, tls: { mode: 'Passthrough' } }, 0],
    ['for TCP', { ...http, protocol: 'TCP' }, 0],
    ['for another host', { ...http, hostname: 'b.test' }, 0],
    ['for HTTPRoutes', kinds('HTTPRoute'), 1],
    ['for GRPCRoutes alone', kinds('GRPCRoute'), 0],
  ];
  test.each(cases)('%s is a door for a route, or not', (_, listener, expected) => {
    const doors = doorsOf(at([listener]), 'a.test');
    expect(doors.http.length + doors.https.length).toBe(expected);
  });

  test('that the configuration does not name is no door', () =>
    expect(doorsOf(at([http, https], {}, { sectionName: 'http' }), 'a.test')).toEqual({ http: [http], https: [] }));

  const from = (value: string, more: object = {}): NonNullable<Listener['allowedRoutes']> => ({
    namespaces: { from: value, ...more },
  });
  const selector = { selector: { matchLabels: { a: 'b' } } };
  const said = (type: string): GatewayObject['status'] => ({
    listeners: [{ name: 'https', conditions: [{ type, status: 'False' }] }],
  });
  const secure: [string, GatewayObserved, string, boolean][] = [
    ['to all namespaces', at([http, https]), 'team', true],
    ['to its own namespace alone, asked by another', at([http, { ...https, allowedRoutes: {} }]), 'team', false],
    ['to its own namespace alone, asked by that', at([http, { ...https, allowedRoutes: {} }]), 'edge', true],
    [
      'to selected ones, as all listeners are',
      at([
        { ...http, allowedRoutes: from('Selector', selector) },
        { ...https, allowedRoutes: from('Selector', selector) },
      ]),
      'team',
      true,
    ],
    [
      'to selected ones, unlike another listener',
      at([http, { ...https, allowedRoutes: from('Selector', selector) }]),
      'team',
      false,
    ],
    ['and broken', at([https], said('ResolvedRefs')), 'team', false],
    ['and not programmed', at([https], said('Programmed')), 'team', false],
    ['and well', at([https], said('Conflicted')), 'team', true],
  ];
  test.each(secure)('for https that is open %s', (_, observed, namespace, expected) =>
    expect(secureDoors(observed, 'a.test', namespace).length > 0).toBe(expected),
  );

  test('is told with its host, the first eight of those that all may use', () => {
    expect(listed(at([]))).toBe('');
    expect(listed(at([{ ...http, hostname: 'shop.of-a-tenant.test', allowedRoutes: from('Selector') }]))).toBe('');
    expect(listed(at([http, { ...https, hostname: '*.test' }]))).toBe('"http" (all hosts), "https" (*.test)');
    expect(listed(at(Array.from({ length: 10 }, () => http)))).toContain(' and 2 more');
  });
});
