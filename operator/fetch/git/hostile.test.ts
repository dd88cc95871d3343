import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type http from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exits, type FetchReason } from '../../api/fetchresult.ts';
import type { Fetched } from '../../testing/fetch.ts';
import {
  createRepository,
  fetchRepository,
  serveHttps,
  serveSsh,
  type HttpsGit,
  type SshGit,
  type TestRepository,
} from '../../testing/git.ts';

// Each test starts several processes; machines that are busy take their time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let root: string;
let server: HttpsGit;
let answer: ((request: http.IncomingMessage, response: http.ServerResponse) => boolean) | undefined;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'epinio-hostile-'));
  server = await serveHttps(root, { answer: (request, response) => answer?.(request, response) ?? false });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

let repositories = 0;
const repository = (): TestRepository => createRepository(root, `r${++repositories}.git`);

const fetchFrom = (of: TestRepository, env: Record<string, string> = {}): Promise<Fetched> =>
  fetchRepository({ url: server.urlOf(of.name), ca: server.ca, env });

const expectFailure = (fetched: Fetched, reason: FetchReason, message: RegExp): void => {
  expect(fetched.report?.message, fetched.log).toMatch(message);
  expect(fetched).toMatchObject({
    exitCode: exits[reason],
    report: { reason },
    tree: {},
    scratch: [],
    beside: ['scratch', 'termination-log', 'workspace'],
  });
  expect(fetched.memory).toBeLessThan(300);
};

describe('an address', () => {
  it.each([
    ...['--upload-pack=touch /tmp/pwned', 'ext::sh -c "touch /tmp/pwned"', 'file:///etc', '/etc', 'http://localhost/a'],
    ...['https://user:password@localhost/a', 'ssh://-oProxyCommand=id/a', 'git://localhost/a', 'fd::3'],
  ])('%s never gets to git', async (url) => {
    expectFailure(await fetchRepository({ url }), 'Misconfigured', /FETCH_GIT_URL is no https or ssh URL/);
  });

  it('of a server that is not allowed is refused before anything is sent', async () => {
    const of = repository();
    const before = server.requests.length;
    const fetched = await fetchFrom(of, { FETCH_GIT_ALLOWED_HOSTS: 'github.com *.example.org' });
    expectFailure(fetched, 'GitHostNotAllowed', /does not allow the git server localhost:\d+/);
    expect(server.requests.length).toBe(before);
  });
});

describe('a redirect', () => {
  const redirect = (to: (path: string) => string): void => {
    answer = (request, response) => {
      if (request.url?.startsWith('/moved') !== true) return false;
      response.writeHead(301, { location: to(request.url) }).end();
      return true;
    };
  };
  afterAll(() => {
    answer = undefined;
  });
  const password = { username: 'me', password: 'canary' };

  it('on the same server is followed, and the log says what to write', async () => {
    const of = repository();
    const id = of.commit({ a: 'b' });
    redirect((path) => path.replace('/moved', `/${of.name}`));
    const fetched = await fetchRepository({ url: server.urlOf('moved'), ca: server.ca });
    expect(fetched.report).toMatchObject({ reason: 'Fetched', revision: id });
    expect(fetched.log).toContain(`write https://localhost:${server.port}/${of.name} in source.git.url`);
  });

  it('to another server is refused, and no credential gets there', async () => {
    await using other = await serveHttps(root);
    redirect((path) => `https://localhost:${other.port}${path}`);
    const fetched = await fetchRepository({ url: server.urlOf('moved'), ca: server.ca, secret: password });
    expectFailure(
      fetched,
      'GitRedirected',
      new RegExp(`sends to https://localhost:${other.port}, which is not followed`),
    );
    expect(other.requests).toEqual([]);
    expect(JSON.stringify(fetched)).not.toContain('canary');
  });

  it.each([
    ['the metadata address', 'http://169.254.169.254/latest/meta-data/', /sends to http:\/\/169\.254\.169\.254,/],
    ['plain http of the same name', 'http://localhost/a', /sends to http:\/\/localhost,/],
    ['a file', 'file:///etc/passwd', /sends to file:\/\/,/],
    ['nowhere', '', /sends to (another address|https:\/\/localhost:\d+)/],
  ])('to %s is refused', async (_name, to, message) => {
    redirect(() => to);
    const fetched = await fetchRepository({ url: server.urlOf('moved'), ca: server.ca, secret: password });
    expect(fetched.report?.reason, fetched.log).toMatch(/GitRedirected|GitRe/);
    expect(fetched.report?.message).toMatch(message);
  });

  it('in a circle ends', async () => {
    redirect((path) => path);
    const fetched = await fetchRepository({ url: server.urlOf('moved'), ca: server.ca });
    expect(fetched.exitCode).toBe(exits[fetched.report?.reason as FetchReason]);
    expect(fetched.report?.reason).not.toBe('Fetched');
  });
});

