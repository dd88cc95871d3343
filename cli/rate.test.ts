import { expect, it } from 'vitest';
import { createRate } from './rate.ts';

const MiB = 1024 ** 2;

/** play tells at each time how much is done, and gives what is said last. */
const play = (total: number, ...steps: readonly (readonly [ms: number, done: number])[]): string => {
  let at = 0;
  const rate = createRate(total, () => at);
  let said = '';
  for (const [ms, done] of steps) {
    at = ms;
    said = rate(done);
  }
  return said;
};

it.each<[string, string, string]>([
  ['no speed at once', play(10 * MiB, [100, MiB]), '1.0 MiB of 10.0 MiB'],
  ['speed and time after half a second', play(10 * MiB, [500, MiB]), '1.0 MiB of 10.0 MiB, 2.0 MiB/s, 5 s left'],
  ['minutes', play(1000 * MiB, [1000, 10 * MiB]), '10.0 MiB of 1000.0 MiB, 10.0 MiB/s, 1 min 39 s left'],
  ['hours', play(100_000 * MiB, [1000, 5 * MiB]), '5.0 MiB of 100000.0 MiB, 5.0 MiB/s, 5.6 h left'],
  ['no time at the end', play(10 * MiB, [1000, 10 * MiB]), '10.0 MiB of 10.0 MiB, 10.0 MiB/s'],
  ['no speed where nothing moves', play(10 * MiB, [9000, 0]), '0 B of 10.0 MiB'],
])('says %s', (_, said, wanted) => expect(said).toBe(wanted));

it('forgets how fast it was long ago', () => {
  const fast = Array.from({ length: 10 }, (_, i) => [1000 * (i + 1), 10 * MiB * (i + 1)] as const);
  const slow = Array.from({ length: 20 }, (_, i) => [10_000 + 1000 * (i + 1), 100 * MiB + MiB * (i + 1)] as const);
  expect(play(200 * MiB, ...fast, ...slow)).toBe('120.0 MiB of 200.0 MiB, 1.0 MiB/s, 1 min 20 s left');
});
