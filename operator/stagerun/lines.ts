import type { Key } from '../kube/resource.ts';

/** Waiting is a run that wants a slot; since (creation time) orders the runs of a namespace. */
export interface Waiting {
  readonly key: Key;
  readonly since: string;
}

/** Waiter is a run in its line. */
export interface Waiter extends Waiting {
  readonly id: string;
  /** Age, and among those of one second (Kubernetes knows no less) who came first: one number, because it is compared often. */
  readonly order: number;
}

/** Line is one namespace: who waits there, oldest first, and how many Jobs it has. */
export interface Line {
  readonly waiting: Waiter[];
  building: number;
  stalled: number;
}

/** lowerBound is the index of the first that is not below order. */
const lowerBound = <T>(list: readonly T[], orderOf: (one: T) => number, order: number): number => {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (orderOf(list[middle] as T) < order) low = middle + 1;
    else high = middle;
  }
  return low;
};

const orderOf = ({ order }: Waiter): number => order;
const itself = (order: number): number => order;

/** placeIn is the index of a waiter in its line, or where it would be. */
export const placeIn = ({ waiting }: Line, one: Waiter): number => lowerBound(waiting, orderOf, one.order);

/** roundOf the waiter at an index: how many slots its namespace has before it gets one. Lower rounds go first. */
export const roundOf = (line: Line, index: number): number => line.building + line.stalled + index;

/**
 * Positions counts who goes before whom, among any number of runs in any number of namespaces. Near rounds can hold as many
 * runs as there are namespaces, so their orders are kept sorted; later rounds belong to the few namespaces that have so many runs
 * (deep lines), and these are looked through.
 */
export class Positions {
  readonly #near: readonly number[][];
  readonly #deep = new Set<Line>();
  #size = 0;

  constructor(rounds: number) {
    this.#near = Array.from({ length: rounds }, () => []);
  }

  /** change does something to a line that moves its waiters from an index on. */
  change(line: Line, from: number, edit: () => void): void {
    const before = line.waiting.length;
    this.#each(line, from, (orders, order) => orders.splice(lowerBound(orders, itself, order), 1));
    edit();
    this.#each(line, from, (orders, order) => orders.splice(lowerBound(orders, itself, order), 0, order));
    this.#size += line.waiting.length - before;
    if (roundOf(line, line.waiting.length) > this.#near.length && line.waiting.length > 0) this.#deep.add(line);
    else this.#deep.delete(line);
  }

  /** before counts the waiters of earlier rounds, and of this round those of a lower order. */
  before(round: number, order: number): number {
    let ahead = 0;
    const sorted = this.#near[round];
    if (sorted) {
      for (let i = 0; i < round; i++) ahead += this.#near[i]?.length ?? 0;
      return ahead + lowerBound(sorted, itself, order);
    }
    ahead = this.#size;
    for (const line of this.#deep) {
      const earlier = round - roundOf(line, 0);
      const rival = line.waiting[earlier];
      const going = Math.max(0, Math.min(line.waiting.length, earlier)) + (rival && rival.order < order ? 1 : 0);
      ahead += going - line.waiting.length;
    }
    return ahead;
  }

  #each(line: Line, from: number, work: (orders: number[], order: number) => void): void {
    for (let i = from; i < line.waiting.length; i++) {
      const orders = this.#near[roundOf(line, i)];
      if (!orders) return;
      work(orders, line.waiting[i]?.order ?? 0);
    }
  }
}
