import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createServer, createSigner } from './certificates.ts';
import { daysLeft, readBootstrapOptions } from './index.ts';

const now = new Date('2026-01-01T00:00:00Z');
const base64 = (pem: string): string => Buffer.from(pem).toString('base64');

test('the server’s certificate covers its hosts, is signed by its CA alone, and holds its key', async () => {
  const { certificate, key, ca } = await createServer(['registry.epinio-system.svc', '127.0.0.1'], now);
  const server = new X509Certificate(certificate);
  const authority = new X509Certificate(ca);
  expect(server.checkHost('registry.epinio-system.svc')).toBeDefined();
  expect(server.checkHost('other.epinio-system.svc')).toBeUndefined();
  expect(server.checkIP('127.0.0.1')).toBeDefined();
  expect(server.ca).toBe(false);
  expect(authority.ca).toBe(true);
  expect(server.verify(authority.publicKey)).toBe(true);
  expect(server.checkPrivateKey(createPrivateKey(key))).toBe(true);
});

test('certificates are good for ten years, beginning a little earlier', async () => {
  const { certificate } = await createSigner(now);
  expect(daysLeft(base64(certificate), now)).toBeCloseTo(3652, -1);
  expect(new X509Certificate(certificate).validFromDate.getTime()).toBeLessThan(now.getTime());
});

test('the registry is known by its Service in every form, and by the names that are added', () => {
  const options = readBootstrapOptions({
    POD_NAMESPACE: 'ns',
    EPINIO_REGISTRY_HOSTS: 'registry.example.org, 10.0.0.1,',
  });
  expect(options.registryHosts).toEqual([
    'registry',
    'registry.ns',
    'registry.ns.svc',
    'registry.ns.svc.cluster.local',
    'localhost',
    '127.0.0.1',
    'registry.example.org',
    '10.0.0.1',
  ]);
  expect(options.namespace).toBe('ns');
});
