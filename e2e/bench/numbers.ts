/** mean of values. */
export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** rounded for people to read. */
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
