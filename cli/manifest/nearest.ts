/** distance counts the letters that are to be put in, taken out, changed or swapped with their neighbour (Damerau-Levenshtein). */
const distance = (a: string, b: string): number => {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)]);
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i]![j] = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + (same ? 0 : 1),
        swapped ? at(i - 2, j - 2) + 1 : Infinity,
      );
    }
  return at(a.length, b.length);
};

/** Longer words are no slip of the fingers, and would make the comparison long. */
const longest = 64;

/** nearest is the known word that was most likely meant; undefined where none is near. */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  if (word.length > longest) return undefined;
  const plain = (text: string): string => text.toLowerCase().replace(/[-_]/g, '');
  const [best] = known
    .map((candidate) => ({ candidate, far: distance(plain(word), plain(candidate)) }))
    .filter(({ candidate, far }) => far <= Math.max(1, Math.floor(candidate.length / 3)))
    .toSorted((a, b) => a.far - b.far);
  return best?.candidate;
};
