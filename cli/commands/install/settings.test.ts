import { describe, expect, it } from 'vitest';
import { manifestFiles } from './files.ts';
import {
  merged,
  objectsOf,
  readConfigFile,
  readImage,
  readSettings,
  together,
  writeSettings,
  type Settings,
} from './settings.ts';

it.each([
  ['keys of both', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
  [
    'keys within keys',
    { s3: { bucket: 'a', region: 'b' } },
    { s3: { bucket: 'c' } },
    { s3: { bucket: 'c', region: 'b' } },
  ],
  ['lists as a whole', { l: [1, 2] }, { l: [3] }, { l: [3] }],
  ['a value over a tree', { a: { b: 1 } }, { a: 2 }, { a: 2 }],
  ['null as an eraser', { a: { b: 1, c: 2 } }, { a: { b: null } }, { a: { c: 2 } }],
  ['null where there is nothing', {}, { a: { b: null } }, { a: {} }],
])('lays one configuration over another: %s', (_, under, over, all) => expect(merged(under, over)).toEqual(all));

it('keeps what was said for the next upgrade, where more may be said', () => {
  const first: Settings = { config: { domain: 'a.example', s3: { region: 'eu' } }, images: { a: 'b:1', c: 'd:1' } };
  const kept = readSettings(writeSettings(first));
  expect(kept).toEqual(first);
  expect(together(kept, { config: { domain: 'b.example' }, images: { a: 'b:2' } })).toEqual({
    config: { domain: 'b.example', s3: { region: 'eu' } },
    images: { a: 'b:2', c: 'd:1' },
  });
});

it('keeps a null, which takes away what each later command brings, until something else is said', () => {
  const none: Settings = { config: {}, images: {} };
  const erasing: Settings = { config: { registry: { caRef: null, clean: null } }, images: {} };
  const installed = together(none, erasing);
  for (const settings of [installed, together(installed, none), together(installed, erasing)]) {
    const text = configIn(set(readSettings(writeSettings(settings)).config));
    expect(text).not.toMatch(/caRef: epinio-registry-tls|clean:/);
    expect(text).toContain('push:');
  }
  const said = together(installed, { config: { registry: { clean: false } }, images: {} });
  expect(configIn(set(said.config))).toContain('clean: false');
});

const set = (config: object, images: Record<string, string> = {}) =>
  objectsOf(manifestFiles(), { config: config as Settings['config'], images });
const configIn = (objects: ReturnType<typeof set>): string => {
  const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata?.name?.startsWith('epinio-config'));
  return (map as unknown as { data: Record<string, string> }).data['config.yaml'] ?? '';
};

describe('the objects of an installation', () => {
  it('have the settings in the configuration of the operator', () => {
    const text = configIn(set({ domain: 'apps.test', ingress: { className: 'nginx' } }));
    expect(text).toContain('domain: apps.test');
    expect(text).toContain('className: nginx');
    expect(text).toContain('bucket: epinio');
  });

  it('have images from elsewhere, wherever one is named, and nothing else of that name', () => {
    const all = JSON.stringify(set({}, { 'ghcr.io/epinio/operator': 'registry.test/op:1' }));
    expect(all).not.toContain('ghcr.io/epinio/operator');
    expect(all.match(/registry\.test\/op:1/g)?.length).toBeGreaterThan(2);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a key that nobody knows', () => set({ domian: 'x' }), /domian/],
    ['a domain that is none', () => set({ domain: 'UPPER case' }), /domain/],
    ['an image that no part uses', () => set({}, { 'docker.io/mino': 'x:1' }), /no part .* docker\.io\/mino/],
    ['an image without a place', () => readImage('minio'), /--image minio is not NAME=REFERENCE/],
    ['a file that is no YAML', () => readConfigFile('{', 'c.yaml'), /c\.yaml is not YAML/],
    ['a file that holds no settings', () => readConfigFile('- a', 'c.yaml'), /c\.yaml holds no settings/],
  ])('are not made of %s', (_, make, message) => expect(make).toThrow(message));
});
