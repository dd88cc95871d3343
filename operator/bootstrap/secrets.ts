import { randomBytes } from 'node:crypto';
import { keyName, versionName } from '../registry/index.ts';
import { createServer, createSigner } from './certificates.ts';

/** Content of a Secret that bootstrap makes. */
export interface Content {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Options of a bootstrap. */
export interface BootstrapOptions {
  readonly namespace: string;
  /** Hosts that the registry's certificate covers. */
  readonly registryHosts: readonly string[];
}

const random = (bytes: number): string => randomBytes(bytes).toString('base64url');

/** secretsOf names what bootstrap makes, and how; nothing is made before it is asked for. */
export const secretsOf = (o: BootstrapOptions, now: Date): Readonly<Record<string, () => Promise<Content>>> => ({
  'epinio-s3': async () => ({
    type: 'Opaque',
    data: { accessKey: `epinio-${randomBytes(6).toString('hex')}`, secretKey: random(30) },
  }),
  'epinio-registry-tls': async () => {
    const { certificate, key, ca } = await createServer(o.registryHosts, now);
    return { type: 'kubernetes.io/tls', data: { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': ca } };
  },
  'epinio-registry-token': async () => {
    const { certificate, key } = await createSigner(now);
    return { type: 'kubernetes.io/tls', data: { 'tls.crt': certificate, 'tls.key': key } };
  },
  'epinio-registry-pull-key': async () => ({
    type: 'Opaque',
    data: { [versionName]: '1', [keyName('1')]: random(32) },
  }),
});
