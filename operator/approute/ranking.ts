import { Heap, type Node } from '../kube/heap.ts';
import type { Claim } from './claim.ts';

interface Place extends Node {
  readonly claim: Claim;
}

/** Ranking keeps claims in an order, of which only the first is asked for: O(log n) to add and to remove. */
export class Ranking {
  readonly #heap: Heap<Place>;
  readonly #places = new Map<Claim, Place>();

  constructor(order: (a: Claim, b: Claim) => number) {
    this.#heap = new Heap((a, b) => order(a.claim, b.claim) < 0);
  }

  get size(): number {
    return this.#places.size;
  }

  get first(): Claim | undefined {
    return this.#heap.peek()?.claim;
  }

  /** all lists the claims in no order. */
  all(): Iterable<Claim> {
    return this.#places.keys();
  }

  add(claim: Claim): void {
    const place: Place = { claim, place: -1 };
    this.#places.set(claim, place);
    this.#heap.push(place);
  }

  remove(claim: Claim): void {
    const place = this.#places.get(claim);
    if (place === undefined) return;
    this.#places.delete(claim);
    this.#heap.remove(place);
  }
}
