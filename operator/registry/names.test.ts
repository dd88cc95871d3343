import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatReference, InvalidReference, parseReference, versionOf, type Reference } from './names.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

test.each<[string, Reference]>([
  ['busybox', { registry: 'docker.io', repository: 'library/busybox' }],
  ['busybox:1', { registry: 'docker.io', repository: 'library/busybox', tag: '1' }],
  ['paketobuildpacks/run:base', { registry: 'docker.io', repository: 'paketobuildpacks/run', tag: 'base' }],
  ['docker.io/busybox', { registry: 'docker.io', repository: 'library/busybox' }],
  ['localhost/app', { registry: 'localhost', repository: 'app' }],
  ['localhost:5000/a/b:v1', { registry: 'localhost:5000', repository: 'a/b', tag: 'v1' }],
  ['127.0.0.1:30500/apps/ns/app:run', { registry: '127.0.0.1:30500', repository: 'apps/ns/app', tag: 'run' }],
  ['registry.epinio-system.svc:5000/apps/a/b', { registry: 'registry.epinio-system.svc:5000', repository: 'apps/a/b' }],
  [`ghcr.io/x/y@${digest}`, { registry: 'ghcr.io', repository: 'x/y', digest }],
  [`ghcr.io/x/y:v2@${digest}`, { registry: 'ghcr.io', repository: 'x/y', tag: 'v2', digest }],
  ['[::1]:5000/x/y', { registry: '[::1]:5000', repository: 'x/y' }],
  ['example.org/a__b/c---d.e:A_b-c.1', { registry: 'example.org', repository: 'a__b/c---d.e', tag: 'A_b-c.1' }],
])('%s is read', (text, reference) => {
  expect(parseReference(text)).toEqual(reference);
});

test.each([
  '',
  ':tag',
  'Upper/case',
  'ghcr.io/',
  'ghcr.io/a//b',
  'ghcr.io/a/-b',
  'ghcr.io/a:b:c',
  'ghcr.io/a:',
  `ghcr.io/a:${'t'.repeat(129)}`,
  'ghcr.io/a@sha256:abc',
  `ghcr.io/a@sha512:${'a'.repeat(128)}`,
  'https://ghcr.io/a',
  'ghcr.io:99999999/a',
  'user@ghcr.io/a',
  'a b',
  '../../etc',
  `example.org/${'a'.repeat(256)}`,
])('"%s" is refused', (text) => {
  expect(() => parseReference(text)).toThrow(InvalidReference);
});

test('what is read is written the same, and any text is read or refused, never anything else', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.:/@_-]{0,40}$/)), (text) => {
      try {
        const reference = parseReference(text);
        expect(parseReference(formatReference(reference))).toEqual(reference);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidReference);
      }
    }),
  );
});

test('a digest says more than a tag, and latest is what is meant by neither', () => {
  expect(versionOf(parseReference(`a/b:c@${digest}`))).toBe(digest);
  expect(versionOf(parseReference('a/b:c'))).toBe('c');
  expect(versionOf(parseReference('a/b'))).toBe('latest');
});
