import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exits, type FetchReason } from '../../api/fetchresult.ts';
import { userEnv } from './ssh.ts';
import type { Fetched } from '../../testing/fetch.ts';
import {
  createRepository,
  fetchRepository,
  serveHttps,
  serveProxy,
  serveSsh,
  type GitFetch,
  type HttpsGit,
  type SshGit,
  type TestRepository,
} from '../../testing/git.ts';

// Each test starts several processes; machines that are busy take their time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const authorization = `Basic ${Buffer.from('me:canary-password').toString('base64')}`;
const secret = { username: 'me', password: 'canary-password' };

let root: string;
let https: HttpsGit;
let guarded: HttpsGit;
let ssh: SshGit;
let shop: TestRepository;
/** Commits of the repository shop by name. */
const ids: Record<string, string> = {};

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'epinio-repositories-'));
  shop = createRepository(root, 'team/shop.git');
  ids['first'] = shop.commit({ 'index.html': 'first', 'services/api/main.js': 'api', 'services/web/main.js': 'web' });
  ids['second'] = shop.commit({
    'index.html': 'second',
    run: { program: '#!/bin/sh\n' },
    again: { link: 'index.html' },
  });
  shop.git(['tag', 'v1', ids['first'] ?? '']);
  shop.git(['tag', '-a', '-m', 'a release', 'v2', ids['second'] ?? '']);
  ids['other'] = shop.commit({ 'index.html': 'other' }, 'feature/other');
  [https, guarded, ssh] = await Promise.all([serveHttps(root), serveHttps(root, { authorization }), serveSsh(root)]);
});

afterAll(async () => {
  await Promise.all([https, guarded, ssh].map((server) => server[Symbol.asyncDispose]()));
  rmSync(root, { recursive: true, force: true });
});

const fetchShop = (env: Record<string, string> = {}): Promise<Fetched> =>
  fetchRepository({ url: https.urlOf('team/shop.git'), ca: https.ca, env });

const expectFetched = (fetched: Fetched, revision: string | undefined, tree: Fetched['tree']): void => {
  expect(fetched.report, fetched.log).toMatchObject({ reason: 'Fetched', revision });
  expect(fetched.tree).toEqual(tree);
  expect(fetched).toMatchObject({ exitCode: 0, scratch: [] });
};

const expectFailure = (fetched: Fetched, reason: FetchReason, message: RegExp): void => {
  expect(fetched.report?.message, fetched.log).toMatch(message);
  expect(fetched).toMatchObject({ exitCode: exits[reason], report: { reason }, tree: {}, scratch: [] });
};

const first = {
  'index.html': 'first',
  services: 'folder',
  'services/api': 'folder',
  'services/api/main.js': 'api',
  'services/web': 'folder',
  'services/web/main.js': 'web',
};
const second = { ...first, 'index.html': 'second', run: '#!/bin/sh\n', again: '-> index.html' };

describe('a revision', () => {
  it.each([
    ['none: the default branch', undefined, 'second', second],
    ['HEAD', 'HEAD', 'second', second],
    ['a branch', 'main', 'second', second],
    ['a branch with a slash', 'feature/other', 'other', { 'index.html': 'other' }],
    ['a tag', 'v1', 'first', first],
    ['an annotated tag', 'v2', 'second', second],
    ['a full name', 'refs/tags/v1', 'first', first],
    ['a full name of an annotated tag', 'refs/tags/v2', 'second', second],
  ])('%s is found', async (_name, revision, commit, tree) => {
    expectFetched(await fetchShop(revision === undefined ? {} : { FETCH_GIT_REVISION: revision }), ids[commit], tree);
  });

  it('a full commit that no branch ends with is fetched alone', async () => {
    const fetched = await fetchShop({ FETCH_GIT_REVISION: ids['first'] ?? '' });
    expectFetched(fetched, ids['first'], first);
    expect(fetched.log).not.toContain('fetching all');
  });

  it('a short commit is looked for in the history', async () => {
    expectFetched(await fetchShop({ FETCH_GIT_REVISION: ids['first']?.slice(0, 8) ?? '' }), ids['first'], first);
  });

  it('a commit that an earlier attempt has recorded is built, wherever the branch is by now', async () => {
    const env = { FETCH_GIT_REVISION: 'main', FETCH_GIT_COMMIT: ids['first'] ?? '' };
    expectFetched(await fetchShop(env), ids['first'], first);
  });

  it.each([
    ['an unknown branch', 'nope', /team\/shop\.git has no branch or tag "nope": correct source\.git\.revision/],
    ['an unknown short commit', '0000000', /has no branch, tag or commit "0000000"/],
    ['an unknown commit', '1'.repeat(40), /There is no commit 1{40} in https:\/\/localhost/],
  ])('%s is refused', async (_name, revision, message) => {
    expectFailure(await fetchShop({ FETCH_GIT_REVISION: revision }), 'GitRevisionNotFound', message);
  });
});

