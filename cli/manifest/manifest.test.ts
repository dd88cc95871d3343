import { describe, expect, it } from 'vitest';
import type { Asked } from '../asked.ts';
import type { UserError } from '../errors.ts';
import { readAppManifest } from './appyml.ts';
import { readDocuments } from './document.ts';
import { readEpinioManifest } from './epinioyml.ts';

const read = (text: string): Asked[] =>
  readDocuments('epinio.yml', text).map((document) =>
    document.isApp ? readAppManifest(document, '/src') : readEpinioManifest(document, '/src'),
  );

const refused = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    return (error as UserError).message;
  }
  return 'nothing was refused';
};

const wordpress = `name: wordpress
configuration:
  instances: 2
  appchart: standard
  settings: { appListeningPort: 9000 }
  configurations: [db]
  environment:
    BP_PHP_VERSION: 8.0.x
    BP_PHP_SERVER: nginx
    DOGMA: no
    BUILD: 007
    EMPTY:
  routes: [https://Blog.example.org/, blog.example.org/old/]
  ignore: ["*.log"]
staging:
  builder: paketobuildpacks/builder:full
origin:
  git:
    url: https://github.com/org/wordpress
    revision: off
`;

describe("one of Epinio's manifests", () => {
  it('becomes an App, with every value as it is written', () => {
    expect(read(wordpress)).toEqual([
      {
        name: 'wordpress',
        origin: { type: 'remote', source: { git: { url: 'https://github.com/org/wordpress', revision: 'off' } } },
        spec: {
          replicas: 2,
          port: 9000,
          configurations: [{ name: 'db', kind: 'Secret', as: 'Files' }],
          env: [
            { name: 'DOGMA', value: 'no' },
            { name: 'BUILD', value: '007' },
            { name: 'EMPTY', value: '' },
          ],
          routes: [
            { host: 'blog.example.org', path: '/' },
            { host: 'blog.example.org', path: '/old' },
          ],
          build: {
            builder: 'paketobuildpacks/builder:full',
            env: [
              { name: 'BP_PHP_VERSION', value: '8.0.x' },
              { name: 'BP_PHP_SERVER', value: 'nginx' },
            ],
          },
        },
        ignore: ['*.log'],
        replaceEnv: false,
        exact: false,
        notes: [],
      },
    ]);
  });

  it.each(['off', 'no', '12345678', '1e5', '0123', '0x1f', '1.0', '2026-01-01', '1_000', 'true', '.5', '+1'])(
    'has the revision %s as a text',
    (revision) => {
      const [asked] = read(`name: a\norigin: {git: {url: https://h/r, revision: ${revision}}}`);
      expect(asked?.origin).toMatchObject({ source: { git: { revision } } });
    },
  );

  it.each<[string, string, Partial<Asked>]>([
    ['a folder, relative to the manifest', 'origin: {path: web}', { origin: { type: 'path', path: '/src/web' } }],
    ['its own folder', 'name: a', { origin: { type: 'path', path: '/src' } }],
    ['an archive', 'origin: {path: a.tgz, archive: true}', { origin: { type: 'path', path: '/src/a.tgz' } }],
    ['an image', 'origin: {container: nginx}', { origin: { type: 'remote', source: { image: 'nginx' } } }],
    [
      'a branch and credentials',
      'origin: {git: {url: https://h/r, revision: "", branch: main, provider: github, gitconfig: mine}}',
      {
        origin: {
          type: 'remote',
          source: { git: { url: 'https://h/r', revision: 'main', secretRef: { name: 'mine' } } },
        },
      },
    ],
    ['no routes', 'configuration: {routes: []}', { spec: { routes: [], defaultRoute: 'Disabled' } }],
    ['no configurations any more', 'configuration: {configurations: []}', { spec: { configurations: [] } }],
    ['nothing where nothing is written', 'configuration:\nstaging: ~\nname:', { spec: {} }],
    ['variables that replace all others', 'configuration: {replace_env: Yes}', { replaceEnv: true }],
    ['no instances at all', 'configuration: {instances: 0}', { spec: { replicas: 0 } }],
    [
      'anchors and merges',
      'configuration:\n  settings: &e {appListeningPort: 1}\n  environment: {<<: *e, A: b}',
      {
        spec: {
          port: 1,
          env: [
            { name: 'appListeningPort', value: '1' },
            { name: 'A', value: 'b' },
          ],
          build: { env: [] },
        },
      },
    ],
  ])('may have %s', (_, text, asked) => {
    expect(read(text)[0]).toMatchObject(asked);
  });

  it('says what of it is not used', () => {
    expect(read('namespace: prod\nconfiguration: {services: [db]}')[0]?.notes).toEqual([
      expect.stringMatching(/namespace prod of the manifest is not used/),
      expect.stringMatching(/services is not used.*db/),
    ]);
  });

  it('may stand beside others in one file', () => {
    expect(read('name: a\n---\n---\nname: b\n').map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it.each([
    [
      'name: a\nenviroment: {}',
      'epinio.yml:2: unknown key enviroment; known here: name, namespace, configuration, staging, origin',
    ],
    [
      'configuration:\n  enviroment: {A: b}',
      'epinio.yml:2: unknown key configuration.enviroment: is environment meant?',
    ],
    [
      'origin:\n  git:\n    ulr: x\n    rev: y',
      'epinio.yml:3: unknown key origin.git.ulr: is url meant?\nepinio.yml:4: unknown key origin.git.rev; known here: url, revision, branch, provider, gitconfig',
    ],
    ['configuration:\n  instances: two', 'epinio.yml:2: configuration.instances must be a whole number, 0 or more'],
    ['configuration:\n  instances: -1', 'epinio.yml:2: configuration.instances must be a whole number, 0 or more'],
    ['configuration:\n  routes: a.example.org', 'epinio.yml:2: configuration.routes must be a list'],
    ['configuration:\n  routes:\n  - {}', 'epinio.yml:3: configuration.routes[0] must be a text'],
    ['configuration:\n  environment: [A=b]', 'epinio.yml:2: configuration.environment must be a map of names to texts'],
    ['configuration:\n  replace_env: maybe', 'epinio.yml:2: configuration.replace_env must be true or false'],
    [
      'origin:\n  path: .\n  container: x',
      'epinio.yml:1: origin must have only one of path and container: remove the others',
    ],
    ['origin:\n  git: {}', 'epinio.yml:2: origin.git.url must be the URL of a repository'],
    ['configuration:\n  appchart: mine', /^epinio.yml:2: configuration.appchart mine: an App has no chart/],
    ['configuration:\n  settings: {x: 1}', /^epinio.yml:2: configuration.settings.x: an App has no chart/],
    [
      'configuration:\n  settings: {appListeningPort: 0}',
      'epinio.yml:2: configuration.settings.appListeningPort must be a port from 1 to 65535',
    ],
    ['name: a\nname: b', /^epinio.yml:2: this is no YAML: Map keys must be unique/],
    ['name: "a', /^epinio.yml:1: this is no YAML: /],
    ['- a', 'epinio.yml:1: a manifest must have keys such as name, configuration and origin'],
    ['just text', 'epinio.yml:1: a manifest must have keys such as name, configuration and origin'],
  ])('%j is refused with its line and what to do', (text, message) => {
    if (typeof message === 'string') expect(refused(text)).toBe(message);
    else expect(refused(text)).toMatch(message);
  });
});

const app = (rest: string) => `apiVersion: epinio.io/v1alpha1\nkind: App\n${rest}`;

describe('an App as a manifest', () => {
  it('is taken as it is, without what the cluster wrote', () => {
    const text = app(`metadata:
  name: shop
  namespace: prod
  uid: 1-2-3
  resourceVersion: "7"
  labels: {team: a}
  annotations:
    epinio.io/path: web
    kubectl.kubernetes.io/last-applied-configuration: "{}"
spec:
  replicas: 2
  readinessProbe: {}
  source: {blob: {sha256: abc, size: 1}}
status: {url: x}
`);
    expect(read(text)).toEqual([
      {
        name: 'shop',
        namespace: 'prod',
        labels: { team: 'a' },
        origin: { type: 'path', path: '/src/web' },
        spec: { replicas: 2, readinessProbe: {} },
        ignore: [],
        replaceEnv: false,
        exact: true,
        notes: [],
      },
    ]);
  });

  it('may name an image', () => {
    expect(read(app('metadata: {name: a}\nspec: {source: {image: nginx}}'))[0]?.origin).toEqual({
      type: 'remote',
      source: { image: 'nginx' },
    });
  });

  it.each([
    ['metadata: {name: a}\nspec:\n  replcias: 2', 'epinio.yml:5: unknown key spec.replcias: is replicas meant?'],
    [
      'metadata: {name: a}\nspec:\n  build:\n    env:\n    - name: A\n      vaule: b',
      'epinio.yml:8: unknown key spec.build.env[0].vaule: is value meant?',
    ],
    ['metadata: {name: a}\nspce: {}', 'epinio.yml:4: unknown key spce: is spec meant?'],
    ['spec: {}', 'epinio.yml:1: metadata must have a name'],
    ['metadata: {}', 'epinio.yml:3: metadata.name must be the name of the App'],
    ['metadata:\n  name: a\n  labels: {a: 1}', 'epinio.yml:5: metadata.labels.a must be a text: put it into quotes'],
  ])('%j is refused', (text, message) => {
    expect(refused(app(text))).toBe(message);
  });

  it('other kinds are for kubectl', () => {
    expect(refused('apiVersion: v1\nkind: Secret\nmetadata: {name: a}')).toBe(
      'epinio.yml:1: apiVersion must be epinio.io/v1alpha1\nepinio.yml:2: kind must be App: other kinds are for kubectl apply',
    );
  });
});
