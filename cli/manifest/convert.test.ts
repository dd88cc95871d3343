import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Asked } from '../asked.ts';
import { readAppManifest } from './appyml.ts';
import { readDocuments } from './document.ts';
import { readEpinioManifest } from './epinioyml.ts';
import { toApp, type Converted } from './toapp.ts';
import { toEpinio } from './toepinio.ts';

const folder = '/src';

const read = (manifest: object): Asked => {
  const [document] = readDocuments('epinio.yml', stringify(manifest));
  if (document === undefined) throw new Error('there is no document');
  const asked = document.isApp ? readAppManifest(document, folder) : readEpinioManifest(document, folder);
  return { ...asked, manifest: join(folder, 'epinio.yml') };
};
const appOf = (manifest: object): Converted => toApp('shop', read(manifest));
const app = (spec: object, metadata: object = {}): object => ({
  apiVersion: 'epinio.io/v1alpha1',
  kind: 'App',
  metadata: { name: 'shop', ...metadata },
  spec,
});
const epinioOf = (spec: object, metadata: object = {}): Converted => toEpinio('shop', read(app(spec, metadata)));

const whole = {
  name: 'shop',
  configuration: {
    instances: 2,
    configurations: ['db'],
    environment: { BP_NODE_VERSION: '22', DOGMA: 'no' },
    routes: ['shop.test', 'shop.test/api'],
    settings: { appListeningPort: '3000' },
  },
  staging: { builder: 'paketo' },
  origin: { git: { url: 'https://g.test/a', revision: 'off', gitconfig: 'mine' } },
};

describe('a manifest of Epinio', () => {
  it('becomes an App', () =>
    expect(appOf(whole)).toEqual({
      manifest: app({
        source: { git: { url: 'https://g.test/a', revision: 'off', secretRef: { name: 'mine' } } },
        replicas: 2,
        port: 3000,
        configurations: [{ name: 'db', kind: 'Secret', as: 'Files' }],
        env: [{ name: 'DOGMA', value: 'no' }],
        build: { builder: 'paketo', env: [{ name: 'BP_NODE_VERSION', value: '22' }] },
        routes: [
          { host: 'shop.test', path: '/' },
          { host: 'shop.test', path: '/api' },
        ],
      }),
      notes: [],
    }));

  it('comes back from it as it was', () => {
    const { manifest, notes } = toEpinio('shop', read(appOf(whole).manifest));
    expect(manifest).toEqual({ ...whole, configuration: { ...whole.configuration, instances: 2 } });
    expect(notes).toEqual([]);
  });

  it.each([
    ['an image', { origin: { container: 'nginx:1' } }],
    ['a folder', { origin: { path: 'web' } }],
    ['its own folder', {}],
    ['no routes', { configuration: { routes: [] } }],
  ])('of %s comes back as it was', (_, parts) => {
    const manifest = { name: 'shop', ...parts };
    expect(toEpinio('shop', read(appOf(manifest).manifest)).manifest).toEqual(manifest);
  });

  it('names its folder in an annotation, which push reads', () => {
    const { manifest } = appOf({ name: 'shop', origin: { path: 'web' } });
    expect(manifest).toMatchObject({ metadata: { annotations: { 'epinio.io/path': 'web' } } });
    expect(manifest).not.toHaveProperty('spec.source');
    expect(read(manifest).origin).toEqual({ type: 'path', path: '/src/web' });
  });

  it('says what has no place in an App', () => {
    const { notes } = appOf({ name: 'shop', configuration: { ignore: ['*.log', 'tmp/'], services: ['pg'] } });
    expect(notes).toEqual([
      expect.stringContaining('services'),
      expect.stringMatching(/\.epinioignore: \*\.log tmp\//),
    ]);
  });
});

describe('an App', () => {
  it.each<[string, object, object, RegExp]>([
    ['labels', {}, { labels: { a: 'b' } }, /metadata\.labels/],
    [
      'values from elsewhere',
      { env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }] },
      {},
      /spec\.env P/,
    ],
    [
      'variables of the build alone',
      { build: { env: [{ name: 'CGO', value: '0' }] } },
      {},
      /CGO is for the build alone/,
    ],
    ['bound variables', { configurations: [{ name: 'db', as: 'Environment' }] }, {}, /how db is bound/],
    ['bound ConfigMaps', { configurations: [{ name: 'db', kind: 'ConfigMap' }] }, {}, /how db is bound/],
    ['a folder of its own', { configurations: [{ name: 'db', mountPath: '/etc/db' }] }, {}, /how db is bound/],
    ['https', { routes: [{ host: 'a.test', tls: { secretName: 's' } }] }, {}, /a\.test tls/],
    [
      'a folder of a repository',
      { source: { git: { url: 'https://g.test/a', subPath: 'web' } } },
      {},
      /spec\.source\.git\.subPath/,
    ],
    ['a probe', { readinessProbe: { httpGet: { path: '/', port: 80 } } }, {}, /spec\.readinessProbe/],
    ['a cache', { build: { cache: { mode: 'None' } } }, {}, /spec\.build\.cache/],
  ])('says of %s that there is no counterpart', (_, spec, metadata, wanted) => {
    const { notes } = epinioOf(spec, metadata);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(wanted);
  });

  it('as kubectl get prints it has nothing without counterpart that nobody said', () => {
    const spec = { replicas: 1, port: 8080, defaultRoute: 'Enabled', source: { image: 'nginx:1' } };
    expect(epinioOf(spec, { uid: 'x', resourceVersion: '1', namespace: 'team' })).toEqual({
      manifest: { name: 'shop', configuration: { instances: 1 }, origin: { container: 'nginx:1' } },
      notes: [],
    });
  });

  it('leaves the names of bound Secrets, and the rest out', () =>
    expect(epinioOf({ configurations: [{ name: 'db' }, { name: 'site', kind: 'ConfigMap' }] }).manifest).toMatchObject({
      configuration: { configurations: ['db'] },
    }));
});
