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

const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/**
 * Stamped reads a log of which each line begins with its time, over connections that break: each line is given once. The time is
 * the kubelet's word; what comes after it, and the rest of a line that is too long for one piece, is the app's.
 */
export class Stamped {
  #last = '';
  /** The line of which pieces may follow is a new one. */
  #isNew = false;

  /** sinceTime is where to go on after a connection broke: in whole seconds, because the API knows no less. */
  get sinceTime(): string | undefined {
    return this.#last === '' ? undefined : `${this.#last.slice(0, 19)}Z`;
  }

  /** take gives the text of a piece; undefined where it was given already. */
  take({ text, continued }: Piece): string | undefined {
    if (continued) return this.#isNew ? text : undefined;
    const blank = text.indexOf(' ');
    const at = blank < 0 ? text : text.slice(0, blank);
    const isStamped = timestamp.test(at);
    this.#isNew = !isStamped || at > this.#last;
    if (!this.#isNew) return undefined;
    if (!isStamped) return text;
    this.#last = at;
    return blank < 0 ? '' : text.slice(blank + 1);
  }
}
