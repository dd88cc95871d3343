import { expect, test } from 'vitest';
import { memoized } from './memo.ts';

test('a memoized function is asked once for each object, also where it makes nothing', () => {
  const asked: object[] = [];
  const f = memoized((of: { readonly n?: number }) => {
    asked.push(of);
    return of.n;
  });
  const [one, none, same] = [{ n: 1 }, {}, { n: 1 }];
  expect([f(one), f(none), f(one), f(none), f(same)]).toEqual([1, undefined, 1, undefined, 1]);
  expect(asked).toEqual([one, none, same]);
});
