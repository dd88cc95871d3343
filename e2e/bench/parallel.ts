/** sockets is how many requests are under way at once, for raw writes and for the operator alike. */
export const sockets = 32;

/** parallel works through all items, at most `width` at once. */
export const parallel = async <T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<unknown>,
  width: number = sockets,
): Promise<void> => {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) await work(items[i] as T, i);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
};

/** seconds measures how long work takes. */
export const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

/** range gives 0 … n-1. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
