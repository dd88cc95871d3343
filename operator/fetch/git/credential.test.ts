import { expect, it } from 'vitest';
import { hiderOf } from './credential.ts';

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

it.each([
  ['Basic, as it was sent', basic('me:pass:word'), `got ${basic('me:pass:word')}`, 'got Basic ***'],
  ['its password alone', basic('me:pass:word'), 'you are pass:word', 'you are ***'],
  ['its password in a URL', basic('me:pass:word'), '/login?with=pass%3Aword', '/login?with=***'],
  ['a token as the name', basic('ghp_0123456789abcdef:x'), 'no ghp_0123456789abcdef, me', 'no ***, me'],
  ['an ordinary name', basic('git:secret'), 'git says: no', 'git says: no'],
  ['a token', 'Bearer abc.def', 'Bearer abc.def is old', 'Bearer *** is old'],
  ['a password that is part of many words', basic('me:a'), 'a bad day', 'a bad day'],
])('%s', (_name, authorization, said, shown) => {
  expect(hiderOf({ authorization })(said)).toBe(shown);
});

it('nothing is hidden where there is no credential', () => {
  expect(hiderOf(undefined)('all of it')).toBe('all of it');
});
