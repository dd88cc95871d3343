import { expect, test } from 'vitest';
import { courseOf, type Course } from './links.ts';

test.each<[string, Record<string, string>, number, Course]>([
  ['a sibling', { 'a/l': 'x' }, 0, 'inside'],
  ['a file above, still inside', { 'a/l': '../x' }, 0, 'inside'],
  ['the root itself', { l: '.' }, 0, 'inside'],
  ['something that is not there', { l: 'no/such/file' }, 0, 'inside'],
  ['above the root', { l: '..' }, 0, 'outside'],
  ['above the root and back in', { l: '../root/x' }, 0, 'outside'],
  ['deep up', { 'a/b/l': '../../..' }, 0, 'outside'],
  ['up to a root that is lifted', { 'a/l': '..' }, 1, 'outside'],
  ['the lifted root', { 'a/l': '.' }, 1, 'inside'],
  ['a sibling below a lifted root', { 'a/b/l': '../x' }, 1, 'inside'],
  ['an absolute path', { l: '/etc' }, 0, 'outside'],
  ['an absolute path through another link', { l: 'm/x', m: '/etc' }, 0, 'outside'],
  ['a link that goes to another', { l: 'm', m: 'a/b' }, 0, 'inside'],
  ['up from where another link leads', { l: 'd/up/..', 'd/up': '..' }, 0, 'outside'],
  ['up from where another link leads, inside', { 'e/l': '../d/up/x', 'd/up': '..' }, 0, 'inside'],
  ['itself', { l: 'l' }, 0, 'loop'],
  ['a circle', { l: 'm', m: 'l' }, 0, 'loop'],
  ['slashes and dots', { 'a/l': './/.././x//' }, 0, 'inside'],
])('a link to %s', (_name, links, floor, course) => {
  const map = new Map(Object.entries(links));
  const [first = ''] = map.keys();
  expect(courseOf(first, map, floor)).toBe(course);
});
