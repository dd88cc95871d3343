import { Heap, type Node } from '../heap.ts';

/** Waiting is what can wait in Turns. Neither field may change while it does. */
export interface Waiting extends Node {
  readonly namespace: string;
  readonly priority: number;
  /** Order of arrival. */
  readonly order: number;
}

/** TurnsOptions, all optional. */
export interface TurnsOptions {
  /** How many of one namespace may be out at once; default: any number. */
  readonly perNamespace?: number;
}

/** Lane is what waits of one namespace and priority, in its order of arrival. */
interface Lane<T extends Waiting> extends Node {
  readonly namespace: string;
  readonly waiting: Heap<T>;
  turn: number;
}

interface Level<T extends Waiting> {
  readonly priority: number;
  readonly lanes: Map<string, Lane<T>>;
  /** Lanes that may be served, the one whose turn is longest ago first. */
  readonly open: Heap<Lane<T>>;
}

/** Of so many turns one goes to the lowest priority that waits, or whoever keeps the higher ones busy would stop it for good. */
const lowestShare = 8;

/**
 * Turns hands out what waits: the highest priority first, and within a priority one of each namespace in turn, so that who
 * has ten thousand keys in it delays another's first by one. Everything costs O(log n).
 */
export class Turns<T extends Waiting> {
  readonly #levels: Level<T>[] = [];
  readonly #out = new Map<string, number>();
  readonly #perNamespace: number;
  #size = 0;
  #turn = 0;
  #high = 0;

  constructor({ perNamespace = Infinity }: TurnsOptions = {}) {
    this.#perNamespace = perNamespace;
  }

  /** size counts all that waits, also that of namespaces which have as many out as they may. */
  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    const { lanes, open } = this.#level(item.priority);
    const known = lanes.get(item.namespace);
    const lane = known ?? this.#lane(item.namespace);
    lane.waiting.push(item);
    this.#size++;
    if (known !== undefined) return;
    lanes.set(item.namespace, lane);
    if (this.#isOpen(item.namespace)) open.push(lane);
  }

  remove(item: T): void {
    const level = this.#level(item.priority);
    const lane = level.lanes.get(item.namespace);
    if (lane === undefined) return;
    lane.waiting.remove(item);
    this.#size--;
    if (lane.waiting.size === 0) this.#drop(level, lane);
  }

  /** take hands out the next one; its namespace has one more out until it is given back. */
  take(): T | undefined {
    const level = this.#next();
    const lane = level?.open.peek();
    if (level === undefined || lane === undefined) return undefined;
    const item = lane.waiting.pop();
    this.#size--;
    level.open.remove(lane);
    lane.turn = this.#turn++;
    if (lane.waiting.size === 0) level.lanes.delete(lane.namespace);
    else level.open.push(lane);
    this.#took(lane.namespace);
    return item;
  }

  /** giveBack tells that one of the namespace is no longer out. */
  giveBack(namespace: string): void {
    const wasOpen = this.#isOpen(namespace);
    const out = (this.#out.get(namespace) ?? 0) - 1;
    if (out > 0) this.#out.set(namespace, out);
    else this.#out.delete(namespace);
    if (wasOpen) return;
    for (const { lanes, open } of this.#levels) {
      const lane = lanes.get(namespace);
      if (lane !== undefined) open.push(lane);
    }
  }

  #took(namespace: string): void {
    this.#out.set(namespace, (this.#out.get(namespace) ?? 0) + 1);
    if (this.#isOpen(namespace)) return;
    for (const { lanes, open } of this.#levels) {
      const lane = lanes.get(namespace);
      if (lane !== undefined) open.remove(lane);
    }
  }

  #isOpen(namespace: string): boolean {
    return (this.#out.get(namespace) ?? 0) < this.#perNamespace;
  }

  #next(): Level<T> | undefined {
    const waiting = this.#levels.filter(({ open }) => open.size > 0);
    if (waiting.length < 2) return waiting[0];
    this.#high = (this.#high + 1) % lowestShare;
    return this.#high === 0 ? waiting.at(-1) : waiting[0];
  }

  #drop({ lanes, open }: Level<T>, lane: Lane<T>): void {
    lanes.delete(lane.namespace);
    if (this.#isOpen(lane.namespace)) open.remove(lane);
  }

  #lane(namespace: string): Lane<T> {
    return { namespace, waiting: new Heap<T>((a, b) => a.order < b.order), turn: this.#turn++, place: -1 };
  }

  /** Priorities are few, and stay. */
  #level(priority: number): Level<T> {
    const known = this.#levels.find((level) => level.priority === priority);
    if (known !== undefined) return known;
    const made = { priority, lanes: new Map<string, Lane<T>>(), open: new Heap<Lane<T>>((a, b) => a.turn < b.turn) };
    this.#levels.push(made);
    this.#levels.sort((a, b) => b.priority - a.priority);
    return made;
  }
}
