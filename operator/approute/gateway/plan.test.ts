import { describe, expect, test } from 'vitest';
import type { AppRoute, AppRouteStatus } from '../../api/approute.ts';
import { meanings } from '../../api/conditions.ts';
import { redirectName } from '../../api/names.ts';
import { findCondition } from '../../kube/conditions.ts';
import { apiVersionOf, Ingress, type KubeObject } from '../../kube/resource.ts';
import type { Owned } from '../../kube/reconcile/plan.ts';
import { checkConditions } from '../../testing/conditionscheck.ts';
import type { Observed } from '../observed.ts';
import { planRoute, type RoutePlan } from '../plan.ts';
import { gatewayBackend } from '../resources/httproute.ts';
import { ingressBackend } from '../resources/ingress.ts';
import type { Settings } from '../settings.ts';
import { Certificate } from '../tls/certmanager.ts';
import type { ListenerObserved } from '../tls/observed.ts';
import type { SecretState } from '../tls/reader.ts';
import type { Said } from '../tls/said.ts';
import { HTTPRoute, type GatewayObject, type HTTPRouteObject, type Listener, type ParentRef } from './gatewayapi.ts';
import type { GatewayObserved } from './observed.ts';

const now = new Date('2026-03-01T12:00:00Z');
const ago = (seconds: number): string => `${new Date(now.getTime() - seconds * 1000).toISOString().slice(0, 19)}Z`;

const me = (spec: Partial<AppRoute['spec']> = {}, status?: AppRouteStatus): AppRoute => ({
  metadata: { name: 'me', namespace: 'team', uid: 'uid', generation: 1, creationTimestamp: ago(3600) },
  spec: { appRef: { name: 'shop' }, host: 'a.test', path: '/', ...spec },
  ...(status && { status }),
});

const parent: ParentRef = { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'edge', name: 'web' };
const all = { namespaces: { from: 'All' } };
const http: Listener = { name: 'http', protocol: 'HTTP', allowedRoutes: all };
const https: Listener = { name: 'https', protocol: 'HTTPS', allowedRoutes: all };

const gateway = (listeners: readonly Listener[] = [http], status: GatewayObject['status'] = {}): GatewayObject => ({
  metadata: { namespace: 'edge', name: 'web' },
  spec: { listeners },
  status: { addresses: [{ value: '192.0.2.1' }], ...status },
});

type GatewaySettings = GatewayObserved['settings'];

const settingsOf = (over: Partial<GatewaySettings>): Settings & { gateway: GatewaySettings } => ({
  domain: 'apps.test',
  platformHosts: [],
  routes: { wildcards: true, sharedHosts: [], platformHosts: [] },
  ingress: { annotations: {}, tlsAnnotations: {}, httpPort: 80, httpsPort: 443, waitForAddress: false },
  gateway: { namespace: 'edge', name: 'web', redirectToHttps: false, keepIngresses: false, ...over },
  tls: { allowedIssuers: [] },
});

const absent = { type: 'absent' } as const;
const noTls: Observed['tls'] = {
  ...{ named: absent, labelled: new Map(), fallback: absent, certManager: true, certificate: undefined },
  ...{ issued: absent, requests: [], challenges: [] },
};

const accepted: Said[] = [
  { type: 'Accepted', status: 'True', reason: 'Accepted', observedGeneration: 1 },
  { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', observedGeneration: 1 },
];

const object = (
  resource: typeof HTTPRoute | typeof Ingress | typeof Certificate,
  age: number,
  rest: object = {},
): Owned => ({
  resource,
  object: {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name: 'me', namespace: 'team', generation: 1, creationTimestamp: ago(age) },
    ...rest,
  },
});

/** made is the HTTPRoute of the route, and what is said of it. */
const made = (conditions: readonly Said[] = accepted, age = 3600, ref = parent): Owned => {
  const status: HTTPRouteObject['status'] = { parents: [{ parentRef: ref, conditions }] };
  return object(HTTPRoute, age, { spec: { parentRefs: [ref] }, status });
};

interface Given {
  readonly route?: AppRoute;
  readonly owned?: readonly Owned[];
  readonly at?: Partial<GatewayObserved>;
  readonly settings?: Partial<GatewaySettings>;
  readonly listeners?: readonly ListenerObserved[];
  readonly fallback?: SecretState;
}

const planOf = (o: Observed): RoutePlan => {
  const result = planRoute(o);
  if (result.type === 'lookUp') throw new Error('the plan asks for Secrets');
  expect(checkConditions({ ...o.route, status: result.status })).toEqual([]);
  expect(result.status.conditions?.map((c) => c.reason).filter((r) => !(r in meanings))).toEqual([]);
  return result;
};

