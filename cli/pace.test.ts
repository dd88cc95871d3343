import { expect, it } from 'vitest';
import { createPace } from './pace.ts';

it('says yes at once, and then at most ten times a second', () => {
  let at = 0;
  const isDue = createPace(() => at);
  const answers = [0, 0, 99, 100, 101, 199, 200, 1000].map((ms) => {
    at = ms;
    return isDue();
  });
  expect(answers).toEqual([true, false, false, true, false, false, true, true]);
});
