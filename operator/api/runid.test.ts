import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical } from '../kube/canonical.ts';
import { inputs, type Inputs } from './runid.ts';

const sha256 = 'a'.repeat(64);
const source = { blob: { sha256, size: 10 } };
const url = 'https://github.com/team/shop';
const secret = { secretKeyRef: { name: 'npm', key: 'token' } };

// Golden: a changed id builds every App of every cluster again.
describe('inputs', () => {
  it.each<[string, Inputs, string]>([
    ['nothing', {}, 'aafbd262706f833d28abe0388fd6a43d94a60a6f3f8898afb53c1b7dd5a654f4'],
    ['a blob', { source }, '5875d623cdcb9d45a267a5050a871aeb4f158e46e8e956f8dd33f6f14428c64f'],
    ['a repository', { source: { git: { url } } }, '0ba5aecddb9315fed6307c9e362a6475767e62e2b3802f86e850a07162489b96'],
    [
      'a repository with all that there is to it',
      {
        source: { git: { url, revision: 'main', subPath: 'a/b', secretRef: { name: 'key' }, submodules: 'Recursive' } },
      },
      '7fbd83fa62a708731262bf6bd30022dbfe912a49c0094af268832f10dd930b49',
    ],
    [
      'a builder',
      { source, build: { builder: 'full' } },
      '74b3e9c4ae0b9c9aae480b01cce53434c0dbf439232a14f7a4a4f4d5888e1401',
    ],
    [
      'literal settings',
      { source, build: { env: [{ name: 'BP_A', value: '1' }] } },
      '1b7869833d46151497f149fc85d4e88ffb062faf0c0b0e514c87beb43afe7064',
    ],
    [
      'a setting from a Secret',
      { source, build: { env: [{ name: 'BP_A', valueFrom: secret }] } },
      'b2e99ee3251b1e39368286c27a0bd5f24f0425bf239b4d500082b14d2e4421a5',
    ],
    [
      'restage',
      { source, build: { restage: '2' } },
      '023271c73bdec4683b473dfcfeb439c175331796bd6cee470fb1a9b5ee57c428',
    ],
    [
      'all of them',
      {
        source,
        build: {
          builder: 'full',
          env: [
            { name: 'BP_A', value: 'ä"\n' },
            { name: 'BP_B', valueFrom: secret },
          ],
          restage: '2',
        },
      },
      '802e53a8c9a98be6e9ecc517c414fed54667e89bc291df7d58d2c68a5dd819fd',
    ],
  ])('of %s stay as they are', (_name, app, golden) => {
    expect(inputs(app)).toBe(golden);
  });

  const base = inputs({ source });

  it.each<[string, Inputs]>([
    ['the size of the blob', { source: { blob: { sha256, size: 11 } } }],
    [
      'resources, timeout and cache',
      { source, build: { timeoutSeconds: 60, cache: { mode: 'None' }, resources: { limits: { cpu: '1' } } } },
    ],
    ['an empty build', { source, build: {} }],
    ['an empty list of settings', { source, build: { env: [] } }],
    ['an empty list of bindings', { source, build: { bindings: [] } }],
    ['an empty restage', { source, build: { restage: '' } }],
  ])('do not hang on %s', (_name, app) => {
    expect(inputs(app)).toBe(base);
  });

  it('do not hang on a default that is written out', () => {
    const git = inputs({ source: { git: { url } } });
    expect(inputs({ source: { git: { url, submodules: 'None' } } })).toBe(git);
  });

  it('do not hang on the order of the settings', () => {
    const a = { name: 'A', value: '1' };
    const b = { name: 'B', value: '2' };
    expect(inputs({ source, build: { env: [a, b] } })).toBe(inputs({ source, build: { env: [b, a] } }));
  });

  it('hang on bindings, and not on their order', () => {
    const of = (...bindings: { name: string; type?: string; provider?: string }[]): string =>
      inputs({ source, build: { bindings } });
    const [a, b] = [{ name: 'a' }, { name: 'b', type: 'maven' }];
    expect(of(a, b)).toBe(of(b, a));
    const all = [of(a), of(b), of(a, b), of({ ...a, type: 'maven' }), of({ ...a, provider: 'maven' }), base];
    expect(new Set(all).size).toBe(all.length);
  });

  it('tell a literal from a reference, and no value from none', () => {
    const of = (value?: string): string =>
      inputs({ source, build: { env: [{ name: 'A', ...(value !== undefined && { value }) }] } });
    expect(of()).toBe(of(''));
    expect(of()).not.toBe(of('npm'));
    expect(of()).not.toBe(inputs({ source, build: { env: [{ name: 'A', valueFrom: secret }] } }));
  });
});

describe('canonical', () => {
  it('sorts keys, leaves out what is absent and writes no spaces', () => {
    expect(canonical({ b: [1, null, { d: true, c: 'x' }], a: undefined, A: '' })).toBe(
      '{"A":"","b":[1,null,{"c":"x","d":true}]}',
    );
  });

  it('is read back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(JSON.parse(canonical(value as never))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    // Random values can be large, and a busy machine slow.
  }, 60_000);
});
