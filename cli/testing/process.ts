import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ended is all that one run of the command leaves to the outside. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What the command left in its folder for temporary files. */
  readonly left: readonly string[];
}

/** Running is the command as a process of its own. */
export interface Running {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** said resolves when stderr has this in it; rejects when the command ends before. */
  said(what: RegExp): Promise<void>;
  /** stderr so far. */
  stderr(): string;
  /** closes our end of a stream of it, as `head` does. */
  hangUp(stream: 'stdout' | 'stderr'): void;
  readonly ended: Promise<Ended>;
}

const program = join(import.meta.dirname, '..', 'main.ts');

/** start runs `epinio <args>`; the kubeconfig is what the cluster is found by. */
export const start = async (
  args: readonly string[],
  o: {
    readonly kubeconfig?: string;
    readonly env?: Readonly<Record<string, string>>;
    /** The command that runs it, such as one that gives it a file system of its own. */
    readonly through?: readonly string[];
  } = {},
): Promise<Running> => {
  const home = await mkdtemp(join(tmpdir(), 'epinio-cli-test-'));
  const scratch = join(home, 'tmp');
  await mkdir(scratch);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TMPDIR: scratch,
    KUBECONFIG: o.kubeconfig ?? '',
    ...o.env,
  };
  const [file = '', ...words] = [...(o.through ?? []), process.execPath, program, ...args];
  const child = spawn(file, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const heard = (): void => listeners.forEach((listener) => listener());
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    heard();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      void readdir(scratch).then(async (left) => {
        await rm(home, { recursive: true, force: true });
        resolve({ code, signal, stdout, stderr, left });
        heard();
      }, reject);
    });
  });
  let over = false;
  void ended.then(() => (over = true)).then(heard);
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    said: (what) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (what.test(stderr)) resolve();
          else if (over) reject(new Error(`ended without ${String(what)}: ${stderr}`));
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    stderr: () => stderr,
    hangUp: (stream) => void child[stream].destroy(),
    ended,
  };
};

/** plainKubeconfig writes a kubeconfig for an API server behind a plain door on this machine. */
export const plainKubeconfig = async (folder: string, server: string): Promise<string> => {
  const path = join(folder, 'kubeconfig');
  const text = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(path, JSON.stringify(text));
  return path;
};
