import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toFailure, type FetchFailure } from '../fetch/failure.ts';
import { parseReport, type Report } from '../fetch/index.ts';
import type { Limits } from '../fetch/options.ts';
import { unpack } from '../fetch/unpack.ts';

/** Fetched is all that one run of the fetch program shows to the outside. */
export interface Fetched {
  readonly exitCode: number | null;
  readonly report: Report | undefined;
  readonly log: string;
  /** path → `content`, `folder` or `-> target`, of the workspace. */
  readonly tree: Readonly<Record<string, string>>;
  readonly modes: Readonly<Record<string, string>>;
  /** What lies beside the workspace: nothing of the archive may. */
  readonly beside: readonly string[];
  readonly scratch: readonly string[];
  /** Peak memory in MiB. */
  readonly memory: number;
}

const program = join(import.meta.dirname, '..', 'fetch', 'index.ts');
// resourceUsage().maxRSS is of no use: on Linux it also counts the process that this one was forked from.
const script = `import { readFileSync } from 'node:fs';
import { runFetch } from ${JSON.stringify(program)};
process.umask(0o077);
process.exitCode = await runFetch(process.env);
process.stderr.write(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);`;

const look = (folder: string, path = ''): [string, string, string][] =>
  readdirSync(join(folder, path)).flatMap((name) => {
    const at = join(path, name);
    const stat = lstatSync(join(folder, at));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) return [[at, `-> ${readlinkSync(join(folder, at))}`, mode]];
    if (stat.isDirectory()) return [[at, 'folder', mode], ...look(folder, at)];
    return [[at, stat.size > 100 ? `${stat.size} bytes` : readFileSync(join(folder, at), 'utf8'), mode]];
  });

const start = (env: Readonly<Record<string, string>>): Promise<{ code: number | null; out: string; err: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...env } });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });

/** runFetchProgram fetches an archive from a URL. */
export async function runFetchProgram(url: string, env: Readonly<Record<string, string>>): Promise<Fetched> {
  return run((folder) => {
    writeFileSync(join(folder, 'url'), `${url}\n`);
    return { FETCH_URL_FILE: join(folder, 'url'), ...env };
  });
}

/** run runs the program of the fetch container as a process of its own, in folders of its own. */
export async function run(envIn: (folder: string) => Readonly<Record<string, string>>): Promise<Fetched> {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-fetch-'));
  try {
    for (const name of ['workspace', 'scratch']) mkdirSync(join(folder, name));
    const { code, out, err } = await start({
      FETCH_WORKSPACE: join(folder, 'workspace'),
      FETCH_SCRATCH: join(folder, 'scratch'),
      TERMINATION_LOG: join(folder, 'termination-log'),
      ...envIn(folder),
    });
    const entries = look(join(folder, 'workspace'));
    return {
      exitCode: code,
      report: parseReport(readFileSync(join(folder, 'termination-log'), 'utf8')),
      log: out,
      tree: Object.fromEntries(entries.map(([path, content]) => [path, content])),
      modes: Object.fromEntries(entries.map(([path, , mode]) => [path, mode])),
      beside: readdirSync(folder).sort(),
      scratch: readdirSync(join(folder, 'scratch')),
      memory: Number(/\d+$/.exec(err)?.[0]) / 1024,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** claim is what a Job says about the bytes. */
export const claim = (bytes: Buffer): Record<string, string> => ({
  FETCH_SHA256: createHash('sha256').update(bytes).digest('hex'),
  FETCH_SIZE: String(bytes.length),
});

/** FileServer answers every request with the same handler, on the loopback address. */
export interface FileServer extends AsyncDisposable {
  readonly url: string;
}

/** serve starts a server of the test's own. */
export const serve = (handler: http.RequestListener): Promise<FileServer> =>
  new Promise((resolve) => {
    const server = http.createServer(handler);
    server.listen(0, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/blob?X-Amz-Signature=secret`,
        [Symbol.asyncDispose]: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      }),
    );
  });

/** UnpackedBytes is what unpacking did, in the test's own process: quicker than the program where only that matters. */
export interface UnpackedBytes {
  readonly failure: FetchFailure | undefined;
  readonly tree: Readonly<Record<string, string>>;
  readonly beside: readonly string[];
  /** The bytes of the files that were asked for. */
  readonly contents: Readonly<Record<string, Buffer>>;
}

/** unpackBytes unpacks an archive into a folder of its own; `wanted` are files whose bytes are of interest. */
export async function unpackBytes(
  bytes: Buffer,
  limits: Partial<Limits> = {},
  wanted: readonly string[] = [],
): Promise<UnpackedBytes> {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-unpack-'));
  try {
    const workspace = join(folder, 'workspace');
    mkdirSync(workspace);
    writeFileSync(join(folder, 'archive'), bytes);
    const all = { maxBytes: 1024 ** 3, maxEntries: 1000, maxRatio: 1000, maxDepth: 100, ...limits };
    const failure = await unpack(join(folder, 'archive'), workspace, all).then(() => undefined, toFailure);
    const tree = Object.fromEntries(look(workspace).map(([path, content]) => [path, content]));
    const contents = wanted.filter((path) => path in tree).map((path) => [path, readFileSync(join(workspace, path))]);
    return { failure, tree, beside: readdirSync(folder).sort(), contents: Object.fromEntries(contents) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** fetchBytes serves bytes plainly and fetches them. */
export async function fetchBytes(bytes: Buffer, env: Readonly<Record<string, string>> = {}): Promise<Fetched> {
  await using server = await serve((_request, response) => response.end(bytes));
  return await runFetchProgram(server.url, { ...claim(bytes), ...env });
}
