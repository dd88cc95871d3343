import { wantsColours, type Output } from '../../output.ts';
import { plainLines } from '../../text.ts';

/** LogFlags choose what is shown of a log. */
export interface LogFlags {
  readonly follow: boolean;
  readonly staging: boolean;
  readonly run?: string;
  readonly tail?: number;
  /** Milliseconds. */
  readonly since?: number;
  /** From this time on, as the API has it; for commands, there is no flag. */
  readonly sinceTime?: string;
  readonly previous: boolean;
  readonly instance?: string;
  readonly container?: string;
}

/** sayLine passes a line of somebody's log on to stdout, as a terminal may show it. */
export const sayLine =
  (output: Output, prefix = '') =>
  (line: string): void => {
    for (const part of plainLines(line, wantsColours(process.stdout.isTTY))) output.result(`${prefix}${part}`);
  };

/** limits are the flags as the API server has them. */
export const limits = ({ tail, since, sinceTime }: Pick<LogFlags, 'tail' | 'since' | 'sinceTime'>) => ({
  tailLines: tail,
  sinceTime,
  sinceSeconds: since === undefined ? undefined : Math.max(1, Math.ceil(since / 1000)),
});
