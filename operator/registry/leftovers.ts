/** Left is what a walk through the registry found of images that no StageRun stands for. */
export interface Left {
  /** When the walk began. */
  readonly at: Date;
  /** Bytes of each namespace. */
  readonly bytes: ReadonlyMap<string, number>;
}

/**
 * Leftovers is what the last walk found. An image outlives its StageRun: it stays until nothing needs it and the sweep has
 * removed it, and so long its namespace holds it.
 */
export class Leftovers {
  #left: Left | undefined;

  saw(left: Left): void {
    this.#left = left;
  }

  /** since is when the last walk began; undefined where there was none. */
  get since(): Date | undefined {
    return this.#left?.at;
  }

  /** of is what a namespace holds. */
  of(namespace: string): number {
    return this.#left?.bytes.get(namespace) ?? 0;
  }
}
