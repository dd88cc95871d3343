import { ApiError } from '../errors.ts';

const quote = 0x22;
const backslash = 0x5c;
const brace = 0x7b;
const bracket = 0x5b;
const braceEnd = 0x7d;
const bracketEnd = 0x5d;

const malformed = (cause?: unknown): ApiError =>
  new ApiError({ code: 0, reason: 'Malformed', message: 'the API server sent a list that is no JSON', cause });

const parse = (text: Buffer): unknown => {
  try {
    return JSON.parse(text.toString());
  } catch (e) {
    throw malformed(e);
  }
};

/**
 * ListReader takes the JSON of a list in whatever pieces it comes, and hands out each item as soon as it is whole. A page
 * of 500 objects as one text and one tree is some 10 MB of garbage that survives into V8's old space; item by item it dies
 * young, and a restart with 50,000 objects needs a third less memory.
 */
export class ListReader {
  readonly #take: (item: unknown) => void;
  /** What the list says before its items; what it says after them stays in the pieces. */
  #head: Buffer | undefined;
  /** Pieces of chunks that were looked at and belong to nothing whole yet. */
  #pieces: Buffer[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inItems = false;

  constructor(take: (item: unknown) => void) {
    this.#take = take;
  }

  /** push takes the next chunk. Fields are locals in the loop, which runs for every byte. */
  push(chunk: Buffer): void {
    let [depth, inString, escaped, from] = [this.#depth, this.#inString, this.#escaped, 0];
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (byte === quote) inString = true;
      else if (byte === brace || byte === bracket) {
        from = this.#opens(chunk, from, i, depth++);
      } else if (byte === braceEnd || byte === bracketEnd) {
        from = this.#closes(chunk, from, i + 1, --depth);
      }
    }
    [this.#depth, this.#inString, this.#escaped] = [depth, inString, escaped];
    if (from < chunk.length) this.#pieces.push(chunk.subarray(from));
  }

  /** end gives the list without its items; throws where the text was cut. */
  end(): unknown {
    if (this.#depth !== 0) throw malformed();
    return parse(Buffer.concat([...(this.#head ? [this.#head] : []), ...this.#pieces]));
  }

  /** opens looks at a bracket that opens at `at`, and returns from where on the text is not done with. */
  #opens(chunk: Buffer, from: number, at: number, depth: number): number {
    if (depth === 1 && /"items"\s*:\s*$/.test(this.#whole(chunk.subarray(from, at)).subarray(-32).toString())) {
      this.#inItems = true;
    } else if (depth === 2 && this.#inItems) {
      const before = this.#whole(chunk.subarray(from, at));
      this.#pieces = [];
      // A copy, or it would keep its chunk; between items there are only commas.
      this.#head ??= Buffer.from(before);
      return at;
    }
    return from;
  }

  #closes(chunk: Buffer, from: number, to: number, depth: number): number {
    if (!this.#inItems) return from;
    if (depth === 1) this.#inItems = false;
    if (depth !== 2) return from;
    const item = this.#whole(chunk.subarray(from, to));
    this.#pieces = [];
    this.#take(parse(item));
    return to;
  }

  #whole(last: Buffer): Buffer {
    return this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
  }
}
