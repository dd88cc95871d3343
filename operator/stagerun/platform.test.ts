import { describe, expect, it } from 'vitest';
import { accessOf } from './registryaccess.ts';
import { imageReference, resolvePlatform } from './platform.ts';
import { anApp, aRun, settings } from './testing/objects.ts';

const run = aRun(anApp());
const config = settings();
const digest = `sha256:${'d'.repeat(64)}`;

describe('what the installation adds to a run', () => {
  const { status, limits } = resolvePlatform(config, run)!;

  it('is computed from configuration, namespace and name alone', () => {
    expect(status).toEqual({
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      repository: 'registry.example.org:5000/apps/team/shop',
      tag: run.metadata.name,
      cacheRepository: 'registry.example.org:5000/apps/team/shop/cache',
      builderImage: 'example.org/builder:1',
      runImage: 'registry.example.org:5000/epinio/run:1',
      uid: 1001,
      gid: 1000,
      platformAPI: '0.13',
    });
    expect(imageReference(status)).toBe(`registry.example.org:5000/apps/team/shop:${run.metadata.name}`);
    expect(limits).toEqual({ start: 600, build: 1800, cut: false });
  });

  it('has no path before the namespace where none is configured', () => {
    const bare = settings({ registry: { push: 'r.test', prefix: '' } });
    expect(resolvePlatform(bare, run)?.status.repository).toBe('r.test/team/shop');
  });

  it('takes layers from what is deployed, at the address of builds', () => {
    const deployed = `127.0.0.1:30500/apps/team/shop@${digest}`;
    expect(resolvePlatform(config, run, { deployed })?.status.previousImage).toBe(
      `registry.example.org:5000/apps/team/shop@${digest}`,
    );
    expect(resolvePlatform(config, run, { deployed: 'nginx:1' })?.status.previousImage).toBeUndefined();
  });

  it("lets the App choose time and cache, within its own run's spec", () => {
    const own = aRun(anApp({ build: { timeoutSeconds: 60, cache: { mode: 'None' } } }));
    const platform = resolvePlatform(config, own)!;
    expect(platform.limits.build).toBe(60);
    expect(platform.status.cacheRepository).toBeUndefined();
  });

  it.each([
    ['no more than an hour', {}, 86_400, { build: 3600, cut: true }],
    ['an hour', {}, 3600, { build: 3600, cut: false }],
    ['as long as the default, where that is more', { timeoutSeconds: 7200 }, 86_400, { build: 7200, cut: true }],
    ['the default', { timeoutSeconds: 7200 }, undefined, { build: 7200, cut: false }],
    ['what the configuration allows', { maxTimeoutSeconds: 80_000 }, 86_400, { build: 80_000, cut: true }],
  ] as const)('lets a build take %s', (_, build, timeoutSeconds, expected) => {
    const own = aRun(anApp({ build: { timeoutSeconds } }));
    expect(resolvePlatform(settings({ build }), own)?.limits).toMatchObject(expected);
  });

  it('is nothing where the builder is not allowed', () => {
    expect(resolvePlatform(config, aRun(anApp({ build: { builder: 'example.org/other:1' } })))).toBeUndefined();
  });
});

describe('what a run may do in the registry', () => {
  it('is to push to its own two repositories, and to read the run image beside them', () => {
    expect(accessOf(resolvePlatform(config, run)!.status)).toEqual([
      { type: 'repository', name: 'apps/team/shop', actions: ['pull', 'push'] },
      { type: 'repository', name: 'apps/team/shop/cache', actions: ['pull', 'push'] },
      { type: 'repository', name: 'epinio/run', actions: ['pull'] },
    ]);
  });

  it('has no part in a run image from elsewhere', () => {
    const [profile] = config.builders;
    const elsewhere = settings({
      builders: [{ ...profile, runImage: 'docker.io/paketo/run:1' }],
      build: { cache: 'None' },
    });
    expect(accessOf(resolvePlatform(elsewhere, run)!.status).map(({ name }) => name)).toEqual(['apps/team/shop']);
  });
});