const observedOf = (given: Given): Observed => {
  const settings = settingsOf(given.settings ?? {});
  const at: GatewayObserved = { settings: settings.gateway, served: true, gateway: gateway(), ...given.at };
  return {
    route: given.route ?? me(),
    ...{ ruling: { type: 'held' }, pathHolder: undefined, rival: undefined, appExists: true, refusals: [], now },
    tls: { ...noTls, fallback: given.fallback ?? absent, listeners: given.listeners ?? [] },
    owned: given.owned ?? [],
    backend: gatewayBackend(at),
    settings,
  };
};

const plan = (given: Given = {}): RoutePlan => planOf(observedOf(given));

const word = ({ status }: RoutePlan, type: string): string | undefined => {
  const found = findCondition(status.conditions, type);
  return found && `${found.status}/${found.reason}`;
};
const message = ({ status }: RoutePlan, type = 'Programmed'): string =>
  findCondition(status.conditions, type)?.message ?? '';

const told = ({ children }: RoutePlan): string[] => children.map((child) => `${child.type} ${child.resource.kind}`);
const intents = ({ children }: RoutePlan) =>
  children.flatMap((child) => (child.type === 'apply' ? [child.intent] : []));

describe('a route through a Gateway', () => {
  test('is an HTTPRoute to the Service of its App, attached to the Gateway as a whole', () => {
    const [intent] = intents(plan({ route: me({ path: '/b' }) }));
    expect(intent).toMatchObject({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'me', namespace: 'team' },
      spec: {
        parentRefs: [parent],
        hostnames: ['a.test'],
        rules: [
          {
            matches: [{ path: { type: 'PathPrefix', value: '/b' } }],
            backendRefs: [{ kind: 'Service', name: 'shop', port: 80, weight: 1 }],
          },
        ],
      },
    });
  });

  test('is attached to the one listener that the configuration names', () =>
    expect(intents(plan({ settings: { sectionName: 'http' } }))[0]?.['spec']).toMatchObject({
      parentRefs: [{ ...parent, sectionName: 'http' }],
    }));

  test('is served, and has the address of the Gateway, when the controller says so', () => {
    const result = plan({ owned: [made()] });
    expect(word(result, 'Ready')).toBe('True/Ready');
    expect(result.status).toMatchObject({ url: 'http://a.test', address: '192.0.2.1' });
    expect(message(result)).toBe('The Gateway "web" in "edge" serves the route at 192.0.2.1.');
  });

  const no = (reason: string, words = '', type = 'Accepted', observedGeneration = 1): Owned[] => [
    made([
      ...accepted.filter((said) => said.type !== type),
      { type, status: 'False', reason, message: words, observedGeneration },
    ]),
  ];
  const elsewhere = gateway([{ ...http, hostname: '*.example' }]);
  const sick = gateway([http], { conditions: [{ type: 'Accepted', status: 'False', message: 'no such class' }] });
  const cases: [string, Given, string, string, boolean][] = [
    ['is awaited at first', {}, 'Unknown/AwaitingGateway', 'has not taken the route yet.', false],
    [
      'is awaited while nobody speaks',
      { owned: [made([])] },
      'Unknown/AwaitingGateway',
      'has not taken the route yet.',
      false,
    ],
    [
      'is awaited with the words of a Gateway that is not served',
      { owned: [made([])], at: { gateway: sick } },
      'Unknown/AwaitingGateway',
      'It says of the Gateway: No such class.',
      false,
    ],
    [
      'is awaited while what is said is of another Gateway',
      {
        owned: [made(accepted, 1, { ...parent, namespace: 'team' })].map(({ resource, object: o }) => ({
          resource,
          object: { ...o, spec: { parentRefs: [parent] } } as KubeObject,
        })),
      },
      'Unknown/AwaitingGateway',
      'has not taken the route yet.',
      false,
    ],
    [
      'misses a listener for its host',
      { owned: no('NoMatchingListenerHostname') },
      'False/ListenerMissing',
      'No listener of the Gateway "web" in "edge" takes the host a.test: ask its administrators for one. Its listeners for all namespaces are "http" (all hosts).',
      true,
    ],
    [
      'misses a listener, which is told before anybody speaks',
      { at: { gateway: elsewhere } },
      'False/ListenerMissing',
      'Its listeners for all namespaces are "http" (*.example).',
      true,
    ],
    [
      'is refused by its namespace',
      { owned: no('NotAllowedByListeners', 'not here') },
      'False/GatewayRefused',
      'Accepted is False (NotAllowedByListeners). Not here. Ask its administrators to allow routes of this namespace',
      true,
    ],
    [
      'has no backend',
      { owned: no('BackendNotFound', 'Service "shop" not found', 'ResolvedRefs') },
      'False/GatewayRefused',
      'ResolvedRefs is False (BackendNotFound). Service "shop" not found.',
      true,
    ],
    [
      'is awaited where a refusal is of an earlier version',
      {
        owned: no('BackendNotFound', 'x', 'Accepted', 0),
      },
      'Unknown/AwaitingGateway',
      'has not taken the route yet.',
      false,
    ],
    [
      'is not served where there is no Gateway',
      { at: { gateway: undefined } },
      'False/GatewayNotFound',
      'There is no Gateway "web" in "edge"',
      false,
    ],
    [
      'is not served where the Gateway API is not installed',
      { at: { served: false } },
      'False/GatewayApiMissing',
      'is not installed in this cluster.',
      false,
    ],
  ];
  test.each(cases)('%s', (_, given, expected, words, stalled) => {
    const result = plan(given);
    expect(word(result, 'Programmed')).toBe(expected);
    expect(message(result)).toContain(words);
    expect(word(result, 'Accepted')).toBe('True/Accepted');
    expect(word(result, 'Stalled') !== undefined).toBe(stalled);
  });

  test('asks for nothing that the API server does not know', () =>
    expect(told(plan({ at: { served: false } }))).toEqual([]));

  test('shows of what a controller says one line without control characters, and no more than a condition holds', () => {
    const words = `\u001b[31mred\u0007\nnext ${'é'.repeat(250_000)}`;
    const result = plan({ owned: no('Bad\u001b[0m', words) });
    expect(message(result)).not.toMatch(/[\u0000-\u001f\u007f]/);
    expect(Buffer.byteLength(message(result))).toBeLessThan(2048);
  });
});

