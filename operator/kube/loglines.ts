/** A line that is longer than this comes in several pieces: a log without an end of line must not fill the memory. */
const maxLine = 64 * 1024;

/** Piece is a line, or a part of a long one. */
export interface Piece {
  readonly text: string;
  /** It goes on with the line of the piece before. */
  readonly continued: boolean;
}

/** splitLines makes lines of bytes as they come; the last one needs no end. */
export async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece, void, undefined> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest = '';
  let continued = false;
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      yield { text, continued };
      continued = false;
    }
    for (; rest.length > maxLine; rest = rest.slice(maxLine)) {
      yield { text: rest.slice(0, maxLine), continued };
      continued = true;
    }
  }
  rest += decoder.decode();
  if (rest !== '') yield { text: rest, continued };
}

const timestamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** utcOf is the time of a line in UTC, to the nanosecond: a kubelet writes it as the clock of its node stands. */
const utcOf = (text: string): string | undefined => {
  const [, seconds, fraction = '', zone] = timestamp.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return undefined;
  if (zone === 'Z') return text;
  const at = Date.parse(`${seconds}${zone}`);
  return Number.isNaN(at) ? undefined : `${new Date(at).toISOString().slice(0, 19)}${fraction}Z`;
};

/**
 * Stamped reads a log of which each line begins with its time, over connections that break: each line is given once. The time is
 * the kubelet's word; what comes after it, and the rest of a line that is too long for one piece, is the app's.
 */
export class Stamped {
  #last: string;
  /** The line of which pieces may follow is a new one. */
  #isNew = false;

  /** after is the time of the last line that was read before. */
  constructor(after = '') {
    this.#last = after;
  }

  /** last is the time of the line that was given last; empty before the first. */
  get last(): string {
    return this.#last;
  }

  /** sinceTime is where to go on after a connection broke: in whole seconds, because the API knows no less. */
  get sinceTime(): string | undefined {
    return this.#last === '' ? undefined : `${this.#last.slice(0, 19)}Z`;
  }

  /** take gives the text of a piece; undefined where it was given already. */
  take({ text, continued }: Piece): string | undefined {
    if (continued) return this.#isNew ? text : undefined;
    const blank = text.indexOf(' ');
    const at = utcOf(blank < 0 ? text : text.slice(0, blank));
    this.#isNew = at === undefined || at > this.#last;
    if (!this.#isNew) return undefined;
    if (at === undefined) return text;
    this.#last = at;
    return blank < 0 ? '' : text.slice(blank + 1);
  }
}
