import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Data } from '../../kube/secretdata.ts';
import { domainOf, isWildcard } from '../zones.ts';

/** CertificateFacts is what a TLS Secret holds, as far as routes ask. */
export type CertificateFacts =
  | {
      readonly type: 'usable';
      /** DNS names in lower case, the first hundred. */
      readonly names: readonly string[];
      /** In ms. */
      readonly notBefore: number;
      readonly notAfter: number;
    }
  /** why continues "The Secret …". */
  | { readonly type: 'unusable'; readonly why: string };

/** TlsSecret is a Secret as it is read. */
export interface TlsSecret {
  readonly type?: string;
  readonly data?: Data;
}

/** Whoever may write a Secret may write a megabyte of certificates: no server sends so many, and we are one thread. */
const maxBytes = 64 * 1024;
const maxCertificates = 16;
const maxNames = 100;
const secretType = 'kubernetes.io/tls';

const unusable = (why: string): CertificateFacts => ({ type: 'unusable', why });

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Four characters of base64 are three bytes. */
const isLong = (encoded: string): boolean => encoded.length > (maxBytes / 3) * 4;

const textOf = (encoded: string): string => Buffer.from(encoded, 'base64').toString('latin1');

const parsed = (pem: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
};

const keyFits = (certificate: X509Certificate, pem: string): boolean => {
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false;
  }
};

const dnsName = /^DNS:((?:\*\.)?[a-z0-9_](?:[-a-z0-9_]*[a-z0-9_])?(?:\.[a-z0-9_](?:[-a-z0-9_]*[a-z0-9_])?)*)$/i;

/** What stands in quotes is one name, whatever it looks like: no name of a host needs them. */
const namesOf = ({ subjectAltName = '' }: X509Certificate): string[] =>
  (subjectAltName.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/g) ?? [])
    .flatMap((name) => dnsName.exec(name.trim())?.[1]?.toLowerCase() ?? [])
    .slice(0, maxNames);

const factsOfChain = (chain: readonly string[], key: string): CertificateFacts => {
  const [leaf, ...rest] = chain.map(parsed);
  if (leaf === undefined) return unusable('has no certificate in tls.crt that can be read');
  if (rest.includes(undefined)) return unusable('has certificates in tls.crt after the first that cannot be read');
  if (!keyFits(leaf, key)) return unusable('has a tls.key that is not the key of the certificate in its tls.crt');
  const names = namesOf(leaf);
  if (names.length === 0) return unusable('has a certificate without subjectAltNames, which browsers refuse');
  return { type: 'usable', names, notBefore: leaf.validFromDate.getTime(), notAfter: leaf.validToDate.getTime() };
};

/** factsOf judges a Secret: its type, its size, whether it can be read, and whether its key is that of its certificate. */
export const factsOf = ({ type = 'Opaque', data = {} }: TlsSecret): CertificateFacts => {
  if (type !== secretType) return unusable(`is of the type ${type} and not ${secretType}`);
  const certificates = data['tls.crt'] ?? '';
  const key = data['tls.key'] ?? '';
  if (isLong(certificates) || isLong(key)) return unusable('has more than 64 KiB in tls.crt or tls.key');
  const chain = textOf(certificates).match(block) ?? [];
  if (chain.length === 0) return unusable('has no certificate in tls.crt');
  if (chain.length > maxCertificates) return unusable(`has more than ${maxCertificates} certificates in tls.crt`);
  return factsOfChain(chain, textOf(key));
};

/** Cover is how well names cover a host: by its own name, by a wildcard, or not. */
export type Cover = 'exact' | 'wildcard' | undefined;

/** coverOf tells how the names of a certificate cover a host; a wildcard host is covered by itself alone. */
export const coverOf = (names: readonly string[], host: string): Cover => {
  if (names.includes(host)) return 'exact';
  const domain = domainOf(host);
  return !isWildcard(host) && domain !== undefined && names.includes(`*.${domain}`) ? 'wildcard' : undefined;
};