describe('https through a Gateway', () => {
  const usable = {
    ...{ type: 'usable' as const, names: ['a.test'], notBefore: 0 },
    notAfter: now.getTime() + 3_600_000,
  };
  const at = { gateway: gateway([http, https]) };
  const plain: ListenerObserved = { name: 'http', https: false, certificates: [] };
  const secure = (...certificates: SecretState[]): ListenerObserved => ({ name: 'https', https: true, certificates });
  const other = { ...usable, names: ['b.test'] };
  const covering = { at, listeners: [plain, secure(usable)], owned: [made()] };
  const tls = (value: NonNullable<AppRoute['spec']['tls']>) => me({ tls: value });

  const cases: [string, Given, string, string | undefined][] = [
    ['is served by the certificate of a listener', covering, 'https', 'True/CertificateReady'],
    ['is not served by a listener for other hosts', { at, listeners: [plain, secure(other)] }, 'http', undefined],
    ['is not served without a listener for it', { fallback: usable, listeners: [plain] }, 'http', undefined],
    [
      'is served by the certificate of the installation',
      { at, fallback: usable, listeners: [plain, secure(absent)] },
      'https',
      'True/CertificateReady',
    ],
    ['is not wanted', { ...covering, route: tls({ disabled: true }) }, 'http', undefined],
    [
      'needs no Secret of the route',
      { ...covering, route: tls({ secretName: 'x' }) },
      'https',
      'True/CertificateReady',
    ],
    [
      'is not served by a Secret of the route',
      { at, listeners: [plain, secure(other)], route: tls({ secretName: 'x' }) },
      'http',
      'False/CertificateNotOnListener',
    ],
    [
      'is not served by an issuer',
      { listeners: [plain], route: tls({ issuerRef: { kind: 'Issuer', name: 'x' } }) },
      'http',
      'False/CertificateNotOnListener',
    ],
    [
      'is all there is, with a certificate for other hosts',
      { at: { gateway: gateway([https]) }, listeners: [secure(other)] },
      'https',
      'False/CertificateNotOnListener',
    ],
  ];
  test.each(cases)('%s', (_, given, scheme, expected) => {
    const result = plan(given);
    expect(result.status.url).toBe(`${scheme}://a.test`);
    expect(word(result, 'CertificateReady')).toBe(expected);
    expect(JSON.stringify(intents(result))).not.toContain('secretName');
  });

  test('reads the Secrets of listeners first', () => {
    const unread = { type: 'unread' } as const;
    const query = planRoute(observedOf({ at, listeners: [plain, secure(unread)] }));
    expect(query).toEqual({ type: 'lookUp', query: 'unread' });
  });

  test('ends with the certificate, and is looked at then', () =>
    expect(plan(covering).next).toMatchObject({ type: 'wait', afterMs: 3_600_000 }));

  test('has http sent on to it where the configuration says so', () => {
    const settings = { redirectToHttps: true };
    const [main, redirect, ...more] = intents(plan({ ...covering, settings }));
    expect(more).toEqual([]);
    expect(main?.['spec']).toMatchObject({ parentRefs: [{ ...parent, sectionName: 'https' }] });
    expect(redirect).toMatchObject({
      metadata: { name: redirectName('me') },
      spec: {
        parentRefs: [{ ...parent, sectionName: 'http' }],
        rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] }],
      },
    });
    expect(told(plan({ ...covering, settings, listeners: [plain, secure(other)] })), 'without a certificate').toEqual([
      'apply HTTPRoute',
    ]);
  });

  test.each([
    ['for routes of its own namespace', {}],
    ['for routes of nobody', { allowedRoutes: { namespaces: { from: 'None' } } }],
  ])('leaves out a listener %s', (_, closed) => {
    const admin: Listener = { name: 'admin', protocol: 'HTTPS', ...closed };
    const at = { gateway: gateway([http, https, admin]) };
    const [main] = intents(plan({ ...covering, at, settings: { redirectToHttps: true } }));
    expect(main?.['spec']).toMatchObject({ parentRefs: [{ ...parent, sectionName: 'https' }] });
    const closedAll = { gateway: gateway([http, admin]) };
    const [told] = intents(plan({ ...covering, at: closedAll, route: tls({ disabled: true }) }));
    expect(told?.['spec']).toMatchObject({ parentRefs: [{ ...parent, sectionName: 'http' }] });
  });

  test('that is not wanted leaves its listeners alone', () =>
    expect(intents(plan({ ...covering, route: tls({ disabled: true }) }))[0]?.['spec']).toMatchObject({
      parentRefs: [{ ...parent, sectionName: 'http' }],
    }));
});

