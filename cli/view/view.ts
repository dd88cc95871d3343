import type { Output, Screen } from '../output.ts';
import { createPace } from '../pace.ts';
import { drawRows, tellRows } from './draw.ts';
import { rowsOf, type Known, type Step } from './rows.ts';
import { timed, type Timed } from './timed.ts';

/**
 * View shows where a push is: on a terminal rows that replace themselves, elsewhere a line for all that is new. Its rows stay when
 * it is disposed of, as they are then.
 */
export interface View extends Disposable {
  /** For those who just talk: what they say stays, above the rows; their progress is that of the upload. */
  readonly output: Output;
  /** know takes what is new and shows it. */
  know(more: Partial<Known>): void;
  /** step takes what is new of a step of the build. */
  step(step: Step): void;
  /** building: another build is shown from now on. */
  building(): void;
  /** last are the words of what is under way, for who ends it. */
  last(): string | undefined;
}

/** As often a row that is under way ticks. */
const tickMs = 1000;

interface Tools {
  readonly output: Output;
  /** Milliseconds of the epoch. */
  readonly clock?: () => number;
}

/** onScreen draws rows until it is disposed of. */
const onScreen = (screen: Screen, rows: () => readonly Timed[], clock: () => number) => {
  const draw = (): string[] => drawRows(rows(), clock(), screen.look());
  const timer = setInterval(() => screen.draw(draw()), tickMs).unref();
  return {
    show: () => screen.draw(draw()),
    [Symbol.dispose]: () => {
      clearInterval(timer);
      screen.keep(draw());
    },
  };
};

/** createView makes it. */
export const createView = ({ output, clock = Date.now }: Tools): View => {
  let known: Known = { steps: [] };
  let rows = timed([], rowsOf(known), clock());
  const { screen } = output;
  const shown = screen && onScreen(screen, () => rows, clock);
  const know = (more: Partial<Known>): void => {
    known = { ...known, ...more };
    const before = rows;
    rows = timed(before, rowsOf(known), clock());
    if (shown !== undefined) shown.show();
    else for (const line of tellRows(before, rows)) output.step(line);
  };
  const isDue = createPace(clock);
  return {
    output: screen === undefined ? output : { ...output, progress: (text) => void (isDue() && know({ upload: text })) },
    know,
    step: (step) => know({ steps: [...known.steps.filter(({ name }) => name !== step.name), step] }),
    building: () => know({ steps: [] }),
    last: () => rows.find(({ mark }) => mark === 'going' || mark === 'trouble')?.text || undefined,
    [Symbol.dispose]: () => shown?.[Symbol.dispose](),
  };
};
