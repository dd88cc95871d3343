import { beforeAll, describe, expect, test } from 'vitest';
import { selfSigned, tlsSecret, type TlsPair } from '../../testing/certificates.ts';
import { coverOf, factsOf, type TlsSecret } from './certificate.ts';

const from = Date.parse('2026-03-01T00:00:00Z');
const to = Date.parse('2026-06-01T00:00:00Z');

let shop: TlsPair;
let other: TlsPair;

beforeAll(async () => {
  shop = await selfSigned({ names: ['Shop.test', '*.shop.test'], from, to });
  other = await selfSigned({ names: ['other.test'] });
});

const why = (secret: TlsSecret): string | undefined => {
  const facts = factsOf(secret);
  return facts.type === 'unusable' ? facts.why : undefined;
};

const withCertificate = (certificate: string): TlsSecret => tlsSecret({ ...shop, certificate });

describe('a TLS Secret', () => {
  test('tells names in lower case and times', () => {
    expect(factsOf(tlsSecret(shop))).toEqual({
      type: 'usable',
      names: ['shop.test', '*.shop.test'],
      notBefore: from,
      notAfter: to,
    });
  });

  test('may have a chain, and words between its parts', () => {
    expect(factsOf(withCertificate(`subject=x\n${shop.certificate}\nissuer\n${other.certificate}`)).type).toBe(
      'usable',
    );
  });

  const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  test.each<[string, () => TlsSecret, string]>([
    [
      'of another type',
      () => ({ ...tlsSecret(shop), type: 'Opaque' }),
      'is of the type Opaque and not kubernetes.io/tls',
    ],
    ['without data', () => ({ type: 'kubernetes.io/tls' }), 'has no certificate in tls.crt'],
    ['with words alone', () => withCertificate('hello'), 'has no certificate in tls.crt'],
    ['with garbage', () => withCertificate(garbage), 'has no certificate in tls.crt that can be read'],
    [
      'with a chain of garbage',
      () => withCertificate(shop.certificate + garbage),
      'has certificates in tls.crt after the first that cannot be read',
    ],
    [
      'with a chain without end',
      () => withCertificate(shop.certificate.repeat(17)),
      'has more than 16 certificates in tls.crt',
    ],
    [
      'with a megabyte',
      () => withCertificate(shop.certificate.repeat(1500)),
      'has more than 64 KiB in tls.crt or tls.key',
    ],
    [
      'with the key of another certificate',
      () => tlsSecret({ ...shop, key: other.key }),
      'has a tls.key that is not the key of the certificate in its tls.crt',
    ],
    [
      'with garbage as its key',
      () => tlsSecret({ ...shop, key: 'x' }),
      'has a tls.key that is not the key of the certificate in its tls.crt',
    ],
  ])('%s cannot be used', (_, secret, expected) => expect(why(secret())).toBe(expected));

  test('with a certificate without names cannot be used', async () => {
    expect(why(tlsSecret(await selfSigned({})))).toContain('without subjectAltNames');
  });

  test('with a list of names without end is judged fast, whatever is said of it', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `n${i}.test`);
    const secret = tlsSecret(await selfSigned({ names }));
    const some = tlsSecret(await selfSigned({ names: names.slice(0, 2000) }));
    const begin = performance.now();
    expect(why(secret)).toBe('has more than 64 KiB in tls.crt or tls.key');
    const facts = factsOf(some);
    expect(facts.type === 'usable' && facts.names).toEqual(names.slice(0, 100));
    expect(performance.now() - begin).toBeLessThan(2_000);
  });

  test('does not take what stands within a name for another name', async () => {
    const facts = factsOf(tlsSecret(await selfSigned({ names: ['a.test, DNS:bank.test, DNS:b', 'c.test'] })));
    expect(facts).toMatchObject({ type: 'usable', names: ['c.test'] });
  });
});

test.each([
  ['a.test', ['a.test'], 'exact'],
  ['a.b.test', ['*.b.test', 'x.test'], 'wildcard'],
  ['a.b.test', ['*.b.test', 'a.b.test'], 'exact'],
  ['a.b.test', ['*.test', 'b.test'], undefined],
  ['b.test', ['*.b.test'], undefined],
  ['*.b.test', ['*.b.test'], 'exact'],
  ['*.b.test', ['*.test'], undefined],
  ['test', ['*.'], undefined],
])('the host %s is covered by %j: %s', (host, names, expected) => expect(coverOf(names, host)).toBe(expected));