describe('a route whose installation turns from Ingresses to a Gateway', () => {
  const former = [object(Ingress, 3600), object(Certificate, 3600)];
  const kept = ['apply HTTPRoute', 'keep Ingress', 'keep Certificate'];
  const programmed = (age: number): AppRoute =>
    me(
      {},
      {
        conditions: [
          {
            ...{ type: 'Programmed', status: 'True', reason: 'Programmed', message: 'x', observedGeneration: 1 },
            lastTransitionTime: ago(age),
          },
        ],
      },
    );

  test('keeps its Ingress until the Gateway serves it, and says so', () => {
    for (const owned of [former, [...former, made([])]]) {
      const result = plan({ owned });
      expect(told(result)).toEqual(kept);
      expect(message(result)).toMatch(/ Meanwhile the Ingress of before serves\.$/);
    }
    expect(told(plan({ owned: former, at: { served: false } }))).toEqual(['keep Ingress', 'keep Certificate']);
  });

  test.each([
    ['said just now', 3600, me(), 10_000],
    ['said three seconds ago', 3600, programmed(3), 7_000],
    ['said of an HTTPRoute of four seconds', 4, programmed(3600), 6_000],
  ])('keeps it for ten seconds more, by what was %s', (_, age, route, afterMs) => {
    const result = plan({ owned: [...former, made(accepted, age)], route });
    expect(told(result)).toEqual(kept);
    expect(result.next).toMatchObject({ type: 'wait', afterMs });
    expect(word(result, 'Ready')).toBe('True/Ready');
    expect(message(result)).not.toContain('Meanwhile');
  });

  test('lets it go then, unless the configuration keeps it', () => {
    const given = { owned: [...former, made()], route: programmed(60) };
    expect(told(plan(given))).toEqual(['apply HTTPRoute']);
    expect(told(plan({ ...given, settings: { keepIngresses: true } }))).toEqual(kept);
  });

  test('keeps its HTTPRoute for as long, the other way round', () => {
    const back = (age: number): RoutePlan =>
      planOf({
        ...observedOf({ owned: [made(), ...(age < 0 ? [] : [object(Ingress, age)])], route: programmed(3600) }),
        ...{ backend: ingressBackend, tls: noTls },
      });
    expect(told(back(-1))).toEqual(['apply Ingress', 'keep HTTPRoute']);
    expect(told(back(4))).toEqual(['apply Ingress', 'keep HTTPRoute']);
    expect(told(back(11))).toEqual(['apply Ingress']);
  });
});
