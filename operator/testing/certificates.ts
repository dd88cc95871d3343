import { webcrypto } from 'node:crypto';
// x509 builds on tsyringe, which must find this polyfill in place.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const day = 86_400_000;

/** CertificateWishes is what a certificate is to say; times in ms. */
export interface CertificateWishes {
  readonly names?: readonly string[];
  readonly from?: number;
  readonly to?: number;
}

/** TlsPair is a certificate and its key, as PEM. */
export interface TlsPair {
  readonly certificate: string;
  readonly key: string;
}

/** selfSigned makes a certificate for these names, valid from yesterday for a month unless told otherwise. */
export const selfSigned = async ({
  names = [],
  from = Date.now() - day,
  to = from + 30 * day,
}: CertificateWishes): Promise<TlsPair> => {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(from),
    notAfter: new Date(to),
    extensions:
      names.length === 0
        ? []
        : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')}\n`,
  };
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** tlsSecret is a pair as a Secret has it. */
export const tlsSecret = ({ certificate, key }: TlsPair) => ({
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
});
