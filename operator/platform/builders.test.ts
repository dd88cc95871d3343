import { describe, expect, it } from 'vitest';
import { configSchema, type Config } from '../config.ts';
import { platformHash, resolveBuilder, secretsOf } from './builders.ts';

const profile = { name: 'base', image: 'example.org/base:1', runImage: 'example.org/run:1' };
const config = (over: Readonly<Record<string, unknown>> = {}): Config =>
  configSchema.parse({
    domain: 'example.org',
    s3: { endpoint: 'http://s3', bucket: 'epinio' },
    registry: { push: 'registry.example.org' },
    builders: [
      profile,
      {
        name: 'tiny',
        image: 'example.org/tiny:1',
        runImage: 'example.org/tiny-run:1',
        match: 'example.org/tiny:*',
        uid: 1002,
      },
    ],
    allowedBuilders: ['example.org/tiny:*', 'team.example.org/*/builder:1', '*/apps/*/builder:*'],
    ...over,
  });

describe('the builder of an App', () => {
  it.each([
    ['the default profile where none is named', undefined, 'example.org/base:1', 1001],
    ['a profile by its name', 'tiny', 'example.org/tiny:1', 1002],
    ['a profile by its image', 'example.org/tiny:1', 'example.org/tiny:1', 1002],
    [
      'an allowed image with the settings of the profile that it matches',
      'example.org/tiny:2',
      'example.org/tiny:2',
      1002,
    ],
    [
      'an allowed image with the default settings',
      'team.example.org/a/builder:1',
      'team.example.org/a/builder:1',
      1001,
    ],
  ])('is %s', (_, builder, image, uid) => {
    expect(resolveBuilder(config(), builder)).toMatchObject({ image, lifecycleImage: image, uid });
  });

  it.each([
    ['an unknown name', 'nope'],
    ['an image that nobody allowed', 'evil.example.org/builder:1'],
    ['an image that a pattern matches only across a slash', 'team.example.org/a/b/builder:1'],
    ['an image that a pattern matches only in part', 'team.example.org/a/builder:11'],
    ['a dot that stands for any letter', 'example-org/tiny:1'],
    ['an image that a tenant pushed, though a pattern matches it', 'registry.example.org/apps/team-a/builder:1'],
    ['such an image under another name of the registry', 'REGISTRY.example.org:443/apps/team-a/builder:1'],
  ])('is not %s', (_, builder) => {
    expect(resolveBuilder(config(), builder)).toBeUndefined();
  });

  it('is the configured default', () => {
    expect(resolveBuilder(config({ defaultBuilder: 'tiny' }))?.image).toBe('example.org/tiny:1');
  });
});

describe('the platform hash', () => {
  const before = platformHash(config(), {});
  const rows: [string, string][] = [
    ['memory', platformHash(config(), { resources: { limits: { memory: '4Gi' } } })],
    ['the time limit', platformHash(config(), { timeoutSeconds: 7 })],
    ['the cache', platformHash(config(), { cache: { mode: 'None' } })],
    ['another builder', platformHash(config(), { builder: 'tiny' })],
    ['the image of the profile', platformHash(config({ builders: [{ ...profile, image: 'example.org/base:2' }] }), {})],
    ['the limits of an archive', platformHash(config({ archive: { maxEntries: 7 } }), {})],
    ['the registry', platformHash(config({ registry: { push: 'other.example.org' } }), {})],
    ['the object storage', platformHash(config({ s3: { endpoint: 'http://other', bucket: 'epinio' } }), {})],
    ['a Secret of the namespace', platformHash(config(), {}, { regcred: '2' })],
  ];
  it.each(rows)('changes with %s', (_, hash) => {
    expect(hash).not.toBe(before);
  });

  it('does not change with what no build depends on', () => {
    expect(platformHash(config({ domain: 'other.org', build: { concurrency: 1 } }), {})).toBe(before);
  });

  it('of a run from git hangs on the rules for git and on the Secret; that of others does not', () => {
    const source = { git: { url: 'https://git.example.org/a', secretRef: { name: 'git-key' } } };
    const allowed = config({ git: { allowedHosts: ['git.example.org'] } });
    expect(platformHash(allowed, { source })).not.toBe(platformHash(config(), { source }));
    expect(platformHash(allowed, {})).toBe(before);
    expect(secretsOf(config(), { source, bindings: [{ name: 'maven' }] })).toEqual(['git-key', 'maven']);
  });

  it('is the same for the default builder named and not named', () => {
    expect(platformHash(config(), { builder: 'base' })).toBe(before);
  });

  it('never changes from one release to the next without a reason: failed builds of everybody would run again', () => {
    expect(before).toMatchInlineSnapshot(`"f8fe409ab930b1902fd38917dd32459ddf1b8e0981473b0bec55436311c9f9b1"`);
  });
});
