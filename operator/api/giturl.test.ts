import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAllowedServer, isSameServer, joinGitUrl, parseGitUrl, type GitUrl } from './giturl.ts';

const url = (text: string): GitUrl => {
  const parsed = parseGitUrl(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
};

describe('an address', () => {
  it.each([
    ['https://GitHub.com/team/shop', { scheme: 'https', host: 'github.com', port: 443, path: '/team/shop' }],
    ['https://git.example.org:8443/a/b.git', { host: 'git.example.org', port: 8443 }],
    ['https://git.example.org/team/_git/my%20shop', { path: '/team/_git/my%20shop' }],
    ['ssh://git@github.com/team/shop.git', { scheme: 'ssh', user: 'git', host: 'github.com', port: 22 }],
    ['ssh://git.example.org:2222/~team/shop', { user: undefined, port: 2222, path: '/~team/shop' }],
    ['https://[FD00::1]:3000/a', { host: 'fd00::1', port: 3000, text: 'https://[fd00::1]:3000/a' }],
  ])('%s is read', (text, expected) => {
    expect(parseGitUrl(text)).toMatchObject(expected);
  });

  it.each([
    ...['', 'shop', 'github.com/team/shop', 'git@github.com:team/shop', 'http://github.com/a', 'git://github.com/a'],
    ...['file:///etc', '/etc', 'ext::sh -c id', 'ext::https://a/b', 'https::https://a/b', 'fd::17', 'HTTPS://a/b'],
    ...['--upload-pack=touch /tmp/x', '-https://a/b', 'https://-a/b', 'ssh://-oProxyCommand=id/a', 'ssh://-o@a/b'],
    ...['ssh://a@-oProxyCommand=id/b', 'https://user:secret@a/b', 'https://token@a/b', 'ssh://git:secret@a/b'],
    ...['https://a/b?c=d', 'https://a/b#c', 'https://a', 'https://a/', 'https:///b', 'https://a:/b', 'https://a:0/b'],
    ...['https://a:99999/b', 'https://a%2db/c', 'https://a/b%0ac', 'https://a/b%00', 'https://a/b\nc', 'https://a/b c'],
    ...["https://a/'b'", 'https://a/$(id)', 'https://a/`id`', 'https://a/b\\c', 'https://a@b@c/d', 'https://ä/b'],
    `https://a/${'b'.repeat(2048)}`,
  ])('%j is refused', (text) => {
    expect(parseGitUrl(text)).toBeUndefined();
  });

  it('that is taken is one that git takes for itself and for nothing else', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https', 'ssh'], withQueryParameters: true }), (text) => {
        const parsed = parseGitUrl(text);
        if (parsed === undefined) return;
        expect(parseGitUrl(parsed.text)).toEqual(parsed);
        expect(parsed.text).toMatch(/^(https|ssh):\/\/[^-]/);
        expect(new URL(parsed.text).password).toBe('');
      }),
    );
  });
});

describe('allowed servers', () => {
  it.each([
    ['https://github.com/a', [], true],
    ['https://github.com/a', ['github.com'], true],
    ['https://GITHUB.com/a', ['github.com'], true],
    ['ssh://git@github.com/a', ['github.com'], true],
    ['https://github.com:8443/a', ['github.com'], false],
    ['https://github.com:8443/a', ['github.com:8443'], true],
    ['https://github.com.evil.org/a', ['github.com'], false],
    ['https://notgithub.com/a', ['*.github.com', 'github.com'], false],
    ['https://a.b.example.org/a', ['*.example.org'], true],
    ['https://example.org/a', ['*.example.org'], false],
    ['https://evilexample.org/a', ['*.example.org'], false],
    ['https://a.example.org:444/a', ['*.example.org'], false],
  ])('%s with %j: %s', (text, allowed, expected) => {
    expect(isAllowedServer(url(text), allowed)).toBe(expected);
  });
});

it.each([
  ['https://a/b', 'https://a/c', true],
  ['https://a/b', 'https://A:443/c', true],
  ['https://a/b', 'https://a:444/b', false],
  ['https://a/b', 'ssh://a/b', false],
  ['https://a/b', 'https://b/b', false],
])('%s and %s are one server: %s', (a, b, expected) => {
  expect(isSameServer(url(a), url(b))).toBe(expected);
});

it.each([
  ['https://h/team/shop.git', '../lib.git', 'https://h/team/lib.git'],
  ['https://h/team/shop/', '../lib', 'https://h/team/lib'],
  ['https://h/team/shop', './lib', 'https://h/team/shop/lib'],
  ['ssh://git@h:2222/team/shop', '../../other/lib', 'ssh://git@h:2222/other/lib'],
  ['https://h/team/shop', '../../../lib', undefined],
  ['https://h/team/shop', 'https://other/lib', 'https://other/lib'],
  ['https://h/team/shop', 'git@other:team/lib.git', 'ssh://git@other/team/lib.git'],
  ['https://h/team/shop', 'other/lib', undefined],
  ['https://h/team/shop', '../-u', 'https://h/team/-u'],
  ['https://h/team/shop', 'file:///etc', undefined],
  ['https://h/team/shop', 'ext::sh -c id', undefined],
  ['https://h/team/shop', '-u:/etc', undefined],
  ['https://h/team/shop', '/etc', undefined],
])('from %s, %s leads to %s', (base, relative, expected) => {
  expect(joinGitUrl(url(base), relative)?.text).toBe(expected);
});
