import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, say, until } from './shell.ts';

/** Daemon is one long-lived process: how it starts, when it is ready, and for how long that may take. */
export interface Daemon {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ready: () => Promise<boolean>;
  readonly seconds: number;
}

/** Lifetime says what ends a daemon: `down` (it outlives us), or the end of the process that started it. */
export type Lifetime = 'detached' | 'ours';

const pidFile = (folder: string, name: string): string => join(folder, 'run', `${name}.pid`);

/** logFile is where a daemon's output goes. */
export const logFile = (folder: string, name: string): string => join(folder, 'log', `${name}.log`);

/** startDaemon starts a process unless it runs, and waits until it is ready; the error shows the last lines of its log. */
export async function startDaemon(folder: string, daemon: Daemon, lifetime: Lifetime): Promise<void> {
  if (runningPid(folder, daemon.name) === undefined) launch(folder, daemon, lifetime);
  const log = logFile(folder, daemon.name);
  const end = () => `the end of ${log}:\n${lastLines(readFileSync(log, 'utf8'), 20)}`;
  const ready = async () => {
    if (runningPid(folder, daemon.name) === undefined) throw new Error(`${daemon.name} ended while starting; ${end()}`);
    return daemon.ready();
  };
  await until(`${daemon.name} is ready`, daemon.seconds, ready, end);
}

function launch(folder: string, daemon: Daemon, lifetime: Lifetime): void {
  for (const sub of ['run', 'log']) mkdirSync(join(folder, sub), { recursive: true });
  const log = openSync(logFile(folder, daemon.name), 'a');
  // A test run that is killed cannot clean up: the kernel does, where it can.
  const guarded = lifetime === 'ours' && process.platform === 'linux' && existsSync('/usr/bin/setpriv');
  const [command, args] = guarded
    ? ['/usr/bin/setpriv', ['--pdeathsig', 'KILL', daemon.command, ...daemon.args]]
    : [daemon.command, daemon.args];
  const child = spawn(command, args, {
    env: { ...process.env, ...daemon.env },
    stdio: ['ignore', log, log],
    detached: lifetime === 'detached',
  });
  closeSync(log);
  child.on('error', (error) => say(`${daemon.name}: ${error.message}`));
  if (lifetime === 'detached') child.unref();
  if (child.pid === undefined) throw new Error(`cannot start ${daemon.command}`);
  writeFileSync(pidFile(folder, daemon.name), `${child.pid} ${startTime(child.pid) ?? ''}`);
}

/** runningPid is the pid of a daemon that runs; a pid that went to another process since does not count. */
export function runningPid(folder: string, name: string): number | undefined {
  if (!existsSync(pidFile(folder, name))) return undefined;
  const [pid = '', start = ''] = readFileSync(pidFile(folder, name), 'utf8').split(' ');
  if (!isAlive(Number(pid))) return undefined;
  return process.platform !== 'linux' || startTime(Number(pid)) === start ? Number(pid) : undefined;
}

/** stopDaemon ends a process, by force after a while, and waits until it is gone. */
export async function stopDaemon(folder: string, name: string, patience = 20): Promise<void> {
  const pid = runningPid(folder, name);
  if (pid !== undefined) {
    const gone = async () => runningPid(folder, name) === undefined;
    signal(pid, 'SIGTERM');
    await until(`${name} stops`, patience, gone).catch(() => signal(pid, 'SIGKILL'));
    await until(`${name} is killed`, 10, gone);
  }
  rmSync(pidFile(folder, name), { force: true });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie answers the signal too: its parent is us, and has not looked yet.
  return process.platform !== 'linux' || stat(pid)?.state !== 'Z';
}

const startTime = (pid: number): string | undefined => stat(pid)?.start;

/** Kernels count in hundredths of a second wherever we run (`getconf CLK_TCK`). */
const ticks = 100;

/** stat reads a process' state, start time and CPU seconds; the fields after the command's closing parenthesis are fixed. */
export function stat(pid: number): { state: string; start: string; cpuSeconds: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticks;
    return { state: fields[0] ?? '', start: fields[19] ?? '', cpuSeconds };
  } catch {
    return undefined;
  }
}
