import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Bounds of one process. */
export interface Bounds {
  /** Bytes of each file that it writes. */
  readonly fileBytes: number;
  /** Bytes of memory that it may map. */
  readonly memoryBytes: number;
  /** Bytes of its output that are read, for commands whose output is collected. */
  readonly outputBytes: number;
}

/** Command is a program with all that it is given: nothing of our own environment goes along. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly bounds: Bounds;
  readonly signal: AbortSignal;
  /** told is called with each line on stderr. */
  readonly told?: (line: string) => void;
}

/** Outcome is how a process ended. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** The end of what it wrote there. */
  readonly stderr: string;
}

/** Running is a process that is under way. */
export interface Running {
  readonly stdout: Readable;
  /** It fails where the time was over before the process was. */
  readonly ended: Promise<Pick<Outcome, 'code' | 'signal' | 'stderr'>>;
  /** kill ends it and all that it started. */
  readonly kill: () => void;
}

/** TooMuchOutput ends a command that writes without an end. */
export class TooMuchOutput extends Error {
  override readonly name = 'TooMuchOutput';
}

const maxStderr = 16 * 1024;
/** Limits bind what the program starts, too. dash and bash count files in blocks of 512 and 1024 bytes: 512 is the stricter one. */
const limited = 'ulimit -c 0 && ulimit -f "$1" && ulimit -v "$2" && shift 2 && exec "$@"';

/** start runs a command in a process group of its own, under limits of the kernel. */
export const start = ({ program, args, env, input, bounds, signal, told }: Command): Running => {
  signal.throwIfAborted();
  const limits = [Math.ceil(bounds.fileBytes / 512), Math.ceil(bounds.memoryBytes / 1024)].map(String);
  const child = spawn('/bin/sh', ['-c', limited, 'sh', ...limits, program, ...args], {
    env: { ...env },
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let over = false;
  const kill = (): void => {
    if (over || child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The whole group has ended by itself.
    }
  };
  signal.addEventListener('abort', kill);
  child.once('exit', () => {
    // What it left running goes with it, and would keep our pipes open.
    kill();
    over = true;
  });
  // A process that ends early does not read all of its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  let stderr = '';
  let line = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-maxStderr);
    const lines = (line + chunk).split(/[\r\n]+/);
    line = (lines.pop() ?? '').slice(-maxStderr);
    for (const full of lines) told?.(full);
  });
  const ended = new Promise<Pick<Outcome, 'code' | 'signal' | 'stderr'>>((resolve, reject) => {
    child.once('error', reject);
    // What a program says of its output that stops halfway is no word about the repository.
    child.once('close', (code, by) =>
      signal.aborted ? reject(signal.reason as Error) : resolve({ code, signal: by, stderr }),
    );
  }).finally(() => signal.removeEventListener('abort', kill));
  ended.catch(() => undefined);
  return { stdout: child.stdout, ended, kill };
};

/** run runs a command to its end and collects its output. */
export const run = async (command: Command): Promise<Outcome> => {
  const { stdout, ended, kill } = start(command);
  let text = '';
  stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length > command.bounds.outputBytes) return;
    text += chunk;
    if (text.length > command.bounds.outputBytes) kill();
  });
  const end = await ended;
  if (text.length > command.bounds.outputBytes)
    throw new TooMuchOutput(`more than ${command.bounds.outputBytes} bytes`);
  return { ...end, stdout: text };
};
