import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createCertificate } from '../bootstrap/certificates.ts';
import { run, type Fetched } from './fetch.ts';

/** Files of a commit: content, `{ link }`, `{ program }`, or undefined to take one away. */
export type Files = Readonly<
  Record<string, string | { readonly link: string } | { readonly program: string } | undefined>
>;

/** TestRepository is a bare repository of a test's own, filled by real git. */
export interface TestRepository {
  readonly name: string;
  readonly folder: string;
  /** git runs a git command in it. */
  readonly git: (args: readonly string[], input?: string | Buffer) => string;
  /** commit adds a commit to a branch and gives its id. */
  readonly commit: (files: Files, branch?: string) => string;
  /** commitTree makes a commit of a tree that is there. */
  readonly commitTree: (tree: string, branch?: string) => string;
  /** blob writes an object; rawTree one whose entries git would not make. */
  readonly blob: (content: string | Buffer) => string;
  readonly rawTree: (entries: readonly (readonly [mode: string, name: string, id: string])[]) => string;
}

const identity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

let clock = 1_700_000_000;

/** createRepository makes an empty bare repository below a folder. */
export const createRepository = (root: string, name: string, format = 'sha1'): TestRepository => {
  const folder = join(root, name);
  const git: TestRepository['git'] = (args, input) =>
    execFileSync('git', args, {
      cwd: folder,
      // Each commit has a time of its own, so that equal trees are different commits.
      env: {
        PATH: process.env['PATH'],
        ...identity,
        GIT_AUTHOR_DATE: `${++clock} +0000`,
        GIT_COMMITTER_DATE: `${clock} +0000`,
      },
      input: input ?? '',
      maxBuffer: 1024 ** 3,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
      .toString()
      .trim();
  mkdirSync(folder, { recursive: true });
  git(['init', '--quiet', '--bare', '--initial-branch=main', `--object-format=${format}`, '.']);
  for (const [key, value] of [
    ['uploadpack.allowFilter', 'true'],
    ['http.receivepack', 'false'],
    ['core.bigFileThreshold', '1m'],
  ] as const)
    git(['config', key, value]);
  const blob: TestRepository['blob'] = (content) => git(['hash-object', '-w', '--stdin'], content);
  const commitTree: TestRepository['commitTree'] = (tree, branch = 'main') => {
    const head = git(['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`]);
    const id = git(['commit-tree', tree, '-m', 'a commit', ...(head === '' ? [] : ['-p', head])]);
    git(['update-ref', `refs/heads/${branch}`, id]);
    return id;
  };
  return {
    name,
    folder,
    git,
    blob,
    commitTree,
    commit: (files, branch = 'main') => {
      const index = join(folder, 'test-index');
      const env = { PATH: process.env['PATH'], ...identity, GIT_INDEX_FILE: index };
      const staged = (args: readonly string[], input = ''): string =>
        execFileSync('git', args, { cwd: folder, env, input }).toString().trim();
      rmSync(index, { force: true });
      if (git(['for-each-ref', `refs/heads/${branch}`]) !== '') staged(['read-tree', `refs/heads/${branch}`]);
      const lines = Object.entries(files).map(([path, file]) => {
        if (file === undefined) return `0 ${'0'.repeat(40)}\t${path}`;
        if (typeof file === 'string') return `100644 ${blob(file)}\t${path}`;
        return 'link' in file ? `120000 ${blob(file.link)}\t${path}` : `100755 ${blob(file.program)}\t${path}`;
      });
      staged(['update-index', '--index-info'], `${lines.join('\n')}\n`);
      return commitTree(staged(['write-tree']), branch);
    },
    rawTree: (entries) => {
      const content = entries.map(([mode, entry, id]) => [Buffer.from(`${mode} ${entry}\0`), Buffer.from(id, 'hex')]);
      return git(['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], Buffer.concat(content.flat()));
    },
  };
};

/** TestServer serves all repositories of a folder. */
export interface TestServer extends AsyncDisposable {
  /** urlOf is the address of a repository. */
  readonly urlOf: (name: string) => string;
  readonly port: number;
}

/** HttpsGit is a git server over https. */
export interface HttpsGit extends TestServer {
  /** CA that signs its certificate. */
  readonly ca: string;
  /** Headers of each request that came. */
  readonly requests: readonly { readonly url: string; readonly authorization: string | undefined }[];
}

/** HttpsGitOptions: who may read, and what answers in the place of git. */
export interface HttpsGitOptions {
  readonly authorization?: string;
  readonly answer?: (request: http.IncomingMessage, response: http.ServerResponse) => boolean;
  /** Address to listen at, and to be known by; default: localhost. */
  readonly host?: string;
  /** Environment of git-http-backend. */
  readonly env?: Readonly<Record<string, string>>;
}

const backend = (
  root: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  more: Readonly<Record<string, string>>,
): void => {
  const { pathname, search } = new URL(request.url ?? '/', 'https://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      ...identity,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      ...more,
    },
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  response.on('close', () => child.kill());
  let head = Buffer.alloc(0);
  const onHead = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const headers = head
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => /^([^:]+): (.*)$/.exec(line));
    const status = headers.find((match) => match?.[1] === 'Status')?.[2];
    for (const match of headers) if (match && match[1] !== 'Status') response.setHeader(match[1] ?? '', match[2] ?? '');
    response.writeHead(status === undefined ? 200 : Number.parseInt(status, 10));
    response.write(head.subarray(end + 4));
    child.stdout.off('data', onHead);
    child.stdout.pipe(response);
  };
  child.stdout.on('data', onHead);
  child.stdout.on('end', () => response.end());
};

/** serveHttps serves the repositories below root by git's own http-backend. */
export const serveHttps = async (root: string, options: HttpsGitOptions = {}): Promise<HttpsGit> => {
  const { host = 'localhost' } = options;
  const { key, certificate, ca } = await createCertificate([host], new Date());
  const requests: { url: string; authorization: string | undefined }[] = [];
  const server = https.createServer({ key, cert: certificate }, (request, response) => {
    requests.push({ url: request.url ?? '', authorization: request.headers.authorization });
    if (options.answer?.(request, response) === true) return;
    if (options.authorization !== undefined && request.headers.authorization !== options.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('no');
      return;
    }
    backend(root, request, response, options.env ?? {});
  });
  await new Promise<void>((resolve) => server.listen(0, host === 'localhost' ? '127.0.0.1' : host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ca,
    port,
    requests,
    urlOf: (name) => `https://${host}:${port}/${name}`,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};

/** Proxy is an http proxy that notes where it was asked to connect. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  readonly connected: readonly string[];
}

/** serveProxy starts a proxy that connects to this machine alone. */
export const serveProxy = async (): Promise<Proxy> => {
  const connected: string[] = [];
  const server = http.createServer();
  server.on('connect', (request, client: Socket) => {
    connected.push(request.url ?? '');
    const target = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connected,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};

/** SshGit is a git server over ssh: Debian's sshd, as the present user. */
export interface SshGit extends TestServer {
  /** Private key that may log in. */
  readonly key: string;
  readonly knownHosts: string;
  readonly fingerprint: string;
  readonly user: string;
  /** exchange starts it anew with another key of its own. */
  readonly exchange: () => Promise<void>;
}

const freePort = async (address: string): Promise<number> => {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

const answers = async (port: number, address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, address, () => socket.end(() => resolve(true)));
    socket.on('error', () => resolve(false));
  });

const find = (program: string): string =>
  execFileSync('/bin/sh', ['-c', `command -v ${program}`], {
    env: { PATH: [process.env['PATH'], '/usr/sbin', '/sbin'].join(delimiter) },
  })
    .toString()
    .trim();

const keygen = (file: string, type = 'ed25519'): void =>
  void execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', file]);

/** serveSsh serves the repositories below root to a key that it makes. */
export const serveSsh = async (root: string, host = 'localhost'): Promise<SshGit> => {
  const address = host === 'localhost' ? '127.0.0.1' : host;
  const folder = mkdtempSync(join(tmpdir(), 'epinio-sshd-'));
  const port = await freePort(address);
  const user = userInfo().username;
  const hostKey = join(folder, 'host');
  keygen(join(folder, 'user'));
  keygen(hostKey);
  const shell = join(folder, 'shell');
  // Only what git asks for, below the folder of the repositories.
  writeFileSync(
    shell,
    `#!/bin/sh\nexport GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'\n` +
      `[ "$SSH_ORIGINAL_COMMAND" != "\${SSH_ORIGINAL_COMMAND#git-upload-pack \\'/}" ] || exit 1\n` +
      `path=\${SSH_ORIGINAL_COMMAND#git-upload-pack \\'/}\ncd '${root}' && exec git-upload-pack "./\${path%\\'}"\n`,
  );
  chmodSync(shell, 0o755);
  writeFileSync(
    join(folder, 'authorized_keys'),
    `command="${shell}" ${readFileSync(join(folder, 'user.pub'), 'utf8')}`,
  );
  const options = [
    ...['UsePAM=no', 'StrictModes=no', 'PasswordAuthentication=no', 'KbdInteractiveAuthentication=no', 'UseDNS=no'],
    ...['PermitRootLogin=yes', 'AcceptEnv=GIT_PROTOCOL', `AuthorizedKeysFile=${join(folder, 'authorized_keys')}`],
    ...[`ListenAddress=${address}`, `PidFile=${join(folder, 'pid')}`, `SetEnv=PATH=${process.env['PATH']}`],
  ];
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  let sshd: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (sshd === undefined || sshd.exitCode !== null) return;
    const ended = new Promise((resolve) => sshd?.once('exit', resolve));
    sshd.kill();
    await ended;
  };
  const begin = async (): Promise<void> => {
    const args = ['-D', '-e', '-f', '/dev/null', '-p', String(port), '-h', hostKey];
    sshd = spawn(find('sshd'), [...args, ...options.flatMap((one) => ['-o', one])], { stdio: 'ignore' });
    for (let tries = 0; !(await answers(port, address)); tries++) {
      if (tries > 200 || sshd.exitCode !== null) throw new Error('sshd does not start');
      await sleep(50);
    }
  };
  await begin();
  const publicKey = () => readFileSync(`${hostKey}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const print = execFileSync('ssh-keygen', ['-l', '-f', `${hostKey}.pub`]).toString();
  return {
    port,
    user,
    key: readFileSync(join(folder, 'user'), 'utf8'),
    get knownHosts() {
      return `[${host}]:${port} ${publicKey()}\n`;
    },
    get fingerprint() {
      return /SHA256:\S+/.exec(print)?.[0] ?? '';
    },
    urlOf: (name) => `ssh://${user}@${host}:${port}/${name}`,
    exchange: async () => {
      await stop();
      for (const file of [hostKey, `${hostKey}.pub`]) rmSync(file);
      keygen(hostKey);
      await begin();
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** GitFetch says what is fetched: the address, keys of a Secret, files beside it, and further environment. */
export interface GitFetch {
  readonly url: string;
  readonly secret?: Readonly<Record<string, string>>;
  /** CA of the installation. */
  readonly ca?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** fetchRepository runs the fetch program for git, in folders of its own. */
export const fetchRepository = async ({ url, secret, ca, env = {} }: GitFetch): Promise<Fetched> => {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-git-'));
  try {
    const files: Record<string, string> = {};
    const write = (path: string, content: string): string => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
      return join(folder, path);
    };
    if (ca !== undefined) files['FETCH_CA_FILE'] = write('ca.crt', ca);
    if (secret !== undefined) {
      mkdirSync(join(folder, 'secret'));
      for (const [key, value] of Object.entries(secret)) write(join('secret', key), value);
      Object.assign(files, { FETCH_GIT_SECRET_DIR: join(folder, 'secret'), FETCH_GIT_SECRET_NAME: 'git-key' });
    }
    const path = process.env['PATH'] ?? '';
    return await run(() => ({ FETCH_GIT_URL: url, FETCH_ATTEMPTS: '1', PATH: path, ...files, ...env }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
