/** The decoder inside unbzip2-stream, which has no types of its own. */
declare module 'unbzip2-stream/lib/bit_iterator.js' {
  interface Bits {
    (count: number | null): number;
    readonly bytesRead: number;
  }
  export default function bitIterator(nextBuffer: () => Uint8Array): Bits;
}

declare module 'unbzip2-stream/lib/bzip2.js' {
  import type bitIterator from 'unbzip2-stream/lib/bit_iterator.js';
  type Bits = ReturnType<typeof bitIterator>;
  const bzip2: {
    /** Reads the header of a stream: its block size in units of 100,000 bytes. */
    header(bits: Bits): number;
    /** Reads one block; null after the last one of a stream. */
    decompress(bits: Bits, push: (byte: number) => void, work: Int32Array, size: number, crc: number): number | null;
  };
  export default bzip2;
}
