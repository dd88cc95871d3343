import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';

/** RepositoryAccess is what a token allows on one repository. */
export interface RepositoryAccess {
  readonly type: 'repository';
  /** Repository without the registry's host. */
  readonly name: string;
  readonly actions: readonly ('pull' | 'push' | 'delete')[];
}

/** Access is what a token allows; the catalog of all repositories is for the operator's own sweep alone. */
export type Access =
  RepositoryAccess | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] };

/** TokenRequest says who may do what, for how long, and what signs it. */
export interface TokenRequest {
  /** PEM of the EC P-256 private key. */
  readonly key: string;
  /** PEM of its certificate, which the registry has as rootcertbundle. */
  readonly certificate: string;
  readonly issuer: string;
  readonly service: string;
  readonly access: readonly Access[];
  readonly expiresSeconds: number;
  /** Who the token is for: for the registry's log. */
  readonly subject: string;
  readonly now?: Date;
}

/** tokenOrigin is what the bundled registry is configured with (manifests/components/registry/push.yml). */
export const tokenOrigin = { issuer: 'epinio', service: 'registry' } as const;

const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** Registries refuse tokens from the future: nodes' clocks differ by seconds. */
const skewSeconds = 60;

/**
 * signRunToken makes a bearer token that the registry accepts without a token server being asked: it trusts the certificate
 * in x5c (docker-registry 2.8, `auth.token.rootcertbundle`).
 */
export const signRunToken = (request: TokenRequest): string => {
  const seconds = Math.floor((request.now ?? new Date()).getTime() / 1000);
  const certificate = new X509Certificate(request.certificate);
  const header = { typ: 'JWT', alg: 'ES256', x5c: [certificate.raw.toString('base64')] };
  const claims = {
    iss: request.issuer,
    sub: request.subject,
    aud: request.service,
    iat: seconds,
    nbf: seconds - skewSeconds,
    exp: seconds + request.expiresSeconds,
    jti: randomUUID(),
    access: request.access,
  };
  const body = `${encode(header)}.${encode(claims)}`;
  const key = createPrivateKey(request.key);
  return `${body}.${sign('sha256', Buffer.from(body), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
};
