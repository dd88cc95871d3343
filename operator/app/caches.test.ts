import { describe, expect, test } from 'vitest';
import type { CacheSpec } from '../kube/cache/cache.ts';
import { Store } from '../kube/cache/store.ts';
import { App } from '../api/app.ts';
import { ConfigMap, Secret, type KubeObject, type Resource } from '../kube/resource.ts';
import { testConfig } from '../testing/apps.ts';
import { appCacheSpecs, byReference } from './caches.ts';
import { anApp } from './testing/objects.ts';

const specOf = (resource: Resource, namespaces: readonly string[] = []): CacheSpec => {
  const found = appCacheSpecs(testConfig(namespaces), 'home').find((spec) => spec.resource === resource);
  if (found === undefined) throw new Error(`no cache of ${resource.kind}`);
  return found;
};

describe('of Secrets and ConfigMaps', () => {
  test.each([Secret, ConfigMap])('$kind only metadata is asked for, and kept by what is read of it', (resource) => {
    const spec = specOf(resource);
    expect(spec.metadataOnly).toBe(true);
    const store = new Store({ resource, indexes: spec.indexes, trim: spec.trim });
    const metadata = { namespace: 'team', name: 'a', uid: 'u', resourceVersion: '1' };
    const theirs = { labels: { theirs: 'x' }, annotations: { theirs: 'x'.repeat(250_000) }, finalizers: ['theirs'] };
    store.put({ metadata: { ...metadata, ...theirs } });
    expect(store.get({ namespace: 'team', name: 'a' })?.metadata).toEqual(metadata);
  });

  test('those of the operator’s own namespace are seen where it is limited to others', () => {
    expect(specOf(Secret, ['team']).namespaces).toEqual(['team', 'home']);
  });
});

test('Apps are found by all that they name, each once, in their own namespace', () => {
  const secretKeyRef = { name: 'db', key: 'a' };
  const app: KubeObject = anApp({
    source: { git: { url: 'https://git.test/a', secretRef: { name: 'git' } } },
    build: { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'npm', key: 'a' } } }] },
    env: [
      { name: 'A', valueFrom: { secretKeyRef } },
      { name: 'B', valueFrom: { secretKeyRef: { ...secretKeyRef, key: 'b' } } },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'site', key: 'a' } } },
    ],
    configurations: [
      { name: 'db', kind: 'Secret', as: 'Files' },
      { name: 'db', kind: 'ConfigMap', as: 'Environment' },
    ],
  });
  expect(specOf(App).indexes?.[byReference]?.(app)).toEqual([
    'Secret team/git',
    'Secret team/npm',
    'Secret team/db',
    'ConfigMap team/db',
    'ConfigMap team/site',
  ]);
});
