import { plainLines } from './text.ts';

/** Output is where a command talks to its user: stdout for results, stderr for everything on the way. */
export interface Output {
  /** step says what happens now. */
  step(text: string): void;
  /** progress shows how far a long step is; on a terminal it replaces itself. */
  progress(text: string): void;
  /** line passes a line of somebody else's log on. */
  line(text: string): void;
  /** result is what the command was called for. */
  result(text: string): void;
  /** failure is why a command ends without it. */
  failure(message: string, hint: string | undefined): void;
}

interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
}

/** A terminal is drawn anew at most this often. */
const redrawMs = 100;

/** createOutput talks to the process's own streams. */
export const createOutput = (
  { stdout, stderr }: Streams = process,
  now: () => number = () => performance.now(),
): Output => {
  const terminal = stderr.isTTY === true;
  let open = false;
  let drawnAt = -Infinity;
  const close = (): void => {
    if (open) stderr.write('\r\u001b[K');
    open = false;
    drawnAt = -Infinity;
  };
  /** Texts come from the cluster: whatever is in them, each line stands under the first. */
  const tell = (first: string, text: string, rest = '    '): void => {
    close();
    const [head = '', ...more] = plainLines(text, terminal);
    stderr.write(`${[`${first}${head}`, ...more.map((line) => `${rest}${line}`)].join('\n')}\n`);
  };
  return {
    step: (text) => tell('==> ', text),
    line: (text) => tell('    ', text),
    progress: (text) => {
      if (!terminal || now() - drawnAt < redrawMs) return;
      stderr.write(`\r\u001b[K    ${text}`);
      open = true;
      drawnAt = now();
    },
    result: (text) => {
      close();
      stdout.write(`${text}\n`);
    },
    failure: (message, hint) => {
      tell('epinio: ', message);
      if (hint !== undefined) tell('  ', hint, '  ');
    },
  };
};

/** bytes writes a size for people. */
export const bytes = (n: number): string =>
  n < 1024 ? `${n} B` : n < 1024 ** 2 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1024 ** 2).toFixed(1)} MiB`;
