import { oneLine } from './report.ts';

/** Log writes lines for the user who reads the log of the build. */
export type Log = (line: string) => void;

/** toStdout prints one line. */
export const toStdout: Log = (line) => void process.stdout.write(`${oneLine(line)}\n`);

/** bytesText writes a number of bytes for people. */
export const bytesText = (bytes: number): string => {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power]}`;
};

/** progress makes a function that logs each tenth of total as it is passed; small totals are over too soon for it. */
export const progress = (log: Log, verb: string, total: number): ((done: number) => void) => {
  let told = 0;
  return (done) => {
    const tenth = Math.floor((done * 10) / total);
    if (total < 10 * 1024 ** 2 || tenth <= told || tenth > 9) return;
    told = tenth;
    log(`${verb} ${tenth}0 % of ${bytesText(total)}`);
  };
};
