/** Node is an element of a Heap; it knows its place, so that it can be taken out from the middle. */
export interface Node {
  place: number;
}

/** Heap gives the least element first; adding, and removing from anywhere, cost O(log n). */
export class Heap<T extends Node> {
  readonly #nodes: T[] = [];
  readonly #less: (a: T, b: T) => boolean;

  constructor(less: (a: T, b: T) => boolean) {
    this.#less = less;
  }

  get size(): number {
    return this.#nodes.length;
  }

  peek(): T | undefined {
    return this.#nodes[0];
  }

  push(node: T): void {
    this.#put(node, this.#nodes.length);
    this.#up(node);
  }

  pop(): T | undefined {
    const first = this.#nodes[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  remove(node: T): void {
    const last = this.#nodes.pop();
    if (last === undefined || last === node) return;
    this.#put(last, node.place);
    this.#up(last);
    this.#down(last);
  }

  clear(): void {
    this.#nodes.length = 0;
  }

  #put(node: T, place: number): void {
    this.#nodes[place] = node;
    node.place = place;
  }

  #up(node: T): void {
    while (node.place > 0) {
      const parent = this.#nodes[(node.place - 1) >> 1];
      if (parent === undefined || !this.#less(node, parent)) return;
      this.#swap(node, parent);
    }
  }

  #down(node: T): void {
    for (;;) {
      const left = this.#nodes[2 * node.place + 1];
      const right = this.#nodes[2 * node.place + 2];
      const child = right !== undefined && left !== undefined && this.#less(right, left) ? right : left;
      if (child === undefined || !this.#less(child, node)) return;
      this.#swap(node, child);
    }
  }

  #swap(a: T, b: T): void {
    const place = a.place;
    this.#put(a, b.place);
    this.#put(b, place);
  }
}
