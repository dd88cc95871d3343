import { describe, expect, test } from 'vitest';
import type { AppRoute } from '../../api/approute.ts';
import { certificateName } from '../../api/names.ts';
import type { RouteTls } from '../../api/tls.ts';
import type { CertificateFacts } from './certificate.ts';
import type { CertificateObject, CertificateRequestObject, ChallengeObject } from './certmanager.ts';
import { decideTls } from './decide.ts';
import type { Tls } from './saying.ts';
import type { TlsObserved, TlsScene } from './observed.ts';
import type { SecretState } from './reader.ts';

const now = new Date('2026-03-01T12:00:00Z');
const hour = 3_600_000;
const own = certificateName('shop');

const usable = (names: string[], more: { from?: number; to?: number } = {}): CertificateFacts => ({
  type: 'usable',
  names,
  notBefore: now.getTime() + (more.from ?? -hour),
  notAfter: now.getTime() + (more.to ?? 100 * hour),
});
const absent: SecretState = { type: 'absent' };
const unread: SecretState = { type: 'unread' };

const nothing: TlsObserved = {
  named: absent,
  labelled: new Map(),
  fallback: absent,
  certManager: true,
  certificate: undefined,
  issued: absent,
  requests: [],
  challenges: [],
};

interface Given extends Partial<Omit<TlsObserved, 'labelled'>> {
  readonly spec?: RouteTls;
  readonly host?: string;
  readonly labelled?: Record<string, SecretState>;
  readonly config?: Partial<TlsScene['settings']['tls']>;
}

const decide = ({ spec, host = 'a.b.test', labelled = {}, config, ...tls }: Given): Tls | 'unread' =>
  decideTls({
    route: {
      metadata: { name: 'shop', namespace: 'team', uid: 'u', generation: 1, creationTimestamp: '2026-03-01T11:00:00Z' },
      spec: { appRef: { name: 'shop' }, host, path: '/', ...(spec && { tls: spec }) },
    } satisfies AppRoute,
    tls: { ...nothing, ...tls, labelled: new Map(Object.entries(labelled)) },
    settings: { tls: { allowedIssuers: [], ...config } },
    now,
  });

const told = (given: Given): string => {
  const tls = decide(given);
  if (tls === 'unread') return 'unread';
  const by = tls.https === undefined ? 'http' : `https ${tls.https.secretName ?? 'default'}`;
  const issuer = tls.issuer === undefined ? '' : ` from ${tls.issuer.kind}/${tls.issuer.name}`;
  return `${by}${issuer}${tls.fact === undefined ? '' : ` ${tls.fact.status}/${tls.fact.reason}`}`;
};

const message = (given: Given): string | undefined => {
  const tls = decide(given);
  return tls === 'unread' ? undefined : tls.fact?.message;
};

const certificate = (conditions: object[], generation = 1): CertificateObject => ({
  metadata: { name: own, namespace: 'team', generation },
  status: { conditions },
});
const ready = (status: string, more: object = {}) => ({ type: 'Ready', status, observedGeneration: 1, ...more });
const request = (revision: number, condition: object): CertificateRequestObject => ({
  metadata: { name: `r${revision}`, annotations: { 'cert-manager.io/certificate-revision': String(revision) } },
  status: { conditions: [{ type: 'Ready', status: 'False', ...condition }] },
});
const challenge = (state: string, reason: string): ChallengeObject => ({ status: { state, reason } });

const le = { kind: 'ClusterIssuer', name: 'le' } as const;
const mine = { kind: 'Issuer', name: 'mine' } as const;

