/** Bytes reads a stream in pieces of the reader's choice. */
export interface Bytes {
  /** read gives exactly count bytes; undefined at the end of the stream. It throws where the stream ends within them. */
  read(count: number): Promise<Buffer | undefined>;
  /** line gives the bytes up to the next line break, which is read too; it throws where none comes within so many bytes. */
  line(most: number): Promise<string>;
  /** pass gives count bytes as they come; what its reader leaves is read by the next call of skip. */
  pass(count: number): AsyncGenerator<Buffer, void, undefined>;
  /** skip reads what is left of the last pass, and count bytes more. */
  skip(count: number): Promise<void>;
}

const endsEarly = (): Error => new Error('it ends early');

/** bytesOf reads from a stream. */
export const bytesOf = (source: AsyncIterator<Uint8Array>): Bytes => {
  let rest: Buffer = Buffer.alloc(0);
  let passing = 0;

  const fill = async (): Promise<boolean> => {
    while (rest.length === 0) {
      const next = await source.next();
      if (next.done === true) return false;
      rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    return true;
  };
  /** some gives what is at hand, at most so many bytes. */
  const some = async (most: number): Promise<Buffer> => {
    if (!(await fill())) throw endsEarly();
    const piece = rest.subarray(0, most);
    rest = rest.subarray(piece.length);
    return piece;
  };

  async function* passOn(): AsyncGenerator<Buffer, void, undefined> {
    while (passing > 0) {
      const piece = await some(passing);
      passing -= piece.length;
      yield piece;
    }
  }

  return {
    read: async (count) => {
      if (!(await fill())) return undefined;
      const pieces: Buffer[] = [];
      for (let missing = count; missing > 0;) {
        const piece = await some(missing);
        pieces.push(piece);
        missing -= piece.length;
      }
      return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    },
    line: async (most) => {
      for (let before = ''; ;) {
        if (!(await fill())) throw endsEarly();
        const end = rest.indexOf(0x0a);
        before += rest.subarray(0, end < 0 ? most + 1 : end).toString('latin1');
        rest = rest.subarray(end < 0 ? rest.length : end + 1);
        if (before.length > most) throw new Error('it has a line that is too long');
        if (end >= 0) return before;
      }
    },
    pass: (count) => {
      passing = count;
      return passOn();
    },
    skip: async (count) => {
      for (let left = passing + count; left > 0;) left -= (await some(left)).length;
      passing = 0;
    },
  };
};
