import { describe, expect, test } from 'vitest';
import type { AppRoute } from '../api/approute.ts';
import { meanings } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { checkConditions } from '../testing/conditionscheck.ts';
import { Ingress } from '../kube/resource.ts';
import { unplanned } from '../kube/reconcile/plan.ts';
import { planRoute, type RoutePlan } from './plan.ts';
import { ingressBackend, routeUrl } from './resources/ingress.ts';
import { App } from '../api/app.ts';
import type { Observed } from './observed.ts';
import type { IngressObject, Settings } from './settings.ts';

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

const anIngress = (address?: string): IngressObject => ({
  metadata: { name: 'me', namespace: 'team' },
  status: { loadBalancer: { ingress: address === undefined ? [] : [{ ip: address }] } },
});

const settings = (routes: Partial<Settings['routes']> = {}, ingress: Partial<Settings['ingress']> = {}): Settings => ({
  domain: 'apps.test',
  platformHosts: ['s3.test'],
  routes: { wildcards: false, sharedHosts: [], platformHosts: [], ...routes },
  ingress: { annotations: {}, tlsAnnotations: {}, httpPort: 80, httpsPort: 443, waitForAddress: false, ...ingress },
  tls: { allowedIssuers: [] },
});

const absent = { type: 'absent' } as const;
const noTls: Observed['tls'] = {
  named: absent,
  labelled: new Map(),
  fallback: absent,
  certManager: true,
  certificate: undefined,
  issued: absent,
  requests: [],
  challenges: [],
};

const me = aRoute('me', { created: 30 });

type Given = Partial<Observed> & { readonly ingress?: IngressObject | undefined };

const plan = ({ ingress, ...given }: Given = {}): RoutePlan => {
  const route = given.route ?? me;
  const observed: Observed = {
    ruling: { type: 'held' },
    pathHolder: undefined,
    rival: undefined,
    owned: ingress === undefined ? [] : [{ resource: Ingress, object: ingress }],
    appExists: true,
    tls: noTls,
    refusals: [],
    backend: ingressBackend,
    settings: settings(),
    now,
    ...given,
    route,
  };
  const result = planRoute(observed);
  if (result.type === 'lookUp') throw new Error('the plan asks for Secrets');
  const told = { ...route, status: result.status };
  expect(checkConditions(told)).toEqual([]);
  expect(result.status.conditions?.map((c) => c.reason).filter((r) => !(r in meanings))).toEqual([]);
  expect(planRoute({ ...observed, route: told })).toMatchObject({ status: result.status });
  return result;
};

const word = ({ status }: RoutePlan, type: string): string | undefined => {
  const found = findCondition(status.conditions, type);
  return found && `${found.status}/${found.reason}`;
};

const intent = ({ children: [child] }: RoutePlan) => (child?.type === 'apply' ? child.intent : undefined);

/** ofApp is a route that an App made. */
const ofApp: AppRoute = {
  ...me,
  metadata: {
    ...me.metadata,
    ownerReferences: [{ apiVersion: 'epinio.io/v1alpha1', kind: App.kind, name: 'shop', uid: 'u', controller: true }],
  },
};

const until = now.getTime() + 20_000;
const kept = { type: 'kept', since: until - 60_000, until } as const;
const ready = (result: RoutePlan): string | undefined => findCondition(result.status.conditions, 'Ready')?.message;

