import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';

/** RunOptions of a command: where and with what environment it runs, what it reads, where its output goes. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** A file that gets what the command prints; the error of a failed command still shows its end. */
  readonly log?: string;
  /** Failure is an answer too: resolves with what was printed. */
  readonly mayFail?: boolean;
  readonly timeoutSeconds?: number;
}

/** say prints one line of progress; stderr, so that stdout stays free for answers such as a kubeconfig. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** run executes a command to its end and returns its standard output; its error names the command and what it said last. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const log = options.log === undefined ? 'pipe' : openSync(options.log, 'a');
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: (options.timeoutSeconds ?? 0) * 1000,
    stdio: ['pipe', log === 'pipe' ? 'pipe' : log, log === 'pipe' ? 'pipe' : log],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A command that does not read its input closes the pipe: its exit code says what happened.
  child.stdin?.on('error', () => undefined).end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0 || options.mayFail) return resolve(stdout);
      const seen = options.log ? `see ${options.log}` : lastLines(stderr || stdout, 15);
      reject(new Error(`${command} ${args.join(' ')}\nended with ${code ?? signal}: ${seen}`));
    });
  });
}

/** succeeds tells whether a command exits with 0. */
export const succeeds = (command: string, args: readonly string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  );

/** lastLines cuts a text to its last lines: what one wants to see of a log. */
export const lastLines = (text: string, count: number): string => text.trimEnd().split('\n').slice(-count).join('\n');

/** until asks again and again until the answer is true; at the deadline it fails with the reason that `why` finds. */
export async function until(
  what: string,
  seconds: number,
  ask: () => Promise<boolean>,
  why: () => string = () => '',
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    if (await ask()) return;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s\n${why()}`.trimEnd());
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** during prints a line every 30 s while something long is going on, so that a quiet terminal is not taken for a hung one. */
export async function during<T>(what: string, expected: string, work: () => Promise<T>): Promise<T> {
  const start = Date.now();
  const seconds = () => Math.round((Date.now() - start) / 1000);
  say(`${what} (${expected}) …`);
  const timer = setInterval(() => say(`${what}: ${seconds()} s so far`), 30_000);
  try {
    const result = await work();
    say(`${what}: done in ${seconds()} s`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
