import { expect, test } from 'vitest';
import { sha256Of } from './connection.ts';
import { policyFor } from './credentials.ts';
import { failureOf, toStorageError, type StorageReason } from './errors.ts';
import { warningsOf } from './probe.ts';

const here = { endpoint: 'http://minio:9000', bucket: 'epinio', skewSeconds: 0 };

test.each<[string, number, StorageReason, RegExp]>([
  ['ECONNREFUSED', 0, 'EndpointUnreachable', /check s3\.endpoint/],
  ['ENOTFOUND', 0, 'EndpointUnreachable', /check s3\.endpoint/],
  ['ETIMEDOUT', 0, 'EndpointUnreachable', /check s3\.endpoint/],
  ['UND_ERR_HEADERS_TIMEOUT', 0, 'EndpointUnreachable', /check s3\.endpoint/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 0, 'CertificateInvalid', /s3\.caRef/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 0, 'CertificateInvalid', /s3\.caRef/],
  ['NoSuchBucket', 0, 'BucketMissing', /create it or correct s3\.bucket/],
  ['InvalidAccessKeyId', 0, 'WrongCredentials', /Secret that s3\.secretRef names/],
  ['SignatureDoesNotMatch', 0, 'WrongCredentials', /Secret that s3\.secretRef names/],
  ['XAdminUserNotFound', 0, 'WrongCredentials', /Secret that s3\.secretRef names/],
  ['AccessDenied', 0, 'AccessDenied', /its policy/],
  ['AccessDenied', -1203, 'ClockSkew', /-1200 s away/],
  ['RequestTimeTooSkewed', 0, 'ClockSkew', /correct the clocks/],
  ['XMinioStorageFull', 0, 'StorageFull', /free some of it or enlarge it/],
  ['XMinioAdminBucketQuotaExceeded', 0, 'StorageFull', /has no room left/],
  ['QuotaExceeded', 0, 'StorageFull', /has no room left/],
  ['507', 0, 'StorageFull', /has no room left/],
  ['NoSigningKey', 0, 'SigningRefused', /set s3\.signWithMainKey to true/],
  ['503', 0, 'ServerError', /503/],
  ['', 0, 'ServerError', /no code/],
])('the code %s (clocks %d s apart) becomes %s', (code, skewSeconds, reason, message) => {
  const failure = failureOf(code, 'detail', { ...here, skewSeconds });
  expect(failure.reason).toBe(reason);
  expect(failure.message).toMatch(message);
  expect(failure.transient).toBe(reason === 'EndpointUnreachable' || reason === 'ServerError');
});

test('an error of the minio client that lost its code still tells the status', () => {
  const error = new Error('Request failed after 0 retries: Error: Retryable HTTP status: 503');
  expect(toStorageError(error, here).message).toContain('(503)');
});

test('the code of a cause counts where the error has none', () => {
  const error = new Error('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) });
  expect(toStorageError(error, here).reason).toBe('EndpointUnreachable');
});

test('a call that was ended at its deadline is one without an answer', async () => {
  const signal = AbortSignal.timeout(1);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  expect(toStorageError(signal.reason, here).reason).toBe('EndpointUnreachable');
});

const checksum = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=';

test.each([
  ['of a whole object', { 'x-amz-checksum-sha256': checksum, 'x-amz-checksum-type': 'FULL_OBJECT' }, '2cf24dba'],
  ['without a type', { 'x-amz-checksum-sha256': checksum }, '2cf24dba'],
  ['of parts', { 'x-amz-checksum-sha256': checksum, 'x-amz-checksum-type': 'COMPOSITE' }, undefined],
  ['of parts by its form', { 'x-amz-checksum-sha256': `${checksum}-2` }, undefined],
  ['in metadata, which anyone can set', { 'x-amz-meta-x-amz-checksum-sha256': checksum }, undefined],
])('sha256Of a header %s', (_name, headers, start) => {
  expect(sha256Of(headers)?.slice(0, 8)).toBe(start);
});

test('the policy of a session allows one action on one key and denies streaming uploads', () => {
  const policy = JSON.parse(policyFor('PutObject', 'epinio', 'blobs/ns/abc')) as { Statement: object[] };
  expect(policy.Statement).toEqual([
    { Effect: 'Allow', Action: ['s3:PutObject'], Resource: ['arn:aws:s3:::epinio/blobs/ns/abc'] },
    expect.objectContaining({
      Effect: 'Deny',
      Condition: { StringLike: { 's3:x-amz-content-sha256': ['STREAMING-*'] } },
    }),
  ]);
});

test('warnings name what is weaker than it could be', () => {
  expect(warningsOf('checksum-sha256', 'session')).toEqual([]);
  expect(warningsOf('none', 'main')).toHaveLength(2);
});
