import { Heap, type Node } from '../heap.ts';
import { notOlder } from '../resourceversion.ts';

interface Awaited extends Node {
  readonly version: string;
  readonly reached: () => void;
}

/**
 * Progress is the progress of a watch: the version up to which everything has been seen, and who waits for one. Versions
 * that nobody waits for cost nothing.
 */
export class Progress {
  readonly #waiting = new Heap<Awaited>((a, b) => !notOlder(a.version, b.version));
  #version: string | undefined;

  get version(): string | undefined {
    return this.#version;
  }

  /** advance sets the version and calls those who waited for it or an older one. It may go back: to a restored backup. */
  advance(version: string): void {
    this.#version = version;
    for (;;) {
      const next = this.#waiting.peek();
      if (next === undefined || !notOlder(version, next.version)) return;
      this.#waiting.remove(next);
      next.reached();
    }
  }

  /** when calls `reached` once, as soon as that version is there (from now on); the answer gives that up. */
  when(version: string, reached: () => void): () => void {
    // What is no integer has no place among the others; notOlder takes it for reached by nothing but itself.
    if (!/^\d+$/.test(version)) return () => undefined;
    let waits = true;
    const milestone: Awaited = {
      version,
      place: -1,
      reached: () => {
        waits = false;
        reached();
      },
    };
    this.#waiting.push(milestone);
    return () => {
      if (waits) this.#waiting.remove(milestone);
      waits = false;
    };
  }
}