describe('a route that names nothing', () => {
  test.each<[string, Given, string]>([
    ['is served by http where there is nothing', {}, 'http'],
    ['needs no cert-manager', { certManager: false }, 'http'],
    ['waits for Secrets that are not read yet', { labelled: { x: unread } }, 'unread'],
    ['is served with a labelled Secret', { labelled: { x: usable(['a.b.test']) } }, 'https x True/CertificateReady'],
    [
      'is served with one for its own name before one with a wildcard that is valid longer',
      { labelled: { wild: usable(['*.b.test'], { to: 900 * hour }), exact: usable(['a.b.test']) } },
      'https exact True/CertificateReady',
    ],
    [
      'is served with the one that is valid longest',
      { labelled: { x: usable(['*.b.test']), y: usable(['*.b.test'], { to: 900 * hour }) } },
      'https y True/CertificateReady',
    ],
    ['is not served with one of another host', { labelled: { x: usable(['a.test', '*.test']) } }, 'http'],
    ['is not served with an expired one', { labelled: { x: usable(['a.b.test'], { to: -1 }) } }, 'http'],
    ['is not served with one of tomorrow', { labelled: { x: usable(['a.b.test'], { from: hour }) } }, 'http'],
    ['is not served with garbage', { labelled: { x: { type: 'unusable', why: 'is garbage' } } }, 'http'],
    [
      'is served with the certificate of the installation, at once and without an issuer',
      { fallback: usable(['*.b.test']), config: { issuerRef: le } },
      'https default True/CertificateReady',
    ],
    [
      'is served with a Secret of its own before that',
      { fallback: usable(['*.b.test']), labelled: { x: usable(['*.b.test']) } },
      'https x True/CertificateReady',
    ],
    [
      'is not served with the certificate of the installation where that does not cover the host',
      { fallback: usable(['*.c.test']) },
      'http',
    ],
    [
      'gets a certificate from the issuer of the installation',
      { config: { issuerRef: le } },
      'http from ClusterIssuer/le Unknown/CertificatePending',
    ],
    ['is served by http where it wants that', { spec: { disabled: true }, fallback: usable(['*.b.test']) }, 'http'],
  ])('%s', (_, given, expected) => expect(told(given)).toBe(expected));

  test('is looked at again when its certificate ends', () => {
    expect(decide({ labelled: { x: usable(['a.b.test'], { to: hour }) } })).toMatchObject({
      until: now.getTime() + hour,
    });
  });
});

describe('a route that names a Secret', () => {
  const spec = { secretName: 'tls' };
  test.each<[string, SecretState, string, string]>([
    [
      'is served with it',
      usable(['a.b.test']),
      'https tls True/CertificateReady',
      'The Secret "tls" has the certificate.',
    ],
    ['waits until it is read', unread, 'unread', ''],
    [
      'is told that it is missing',
      absent,
      'http False/CertificateMissing',
      'The Secret "tls" that tls.secretName names does not exist: make it.',
    ],
    [
      'is told what is wrong with it',
      { type: 'unusable', why: 'has no certificate in tls.crt' },
      'http False/CertificateInvalid',
      'The Secret "tls" has no certificate in tls.crt: put another certificate into it.',
    ],
    [
      'is told for whom it is',
      usable(['1.test', '2.test', '3.test', '4.test', '5.test', '6.test', '7.test']),
      'http False/HostNotCovered',
      'The certificate in the Secret "tls" is for 1.test, 2.test, 3.test, 4.test, 5.test and 2 more and not for a.b.test: put one for this host into it.',
    ],
    [
      'is told when it expired',
      usable(['a.b.test'], { to: -hour }),
      'http False/CertificateExpired',
      'The certificate in the Secret "tls" expired at 2026-03-01T11:00:00Z: put a new one into it.',
    ],
    [
      'is told when it will be valid',
      usable(['a.b.test'], { from: hour }),
      'http False/CertificateExpired',
      'The certificate in the Secret "tls" is not valid before 2026-03-01T13:00:00Z.',
    ],
  ])('%s', (_, named, expected, words) => {
    expect(told({ spec, named, labelled: { x: usable(['a.b.test']) } })).toBe(expected);
    if (words !== '') expect(message({ spec, named })).toBe(words);
  });
  test('is looked at again when its certificate begins to be valid', () => {
    expect(decide({ spec, named: usable(['a.b.test'], { from: hour }) })).toMatchObject({
      until: now.getTime() + hour,
    });
  });
});

