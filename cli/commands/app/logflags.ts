import type { Output } from '../../output.ts';
import { plainLines } from '../../text.ts';

/** LogFlags choose what is shown of a log. */
export interface LogFlags {
  readonly follow: boolean;
  readonly staging: boolean;
  readonly run?: string;
  readonly tail?: number;
  /** Milliseconds. */
  readonly since?: number;
  readonly previous: boolean;
  readonly instance?: string;
  readonly container?: string;
}

/** sayLine passes a line of somebody's log on to stdout, as a terminal may show it. */
export const sayLine =
  (output: Output, prefix = '') =>
  (line: string): void => {
    for (const part of plainLines(line, process.stdout.isTTY)) output.result(`${prefix}${part}`);
  };

/** limits are the flags as the API server has them. */
export const limits = ({ tail, since }: Pick<LogFlags, 'tail' | 'since'>) => ({
  tailLines: tail,
  sinceSeconds: since === undefined ? undefined : Math.max(1, Math.ceil(since / 1000)),
});
