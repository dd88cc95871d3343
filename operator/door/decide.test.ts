import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authorizationOf, isRepository, pullCredential, readPullKeys, type PullKeys } from '../registry/index.ts';
import { decide, type Decision, type DoorSecrets } from './decide.ts';

const pull = readPullKeys({ version: '1', 'key-1': 'k'.repeat(43) }) as PullKeys;
const shared = { username: 'epinio-pull', password: 'of all' };
const secrets: DoorSecrets = { pull, shared: undefined };
const mine = authorizationOf(pullCredential(pull, 'apps/team-a'));
const hash = `sha256:${'a1'.repeat(32)}`;

const ask = (target: string, o: { method?: string; authorization?: string | undefined; with?: DoorSecrets } = {}) =>
  decide(
    { method: o.method ?? 'GET', target, authorization: 'authorization' in o ? o.authorization : mine },
    o.with ?? secrets,
  );

const outcome = (decision: Decision): string =>
  decision.type === 'refuse' ? String(decision.status) : decision.type === 'forward' ? decision.path : decision.type;

test.each([
  ['/v2/', 'greet'],
  ['/v2', 'greet'],
  ['/v2/apps/team-a/shop/manifests/run-1', '/v2/apps/team-a/shop/manifests/run-1'],
  [`/v2/apps/team-a/shop/manifests/${hash}`, `/v2/apps/team-a/shop/manifests/${hash}`],
  [`/v2/apps/team-a/shop/blobs/${hash}`, `/v2/apps/team-a/shop/blobs/${hash}`],
  ['/v2/apps/team-a/shop/cache/manifests/latest', '/v2/apps/team-a/shop/cache/manifests/latest'],
  ['/v2/apps/team-a/manifests/manifests/x', '/v2/apps/team-a/manifests/manifests/x'],
  ['/v2/apps/team-a/shop/tags/list', '/v2/apps/team-a/shop/tags/list'],
  ['/v2/apps/team-a/shop/tags/list?n=5&last=run-1', '/v2/apps/team-a/shop/tags/list?n=5&last=run-1'],
  ['/v2/apps/team-a/shop/tags/list?n=99999&last=../x&x=y', '/v2/apps/team-a/shop/tags/list'],
  ['/v2/apps/team-a/shop/manifests/run-1?ns=docker.io', '/v2/apps/team-a/shop/manifests/run-1'],
])('the namespace that the credential is for may read %s', (target, path) => {
  expect(outcome(ask(target))).toBe(path);
  expect(outcome(ask(target, { method: 'HEAD' }))).toBe(path);
});

test.each([
  // Others' images, in all that a client can ask for.
  ['/v2/apps/team-b/shop/manifests/run-1', '403'],
  [`/v2/apps/team-b/shop/blobs/${hash}`, '403'],
  ['/v2/apps/team-b/shop/tags/list', '403'],
  ['/v2/apps/team-ab/shop/manifests/run-1', '403'],
  ['/v2/apps/team-a/manifests/run-1', '403'],
  ['/v2/epinio/run/manifests/1', '403'],
  ['/v2/team-a/shop/manifests/run-1', '403'],
  // What tells of all.
  ['/v2/_catalog', '404'],
  ['/v2/_catalog?n=1000', '404'],
  ['/v2/apps/team-a/_catalog', '404'],
  ['/v2/apps/team-a/shop/_manifests/run-1', '404'],
  [`/v2/apps/team-a/shop/referrers/${hash}`, '404'],
  // Uploads and mounts of what others have.
  ['/v2/apps/team-a/shop/blobs/uploads/', '404'],
  [`/v2/apps/team-a/shop/blobs/uploads/?mount=${hash}&from=apps/team-b/shop`, '404'],
  // A way out of the own path, in every spelling.
  ['/v2/apps/team-a/../team-b/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a/./shop/manifests/run-1', '404'],
  ['/v2/apps/team-a/%2e%2e/team-b/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a/%2E%2E%2Fteam-b/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a%2F..%2Fteam-b/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a/..;/team-b/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a//shop/manifests/run-1', '404'],
  ['/v2//apps/team-a/shop/manifests/run-1', '404'],
  ['//v2/apps/team-a/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a\\..\\team-b/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a/shop/manifests/../../../team-b/shop/manifests/run-1', '404'],
  ['/v2/apps/team-a/shop/manifests/..', '404'],
  ['/v2/apps/team-a/shop/manifests/.', '404'],
  ['/v2/apps/team-a/shop/manifests/%72un-1', '404'],
  ['/v2/apps/team-a/shop/manifests/run-1/', '404'],
  ['/v2/apps/team-a/shop/manifests/', '404'],
  ['/v2/apps/team-a/shop/manifests/run-1#x', '404'],
  ['/v2/apps/team-a/shop/manifests/run-1\0', '404'],
  ['/v2/Apps/Team-A/shop/manifests/run-1', '404'],
  ['/V2/apps/team-a/shop/manifests/run-1', '404'],
  ['http://registry/v2/apps/team-a/shop/manifests/run-1', '404'],
  ['https://team-b@registry/v2/_catalog', '404'],
  ['registry:5001', '404'],
  ['*', '404'],
  ['', '404'],
  ['/', '404'],
  ['/metrics', '404'],
  ['/debug/pprof', '404'],
  [`/v2/apps/team-a/shop/blobs/${hash.toUpperCase()}`, '404'],
  [`/v2/apps/team-a/shop/blobs/sha256:${'a'.repeat(63)}`, '404'],
  [`/v2/apps/team-a/${'x/'.repeat(300)}shop/manifests/run-1`, '404'],
])('%j is refused with %s', (target, status) => {
  expect(outcome(ask(target))).toBe(status);
  expect(outcome(ask(target, { method: 'HEAD' }))).toBe(status);
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'get', 'PROPFIND', ''])(
  'by %s nothing is done, not even at the own path',
  (method) => {
    for (const target of ['/v2/', '/v2/apps/team-a/shop/manifests/run-1', '/v2/apps/team-a/shop/blobs/uploads/'])
      expect(outcome(ask(target, { method }))).toBe('405');
  },
);

