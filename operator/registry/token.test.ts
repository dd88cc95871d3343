import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createSigner } from '../bootstrap/certificates.ts';
import { signRunToken } from './token.ts';

const decode = (part: string | undefined): unknown => JSON.parse(Buffer.from(part ?? '', 'base64url').toString());

test('a run token names its certificate, its bearer, its rights and its time', async () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const signer = await createSigner(now);
  const access = [{ type: 'repository', name: 'apps/a/b', actions: ['pull', 'push'] }] as const;
  const request = {
    ...signer,
    issuer: 'epinio',
    service: 'registry',
    access,
    expiresSeconds: 600,
    subject: 'a/b',
    now,
  };
  const [header, claims, signature] = signRunToken(request).split('.');
  const { x5c } = decode(header) as { x5c: string[] };
  const certificate = new X509Certificate(Buffer.from(x5c[0] ?? '', 'base64'));
  const seconds = now.getTime() / 1000;
  expect(decode(claims)).toMatchObject({
    iss: 'epinio',
    aud: 'registry',
    sub: 'a/b',
    nbf: seconds - 60,
    exp: seconds + 600,
    access,
  });
  const key = createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' }));
  const signed = Buffer.from(`${header}.${claims}`);
  const good = { key, dsaEncoding: 'ieee-p1363' } as const;
  expect(verify('sha256', signed, good, Buffer.from(signature ?? '', 'base64url'))).toBe(true);
});
