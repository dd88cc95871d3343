import { expect, test } from 'vitest';
import { inOrder, textOf } from './answers.ts';

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

const keysOf = async (keys: Iterable<string>): Promise<string[]> => {
  const seen: string[] = [];
  for await (const { key } of inOrder(each([...keys].map((k) => ({ key: k, size: 1 }))))) seen.push(key);
  return seen;
};

test.each([[[]], [['a']], [['a', 'a/b', 'aa', 'b']], [['\u{ff5e}', '\u{10000}']]])(
  'a list in the order of S3, which is that of bytes, passes: %j',
  async (keys) => {
    expect(await keysOf(keys)).toEqual(keys);
  },
);

test.each([[['a', 'a']], [['b', 'a']], [['\u{10000}', '\u{ff5e}']]])('a list that goes back ends: %j', async (keys) => {
  await expect(keysOf(keys)).rejects.toMatchObject({ code: 'UnorderedList' });
});

test('a list that goes round for ever ends', async () => {
  function* round(): Generator<{ key: string; size: number }> {
    for (;;) yield* ['a', 'b'].map((key) => ({ key, size: 1 }));
  }
  const seen: string[] = [];
  const read = async (): Promise<void> => {
    for await (const { key } of inOrder(each(round()))) seen.push(key);
  };
  await expect(read()).rejects.toThrow('not in their order');
  expect(seen).toEqual(['a', 'b']);
});

test('an object is read as text up to a size that fits into memory', async () => {
  expect(await textOf(each([Buffer.from('ä').subarray(0, 1), Buffer.from('ä').subarray(1)]))).toBe('ä');
  let given = 0;
  function* endless(): Generator<Buffer> {
    for (; ; given++) yield Buffer.alloc(1024 ** 2);
  }
  await expect(textOf(each(endless()))).rejects.toMatchObject({ code: 'EntityTooLarge' });
  expect(given).toBe(64);
});
