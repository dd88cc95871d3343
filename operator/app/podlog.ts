import { oneLine } from '../telemetry/oneline.ts';

const maxQuote = 300;
/** The newest line that names a trouble says more than the end of a stack trace. */
const troubled = /error|exception|panic|fatal|cannot|failed|denied|refused|not found/i;
const frame = /^\s*at\s/;

const linesOf = (log: string): string[] => log.split('\n').filter((line) => line.trim() !== '');

const quote = (line: string): string => oneLine(line, maxQuote).replaceAll('"', "'");

/** lastWords quotes the line of a log that most likely says why an app ended. */
export const lastWords = (log: string): string | undefined => {
  const lines = linesOf(log);
  const line = lines.findLast((l) => troubled.test(l) && !frame.test(l)) ?? lines.at(-1);
  return line === undefined ? undefined : quote(line);
};

/** Listening is where an app says that it listens. */
export interface Listening {
  readonly port: number;
  readonly line: string;
}

const listens = /listen|serving|running (?:at|on)|started|bound to|ready on|local:|port/i;
/** A port after a host, a colon or the word; times of day have two digits, and years no colon before them. */
const port = /(?:\bport(?:\(s\))?[\s=:"]{1,3}|:)(\d{2,5})(?![\d:.-])/gi;
const clock = /(?<![.\d])\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?/g;

/** listening finds the line in which an app tells its port, as most servers do when they start. */
export const listening = (log: string): Listening | undefined => {
  for (const line of linesOf(log).slice(0, 200)) {
    if (!listens.test(line) || troubled.test(line)) continue;
    const [, digits] = [...line.slice(0, 1000).replace(clock, '').matchAll(port)].at(-1) ?? [];
    const number = Number(digits);
    if (digits !== undefined && number > 0 && number <= 65_535) return { port: number, line: quote(line) };
  }
  return undefined;
};
