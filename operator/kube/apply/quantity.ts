const suffixes: Readonly<Record<string, readonly [bigint, bigint]>> = {
  n: [1n, 1_000_000_000n],
  u: [1n, 1_000_000n],
  m: [1n, 1000n],
  '': [1n, 1n],
  k: [10n ** 3n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [2n ** 10n, 1n],
  Mi: [2n ** 20n, 1n],
  Gi: [2n ** 30n, 1n],
  Ti: [2n ** 40n, 1n],
  Pi: [2n ** 50n, 1n],
  Ei: [2n ** 60n, 1n],
};

const shape = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/;

/** ratio reads a Kubernetes quantity (`1500m`, `1.5`, `2Gi`, `1e3`) as a fraction; undefined where it is none. */
const ratio = (value: unknown): readonly [bigint, bigint] | undefined => {
  const [, sign, whole = '', part = '', exponent, suffix = ''] = shape.exec(String(value)) ?? [];
  if (sign === undefined || whole + part === '') return undefined;
  const [up, down] = suffixes[suffix] ?? [1n, 1n];
  const power = Number(exponent ?? 0);
  const digits = BigInt(sign === '-' ? `-${whole}${part}` : whole + part);
  return [digits * up * 10n ** BigInt(Math.max(0, power)), down * 10n ** BigInt(part.length + Math.max(0, -power))];
};

/** bytesOf is a quantity of bytes as a number; 0 where it is none. */
export const bytesOf = (value: string): number => {
  const [up, down] = ratio(value) ?? [0n, 1n];
  return Number(up / down);
};

/** isLess compares two quantities by value; false where one of them is none. */
export const isLess = (a: unknown, b: unknown): boolean => {
  const [x, y] = [ratio(a), ratio(b)];
  return x !== undefined && y !== undefined && x[0] * y[1] < y[0] * x[1];
};

/** sameQuantity compares two quantities by value: the API server writes them in its own way (`1000m` comes back as `1`). */
export const sameQuantity = (a: unknown, b: unknown): boolean => {
  const [x, y] = [ratio(a), ratio(b)];
  return x !== undefined && y !== undefined && x[0] * y[1] === y[0] * x[1];
};