test.each<[string, string | undefined]>([
  ['no credential', undefined],
  ['an empty one', ''],
  ['another scheme', mine.replace('Basic', 'Bearer')],
  ['no base64', 'Basic ****'],
  ['two credentials', `${mine}, ${mine}`],
  ['a forged scope', authorizationOf({ ...pullCredential(pull, 'apps/team-a'), username: 'apps/team-b' })],
  ['a forged empty scope', authorizationOf({ ...pullCredential(pull, 'apps/team-a'), username: '' })],
  ['the credential of all namespaces, whose Secret is gone', authorizationOf({ type: 'basic', ...shared })],
])('with %s nothing is told, not even what there is', (_name, authorization) => {
  for (const target of ['/v2/', '/v2/_catalog', '/v2/apps/team-a/shop/manifests/run-1', '/nothing'])
    expect(outcome(ask(target, { authorization }))).toBe('401');
});

test('the credential that earlier versions gave to all namespaces reads images as long as its Secret is there, and no catalog', () => {
  const o = { authorization: authorizationOf({ type: 'basic', ...shared }), with: { pull, shared } };
  expect(outcome(ask('/v2/apps/team-a/shop/manifests/run-1', o))).toBe('/v2/apps/team-a/shop/manifests/run-1');
  expect(outcome(ask('/v2/_catalog', o))).toBe('404');
  expect(outcome(ask('/v2/apps/team-a/shop/manifests/run-1', { ...o, method: 'DELETE' }))).toBe('405');
});

test('what is said of a refusal repeats nothing of what was asked', () => {
  const refused = ask('/v2/apps/team-b/secret-name/manifests/run-1');
  expect(JSON.stringify(refused)).not.toContain('team-b');
  expect(JSON.stringify(refused)).not.toContain('secret-name');
});

test('no target gets through that is not a read below the own path, written in the one way there is', () => {
  const piece = fc.constantFrom('apps', 'team-a', 'team-b', 'shop', 'manifests', 'blobs', 'tags', 'list', hash, 'v1');
  const noise = fc.constantFrom('..', '.', '', '%2e', '%2F', '_catalog', 'uploads', '?', '#', '\\', ' ', '@', '\t');
  const target = fc
    .array(fc.oneof({ weight: 4, arbitrary: piece }, { weight: 1, arbitrary: noise }), { maxLength: 9 })
    .map((parts) => `/v2/${parts.join('/')}`);
  fc.assert(
    fc.property(fc.oneof(target, fc.webPath(), fc.string()), (text) => {
      const decision = ask(text);
      if (decision.type !== 'forward') return;
      const [, repository = ''] =
        /^\/v2\/(.*)\/(?:manifests\/[^/]+|blobs\/sha256:[0-9a-f]{64}|tags\/list)$/.exec(decision.path) ?? [];
      expect(isRepository(repository)).toBe(true);
      expect(repository.startsWith('apps/team-a/')).toBe(true);
      // A server that tidies paths up finds nothing to tidy.
      expect(new URL(decision.path, 'http://r').pathname).toBe(decision.path);
    }),
    { numRuns: 20_000 },
  );
});
