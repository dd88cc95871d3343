import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../operator/testing/ports.ts';
import { lastLines } from '../cluster/shell.ts';
import { Metrics } from './metrics.ts';

const root = join(import.meta.dirname, '..', '..');

/** OperatorOptions: whose rights it has, where its configuration is, and where its log and profile go. */
export interface OperatorOptions {
  readonly kubeconfig: string;
  readonly config: string;
  readonly folder: string;
  /** Folder for a CPU profile, written when it ends. */
  readonly profile?: string | undefined;
}

/** Memory of a process, in MB: the most it ever had, and what it has now. */
export interface Memory {
  readonly peak: number;
  readonly now: number;
}

/** shipped reads from the Dockerfile how the image starts node: what is measured is what is shipped. */
const shipped = (): { flags: string[]; env: Record<string, string> } => {
  const text = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const entry = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(text)?.[1] ?? '[]') as string[];
  const env =
    /^ENV (.*)$/m
      .exec(text)?.[1]
      ?.split(' ')
      .map((pair) => pair.split('=')) ?? [];
  return {
    flags: entry.filter((word) => word.startsWith('--')),
    env: Object.fromEntries(env) as Record<string, string>,
  };
};

/** OperatorProcess is the shipped bundle as a process of its own. */
export class OperatorProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #log: string;
  readonly startedAt = performance.now();

  private constructor(child: ChildProcess, port: number, log: string) {
    this.#child = child;
    this.#url = `http://127.0.0.1:${port}`;
    this.#log = log;
  }

  /** start launches the bundle; see synced. */
  static async start(o: OperatorOptions): Promise<OperatorProcess> {
    const port = await freePort();
    const { flags, env } = shipped();
    const log = join(o.folder, 'operator.log');
    const out = openSync(log, 'a');
    const profiling = o.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${o.profile}`];
    const child = spawn(
      process.execPath,
      [...flags, ...profiling, join(root, 'dist', 'epinio-operator.mjs'), 'operator'],
      {
        stdio: ['ignore', out, out],
        env: {
          PATH: process.env['PATH'],
          ...env,
          KUBECONFIG: o.kubeconfig,
          EPINIO_CONFIG: o.config,
          EPINIO_IMAGE: 'example.org/epinio/operator:bench',
          POD_NAMESPACE: 'epinio-system',
          HEALTH_PORT: String(port),
        },
      },
    );
    closeSync(out);
    return new OperatorProcess(child, port, log);
  }

  /** sinceStart is how many seconds ago the process was started. */
  sinceStart(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  async metrics(): Promise<Metrics> {
    const answer = await fetch(`${this.#url}/metrics`);
    return new Metrics(await answer.text());
  }

  /** memory reads what the kernel says. */
  memory(): Memory {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const mega = (field: string): number =>
      Math.round(Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024);
    return { peak: mega('VmHWM'), now: mega('VmRSS') };
  }

  /** synced resolves when all caches are. */
  async synced(limitSeconds = 300): Promise<void> {
    await this.#until('synced', limitSeconds, 20, async () => {
      const answer = await fetch(`${this.#url}/readyz`).catch(() => undefined);
      await answer?.text();
      return answer?.ok === true;
    });
  }

  /** idle resolves when nothing waits or is worked on, at least `reconciles` were done, and none came for a while. */
  async idle(o: { reconciles?: number; limitSeconds?: number; quietMs?: number } = {}): Promise<Metrics> {
    const { reconciles = 0, limitSeconds = 600, quietMs = 300 } = o;
    let last: Metrics | undefined;
    let count = -1;
    let since = performance.now();
    await this.#until('idle', limitSeconds, 50, async () => {
      last = await this.metrics();
      const done = last.sum('controller_runtime_reconcile_total');
      const busy = last.sum('workqueue_depth') + last.sum('controller_runtime_active_workers') > 0;
      if (busy || done !== count || done < reconciles) since = performance.now();
      count = done;
      return performance.now() - since >= quietMs;
    });
    return last as Metrics;
  }

  /** stop asks it to end as a kubelet does, and waits. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const code = await Promise.race([ended, pause(40_000, 'late' as const)]);
    if (code !== 'late') return;
    this.#child.kill('SIGKILL');
    await ended;
    throw new Error(`the operator did not end within 40 s of SIGTERM\n${this.#lastWords()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #until(what: string, limit: number, everyMs: number, ask: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + limit * 1000;
    while (!(await ask())) {
      if (this.#child.exitCode !== null) throw new Error(`the operator ended\n${this.#lastWords()}`);
      if (performance.now() > deadline)
        throw new Error(`the operator was not ${what} within ${limit} s\n${this.#lastWords()}`);
      await pause(everyMs);
    }
  }

  #lastWords(): string {
    return lastLines(readFileSync(this.#log, 'utf8'), 15);
  }
}
