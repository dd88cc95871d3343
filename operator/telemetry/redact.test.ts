import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { createLogger } from './log.ts';
import { clip, cut, redact } from './redact.ts';

it.each([
  [
    'userinfo of a URL',
    'clone https://bob:s3cr3t@git.example.com/a.git failed',
    'clone https://***@git.example.com/a.git failed',
  ],
  [
    'query of a URL',
    'PUT http://s3/b/k?X-Amz-Credential=AK&X-Amz-Signature=f00 gave 403',
    'PUT http://s3/b/k?*** gave 403',
  ],
  ['bearer token', 'Authorization: Bearer abcdefgh.ijkl', 'Authorization: Bearer ***'],
  ['JSON Web Token', 'got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln here', 'got *** here'],
  ['assignment', 'AWS_SECRET_ACCESS_KEY=abcd1234 npm ci', 'AWS_SECRET_ACCESS_KEY=*** npm ci'],
  ['JSON field', '{"password":"hunter2","user":"bob"}', '{"password":"***","user":"bob"}'],
  ['escaped JSON field', '{"msg":"{\\"token\\":\\"abcdef\\"}"}', '{"msg":"{\\"token\\":\\"***\\"}"}'],
  ['password in prose', 'password: hunter2', 'password: ***'],
  ['private key', 'x -----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY----- y', 'x *** y'],
])('masks a %s', (_, text, want) => expect(redact(text)).toBe(want));

it.each([
  'secrets "registry-creds" not found',
  'token: expired',
  'https://app.example.com/path is up',
  'image registry:5000/ns/app@sha256:0123456789abcdef pulled',
  'Deployment web-3f2a has 1/2 pods',
])('leaves alone: %s', (text) => expect(redact(text)).toBe(text));

it.each(['a.', 'a-', 'a://', 'a://b@', 'eyJ-', 'eyJaaaaaaaa.', 'a-token-', 'password', '-----BEGIN PRIVATE KEY-----'])(
  'is done at once with a log tail full of %s, which a build may print to hold the operator up',
  (text) => {
    const log = text.repeat(65_536 / text.length);
    const start = performance.now();
    redact(log);
    expect(performance.now() - start).toBeLessThan(10_000);
  },
);

it('never cuts a character in two', () => {
  expect(clip('aé'.repeat(10), 10)).toBe('aéaéa…');
  expect(Buffer.byteLength(clip('🙂'.repeat(10), 16))).toBeLessThanOrEqual(16);
  expect(clip('short', 10)).toBe('short');
});

it('masks every line of the log, wherever the credential stands', () => {
  const out = new PassThrough();
  const log = createLogger('info', out);
  const error = new Error('GET https://u:canary@h/x?sig=canary', { cause: new Error('password=canary') });
  log
    .child({ url: 'https://u:canary@h' })
    .error({ err: error, token: 'canary', nested: { auth: 'Bearer canary-canary' } }, 'canary: Basic canarycanary');
  const line = String(out.read());
  expect(line.replace('"canary: Basic', '').includes('canary')).toBe(false);
  expect((JSON.parse(line) as { level: string }).level).toBe('error');
});

it('text is cut between characters, counted as JavaScript counts', () => {
  expect(cut('a🙂b', 1)).toBe('a');
  expect(cut('a🙂b', 2)).toBe('a');
  expect(cut('a🙂b', 3)).toBe('a🙂');
  expect(cut('a🙂b', 9)).toBe('a🙂b');
});