describe('an address', () => {
  const wild = (host: string): AppRoute => aRoute('me', { host });
  const cases: [string, Partial<Observed>, string][] = [
    ['is the route’s whose namespace has the host', {}, 'True/Accepted'],
    ['is not the route’s if another namespace has the host', { ruling: { type: 'taken' } }, 'False/RouteConflict'],
    ['is not the route’s if the path is another one’s', { pathHolder: 'old' }, 'False/RouteConflict'],
    ['of the platform is refused', { route: wild('s3.test') }, 'False/HostNotAllowed'],
    ['below one of the platform is refused', { route: wild('bucket.s3.test') }, 'False/HostNotAllowed'],
    ['that ends like one of the platform is allowed', { route: wild('mys3.test') }, 'True/Accepted'],
    [
      'with a wildcard over one of the platform is refused',
      { route: wild('*.test'), settings: settings({ wildcards: true }) },
      'False/HostNotAllowed',
    ],
    ['that is the domain of the installation is refused', { route: wild('apps.test') }, 'False/HostNotAllowed'],
    ['below the domain of the installation is allowed', { route: wild('shop.apps.test') }, 'True/Accepted'],
    [
      'below a host of the platform that is over the domain of the installation is allowed',
      { route: wild('shop.apps.test'), settings: { ...settings(), platformHosts: ['test'] } },
      'True/Accepted',
    ],
    [
      'that is the domain of the installation is allowed where all share it',
      { route: wild('apps.test'), settings: settings({ sharedHosts: ['apps.test'] }) },
      'True/Accepted',
    ],
    [
      'with a wildcard over the domain of the installation is refused',
      { route: wild('*.apps.test'), settings: settings({ wildcards: true }) },
      'False/HostNotAllowed',
    ],
    ['with a wildcard is refused', { route: wild('*.example.org') }, 'False/WildcardNotAllowed'],
    [
      'with a wildcard is allowed by configuration',
      { route: wild('*.example.org'), settings: settings({ wildcards: true }) },
      'True/Accepted',
    ],
  ];
  test.each(cases)('%s', (_, given, expected) => {
    const result = plan(given);
    expect(word(result, 'Accepted')).toBe(expected);
    const accepted = expected.startsWith('True');
    expect(result.children.length).toBe(accepted ? 1 : 0);
    expect(result.accepted).toBe(accepted);
    expect(word(result, 'Ready')).toBe(accepted ? 'True/Ready' : expected);
    expect(findCondition(result.status.conditions, 'Stalled') !== undefined).toBe(!accepted);
  });

  test('that is kept for another namespace is awaited, and looked at again when that is over', () => {
    const result = plan({ ruling: kept });
    expect(word(result, 'Accepted')).toBe('False/RouteConflict');
    expect(word(result, 'Reconciling')).toBe('True/RouteConflict');
    expect(result.next).toMatchObject({ type: 'wait', afterMs: 20_000 });
    expect(result.status).toMatchObject({ host: 'Taken', hostFreeSince: '2026-03-01T11:59:20Z' });
    expect(ready(result)).toContain('2026-03-01T12:00:20Z');
  });
  test.each([
    [undefined, { route: aRoute('me', { host: 's3.test' }), ruling: undefined }],
    ['Held', {}],
    ['Held', { pathHolder: 'old' }],
    ['Taken', { ruling: { type: 'taken' as const } }],
  ])('is recorded as %s', (host, given) => expect(plan(given).status.host).toBe(host));
  test.each([
    ['choose another host', me, { type: 'taken' as const }],
    ['name another host in spec.routes of the App shop', ofApp, { type: 'taken' as const }],
    ['name another host in spec.routes of the App shop', ofApp, kept],
  ])('that is refused tells to %s', (advice, route, ruling) =>
    expect(ready(plan({ route, ruling }))).toContain(`${advice}.`),
  );
  test('a loser’s Ingress goes', () => {
    const mine = anIngress();
    const owned = [{ resource: Ingress, object: mine }];
    expect(unplanned(owned, plan({ ruling: { type: 'taken' } }).children)).toEqual(owned);
    expect(unplanned(owned, plan().children)).toEqual([]);
  });
});

describe('an Ingress that somebody made for the address of a route', () => {
  test.each([
    [{ type: 'here', name: 'Ingress hand' } as const, 'The Ingress hand serves a.test/ too'],
    [{ type: 'elsewhere' } as const, 'An Ingress or HTTPRoute in another namespace serves the host a.test too'],
  ])('is told as a conflict, and takes nothing down', (rival, message) => {
    for (const ingress of [undefined, anIngress()]) {
      const result = plan({ rival, ingress });
      expect(word(result, 'Accepted')).toBe('True/Accepted');
      expect(word(result, 'Ready')).toBe('False/RouteConflict');
      expect(word(result, 'Stalled')).toBe('True/RouteConflict');
      expect(ready(result)).toContain(message);
      expect(result.children).toHaveLength(1);
    }
  });
});

