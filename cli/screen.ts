import type { Marks } from './marks.ts';

/** Look is what a terminal can show. */
export interface Look {
  readonly width: number;
  readonly height: number;
  readonly marks: Marks;
  readonly colours: boolean;
}

/** Screen is a terminal: what is said stays, and below it are lines that replace themselves. */
export interface Screen {
  look(): Look;
  /** say writes what stays; it ends with the end of a line. */
  say(text: string): void;
  /** draw replaces the lines below. */
  draw(lines: readonly string[]): void;
  /** progress replaces one line below all others, until something else is said. */
  progress(line: string): void;
  /** keep lets lines stay in the place of those that were drawn. */
  keep(lines: readonly string[]): void;
  /** clear takes away for a moment what does not stay, for who writes elsewhere. */
  clear(): void;
  /** end leaves all as it is: the process is about to go, and what comes next begins a line of its own. */
  end(): void;
}

interface Tools {
  readonly write: (text: string) => unknown;
  readonly look: () => Look;
  /** Milliseconds. */
  readonly now: () => number;
}

/** A terminal is drawn anew at most this often. */
const redrawMs = 100;

/** A line that is too long for the terminal is cut by it, and not continued in the next one, so that lines can be counted. */
const uncontinued = (text: string): string => `\u001b[?7l${text}\u001b[?7h`;

/** Line by line: where nothing is above, tmux takes "clear all below" for "clear", and keeps what was there in its history. */
const toStart = (lines: number): string => `\r\u001b[K${'\u001b[A\u001b[K'.repeat(lines - 1)}`;

/** createScreen draws on a terminal. */
export const createScreen = ({ write, look, now }: Tools): Screen => {
  let wanted: readonly string[] = [];
  let extra: string | undefined;
  let onScreen = 0;
  let drawnAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;

  /** What has scrolled out of the terminal cannot be replaced: where there is no room for all, the last lines. */
  const below = (): readonly string[] =>
    (extra === undefined ? wanted : [...wanted, extra]).slice(-Math.max(1, look().height - 1));
  /** put replaces what does not stay by what stays and what is drawn anew; in one write, so that nothing flickers. */
  const put = (stays: string, isDrawn: boolean): void => {
    const lines = isDrawn ? below() : [];
    const before = onScreen === 0 ? '' : toStart(onScreen);
    onScreen = lines.length;
    if (isDrawn) drawnAt = now();
    const after = lines.length === 0 ? '' : uncontinued(lines.join('\n'));
    if (`${before}${stays}${after}` !== '') write(`${before}${stays}${after}`);
  };
  const cancel = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  /** A log may write a thousand lines a second: what is below follows when there is time. */
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      put('', true);
    }, redrawMs).unref();
  };
  const isDue = (): boolean => now() - drawnAt >= redrawMs;
  const redraw = (): void => {
    if (isDue() || below().length === 0) {
      cancel();
      put('', true);
    } else later();
  };
  return {
    look,
    say: (text) => {
      extra = undefined;
      if (below().length === 0 || isDue()) put(text, true);
      else {
        put(text, false);
        later();
      }
    },
    draw: (lines) => {
      wanted = lines;
      redraw();
    },
    progress: (line) => {
      extra = line;
      if (isDue()) redraw();
    },
    keep: (lines) => {
      cancel();
      wanted = [];
      extra = undefined;
      put(lines.map((line) => `${uncontinued(line)}\n`).join(''), true);
    },
    clear: () => {
      cancel();
      extra = undefined;
      put('', false);
      if (wanted.length > 0) later();
    },
    end: () => {
      if (onScreen > 0) write('\n');
      onScreen = 0;
    },
  };
};
