import { plainLine } from './text.ts';

/** Column is one column of a table: its head, and what it shows of a row. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => string | undefined;
  /** Only in the wide form. */
  readonly wide?: boolean;
}

const gap = '   ';

const lengthOf = (text: string): number => [...text].length;

/** cut makes a text fit. */
export const cut = (text: string, length: number, more = '…'): string =>
  lengthOf(text) <= length
    ? text
    : `${[...text]
        .slice(0, Math.max(0, length - 1))
        .join('')
        .trimEnd()}${more}`;

/** tableLines draws rows as kubectl does; cells are of others, and a line that is longer than the terminal is cut. */
export const tableLines = <T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  terminalWidth = Infinity,
): string[] => {
  const cells = [
    columns.map(({ head }) => head),
    ...rows.map((row) => columns.map(({ cell }) => plainLine(cell(row) ?? ''))),
  ];
  const widths = columns.map((_, at) => cells.reduce((most, line) => Math.max(most, lengthOf(line[at] ?? '')), 0));
  return cells.map((line) =>
    cut(
      line
        .map((cell, at) => (at === line.length - 1 ? cell : cell + ' '.repeat((widths[at] ?? 0) - lengthOf(cell))))
        .join(gap)
        .trimEnd(),
      terminalWidth,
    ),
  );
};

const units = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
] as const;

/** duration writes a number of seconds as kubectl does: two units at most while they are small. */
export const duration = (seconds: number): string => {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 120) return `${s}s`;
  const at = units.findIndex(([size]) => s >= 2 * size);
  const [size, unit] = units[at] ?? units[2];
  const whole = Math.floor(s / size);
  const [below, belowUnit] = units[at + 1] ?? [1, 's'];
  const rest = Math.floor((s - whole * size) / below);
  return whole >= 10 || rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${belowUnit}`;
};

/** age writes how long ago a time was. */
export const age = (time: string | undefined, now: Date): string =>
  time === undefined || Number.isNaN(Date.parse(time))
    ? '<unknown>'
    : duration((now.getTime() - Date.parse(time)) / 1000);