describe('a repository', () => {
  it.each([
    ['out of the repository', '../../etc/passwd', /symbolic link that leads outside of it: a\/link/],
    ['to an absolute path', '/etc/passwd', /symbolic link that is absolute or broken: a\/link/],
    ['to itself', 'link', /symbolic link that leads back to itself/],
  ])('with a symbolic link %s is refused', async (_name, link, message) => {
    const of = repository();
    of.commit({ 'a/link': { link }, b: 'c' });
    expectFailure(await fetchFrom(of), 'GitRejected', message);
  });

  it.each([
    ['.git', /named \.git: \.git\/config/],
    ['.GIT', /named \.git: \.GIT\/config/],
    ['..', /leads nowhere, or outside of it: \.\.\/config/],
    ['.', /leads nowhere, or outside of it: \.\/config/],
    ['../../a', /leads nowhere, or outside of it: \.\.\/\.\.\/a\/config/],
    ['/tmp', /leads nowhere, or outside of it: \/tmp\/config/],
  ])('with a folder named %s is refused', async (name, message) => {
    const of = repository();
    const inner = of.rawTree([['100644', 'config', of.blob('[core]\n\tfsmonitor = touch /tmp/pwned\n')]]);
    of.commitTree(of.rawTree([['40000', name, inner]]));
    expectFailure(await fetchFrom(of), 'GitRejected', message);
  });

  it('with a link and a file that goes through it is refused', async () => {
    const of = repository();
    const inner = of.rawTree([['100644', 'passwd', of.blob('x')]]);
    of.commitTree(
      of.rawTree([
        ['120000', 'a', of.blob('/tmp')],
        ['40000', 'a', inner],
      ]),
    );
    expectFailure(await fetchFrom(of), 'GitRejected', /a/);
  });

  it('with names that differ in case alone arrives as it is', async () => {
    const of = repository();
    of.commit({ 'Readme.md': 'a', 'README.md': 'b', 'A/x': '1', 'a/x': '2' });
    expect((await fetchFrom(of)).tree).toMatchObject({ 'Readme.md': 'a', 'README.md': 'b', 'A/x': '1', 'a/x': '2' });
  });

  it('with filters, hooks and configuration gives its files as they are, and runs nothing', async () => {
    const of = repository();
    const files = {
      '.gitattributes': '* filter=evil text eol=crlf ident working-tree-encoding=UTF-16\n',
      '.gitconfig': '[filter "evil"]\n\tsmudge = touch /tmp/pwned\n',
      'hooks/post-checkout': '#!/bin/sh\ntouch /tmp/pwned\n',
      text: '$Id$ a\nb\n',
    };
    of.commit(files);
    const { tree } = await fetchFrom(of);
    // What only git reads is left out, as with `epinio push`.
    expect(tree).toEqual({
      '.gitattributes': files['.gitattributes'],
      hooks: 'folder',
      'hooks/post-checkout': files['hooks/post-checkout'],
      text: files.text,
    });
  });

  it('with a name that is no text is refused', async () => {
    const of = repository();
    const raw = Buffer.from([...Buffer.from('100644 '), 0xff, 0xfe, 0, ...Buffer.from(of.blob('x'), 'hex')]);
    of.commitTree(of.git(['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], raw));
    expectFailure(await fetchFrom(of), 'GitRejected', /name that is not UTF-8: \?\?/);
  });

  it('with control characters in names shows none of them', async () => {
    const of = repository();
    of.commit({ b: 'x' });
    of.commitTree(of.rawTree([['120000', 'a\u001b[31m\nred', of.blob('/etc')]]));
    const fetched = await fetchFrom(of);
    expectFailure(fetched, 'GitRejected', /a\?\[31m\?red/);
    expect(fetched.log).not.toContain('\u001b');
  });

  it.each(['a', '*a', '?', '[a-z]'])(
    'with a pattern of a million characters (%s) is refused for that',
    async (part) => {
      const of = repository();
      of.commit({ a: 'b', '.epinioignore': part.repeat(900_000 / part.length) });
      expectFailure(await fetchFrom(of), 'GitRejected', /\.epinioignore with a line of more than 4096 characters/);
    },
  );

  it.each(['a', '*a', '?', '[a-z]', '**/'])('with as long a pattern as a path can be (%s) is taken', async (part) => {
    const of = repository();
    of.commit({ a: 'b', '.epinioignore': part.repeat(Math.floor(4096 / part.length)) });
    expect((await fetchFrom(of)).report?.reason).toBe('Fetched');
  });

  it('that is empty is refused', async () => {
    expectFailure(await fetchFrom(repository()), 'GitRevisionNotFound', /has no default branch: it is empty/);
  });

  it('without any file is refused', async () => {
    const of = repository();
    of.commitTree(of.git(['mktree']));
    expectFailure(await fetchFrom(of), 'GitRejected', /The repository holds no files/);
  });
});

describe('bounds', () => {
  /** forest is a tree of a few bytes that stands for 10^levels files. */
  const forest = (of: TestRepository, levels: number): string => {
    let tree = of.rawTree([['100644', 'a', of.blob('x')]]);
    for (let level = 0; level < levels; level++)
      tree = of.rawTree([...'0123456789'].map((name) => ['40000', name, tree] as const));
    return tree;
  };

  it('a file that unpacks to more than is allowed is refused', async () => {
    const of = repository();
    of.commit({ zeros: '0'.repeat(40 * 1024 ** 2), a: 'b' });
    const fetched = await fetchFrom(of, { FETCH_MAX_BYTES: String(20 * 1024 ** 2) });
    expectFailure(fetched, 'GitRejected', /unpacks to more than 20 MiB, the limit of this installation/);
  });

  it('more bytes on the way than are allowed end the transfer', async () => {
    const of = repository();
    let noise = Buffer.from('seed');
    const chunks = Array.from({ length: 300_000 }, () => (noise = createHash('sha256').update(noise).digest()));
    const id = of.git(['hash-object', '-w', '--stdin'], Buffer.concat(chunks));
    of.commitTree(of.rawTree([['100644', 'noise', id]]));
    const fetched = await fetchFrom(of, { FETCH_GIT_MAX_BYTES: String(4 * 1024 ** 2) });
    expectFailure(fetched, 'GitRejected', /has more than 4 MiB on its way here/);
  });

  it('a tree of a few bytes that stands for a billion files is refused while it is listed', async () => {
    const of = repository();
    of.commitTree(forest(of, 9));
    expectFailure(await fetchFrom(of), 'GitRejected', /more than 100000 entries/);
  });

  it('what lies beside the folder that is built is not listed, whatever there is of it', async () => {
    const [of, lib] = [repository(), repository()];
    const submodule = lib.commit({ b: 'c' });
    const app = of.rawTree([['160000', 'lib', submodule]]);
    const modules = of.blob(`[submodule "lib"]\n\tpath = app/lib\n\turl = ../${lib.name}\n`);
    of.commitTree(
      of.rawTree([
        ['100644', '.gitmodules', modules],
        ['40000', 'app', app],
        ['40000', 'forest', forest(of, 8)],
      ]),
    );
    const fetched = await fetchFrom(of, { FETCH_GIT_SUBPATH: 'app', FETCH_GIT_SUBMODULES: 'Recursive' });
    expect(fetched.report, fetched.log).toMatchObject({ reason: 'Fetched' });
    expect(fetched.tree).toEqual({ lib: 'folder', 'lib/b': 'c' });
    expect(fetched.memory).toBeLessThan(300);
  });

  it('a folder is found among more neighbours than one can list', async () => {
    const of = repository();
    const file = of.blob('x');
    const folder = of.rawTree([['100644', 'a', file]]);
    const neighbours = Array.from({ length: 500_000 }, (_, i) => ['100644', `n${i}`.padEnd(24, '-'), file] as const);
    of.commitTree(of.rawTree([['40000', 'app', folder], ...neighbours.toSorted(([, a], [, b]) => (a < b ? -1 : 1))]));
    const fetched = await fetchFrom(of, { FETCH_GIT_SUBPATH: 'app' });
    expect(fetched.report, fetched.log).toMatchObject({ reason: 'Fetched' });
    expect(fetched.tree).toEqual({ a: 'x' });
  });

  it('submodules have no more entries together than one repository may have, and what is behind is not asked for', async () => {
    const of = repository();
    const libs = ['a', 'b', 'c', 'd'].map((name) => {
      const lib = repository();
      return { name, lib, id: lib.commitTree(forest(lib, 2)) };
    });
    const modules = libs.map(({ name, lib }) => `[submodule "${name}"]\n\tpath = ${name}\n\turl = ../${lib.name}\n`);
    of.commitTree(
      of.rawTree([
        ['100644', '.gitmodules', of.blob(modules.join(''))],
        ...libs.map(({ name, id }) => ['160000', name, id] as const),
      ]),
    );
    const fetched = await fetchFrom(of, { FETCH_GIT_SUBMODULES: 'Recursive', FETCH_MAX_ENTRIES: '250' });
    expectFailure(fetched, 'GitRejected', /more than 250 entries, the limit of this installation/);
    const asked = libs.map(({ lib }) => server.requests.some(({ url }) => url.startsWith(`/${lib.name}/`)));
    expect(asked).toEqual([true, true, true, false]);
  });

  it('many paths that are all long are refused while they are listed', async () => {
    const of = repository();
    const file = of.blob('x');
    let tree = of.rawTree(Array.from({ length: 20_000 }, (_, i) => ['100644', `${100_000 + i}`, file] as const));
    for (let level = 0; level < 90; level++) tree = of.rawTree([['40000', 'd'.repeat(40), tree]]);
    of.commitTree(tree);
    const fetched = await fetchFrom(of, { FETCH_MAX_ENTRIES: '30000' });
    expectFailure(fetched, 'GitRejected', /paths that are too long to be listed/);
  });

  it('more objects than are allowed end the transfer', async () => {
    const of = repository();
    of.commit(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, `${i}`])));
    const fetched = await fetchFrom(of, { FETCH_GIT_MAX_OBJECTS: '100' });
    expectFailure(fetched, 'GitRejected', /has \d{3} objects, more than the 100 that this installation takes/);
  });

  it('folders in folders without an end are refused', async () => {
    const of = repository();
    let tree = of.rawTree([['100644', 'a', of.blob('x')]]);
    for (let level = 0; level < 300; level++) tree = of.rawTree([['40000', 'd', tree]]);
    of.commitTree(tree);
    expectFailure(await fetchFrom(of), 'GitRejected', /more than 100 deep/);
  });

  it('a server that never answers is given up', async () => {
    const silent: Server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    try {
      const fetched = await fetchRepository({
        url: `https://localhost:${port}/a`,
        env: { FETCH_GIT_TIMEOUT_SECONDS: '3' },
      });
      expectFailure(fetched, 'GitUnreachable', /took longer than 3 s/);
    } finally {
      silent.close();
    }
  });

  it('a list of branches without an end is given up', async () => {
    const of = repository();
    of.commit({ a: 'b' });
    const row = (i: number): string => {
      const text = `${'1'.repeat(40)} refs/heads/main${i}\n`;
      return (text.length + 4).toString(16).padStart(4, '0') + text;
    };
    answer = (request, response) => {
      if (request.url?.includes('git-upload-pack') !== true || !request.url.startsWith('/endless')) return false;
      if (request.method === 'GET') {
        response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
        response.end('001e# service=git-upload-pack\n0000000eversion 2\n0013ls-refs=unborn\n0000');
        return true;
      }
      response.setHeader('content-type', 'application/x-git-upload-pack-result');
      let i = 0;
      const feed = (): void => {
        while (!response.destroyed && response.write(Array.from({ length: 1000 }, () => row(i++)).join('')));
        response.once('drain', feed);
      };
      response.on('error', () => undefined);
      feed();
      return true;
    };
    const fetched = await fetchRepository({
      url: server.urlOf('endless'),
      ca: server.ca,
      env: { FETCH_GIT_REVISION: 'main', FETCH_GIT_TIMEOUT_SECONDS: '60' },
    });
    answer = undefined;
    expect(fetched.report?.reason, fetched.log).toMatch(/GitRejected|GitUnreachable/);
    expect(fetched).toMatchObject({ tree: {}, scratch: [] });
  });
});

describe('submodules', () => {
  const withSubmodule = (modules: string, id: string, path = 'lib'): TestRepository => {
    const of = repository();
    of.commitTree(
      of.rawTree([
        ['100644', '.gitmodules', of.blob(modules)],
        ['100644', 'a', of.blob('x')],
        ['160000', path, id],
      ]),
    );
    return of;
  };
  const recursive = { FETCH_GIT_SUBMODULES: 'Recursive' };

  it('are fetched at the commit that is named, also those of submodules', async () => {
    const inner = repository();
    const innerId = inner.commit({ deep: 'deep' });
    const lib = withSubmodule(`[submodule "x"]\n\tpath = lib\n\turl = ../${inner.name}\n`, innerId);
    const libId = lib.git(['rev-parse', 'main']);
    lib.commit({ a: 'newer' });
    const of = withSubmodule(`[submodule "x"]\n\tpath = lib\n\turl = ../${lib.name}\n`, libId);
    const fetched = await fetchFrom(of, recursive);
    expect(fetched.tree, fetched.log).toEqual({
      a: 'x',
      lib: 'folder',
      'lib/a': 'x',
      'lib/lib': 'folder',
      'lib/lib/deep': 'deep',
    });
  });

  it('are left out where they are not asked for, and the log says so', async () => {
    const of = withSubmodule('[submodule "x"]\n\tpath = lib\n\turl = ../lib\n', '1'.repeat(40));
    const fetched = await fetchFrom(of);
    expect(fetched.tree).toEqual({ a: 'x', lib: 'folder' });
    expect(fetched.log).toContain('Left out 1 submodules: source.git.submodules is None');
  });

  it.each([
    ['file:///etc', /address that is not fetched from: file:\/\/\/etc/],
    ['/etc', /address that is not fetched from: \/etc/],
    ['ext::sh -c touch% /tmp/pwned', /address that is not fetched from: ext::/],
    ['--upload-pack=touch /tmp/pwned', /address that is not fetched from: --upload-pack/],
    ['https://user:password@localhost/a', /address that is not fetched from/],
    ['http://localhost/a', /address that is not fetched from/],
    ['../../../../a', /address that is not fetched from/],
  ])('with the address %s are refused', async (url, message) => {
    const of = withSubmodule(`[submodule "x"]\n\tpath = lib\n\turl = "${url}"\n`, '1'.repeat(40));
    expectFailure(await fetchFrom(of, recursive), 'GitRejected', message);
  });

  it('of a server that is not allowed are refused', async () => {
    const of = withSubmodule('[submodule "x"]\n\tpath = lib\n\turl = https://evil.example.org/a\n', '1'.repeat(40));
    const fetched = await fetchFrom(of, { ...recursive, FETCH_GIT_ALLOWED_HOSTS: `localhost:${server.port}` });
    expectFailure(fetched, 'GitHostNotAllowed', /does not allow the git server evil\.example\.org/);
  });

  it('of another server get no credential', async () => {
    const lib = repository();
    const id = lib.commit({ b: 'c' });
    await using other = await serveHttps(root);
    const of = withSubmodule(`[submodule "x"]\n\tpath = lib\n\turl = ${other.urlOf(lib.name)}\n`, id);
    const fetched = await fetchRepository({
      url: server.urlOf(of.name),
      ca: `${server.ca}${other.ca}`,
      secret: { username: 'me', password: 'canary' },
      env: recursive,
    });
    expect(fetched.report?.reason, fetched.log).toBe('Fetched');
    expect(other.requests.length).toBeGreaterThan(0);
    expect(other.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    expect(server.requests.at(-1)?.authorization).toBeDefined();
  });

  it('whose name leads elsewhere are put where the tree has them', async () => {
    const lib = repository();
    const id = lib.commit({ b: 'c' });
    const of = withSubmodule(`[submodule "../../../tmp/x"]\n\tpath = lib\n\turl = ../${lib.name}\n`, id);
    expect((await fetchFrom(of, recursive)).tree).toEqual({ a: 'x', lib: 'folder', 'lib/b': 'c' });
  });

  it('without an address, or that contain themselves, are refused', async () => {
    const none = withSubmodule('[submodule "x"]\n\tpath = other\n\turl = ../x\n', '1'.repeat(40));
    expectFailure(await fetchFrom(none, recursive), 'GitRejected', /has no submodule with the path lib/);
    const damaged = withSubmodule('[submodule "x\n', '1'.repeat(40));
    expectFailure(await fetchFrom(damaged, recursive), 'GitRejected', /cannot be read/);
  });
});

describe('an ssh server', () => {
  let ssh: SshGit;
  let of: TestRepository;
  beforeAll(async () => {
    of = repository();
    of.commit({ a: 'b' });
    ssh = await serveSsh(root);
  });
  afterAll(() => ssh[Symbol.asyncDispose]());

  it.each([
    ['no key', { known_hosts: 'x' }, /The Secret "git-key" has no ssh-privatekey/],
    ['no key at all', { 'ssh-privatekey': 'canary', known_hosts: '' }, /is no private key that ssh can use/],
  ])('with %s is refused', async (_name, secret, message) => {
    const known = { ...secret, known_hosts: ssh.knownHosts };
    expectFailure(await fetchRepository({ url: ssh.urlOf(of.name), secret: known }), 'GitAuthFailed', message);
  });

  it('that does not know the key is told so', async () => {
    await using stranger = await serveSsh(root);
    const secret = { 'ssh-privatekey': stranger.key, known_hosts: ssh.knownHosts };
    const fetched = await fetchRepository({ url: ssh.urlOf(of.name), secret });
    expectFailure(fetched, 'GitAuthFailed', /refuses the credential of the Secret "git-key"/);
  });

  it('that has no such repository is told so', async () => {
    const secret = { 'ssh-privatekey': ssh.key, known_hosts: ssh.knownHosts };
    const fetched = await fetchRepository({ url: ssh.urlOf('nope'), secret });
    expectFailure(fetched, 'GitRepositoryNotFound', /has no repository \/nope, or does not show it/);
  });

  it('that changes its key is refused, and the new fingerprint told', async () => {
    const known = ssh.knownHosts;
    await ssh.exchange();
    const secret = { 'ssh-privatekey': ssh.key, known_hosts: known };
    const fetched = await fetchRepository({ url: ssh.urlOf(of.name), secret });
    expectFailure(
      fetched,
      'GitHostKeyUnknown',
      /shows another key than known_hosts has: it was exchanged, or somebody/,
    );
    expect(`${fetched.report?.message}\n`).toContain(ssh.knownHosts);
  });

  it('that nobody answers for is unreachable', async () => {
    const secret = { 'ssh-privatekey': ssh.key };
    const fetched = await fetchRepository({ url: 'ssh://git@localhost:1/a', secret });
    expectFailure(fetched, 'GitUnreachable', /localhost:1 does not answer as it should: ssh: connect to host/);
  });
});
