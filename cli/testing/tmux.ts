import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Session is the command in a terminal. */
export interface Session {
  /** shows resolves with all that the terminal has shown, when that matches; rejects when the command ends before. */
  shows(what: RegExp): Promise<string>;
  /** type sends keys, by tmux's names for them. */
  type(key: string): Promise<void>;
  /** ended resolves when the command has ended. */
  ended(): Promise<{ readonly code: number; readonly shown: string }>;
}

interface Options {
  readonly kubeconfig: string;
  readonly width?: number;
  readonly height?: number;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

const program = join(import.meta.dirname, '..', 'main.ts');
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
/** Between two looks. */
const lookMs = 50;

// What a command shows stays to be read when it has ended, and nothing of tmux is shown beside.
const settings = `
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g status off
set -g history-limit 10000
`;

const run = promisify(execFile);

/** startInTerminal runs `epinio <args>` in a terminal of its own, which tmux is. */
export const startInTerminal = async (
  args: readonly string[],
  { kubeconfig, cwd, width = 80, height = 24, env = {} }: Options,
): Promise<Session> => {
  const home = await mkdtemp(join(tmpdir(), 'epinio-terminal-'));
  const [socket, config, result] = [join(home, 'tmux'), join(home, 'tmux.conf'), join(home, 'code')];
  await writeFile(config, settings);
  const tmux = async (...words: readonly string[]): Promise<string> => {
    const own = { PATH: process.env['PATH'] ?? '', HOME: home, LC_ALL: 'C.UTF-8' };
    return (await run('tmux', ['-u', '-S', socket, '-f', config, ...words], { env: own })).stdout;
  };
  const vars = { HOME: home, TMPDIR: home, KUBECONFIG: kubeconfig, LC_ALL: 'C.UTF-8', ...env };
  const given = Object.entries(vars).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  // tmux does not always know how a program ended; a shell does, which Ctrl-C does not end.
  const command = `trap : INT; ${[process.execPath, program, ...args].map(quoted).join(' ')}; echo $? > ${quoted(result)}`;
  const size = ['-x', String(width), '-y', String(height)];
  await tmux('new-session', '-d', ...size, '-c', cwd, ...given, command);
  const look = async (): Promise<{ readonly code: number | undefined; readonly shown: string }> => {
    const dead = (await tmux('display-message', '-p', '#{pane_dead}')).trim();
    const shown = (await tmux('capture-pane', '-p', '-S', '-')).replace(/[ \t]+$/gm, '').trimEnd();
    return { code: dead === '1' ? Number(await readFile(result, 'utf8')) : undefined, shown };
  };
  return {
    shows: async (what) => {
      for (;;) {
        const { code, shown } = await look();
        if (what.test(shown)) return shown;
        if (code !== undefined) throw new Error(`the terminal never showed ${String(what)}:\n${shown}`);
        await sleep(lookMs);
      }
    },
    type: async (key) => void (await tmux('send-keys', key)),
    ended: async () => {
      for (;;) {
        const { code, shown } = await look();
        if (code !== undefined) {
          await tmux('kill-server');
          await rm(home, { recursive: true, force: true });
          return { code, shown };
        }
        await sleep(lookMs);
      }
    },
  };
};
