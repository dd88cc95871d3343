import { webcrypto } from 'node:crypto';
// x509 builds on tsyringe, which must find this polyfill in place.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** KeyPair is a certificate and its private key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Nothing renews these by itself: who deletes the Secret and runs bootstrap again gets new ones. */
const years = 10;
/** Nodes' clocks differ. */
const backdateMs = 60 * 60 * 1000;

type CryptoKey = webcrypto.CryptoKey;

const generate = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

const keyPem = async (key: CryptoKey): Promise<string> =>
  `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;

const certificatePem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

const validity = (now: Date): { notBefore: Date; notAfter: Date } => {
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years);
  return { notBefore: new Date(now.getTime() - backdateMs), notAfter };
};

const isAddress = (host: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':');

/**
 * createServer makes a certificate for hosts and the authority that signs it. The authority's key is forgotten: it can sign
 * nothing else, and trusting it means trusting this certificate.
 */
export const createServer = async (hosts: readonly string[], now: Date): Promise<KeyPair & { readonly ca: string }> => {
  const authority = await generate();
  const server = await generate();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Epinio bundled registry CA',
    keys: authority,
    signingAlgorithm: algorithm,
    ...validity(now),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=registry',
    issuer: ca.subject,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    ...validity(now),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isAddress(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return { certificate: certificatePem(certificate), key: await keyPem(server.privateKey), ca: certificatePem(ca) };
};

/** createSigner makes the key that signs run tokens and the certificate by which the registry knows it. */
export const createSigner = async (now: Date): Promise<KeyPair> => {
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Epinio run tokens',
    keys,
    signingAlgorithm: algorithm,
    ...validity(now),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return { certificate: certificatePem(certificate), key: await keyPem(keys.privateKey) };
};
