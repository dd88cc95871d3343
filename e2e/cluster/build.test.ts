import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { binaryPath, pinnedVersion, programs } from './build.ts';
import { here } from './settings.ts';

test.each([
  ['require k8s.io/kubernetes v1.34.4', 'k8s.io/kubernetes', 'v1.34.4'],
  ['require (\n\texample.com/a v1.0.0 // indirect\n\texample.com/ab v2.0.0\n)', 'example.com/a', 'v1.0.0'],
  ['require (\n\texample.com/a v1.0.0\n\texample.com/ab v2.0.0-rc.1 // indirect\n)', 'example.com/ab', 'v2.0.0-rc.1'],
])('the version that %s pins is found', (goMod, module, version) => {
  expect(pinnedVersion(goMod, module)).toBe(version);
});

test('a module that is not required is an error', () => {
  expect(() => pinnedVersion('replace a.b/c => a.b/c v1.0.0', 'a.b/c')).toThrow('does not require');
});

test('every program has a place in the cache that its version and its module files name', () => {
  const places = programs.map(binaryPath);
  expect(new Set(places).size).toBe(programs.length);
  for (const place of places) expect(place).toMatch(/\/[a-z]+-v[^/]+-[0-9a-f]{10}\/[a-z-]+$/);
});

test('all of Kubernetes has one version: what was staging is pinned with it', () => {
  const goMod = readFileSync(join(here, 'tools', 'kubernetes', 'go.mod'), 'utf8');
  const minor = pinnedVersion(goMod, 'k8s.io/kubernetes').replace(/^v1/, 'v0');
  const replaced = [...goMod.matchAll(/^\tk8s\.io\/\S+ => k8s\.io\/\S+ (\S+)$/gm)].map((match) => match[1]);
  expect(new Set(replaced)).toEqual(new Set([minor]));
});
