import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPullCredential, pullCredential, readPullKeys, scopeOf, type PullKeys } from './pullkeys.ts';

const one = 'a'.repeat(43);
const two = 'b'.repeat(43);

const read = (data: Record<string, string>): PullKeys => {
  const keys = readPullKeys(data);
  if (keys === undefined) throw new Error('no keys');
  return keys;
};

const opens = (keys: PullKeys, { username, password }: { username: string; password: string }): boolean =>
  isPullCredential(keys, username, password);

test('a credential is the same each time it is derived: nothing needs to be kept', () => {
  const credential = pullCredential(read({ version: '1', 'key-1': one }), 'apps/team-a');
  expect(credential).toEqual({
    type: 'basic',
    username: 'apps/team-a',
    password: '1.gsqOHjt7Khk77XeWJRQTNzfrwBnA8ZJUfh4uBqwdvXc',
  });
});

test('a key is exchanged in three steps, and no credential in use stops opening before the last one', () => {
  const first = read({ version: '1', 'key-1': one });
  const added = read({ version: '1', 'key-1': one, 'key-2': two });
  const used = read({ version: '2', 'key-1': one, 'key-2': two });
  const last = read({ version: '2', 'key-2': two });
  const [old, fresh] = [pullCredential(first, 'apps/a'), pullCredential(used, 'apps/a')];
  expect(pullCredential(added, 'apps/a')).toEqual(old);
  expect([first, added, used, last].map((keys) => opens(keys, old))).toEqual([true, true, true, false]);
  expect([first, added, used, last].map((keys) => opens(keys, fresh))).toEqual([false, true, true, true]);
});

test('a credential opens for its own scope and key only, whatever is changed in it', () => {
  const keys = read({ version: '1', 'key-1': one, 'key-2': two });
  const mine = pullCredential(keys, 'apps/team-a');
  expect(opens(keys, mine)).toBe(true);
  for (const username of ['apps/team-b', 'apps/team-a/', 'apps', '', 'apps/team-a\n', 'APPS/TEAM-A'])
    expect(opens(keys, { ...mine, username })).toBe(false);
  const { password } = mine;
  for (const wrong of [
    '',
    '1.',
    '.',
    password.slice(0, -1),
    `${password}A`,
    password.replace('1.', '2.'),
    password.slice(2),
  ])
    expect(opens(keys, { ...mine, password: wrong })).toBe(false);
  expect(opens(keys, { ...mine, password: password.replace('1.', '01.') })).toBe(false);
});

test('nobody guesses: no other text opens', () => {
  const keys = read({ version: '1', 'key-1': one });
  fc.assert(
    fc.property(fc.string(), fc.string(), (username, password) => {
      expect(isPullCredential(keys, username, password)).toBe(false);
      expect(isPullCredential(keys, username, `1.${password}`)).toBe(false);
    }),
  );
});

test.each<[string, Record<string, string>]>([
  ['nothing', {}],
  ['no version', { 'key-1': one }],
  ['a version without its key', { version: '2', 'key-1': one }],
  ['a key that was typed by hand', { version: '1', 'key-1': 'secret' }],
  ['a version that is no number', { version: 'x', 'key-x': one }],
])('%s is no set of keys', (_name, data) => {
  expect(readPullKeys(data)).toBeUndefined();
});

test('ends of lines around what kubectl was given do not count', () => {
  expect(read({ version: '1\n', 'key-1': `${one}\n` })).toEqual(read({ version: '1', 'key-1': one }));
});

test('a scope is the path of the namespace in the registry', () => {
  expect(scopeOf('apps', 'team-a')).toBe('apps/team-a');
  expect(scopeOf('', 'team-a')).toBe('team-a');
});