describe('https', () => {
  const url = (): string => guarded.urlOf('team/shop.git');

  it('sends the name and password of the Secret', async () => {
    const fetched = await fetchRepository({ url: url(), ca: guarded.ca, secret });
    expectFetched(fetched, ids['second'], second);
    expect(JSON.stringify(fetched)).not.toContain('canary');
  });

  it.each<[string, GitFetch['secret'], FetchReason, RegExp]>([
    [
      'no credential',
      undefined,
      'GitAuthFailed',
      /localhost:\d+ wants a credential for \/team\/shop\.git: make a Secret/,
    ],
    [
      'a wrong password',
      { ...secret, password: 'canary' },
      'GitAuthFailed',
      /refuses the credential of the Secret "git-key"/,
    ],
    [
      'a Secret with nothing for https',
      { 'ssh-privatekey': 'x' },
      'GitAuthFailed',
      /none of the keys .*username and password/,
    ],
  ])('%s is refused', async (_name, given, reason, message) => {
    const fetched = await fetchRepository({ url: url(), ca: guarded.ca, ...(given && { secret: given }) });
    expectFailure(fetched, reason, message);
    expect(JSON.stringify(fetched)).not.toContain('canary');
  });

  it('a CA in the Secret is trusted', async () => {
    const fetched = await fetchRepository({ url: url(), secret: { ...secret, 'ca.crt': guarded.ca } });
    expectFetched(fetched, ids['second'], second);
  });

  it.each([
    ['a token as the only key', { password: 'canary' }, `Basic ${Buffer.from('git:canary').toString('base64')}`],
    ['a bearer token, whatever ends it', { bearerToken: 'canary\n' }, 'Bearer canary'],
  ])('%s is sent', async (_name, given, header) => {
    await using other = await serveHttps(root, { authorization: header });
    const fetched = await fetchRepository({ url: other.urlOf('team/shop.git'), ca: other.ca, secret: given });
    expectFetched(fetched, ids['second'], second);
  });

  it('a repository that is not there is told apart', async () => {
    const fetched = await fetchRepository({ url: https.urlOf('nope'), ca: https.ca });
    expectFailure(
      fetched,
      'GitRepositoryNotFound',
      /localhost:\d+ has no repository \/nope, or does not show it without a/,
    );
  });

  it('a certificate that nobody knows is refused', async () => {
    const fetched = await fetchRepository({ url: https.urlOf('team/shop.git') });
    expectFailure(fetched, 'GitUnreachable', /certificate of localhost:\d+ .*ca\.crt of the Secret/);
  });
});

describe('ssh', () => {
  const url = (): string => ssh.urlOf('team/shop.git');

  it('a key and a known host are enough', async () => {
    const keys = { 'ssh-privatekey': ssh.key, known_hosts: ssh.knownHosts };
    expectFetched(await fetchRepository({ url: url(), secret: keys }), ids['second'], second);
  });

  it('the installation may know hosts, and a key may lack its last line break', async () => {
    const keys = { identity: ssh.key.trim().replaceAll('\n', '\r\n') };
    const fetched = await fetchRepository({ url: url(), secret: keys, env: { FETCH_GIT_KNOWN_HOSTS: ssh.knownHosts } });
    expectFetched(fetched, ids['second'], second);
    expect(JSON.stringify(fetched)).not.toContain(ssh.key.split('\n')[2]);
  });

  it('an unknown host is refused with its fingerprint and the line to add, and that line does', async () => {
    const fetched = await fetchRepository({ url: url(), secret: { 'ssh-privatekey': ssh.key } });
    expectFailure(fetched, 'GitHostKeyUnknown', /The key of the ssh server localhost:\d+ is not in known_hosts/);
    expect(fetched.report?.message).toContain(ssh.fingerprint);
    const line = /\[localhost\]:\d+ ssh-ed25519 \S+$/.exec(fetched.report?.message ?? '')?.[0] ?? '';
    expect(`${line}\n`).toBe(ssh.knownHosts);
  });
});

