import type { Row } from './rows.ts';

/** Timed is a row with when it began, and how long it took once it is done; milliseconds of the epoch. */
export interface Timed extends Row {
  readonly since?: number;
  readonly tookMs?: number;
}

const isUnderWay = ({ mark }: Row): boolean => mark === 'going' || mark === 'trouble' || mark === 'bad';

/** timed keeps time over the rows of before and those of now. */
export const timed = (before: readonly Timed[], rows: readonly Row[], now: number): Timed[] =>
  rows.map((row) => {
    const old = before.find(({ name }) => name === row.name);
    if (isUnderWay(row)) return { ...row, since: old?.since ?? now };
    if (row.mark !== 'good') return row;
    const tookMs = old?.tookMs ?? (old?.since === undefined ? undefined : now - old.since);
    return { ...row, ...(tookMs !== undefined && { tookMs }) };
  });
