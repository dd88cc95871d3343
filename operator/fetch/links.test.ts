import { expect, test } from 'vitest';
import { staysInside } from './links.ts';

test.each<[string, Record<string, string>, number, boolean]>([
  ['a sibling', { 'a/l': 'x' }, 0, true],
  ['a file above, still inside', { 'a/l': '../x' }, 0, true],
  ['the root itself', { l: '.' }, 0, true],
  ['something that is not there', { l: 'no/such/file' }, 0, true],
  ['above the root', { l: '..' }, 0, false],
  ['above the root and back in', { l: '../root/x' }, 0, false],
  ['deep up', { 'a/b/l': '../../..' }, 0, false],
  ['up to a root that is lifted', { 'a/l': '..' }, 1, false],
  ['the lifted root', { 'a/l': '.' }, 1, true],
  ['a sibling below a lifted root', { 'a/b/l': '../x' }, 1, true],
  ['an absolute path', { l: '/etc' }, 0, false],
  ['an absolute path through another link', { l: 'm/x', m: '/etc' }, 0, false],
  ['a link that goes to another', { l: 'm', m: 'a/b' }, 0, true],
  ['up from where another link leads', { l: 'd/up/..', 'd/up': '..' }, 0, false],
  ['up from where another link leads, inside', { 'e/l': '../d/up/x', 'd/up': '..' }, 0, true],
  ['itself', { l: 'l' }, 0, false],
  ['a circle', { l: 'm', m: 'l' }, 0, false],
  ['slashes and dots', { 'a/l': './/.././x//' }, 0, true],
])('a link to %s', (_name, links, floor, inside) => {
  const map = new Map(Object.entries(links));
  const [first = ''] = map.keys();
  expect(staysInside(first, map, floor)).toBe(inside);
});