describe('a folder of the repository', () => {
  const api = { 'main.js': 'api' };

  it('is fetched without the contents of the others', async () => {
    const big = createRepository(root, 'big.git');
    const noise = Array.from({ length: 200_000 }, (_, i) => createHash('md5').update(String(i)).digest('hex')).join('');
    const id = big.commit({ 'other/noise': noise, 'services/api/main.js': 'api' });
    const env = { FETCH_GIT_SUBPATH: 'services/api', FETCH_GIT_MAX_BYTES: String(1024 ** 2) };
    const fetched = await fetchRepository({ url: https.urlOf('big.git'), ca: https.ca, env });
    expectFetched(fetched, id, api);
  });

  it('comes also from a server that cannot leave contents away', async () => {
    const plain = createRepository(root, 'plain.git');
    const id = plain.commit({ 'services/api/main.js': 'api', other: 'x' });
    plain.git(['config', 'uploadpack.allowFilter', 'false']);
    const env = { FETCH_GIT_SUBPATH: 'services/api' };
    expectFetched(await fetchRepository({ url: https.urlOf('plain.git'), ca: https.ca, env }), id, api);
  });

  it.each([
    ['nope', /nope is not in commit/],
    ['services/api/main.js', /is a file and no folder/],
    ['services/api/main.js/x', /is a file and no folder/],
    ['again', /goes through a symbolic link/],
  ])('%s is refused', async (path, message) => {
    expectFailure(await fetchShop({ FETCH_GIT_SUBPATH: path }), 'GitPathNotFound', message);
  });
});

describe('a server of the old protocol', () => {
  it('that gives out no single commits is asked for all', async () => {
    await using old = await serveHttps(root, { env: { GIT_PROTOCOL: '' } });
    const history = createRepository(root, 'history.git');
    const id = history.commit({ a: 'old' });
    history.commit({ a: 'new' });
    const env = { FETCH_GIT_REVISION: id };
    const fetched = await fetchRepository({ url: old.urlOf('history.git'), ca: old.ca, env });
    expectFetched(fetched, id, { a: 'old' });
    expect(fetched.log).toContain('fetching all');
  });

  it('says the same of a commit that is not there', async () => {
    await using old = await serveHttps(root, { env: { GIT_PROTOCOL: '' } });
    const env = { FETCH_GIT_REVISION: '1'.repeat(40) };
    const fetched = await fetchRepository({ url: old.urlOf('team/shop.git'), ca: old.ca, env });
    expectFailure(fetched, 'GitRevisionNotFound', /There is no commit 1{40}/);
  });
});

it('a repository with SHA-256 ids is fetched', async () => {
  const modern = createRepository(root, 'modern.git', 'sha256');
  const id = modern.commit({ a: 'b' });
  expect(id).toHaveLength(64);
  expectFetched(await fetchRepository({ url: https.urlOf('modern.git'), ca: https.ca }), id, { a: 'b' });
});

it('.epinioignore of the repository leaves out files, and what only git reads is left out always', async () => {
  const ignoring = createRepository(root, 'ignoring.git');
  const files = { '.epinioignore': '*.log\ndocs/\n!keep.log\n', '.gitignore': 'x', 'a.log': '1', 'keep.log': '2' };
  const id = ignoring.commit({ ...files, 'docs/a': '3', 'src/b.log': '4', 'src/c': '5' });
  const fetched = await fetchRepository({ url: https.urlOf('ignoring.git'), ca: https.ca });
  expectFetched(fetched, id, { 'keep.log': '2', src: 'folder', 'src/c': '5' });
});

