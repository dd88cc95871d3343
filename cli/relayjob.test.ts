import { expect, it } from 'vitest';
import { relayJob } from './relayjob.ts';

const app = { namespace: 'team', name: 'shop', uid: 'u-1' };
const job = (endpoint: string) => relayJob(app, { image: 'op:1', endpoint }, 'abcd');
const envOf = (endpoint: string): Record<string, string> =>
  Object.fromEntries(job(endpoint).spec.template.spec.containers[0].env.map(({ name, value }) => [name, value]));

it.each([
  ['http://minio.epinio-system.svc:9000', 'minio.epinio-system.svc:9000'],
  ['https://s3.example.com', 's3.example.com:443'],
  ['http://s3.example.com', 's3.example.com:80'],
  ['http://[fd00::7]:9000', 'fd00::7:9000'],
])('leads to the storage %s and to nothing else', (endpoint, to) => expect(envOf(endpoint)['FORWARD_TO']).toBe(to));

it('lets in only who may forward a port of its pod', () =>
  expect(envOf('http://a:1')['FORWARD_HOST']).toBe('127.0.0.1'));

it('ends when nobody has used it for a minute', () => expect(envOf('http://a:1')['FORWARD_IDLE_SECONDS']).toBe('60'));

it('goes by itself, with the App too, whatever becomes of who made it', () => {
  const { metadata, spec } = job('http://a:1');
  expect(spec).toMatchObject({ activeDeadlineSeconds: 3600, ttlSecondsAfterFinished: 60, backoffLimit: 0 });
  expect(metadata.ownerReferences).toEqual([
    { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop', uid: 'u-1' },
  ]);
  expect(metadata.name.length).toBeLessThanOrEqual(63);
});

it('has no credential, and fits into the restricted Pod Security Standard', () => {
  const { spec } = job('http://a:1').spec.template;
  expect(spec).toMatchObject({
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  });
  expect(spec.containers[0].securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});
