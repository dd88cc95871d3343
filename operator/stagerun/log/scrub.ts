import { invisible, terminalSequence } from '../../telemetry/oneline.ts';
import { redact } from '../../telemetry/redact.ts';

/** stamped is how each line of an archived log begins: its time and its step. */
export const stamped = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) \[([a-z]+)\] (.*)$/;

/** What some reader takes for the end of a line; a line of ours ends at \n alone, or others could write lines of ours. */
const lineEnds = /[\r\v\f\u0085\u2028\u2029]+/g;
const controls = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/g;

const plain = (text: string): string =>
  text.toWellFormed().replace(terminalSequence, '').replace(lineEnds, ' ').replace(invisible, '').replace(controls, '');

/**
 * scrub makes stamped lines fit for readers: no secret that is known for one, nothing that a terminal acts on. Doing it twice is
 * doing it once. The texts are looked at together, because a password may stand below its name, and without the stamps.
 */
export const scrub = (lines: readonly string[]): string[] => {
  const parts = lines.map((line) => {
    const [, at = '', step = '', text = ''] = stamped.exec(line.replace(lineEnds, ' ')) ?? [];
    return { stamp: `${at} [${step}] `, text: plain(text) };
  });
  const together = redact(parts.map(({ text }) => text).join('\n')).split('\n');
  return parts.map(({ stamp, text }, i) => {
    const redacted = together.length === parts.length ? together[i] : redact(text);
    return `${stamp}${redacted}`;
  });
};

const begin = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;
const end = /-----END [A-Z0-9 ]*PRIVATE KEY-----/;
/** More lines than a key has: a begin without an end hides no more than these. */
const maxKeyLines = 200;
const mask = '*** (a private key)';

/** KeyMask takes private keys out of a log, which are the secrets of many lines. */
export class KeyMask {
  #left = 0;

  /** lastLine is where the log was left before: perhaps in the middle of a key. */
  constructor(lastLine = '') {
    this.#left = lastLine.endsWith(mask) ? maxKeyLines : 0;
  }

  /** take gives what may be kept of a line; undefined for one that is of a key. */
  take(line: string): string | undefined {
    const before = this.#left;
    if (before > 0) {
      this.#left = end.test(line) ? 0 : before - 1;
      return undefined;
    }
    if (!line.includes('PRIVATE KEY-----')) return line;
    const from = begin.exec(line)?.index;
    if (from === undefined || end.test(line.slice(from))) return line;
    this.#left = maxKeyLines;
    return `${line.slice(0, from)}${mask}`;
  }
}
