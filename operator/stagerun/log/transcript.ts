import { scrub, stamped } from './scrub.ts';

/** Position is the line that was written last. */
export interface Position {
  readonly at: string;
  readonly step: string;
  readonly text: string;
}

/** Block is some lines: so many are kept, and let go, at once. */
interface Block {
  bytes: Buffer;
  readonly lines: number;
  /** Nothing in it may harm a reader any more. */
  clean: boolean;
}

/** A block is scrubbed in one go, so it is small: a few milliseconds. */
const blockBytes = 16 * 1024;

/** Of the largest size a quarter is for the beginning of the log: what went wrong stands at the end. */
const headShare = 0.25;

const cutLine = (lines: number): string =>
  `[...] ${lines} lines are left out here: of a long log the beginning and the end are kept.`;
const cut = /^\[\.\.\.\] (\d+) lines are left out here/;

/** How a log ends; without one it is still written. */
const endings = {
  complete: '[end] The log is complete.',
  broken: '[end] The pod went before its log was read to the end.',
} as const;
/** Ending is how the reading of a log ended. */
export type Ending = keyof typeof endings;

/** Lets others have their turn on the one thread. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Transcript is the log of one build as it is archived, in bounded memory: its beginning and its end, and between them how much
 * is missing. Lines are scrubbed when the log leaves, so that what is dropped before costs nothing. It holds all that is needed
 * to go on with it: what was written can be read again.
 */
export class Transcript {
  readonly #maxHead: number;
  readonly #maxTail: number;
  readonly #head: Block[] = [];
  #headBytes = 0;
  #tail: Block[] = [];
  #tailBytes = 0;
  #open: string[] = [];
  #openBytes = 0;
  #cutLines = 0;
  #position: Position | undefined;
  #ending: Ending | undefined;

  constructor(maxBytes: number) {
    this.#maxHead = Math.floor(maxBytes * headShare);
    this.#maxTail = maxBytes - this.#maxHead;
  }

  /** read is a transcript as it was written. */
  static read(text: string, maxBytes: number): Transcript {
    const transcript = new Transcript(maxBytes);
    for (const line of text.split('\n')) transcript.#reread(line);
    return transcript;
  }

  /** position is where to go on; undefined before the first line. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** ending is how it ended; undefined while it is written. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** bytes is about how large it is. */
  get bytes(): number {
    return this.#headBytes + this.#tailBytes + this.#openBytes;
  }

  /** add takes the next line of a step. */
  add({ at, step, text }: Position): void {
    this.#position = { at, step, text };
    this.#push(`${at} [${step}] ${text}`);
  }

  end(ending: Ending): void {
    this.#ending = ending;
  }

  /** write is the whole log as it is now. */
  async write(): Promise<string> {
    this.#seal();
    const [head, tail, lines, ending] = [[...this.#head], [...this.#tail], this.#cutLines, this.#ending];
    for (const block of [...head, ...tail]) {
      if (block.clean) continue;
      block.bytes = Buffer.from(`${scrub(linesOf(block)).join('\n')}\n`);
      block.clean = true;
      await pause();
    }
    return [
      ...head.map(({ bytes }) => bytes.toString()),
      ...(lines > 0 ? [`${cutLine(lines)}\n`] : []),
      ...tail.map(({ bytes }) => bytes.toString()),
      ...(ending === undefined ? [] : [`${endings[ending]}\n`]),
    ].join('');
  }

  #reread(line: string): void {
    const [, at, step, text] = stamped.exec(line) ?? [];
    if (at !== undefined && step !== undefined && text !== undefined) return this.add({ at, step, text });
    const [, lines] = cut.exec(line) ?? [];
    if (lines !== undefined) {
      this.#seal();
      this.#cutLines = Number(lines);
    }
    for (const ending of ['complete', 'broken'] as const) if (line === endings[ending]) this.#ending = ending;
  }

  #push(line: string): void {
    this.#open.push(line);
    this.#openBytes += Buffer.byteLength(line) + 1;
    if (this.#openBytes >= blockBytes) this.#seal();
  }

  /** seal closes the block that is being filled. Once something is left out, the beginning does not grow any more. */
  #seal(): void {
    if (this.#open.length === 0) return;
    const block = { bytes: Buffer.from(`${this.#open.join('\n')}\n`), lines: this.#open.length, clean: false };
    this.#open = [];
    this.#openBytes = 0;
    if (this.#tail.length === 0 && this.#cutLines === 0 && this.#headBytes + block.bytes.length <= this.#maxHead) {
      this.#head.push(block);
      this.#headBytes += block.bytes.length;
      return;
    }
    this.#tail.push(block);
    this.#tailBytes += block.bytes.length;
    let dropped = 0;
    while (this.#tailBytes > this.#maxTail && dropped < this.#tail.length - 1) {
      const { bytes, lines } = this.#tail[dropped++] as Block;
      this.#tailBytes -= bytes.length;
      this.#cutLines += lines;
    }
    if (dropped > 0) this.#tail = this.#tail.slice(dropped);
  }
}

const linesOf = ({ bytes }: Block): string[] => bytes.toString().slice(0, -1).split('\n');
