import type { Look } from '../screen.ts';
import { cut, duration } from '../table.ts';
import type { Row, Step } from './rows.ts';
import type { Timed } from './timed.ts';

const colour: Readonly<Partial<Record<Row['mark'], number>>> = { good: 32, bad: 31, trouble: 33, going: 36, todo: 90 };

/** seconds writes how long something took. */
const seconds = (ms: number): string => duration(Math.max(0, ms) / 1000);

const stepText = ({ name, startedAt, finishedAt, exitCode = 0 }: Step, now: number): string =>
  `${name} ${seconds((finishedAt ?? now) - startedAt)}${exitCode === 0 ? '' : ` (exit code ${exitCode})`}`;

/** stepTexts lists steps; where there is no room for all of them, the last ones. */
const stepTexts = (steps: readonly Step[], now: number, room: number): string => {
  const texts = steps.map((step) => stepText(step, now));
  for (let from = 0; from < texts.length - 1; from++) {
    const text = texts.slice(from).join(', ');
    if (text.length <= room) return text;
  }
  return texts.at(-1) ?? '';
};

/** headOf is how wide the mark and the name of each row are. */
const headOf = (rows: readonly Row[]): number =>
  4 + rows.reduce((most, { name }) => Math.max(most, name.length + 1), 8);

const timeOf = ({ mark, since, tookMs, steps = [] }: Timed, now: number): string | undefined => {
  // The steps have times of their own.
  if (steps.length > 0) return undefined;
  if (mark === 'good') return tookMs !== undefined && tookMs >= 1000 ? seconds(tookMs) : undefined;
  return since === undefined ? undefined : seconds(now - since);
};

/** fit joins what is told and its time, which stays where there is no room for all. */
const fit = (told: string, time: string | undefined, room: number, more: string): string => {
  if (time === undefined) return cut(told, room, more);
  return told === '' ? time : `${cut(told, room - time.length - 2, more)}  ${time}`;
};

const drawRow = (row: Timed, now: number, look: Look & { readonly head: number }): string => {
  const { width, marks, colours, head } = look;
  const { name, mark, text, detail, steps = [] } = row;
  const room = Math.max(12, width - head);
  // While it is built the steps say more than that it is built.
  const words = mark === 'good' && steps.length > 0 ? undefined : text;
  const parts = [words, detail, stepTexts(steps, now, room)];
  const told = parts.filter((part) => part !== undefined && part !== '').join('  ');
  const line = fit(told, timeOf(row, now), room, marks.more);
  const sign = colours ? `\u001b[${colour[mark]}m${marks[mark]}\u001b[0m` : marks[mark];
  return `  ${sign} ${`${name.padEnd(head - 4)}${line}`.trimEnd()}`;
};

/** drawRows draws rows for a terminal that replaces them by the next. */
export const drawRows = (rows: readonly Timed[], now: number, look: Look): string[] =>
  rows.map((row) => drawRow(row, now, { ...look, head: headOf(rows) }));

const tookText = ({ steps = [], tookMs = 0 }: Timed): string => {
  const times = steps.flatMap((step) => (step.finishedAt === undefined ? [] : [stepText(step, step.finishedAt)]));
  const all = [...(tookMs < 1000 ? [] : [seconds(tookMs)]), ...(times.length === 0 ? [] : [times.join(', ')])];
  return all.length === 0 ? '' : ` (${all.join(': ')})`;
};

const newsOf = (old: Timed, row: Timed): string | undefined => {
  if (row.mark === 'good')
    // That the source is there is told by what comes next; what was done at the first look is no news.
    return old.since === undefined || old.mark === 'good' || row.name === 'Source'
      ? undefined
      : `${row.name}: ${row.text}${tookText(row)}`;
  // How it ended badly is told by the end.
  const isTold = row.mark === 'going' || row.mark === 'trouble';
  return isTold && row.text !== '' && row.text !== old.text ? `${row.name}: ${row.text}` : undefined;
};

/** tellRows says what is new in rows, in lines that stay. */
export const tellRows = (before: readonly Timed[], rows: readonly Timed[]): string[] =>
  rows.flatMap((row) => {
    const old = before.find(({ name }) => name === row.name);
    const news = old && newsOf(old, row);
    return news === undefined ? [] : [news];
  });