describe('a route with an issuer', () => {
  const spec = { issuerRef: mine };
  test.each<[string, Given, string]>([
    ['asks for a certificate and is served by http', { spec }, 'http from Issuer/mine Unknown/CertificatePending'],
    [
      'is served with it when it is there',
      { spec, certificate: certificate([ready('True')]), issued: unread },
      `https ${own} from Issuer/mine True/CertificateReady`,
    ],
    [
      'does not believe a Certificate without its Secret',
      { spec, certificate: certificate([ready('True')]) },
      'http from Issuer/mine Unknown/CertificatePending',
    ],
    [
      'does not believe what was said of an earlier spec',
      { spec, certificate: certificate([ready('True')], 2), issued: unread },
      'unread',
    ],
    [
      'is served with the certificate of before while another is issued',
      { spec, certificate: certificate([ready('False')], 2), issued: usable(['a.b.test']) },
      `https ${own} from Issuer/mine Unknown/CertificatePending`,
    ],
    [
      'is served with what covers its host anyway meanwhile',
      { spec, labelled: { x: usable(['*.b.test']) } },
      'https x from Issuer/mine Unknown/CertificatePending',
    ],
    [
      'is not served with a certificate of before for another host',
      { spec, issued: usable(['c.test']) },
      'http from Issuer/mine Unknown/CertificatePending',
    ],
    ['is told where cert-manager is missing', { spec, certManager: false }, 'http False/CertManagerMissing'],
    [
      'is served with what cert-manager left',
      { spec, certManager: false, issued: usable(['a.b.test']) },
      `https ${own} False/CertManagerMissing`,
    ],
    [
      'may use a ClusterIssuer that the installation allows',
      { spec: { issuerRef: le }, config: { allowedIssuers: ['le'] } },
      'http from ClusterIssuer/le Unknown/CertificatePending',
    ],
    [
      'may use that of the installation',
      { spec: { issuerRef: le }, config: { issuerRef: le } },
      'http from ClusterIssuer/le Unknown/CertificatePending',
    ],
    [
      'may not use another ClusterIssuer',
      { spec: { issuerRef: le }, config: { allowedIssuers: ['other'], issuerRef: { kind: 'Issuer', name: 'le' } } },
      'http False/IssuerNotAllowed',
    ],
  ])('%s', (_, given, expected) => expect(told(given)).toBe(expected));

  test.each([
    [[], 'This installation does not allow routes to use the ClusterIssuer "le": name an Issuer of this namespace.'],
    [
      ['a', 'b'],
      'This installation does not allow routes to use the ClusterIssuer "le": name one of those that it allows (a, b), or an Issuer of this namespace.',
    ],
  ])('that is not among %j says which are', (allowedIssuers, words) =>
    expect(message({ spec: { issuerRef: le }, config: { allowedIssuers } })).toBe(words),
  );

  const issuing = { type: 'Issuing', status: 'False', reason: 'Failed', message: 'it failed: 429 rateLimited' };
  const pendingRequest = { reason: 'Pending', message: 'Waiting on certificate issuance from order team/x: "pending"' };
  test.each<[string, Given, string, string]>([
    [
      'of the Certificate',
      { certificate: certificate([ready('False', { message: 'Issuing certificate as Secret does not exist' })]) },
      'Unknown/CertificatePending',
      'The certificate is asked of the Issuer "mine". Issuing certificate as Secret does not exist.',
    ],
    [
      'of the newest request',
      { requests: [request(1, { reason: 'Failed', message: 'old' }), request(12, pendingRequest)] },
      'Unknown/CertificatePending',
      'The Issuer "mine" says: Waiting on certificate issuance from order team/x: "pending".',
    ],
    [
      'of a request that failed',
      { requests: [request(2, { reason: 'Denied', message: 'no by policy' })] },
      'False/CertificateFailed',
      'The Issuer "mine" says: No by policy.',
    ],
    [
      'of a challenge under way, whose ports change',
      {
        requests: [request(1, pendingRequest)],
        challenges: [challenge('pending', 'self check failed: read tcp 10.0.0.1:40123->192.0.2.1:80: timeout')],
      },
      'Unknown/CertificatePending',
      'The Issuer "mine" says: Self check failed: read tcp 192.0.2.1:80: timeout.',
    ],
    [
      'of a challenge that failed',
      { challenges: [challenge('pending', 'x'), challenge('invalid', 'wrong answer')] },
      'False/CertificateFailed',
      'The Issuer "mine" says: Wrong answer.',
    ],
    [
      'of the last attempt',
      { certificate: certificate([ready('False'), issuing]), requests: [request(1, pendingRequest)] },
      'False/CertificateFailed',
      'The Issuer "mine" says: It failed: 429 rateLimited.',
    ],
  ])('has the words %s', (_, given, expected, words) => {
    expect(told({ spec, ...given })).toContain(expected);
    expect(message({ spec, ...given })).toBe(words);
  });

  test('bounds what others say, and takes nothing of it to a terminal', () => {
    const evil = `\u001b[31mred\u0007\n${'x'.repeat(100_000)}`;
    const words = message({ spec, requests: [request(1, { reason: 'Pending', message: evil })] });
    expect(words).toMatch(/^The Issuer "mine" says: Red x+…$/);
    expect(words?.length).toBeLessThan(1200);
  });
});