describe('git LFS', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;

  it('is refused with the name of the file and what to do', async () => {
    const large = createRepository(root, 'lfs.git');
    large.commit({ 'assets/film.mp4': pointer, a: 'b' });
    const fetched = await fetchRepository({ url: https.urlOf('lfs.git'), ca: https.ca });
    expectFailure(
      fetched,
      'GitLFSUnsupported',
      /content of assets\/film\.mp4 is in git LFS, which is not fetched: keep it/,
    );
  });

  it('is no matter where .epinioignore names the files', async () => {
    const large = createRepository(root, 'lfs-ignored.git');
    const id = large.commit({ 'assets/film.mp4': pointer, a: 'b', '.epinioignore': 'assets' });
    expectFetched(await fetchRepository({ url: https.urlOf('lfs-ignored.git'), ca: https.ca }), id, { a: 'b' });
  });
});

it('modes are those of the repository, whatever the umask', async () => {
  expect((await fetchShop()).modes).toMatchObject({ run: '755', 'index.html': '644', services: '755' });
});

it('the exporter learns what was built from where', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-metadata-'));
  try {
    const file = join(folder, 'project-metadata.toml');
    await fetchShop({ FETCH_METADATA_FILE: file, FETCH_GIT_REVISION: 'main' });
    expect(readFileSync(file, 'utf8')).toBe(
      `[source]\ntype = "git"\n[source.version]\ncommit = "${ids['second']}"\n[source.metadata]\n` +
        `repository = "${https.urlOf('team/shop.git')}"\nrevision = "main"\n`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('a proxy is used for https', async () => {
  const proxy = await serveProxy();
  try {
    const fetched = await fetchShop({ FETCH_GIT_PROXY: proxy.url });
    expectFetched(fetched, ids['second'], second);
    expect(proxy.connected).toContain(`localhost:${https.port}`);
    const direct = await fetchShop({ FETCH_GIT_PROXY: 'http://127.0.0.1:1', FETCH_GIT_NO_PROXY: 'localhost' });
    expectFetched(direct, ids['second'], second);
  } finally {
    await proxy[Symbol.asyncDispose]();
  }
});

it('a server that breaks off is asked again', async () => {
  let failures = 2;
  const answer = (_request: http.IncomingMessage, response: http.ServerResponse): boolean => {
    if (failures-- <= 0) return false;
    response.writeHead(503).end();
    return true;
  };
  await using flaky = await serveHttps(root, { answer });
  const fetched = await fetchRepository({
    url: flaky.urlOf('team/shop.git'),
    ca: flaky.ca,
    env: { FETCH_ATTEMPTS: '3' },
  });
  expectFetched(fetched, ids['second'], second);
  expect(fetched.log).toContain('attempt 3 of 3');
});

it('a server that breaks off after the commit was looked up leaves that for the next attempt', async () => {
  let requests = 0;
  const answer = (_request: http.IncomingMessage, response: http.ServerResponse): boolean => {
    if (++requests <= 2) return false;
    response.writeHead(503).end();
    return true;
  };
  await using flaky = await serveHttps(root, { answer });
  const fetched = await fetchRepository({ url: flaky.urlOf('team/shop.git'), ca: flaky.ca });
  expectFailure(fetched, 'GitUnreachable', /does not answer as it should/);
  expect(fetched.report?.revision).toBe(ids['second']);
});

it('ssh runs as a user that the machine does not know', () => {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-user-'));
  chmodSync(folder, 0o755);
  try {
    const { LD_PRELOAD = '', ...env } = userEnv(folder, false);
    const uid = 54_321;
    const passwd = readFileSync(join(folder, 'passwd'), 'utf8').replace(/^build:x:\d+:/, `build:x:${uid}:`);
    writeFileSync(join(folder, 'passwd'), passwd);
    const ssh = (extra: Record<string, string>): string => {
      const { stderr } = spawnSync('ssh', ['-F', 'none', '-p', '1', 'localhost', 'true'], {
        env: { PATH: process.env['PATH'] ?? '', ...extra },
        ...(process.getuid?.() === 0 && { uid }),
      });
      return stderr.toString();
    };
    expect(ssh({ ...env, LD_PRELOAD })).toMatch(/connect to host localhost port 1: Connection refused/);
    if (process.getuid?.() === 0) expect(ssh({})).toMatch(/No user exists for uid 54321/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
