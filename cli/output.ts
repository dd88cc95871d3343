import { marksFor } from './marks.ts';
import { createScreen, type Screen } from './screen.ts';
import { plainLines } from './text.ts';

export type { Screen } from './screen.ts';

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
  /** The terminal, where lines may replace themselves; absent where all that is said stays. */
  readonly screen?: Screen;
}

interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: {
    write(text: string): unknown;
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
}

type Env = Readonly<Record<string, string | undefined>>;

/** OutputOptions: the clock in milliseconds, and what the environment says of the terminal. */
export interface OutputOptions {
  readonly now?: () => number;
  readonly env?: Env;
}

/** Colours are wanted on a terminal, unless somebody says otherwise (https://no-color.org). */
export const wantsColours = (isTTY: boolean, env: Env = process.env): boolean =>
  isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';

/** createOutput talks to the process's own streams. */
export const createOutput = (
  { stdout, stderr }: Streams = process,
  { now = () => performance.now(), env = process.env }: OutputOptions = {},
): Output => {
  const isTTY = stderr.isTTY === true;
  const colours = wantsColours(isTTY, env);
  const look = () => ({ width: stderr.columns ?? 80, height: stderr.rows ?? 24, marks: marksFor(env), colours });
  const screen =
    isTTY && env['TERM'] !== 'dumb' ? createScreen({ write: (t) => stderr.write(t), look, now }) : undefined;
  const say = (text: string): void => {
    if (screen === undefined) stderr.write(text);
    else screen.say(text);
  };
  /** Texts come from the cluster: whatever is in them, each line stands under the first. */
  const tell = (first: string, text: string, rest = '    '): void => {
    const [head = '', ...more] = plainLines(text, colours);
    say(`${[`${first}${head}`, ...more.map((line) => `${rest}${line}`)].join('\n')}\n`);
  };
  return {
    step: (text) => tell('==> ', text),
    line: (text) => tell('    ', text),
    progress: (text) => screen?.progress(`    ${text}`),
    result: (text) => {
      screen?.clear();
      stdout.write(`${text}\n`);
    },
    failure: (message, hint) => {
      tell('epinio: ', message);
      if (hint !== undefined) tell('  ', hint, '  ');
    },
    ...(screen && { screen }),
  };
};

/** bytes writes a size for people. */
export const bytes = (n: number): string =>
  n < 1024 ? `${n} B` : n < 1024 ** 2 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1024 ** 2).toFixed(1)} MiB`;