describe('a route', () => {
  const mine = anIngress;
  const waits = settings({}, { waitForAddress: true });
  test('to an App that is not there waits for it, without an Ingress', () => {
    const result = plan({ appExists: false, ingress: mine() });
    expect(result.children).toEqual([]);
    expect(word(result, 'Ready')).toBe('False/AppNotFound');
    expect(word(result, 'Reconciling')).toBe('True/AppNotFound');
  });
  test('says what is so also while its App has no pods', () => {
    expect(ready(plan())).toBe('Requests to http://a.test go to the App shop; its pods answer while it has any.');
  });
  test('is Ready with its Ingress where controllers tell no address', () => {
    expect(word(plan({ ingress: mine() }), 'Ready')).toBe('True/Ready');
  });
  test('waits for the address where controllers tell it', () => {
    expect(word(plan({ ingress: mine(), settings: waits }), 'Ready')).toBe('Unknown/AwaitingAddress');
    const served = plan({ ingress: mine('192.0.2.1'), settings: waits });
    expect(word(served, 'Ready')).toBe('True/Ready');
    expect(served.status).toMatchObject({ address: '192.0.2.1', url: 'http://a.test' });
  });
  test('looks again where its Ingress was refused: quotas change without an event', () => {
    const refused = plan({ refusals: [{ kind: 'Ingress', reason: 'QuotaExceeded', message: 'Full.' }] });
    expect(refused.next).toEqual({ type: 'wait', afterMs: 60_000, reason: 'QuotaExceeded' });
  });
  test.each([
    ['by hand tells that it works', me, ['Ready']],
    ['that an App made works from the start without a word: the App tells it', ofApp, []],
  ])('%s', (_, route, reasons) => {
    expect(plan({ route, ingress: mine() }).notes.map(({ reason }) => reason)).toEqual(reasons);
  });
  test('tells that the name of its Ingress is taken', () => {
    expect(word(plan({ refusals: [{ kind: 'Ingress', reason: 'NameTaken', message: 'Taken.' }] }), 'Ready')).toBe(
      'False/NameTaken',
    );
  });
  test.each([
    ['http://a.test', me, {}, false],
    ['http://a.test/b', aRoute('me', { path: '/b' }), {}, false],
    ['http://a.test:8080', me, { httpPort: 8080 }, false],
    ['https://a.test', me, { httpPort: 8080 }, true],
    ['https://a.test:8443/b', aRoute('me', { path: '/b' }), { httpsPort: 8443 }, true],
    [undefined, aRoute('me', { host: '*.test' }), {}, true],
  ])('has the URL %s', (url, route, ingress, isHttps) =>
    expect(routeUrl(route, settings({}, ingress), isHttps)).toBe(url),
  );
  test('has an Ingress with the installation’s class and annotations, unless it names a class', () => {
    const ours = settings({}, { className: 'traefik', annotations: { a: 'b' } });
    expect(intent(plan({ settings: ours }))).toMatchObject({
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
    expect(intent(plan({ route: own, settings: ours }))).toMatchObject({ spec: { ingressClassName: 'own' } });
  });
});

describe('https', () => {
  const covers = {
    type: 'usable',
    names: ['a.test'],
    notBefore: 0,
    notAfter: now.getTime() + 100 * 3_600_000,
  } as const;
  const tls = { ...noTls, labelled: new Map([['shop-tls', covers]]) };
  const served = { tls, ingress: anIngress() };
  const issuing: Given = {
    route: { ...me, spec: { ...me.spec, tls: { issuerRef: { kind: 'Issuer', name: 'ca' } } } },
    ingress: anIngress(),
  };
  const kindsOf = ({ children }: RoutePlan) => children.map(({ resource }) => resource.kind);

  test('is in the Ingress, with what makes its controller redirect, and in the URL', () => {
    const result = plan({ ...served, settings: settings({}, { annotations: { a: 'b' }, tlsAnnotations: { c: 'd' } }) });
    expect(intent(result)).toMatchObject({
      metadata: { annotations: { a: 'b', c: 'd' } },
      spec: { tls: [{ hosts: ['a.test'], secretName: 'shop-tls' }] },
    });
    expect(result.status.url).toBe('https://a.test');
    expect(word(result, 'CertificateReady')).toBe('True/CertificateReady');
    expect(word(result, 'Ready')).toBe('True/Ready');
  });

  test('by the certificate of the installation names no Secret', () => {
    const result = plan({ tls: { ...noTls, fallback: covers }, ingress: anIngress() });
    expect(intent(result)?.['spec']).toMatchObject({ tls: [{ hosts: ['a.test'] }] });
    expect(JSON.stringify(intent(result))).not.toContain('secretName');
  });

  test('is nothing to speak of where nobody wants it', () => {
    const result = plan({ ingress: anIngress(), settings: settings({}, { tlsAnnotations: { c: 'd' } }) });
    expect(JSON.stringify(intent(result))).not.toMatch(/tls|"c"/);
    expect(word(result, 'CertificateReady')).toBeUndefined();
  });

  test('that is awaited leaves http, and asks for a Certificate after the way to the App is made', () => {
    const result = plan(issuing);
    expect(kindsOf(result)).toEqual(['Ingress', 'Certificate']);
    expect(intent(result)?.['spec']).not.toHaveProperty('tls');
    expect(result.status.url).toBe('http://a.test');
    expect([word(result, 'Programmed'), word(result, 'Ready')]).toEqual([
      'True/Programmed',
      'Unknown/CertificatePending',
    ]);
  });

  test.each([
    ['that has not its address', { ruling: { type: 'taken' as const } }],
    ['whose App is not there', { appExists: false }],
  ])('is not asked for by a route %s, whose Secrets nobody reads', (_, given) => {
    const unread = new Map([['x', { type: 'unread' as const }]]);
    const result = plan({ ...issuing, tls: { ...noTls, labelled: unread }, ...given });
    expect(kindsOf(result)).toEqual([]);
    expect(word(result, 'CertificateReady')).toBeUndefined();
  });

  test('is told where the name of the Certificate is taken, and http goes on', () => {
    const result = plan({ ...issuing, refusals: [{ kind: 'Certificate', reason: 'NameTaken', message: 'Taken.' }] });
    expect([word(result, 'Programmed'), word(result, 'CertificateReady'), word(result, 'Stalled')]).toEqual([
      'True/Programmed',
      'False/NameTaken',
      'True/NameTaken',
    ]);
    expect(result.status.url).toBe('http://a.test');
  });

  test('is not in the URL while the API server would not have the Ingress', () => {
    const refusals = [{ kind: 'Ingress', reason: 'Invalid' as const, message: 'Bad.' }];
    expect(plan({ ...served, refusals }).status.url).toBe('http://a.test');
  });

  test('that ends soon is looked at in time, and a renewed certificate changes nothing', () => {
    const until = (ms: number) => ({ ...covers, notAfter: now.getTime() + ms });
    const with_ = (ms: number) => plan({ ...served, tls: { ...noTls, labelled: new Map([['shop-tls', until(ms)]]) } });
    expect(with_(60_000).next).toMatchObject({ type: 'wait', afterMs: 60_000 });
    expect(with_(90 * 86_400_000).next).toEqual({ type: 'done' });
    expect(with_(90 * 86_400_000).status).toEqual(with_(30 * 86_400_000).status);
    expect(with_(90 * 86_400_000).children).toEqual(with_(30 * 86_400_000).children);
  });
});
