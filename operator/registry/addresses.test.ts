import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOwnPath, registryAddresses } from './addresses.ts';

const ours = registryAddresses({
  push: 'registry.epinio-system.svc:5000',
  pull: '127.0.0.1:30500',
  aliases: ['registry-pull.epinio-system.svc:5001', 'images.example.com'],
});
ours.learn('registry.epinio-system.svc', ['10.96.7.8', 'fd00::7']);
const digest = `sha256:${'a1'.repeat(32)}`;
const image = 'apps/team-b/shop';

test.each([
  ['127.0.0.1:30500'],
  ['localhost:30500'],
  ['LocalHost:30500'],
  ['LOCALHOST:30500'],
  ['localhost.:30500'],
  ['127.0.0.1.:30500'],
  ['127.1:30500'],
  ['127.0.1:30500'],
  ['127.0.0.2:30500'],
  ['0177.0.0.1:30500'],
  ['0x7f.0.0.1:30500'],
  ['0x7f000001:30500'],
  ['2130706433:30500'],
  ['0.0.0.0:30500'],
  ['0:30500'],
  ['[::1]:30500'],
  ['[0:0:0:0:0:0:0:1]:30500'],
  ['[::ffff:127.0.0.1]:30500'],
  ['[::ffff:7f00:1]:30500'],
  ['[::]:30500'],
  ['x.localhost:30500'],
  ['localhost.localdomain:30500'],
  ['127.0.0.1:030500'],
  ['registry.epinio-system.svc:5000'],
  ['REGISTRY.Epinio-System.SVC:5000'],
  ['registry.epinio-system.svc.:5000'],
  ['registry.epinio-system:5000'],
  ['registry.epinio-system.svc.cluster.local:5000'],
  ['registry.epinio-system.svc.cluster.local.:5000'],
  ['registry.epinio-system.svc.other.domain:5000'],
  ['10.96.7.8:5000'],
  ['10.6293256:5000'],
  ['[fd00::7]:5000'],
  ['[FD00:0::7]:5000'],
  ['registry-pull.epinio-system.svc.cluster.local:5001'],
  ['images.example.com'],
  ['images.example.com:443'],
  ['images.example.com:80'],
  ['IMAGES.example.com.'],
])('%s is the registry of the installation', (host) => {
  for (const version of ['', ':1', `@${digest}`, `:1@${digest}`]) {
    const path = ours.pathOf(`${host}/${image}${version}`);
    expect(path, `${host}/${image}${version}`).toBeDefined();
    expect(isOwnPath(path ?? '', 'apps', 'team-a')).toBe(false);
  }
});

test.each([
  ['docker.io/localhost/apps/x'],
  ['docker.io/library/registry'],
  ['busybox'],
  ['library/busybox:1'],
  ['apps/team-b/shop'],
  ['localhost:5001/apps/x'],
  ['localhost/apps/x'],
  ['127.0.0.1:5000/apps/x'],
  ['10.96.7.8:30500/apps/x'],
  ['10.96.7.9:5000/apps/x'],
  ['registry:5000/apps/x'],
  ['registry.epinio-system.example.com:5000/apps/x'],
  ['registry.other.svc:5000/apps/x'],
  ['images.example.com:8443/apps/x'],
  ['images.example.com.evil.org/apps/x'],
  ['evil.org/127.0.0.1:30500/apps/x'],
  [''],
  ['/'],
  ['@'],
])('%s is not', (reference) => {
  expect(ours.pathOf(reference)).toBeUndefined();
});

test('the path of an image is told as it is, with tag and digest', () => {
  expect(ours.pathOf(`LOCALHOST:30500/apps/team-a/shop:1@${digest}`)).toBe(`apps/team-a/shop:1@${digest}`);
  expect(ours.pathOf('images.example.com/apps/team-a/shop')).toBe('apps/team-a/shop');
});

test.each([
  ['127.0.0.1:30500/apps/team-a/../team-b/shop:1'],
  ['127.0.0.1:30500//apps/team-a/shop:1'],
  ['127.0.0.1:30500/apps/team-a/%2e%2e/team-b/shop'],
  ['127.0.0.1:30500/apps/team-a'],
  ['127.0.0.1:30500/apps/team-ab/shop'],
  ['127.0.0.1:30500/team-a/shop'],
  ['127.0.0.1:30500/Apps/team-a/shop'],
  ['127.0.0.1:30500/apps/team-a/shop:1:2'],
])('%s lies below no path of team-a', (reference) => {
  const path = ours.pathOf(reference);
  expect(path).toBeDefined();
  expect(isOwnPath(path ?? '', 'apps', 'team-a')).toBe(false);
});

test('without a prefix the namespace is the first part of the path', () => {
  expect(isOwnPath('team-a/shop:1', '', 'team-a')).toBe(true);
  expect(isOwnPath('team-ab/shop:1', '', 'team-a')).toBe(false);
});

test('names are looked up, addresses are not', () => {
  expect(ours.hosts).toEqual(['registry.epinio-system.svc', 'registry-pull.epinio-system.svc', 'images.example.com']);
});

test('no text makes it throw, and each way to write a loopback address is one', () => {
  fc.assert(fc.property(fc.string(), (text) => void ours.pathOf(text)));
  fc.assert(
    fc.property(fc.integer({ min: 0x7f000000, max: 0x7fffffff }), fc.constantFrom(10, 16, 8), (bits, base) => {
      const written = { 10: String(bits), 16: `0x${bits.toString(16)}`, 8: `0${bits.toString(8)}` }[base];
      expect(ours.pathOf(`${written}:30500/${image}`)).toBe(image);
    }),
  );
});
