import { expect, test } from 'vitest';
import { presign, signPost } from './sigv4.ts';

const credentials = {
  accessKey: 'AKIAIOSFODNN7EXAMPLE',
  secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const now = new Date('2013-05-24T00:00:00Z');
const get = {
  method: 'GET',
  endpoint: 'https://examplebucket.s3.amazonaws.com',
  path: 'test.txt',
  credentials,
  region: 'us-east-1',
  expiresSeconds: 86_400,
  now,
} as const;

test('presign gives the signature of the example in Amazon’s documentation', () => {
  const url = new URL(presign(get));
  expect(url.searchParams.get('X-Amz-Signature')).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  );
  expect(url.searchParams.get('X-Amz-Credential')).toBe('AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request');
});

test('presign signs every header it is given, sorted, and the host with its port', () => {
  const headers = { 'x-amz-checksum-sha256': 'abc=', 'content-length': '5', 'if-none-match': '*' };
  const url = new URL(presign({ ...get, method: 'PUT', endpoint: 'http://s3.localhost:9000', headers }));
  expect(url.searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host;if-none-match;x-amz-checksum-sha256');
  expect(url.host).toBe('s3.localhost:9000');
});

test('presign changes its signature with anything that a URL is bound to', () => {
  const signature = (change: object): string =>
    new URL(presign({ ...get, ...change })).searchParams.get('X-Amz-Signature') ?? '';
  const changes = [
    {},
    { method: 'PUT' },
    { path: 'other.txt' },
    { headers: { 'content-length': '5' } },
    { headers: { 'content-length': '6' } },
    { payloadHash: 'a'.repeat(64) },
    { endpoint: 'https://examplebucket.s3.amazonaws.com:444' },
    { expiresSeconds: 60 },
    { credentials: { ...credentials, sessionToken: 'token' } },
  ];
  expect(new Set(changes.map(signature)).size).toBe(changes.length);
});

test('presign carries a session token and writes a path as S3 wants it', () => {
  const url = presign({ ...get, path: "b/a b/ü+&='()*", credentials: { ...credentials, sessionToken: 'a/b+c=' } });
  expect(url).toContain('/b/a%20b/%C3%BC%2B%26%3D%27%28%29%2A?');
  expect(url).toContain('X-Amz-Security-Token=a%2Fb%2Bc%3D');
});

test('signPost signs type, host, date and body', () => {
  const post = { url: 'http://minio:9000/', body: 'Action=AssumeRole', service: 'sts', region: 'x', credentials, now };
  const headers = signPost(post);
  expect(headers['authorization']).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/x\/sts\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
  );
  expect(signPost({ ...post, body: 'Action=Other' })['authorization']).not.toBe(headers['authorization']);
});
