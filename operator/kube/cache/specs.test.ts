import { describe, expect, it } from 'vitest';
import { mergeCacheSpecs } from './specs.ts';
import { cached } from './cache.ts';
import { Deployment, Node, Pod, Secret } from '../resource.ts';

const nothing = (): string[] => [];

describe('what the controllers want cached', () => {
  it('is one list, each kind once with the indexes of all', () => {
    const merged = mergeCacheSpecs(
      [
        [cached(Pod, { labelSelector: 'a', indexes: { one: nothing } })],
        [cached(Pod, { labelSelector: 'a', indexes: { two: nothing } }), cached(Deployment)],
      ],
      [],
    );
    expect(merged.map(({ resource }) => resource.kind)).toEqual(['Pod', 'Deployment']);
    expect(Object.keys(merged[0]?.indexes ?? {})).toEqual(['one', 'two']);
  });

  it('has one trim for each kind, which everybody names', () => {
    const trim = (): void => undefined;
    const trimOf = (...trims: ((() => void) | undefined)[]) =>
      mergeCacheSpecs(
        trims.map((t) => [cached(Pod, t === undefined ? {} : { trim: t })]),
        [],
      )[0]?.trim;
    expect(trimOf(trim)).toBe(trim);
    expect(trimOf(trim, trim)).toBe(trim);
    expect(() => trimOf(trim, (): void => undefined)).toThrow('pods is wanted with two different trims');
    expect(() => trimOf(trim, undefined)).toThrow('pods is wanted with two different trims');
  });

  it.each([
    ['labels', { labelSelector: 'b' }],
    ['content', { metadataOnly: true }],
    ['whether the kind may be missing', { labelSelector: 'a', optional: true }],
  ])('cannot differ in %s', (_, rest) => {
    expect(() => mergeCacheSpecs([[cached(Pod, { labelSelector: 'a' })], [cached(Pod, rest)]], [])).toThrow(/pods/);
  });

  it('is limited to the watched namespaces, but for cluster-wide kinds and what has its own', () => {
    const specs = [cached(Pod), cached(Node), cached(Secret, { namespaces: ['home'] })];
    expect(mergeCacheSpecs([specs], ['team']).map((s) => s.namespaces)).toEqual([['team'], undefined, ['home']]);
  });
});
