/** Limits bound what clients can hold of the door. */
export interface Limits {
  /** Connections at once, and of one address (a node's forwarder, or a pod). */
  readonly connections: number;
  readonly perAddress: number;
  /** Answers under way at once, and of one namespace. */
  readonly answers: number;
  readonly perScope: number;
  /** A connection on which nothing moves is ended after this time. */
  readonly idleMs: number;
  /** No answer takes longer. */
  readonly totalMs: number;
  /** How long answers under way may go on when the door is told to end. */
  readonly drainMs: number;
}

/** defaultLimits let a thousand nodes pull at once within the memory that manifests/components/registry gives. */
export const defaultLimits: Limits = {
  connections: 8192,
  perAddress: 1024,
  answers: 4096,
  perScope: 2048,
  idleMs: 60_000,
  totalMs: 3_600_000,
  drainMs: 20_000,
};

/** Counted is a bound on something that is held, as a whole and of each key. */
export class Counted {
  #total = 0;
  readonly #by = new Map<string, number>();
  readonly #max: number;
  readonly #maxByKey: number;

  constructor(max: number, maxByKey: number) {
    this.#max = max;
    this.#maxByKey = maxByKey;
  }

  /** total is how many are held now. */
  get total(): number {
    return this.#total;
  }

  /** take gives what releases it again; undefined where there is no more. */
  take(key: string): (() => void) | undefined {
    const held = this.#by.get(key) ?? 0;
    if (this.#total >= this.#max || held >= this.#maxByKey) return undefined;
    this.#total++;
    this.#by.set(key, held + 1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#total--;
      const left = (this.#by.get(key) ?? 1) - 1;
      if (left === 0) this.#by.delete(key);
      else this.#by.set(key, left);
    };
  }
}
