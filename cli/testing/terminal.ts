/** Terminal shows what a command writes, as far as ours writes it; whatever else is in it is a mistake. */
export interface Terminal {
  write(text: string): void;
  /** lines are all that were ever shown, without blanks at their ends. */
  lines(): string[];
}

const parts = /\u001b\[\?7([hl])|\u001b\[(\d*)A|\u001b\[K|\u001b\[[\d;]*m|[^\u001b]|\u001b/gu;

/** createTerminal makes one that is so wide and as high as it needs to be. */
export const createTerminal = (width: number): Terminal => {
  const rows: string[][] = [[]];
  let row = 0;
  let column = 0;
  let wraps = true;
  const go = (to: number): void => {
    row = to;
    while (rows.length <= row) rows.push([]);
  };
  const print = (char: string): void => {
    if (column >= width && wraps) {
      go(row + 1);
      column = 0;
    }
    const at = Math.min(column, width - 1);
    const line = rows[row] ?? [];
    while (line.length < at) line.push(' ');
    line[at] = char;
    column = at + 1;
  };
  const act = (part: string, wrap: string | undefined, up: string | undefined): void => {
    if (wrap !== undefined) wraps = wrap === 'h';
    else if (up !== undefined) row = Math.max(0, row - Number(up || 1));
    else if (part === '\u001b[K') rows[row]?.splice(column);
    else if (part === '\r') column = 0;
    else if (part === '\n') {
      // The driver of a terminal puts a carriage return before it.
      go(row + 1);
      column = 0;
    } else if (part === '\u001b') throw new Error('a sequence that this terminal does not know');
    else if (!part.startsWith('\u001b')) print(part);
  };
  return {
    write: (text) => {
      for (const [part, wrap, up] of text.matchAll(parts)) act(part, wrap, up);
    },
    lines: () => rows.map((line) => line.join('').trimEnd()),
  };
};
