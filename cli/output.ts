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
}

/** createOutput talks to the process's own streams. */
export const createOutput = (): Output => {
  const terminal = process.stderr.isTTY;
  let open = false;
  const close = (): void => {
    if (open) process.stderr.write('\r\u001b[K');
    open = false;
  };
  return {
    step: (text) => {
      close();
      process.stderr.write(`==> ${text}\n`);
    },
    progress: (text) => {
      if (!terminal) return;
      process.stderr.write(`\r\u001b[K    ${text}`);
      open = true;
    },
    line: (text) => {
      close();
      process.stderr.write(`    ${text}\n`);
    },
    result: (text) => {
      close();
      process.stdout.write(`${text}\n`);
    },
  };
};

/** bytes writes a size for people. */
export const bytes = (n: number): string =>
  n < 1024 ? `${n} B` : n < 1024 ** 2 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1024 ** 2).toFixed(1)} MiB`;
