/** Plural of one of our kinds. */
export type Plural = 'apps' | 'stageruns' | 'approutes';

/** Spec is a full spec with some fields changed; undefined takes a field away. */
export type Spec = Record<string, unknown>;

/** Row proves one rule on new objects: what it lets through, what it refuses, and with which words. */
export interface Row {
  readonly plural: Plural;
  readonly good: readonly Spec[];
  readonly bad: readonly Spec[];
  readonly message: string;
}

/** Wording is what a rule says of a text, and texts that it takes and refuses. */
interface Wording {
  readonly message: string;
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

/** At puts a text into a spec. */
type At = readonly [Plural, (text: unknown) => Spec];

const at = (places: readonly At[], { message, good, bad }: Wording): Row[] =>
  places.map(([plural, into]) => ({ plural, good: good.map(into), bad: bad.map(into), message }));

const hosts: readonly At[] = [
  ['apps', (host) => ({ routes: [{ host }] })],
  ['approutes', (host) => ({ host })],
];
const paths: readonly At[] = [
  ['apps', (path) => ({ routes: [{ host: 'a.b', path }] })],
  ['approutes', (path) => ({ path })],
];
const images: readonly At[] = [
  ['apps', (image) => ({ source: { image } })],
  ['stageruns', (image) => ({ source: { image } })],
];
const digests: readonly At[] = [
  ['apps', (sha256) => ({ source: { blob: { sha256, size: 1 } } })],
  ['stageruns', (sha256) => ({ source: { blob: { sha256, size: 1 } } })],
];
const git = (into: (text: unknown) => Spec): At[] =>
  (['apps', 'stageruns'] as const).map((plural) => [
    plural,
    (text) => ({ source: { git: { url: 'https://a/b', secretRef: { name: 'a' }, ...into(text) } } }),
  ]);
const inBoth = (into: (text: unknown) => Spec): At[] => [
  ['apps', (text) => ({ build: into(text) })],
  ['stageruns', into],
];
const secret = (field: string) =>
  inBoth((text) => ({
    env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'a', key: 'b', [field]: text } } }],
  }));
const cache = (field: string) => inBoth((text) => ({ cache: { [field]: text } }));
const variables: readonly At[] = [
  ['apps', (name) => ({ env: [{ name }] })],
  ...inBoth((name) => ({ env: [{ name }] })),
];
const quantities: readonly At[] = [
  ['apps', (cpu) => ({ resources: { limits: { cpu } } })],
  ['apps', (cpu) => ({ resources: { requests: { cpu } } })],
  ...inBoth((cpu) => ({ resources: { limits: { cpu } } })),
];
const pod = (field: string): At[] => [['apps', (text) => ({ pod: { [field]: text } })]];

const label = (field: string): Wording => ({
  message: `${field} must be a name of lower-case letters, digits and -, such as my-shop`,
  good: ['a', '1a-b'],
  bad: ['', 'A', 'a.b', '-a', 'a_b'],
});
const name = (field: string): Wording => ({
  message: `${field} must be a name of lower-case letters, digits, - and dots, such as my-shop`,
  good: ['a', 'a.b-c'],
  bad: ['', 'A', 'a..b', 'a/b'],
});
const digest = (field: string): Wording => ({
  message: `${field} must be 64 hexadecimal digits in lower case, as \`sha256sum\` prints them, without a prefix`,
  good: ['b'.repeat(64)],
  bad: ['B'.repeat(64), 'b'.repeat(63), ''],
});

/** wordings prove that where a text is refused the words say what to write. */
export const wordings: readonly Row[] = [
  ...at(hosts, {
    message: 'host must be in lower case',
    good: ['shop.example.org', '*.example.org', 'xn--bcher-kva.example'],
    bad: ['Shop.example.org', 'shop.example.ORG'],
  }),
  ...at(hosts, {
    message: 'host must be a name alone, without scheme, port and path, which has a field of its own',
    good: ['localhost'],
    bad: ['https://shop.example.org', 'shop.example.org:8080', 'shop.example.org/', '[::1]', '::1'],
  }),
  ...at(hosts, {
    message: 'host must not end with a dot',
    good: ['a.b'],
    bad: ['a.b.'],
  }),
  ...at(hosts, {
    message: 'host must be a name and not an IP address: write a name such as shop.example.org whose DNS leads there',
    good: ['1.2.3.4.nip.io', '1a.2'],
    bad: ['1.2.3.4', '127.1', '2130706433'],
  }),
  ...at(hosts, {
    message: 'host must not be a name of the cluster itself (.svc, .cluster.local): choose one that DNS knows outside',
    good: ['svc.example.org', 'mysvc', 'mycluster.local'],
    bad: ['shop.team.svc', 'svc', 'shop.team.svc.cluster.local', 'cluster.local'],
  }),
  ...at(hosts, {
    message:
      'host must be a DNS name such as shop.example.org: letters, digits and - between dots, * only alone at the beginning, as in *.example.org',
    good: ['a-b.c'],
    bad: ['a_b.c', '-a.b', 'a..b', 'a.*.b', '*a.b', '*', 'a b', 'ä.example', `${'a'.repeat(64)}.b`],
  }),
  ...at(paths, { message: 'path must start with /', good: ['/', '/api'], bad: ['api'] }),
  ...at(paths, {
    message: 'path must not end with /',
    good: ['/', '/api'],
    bad: ['/api/', '//'],
  }),
  ...at(paths, {
    message:
      'path must be made of letters, digits and ._~@:+- between single slashes: no query, no escapes such as %20, no *',
    good: ['/a/~b/@c:d+e-f_g.h'],
    bad: ['/a//b', '/a%20b', '/a?b=c', '/*', '/ä', '/a b'],
  }),
  ...at(images, {
    message:
      'image must be an image such as docker.io/library/nginx:1.29 or registry.example.org/team/shop@sha256:…: without scheme, its path in lower case',
    good: ['nginx', 'docker.io/library/nginx:1.29', `localhost:5000/a/b@sha256:${'a'.repeat(64)}`],
    bad: ['https://docker.io/nginx', 'docker.io/Library/nginx', 'nginx:', 'nginx@sha256:1', ''],
  }),
  ...at(digests, digest('sha256')),
  ...at(
    git((url) => ({ url })),
    {
      message:
        'url must begin with https:// or ssh://: write https://github.com/team/shop or ssh://git@github.com/team/shop.git, not git@github.com:team/shop.git',
      good: ['https://github.com/team/shop', 'ssh://git@github.com/team/shop.git'],
      bad: [
        'git@github.com:team/shop',
        'http://github.com/a',
        'file:///etc',
        'ext::sh -c id',
        '--upload-pack=id',
        '/etc',
      ],
    },
  ),
  ...at(
    git((url) => ({ url })),
    {
      message: 'url must not hold a name or password: put them into a Secret and name it in secretRef',
      good: ['ssh://git@github.com/a'],
      bad: ['https://token@github.com/a', 'https://me:secret@github.com/a', 'ssh://git:secret@github.com/a'],
    },
  ),
  ...at(
    git((url) => ({ url })),
    {
      message: 'url must have no ? and no #: branch and folder have fields of their own',
      good: ['https://a/b'],
      bad: ['https://a/b?ref=main', 'https://a/b#main'],
    },
  ),
  ...at(
    git((url) => ({ url })),
    {
      message:
        'url must be made of a host, perhaps with a port, and a path of letters, digits and ._~+,=:@%-, such as https://git.example.org:8443/team/shop.git',
      good: ['https://git.example.org:8443/a/b.git', 'https://[fd00::1]/a', 'https://a/my%20shop', 'ssh://a:22/~b/c/'],
      bad: [
        'https://a',
        'https:///b',
        'ssh://-oProxyCommand=id/a',
        'https://a/b c',
        "https://a/'b'",
        'https://a/b%0ac',
      ],
    },
  ),
  ...at(
    git((url) => ({ url, secretRef: undefined })),
    {
      message: 'source.git with an ssh url must have secretRef: name a Secret with ssh-privatekey and known_hosts',
      good: ['https://a/b'],
      bad: ['ssh://git@a/b'],
    },
  ),
  ...at(
    git((revision) => ({ revision })),
    {
      message:
        'revision must be a branch, a tag or a commit as git names it, such as main, v1.2.0 or 4f2a9c1: no spaces, no -, / at the beginning, none of ~^:?*[\\ and no ..',
      good: ['main', 'v1.2.0', '4f2a9c1', 'feature/a-b', 'refs/tags/v1', 'ä', '#1', 'HEAD'],
      bad: [
        '-u',
        '/a',
        'a b',
        'a..b',
        'a~1',
        'a^{}',
        'a:b',
        'a/',
        'a.',
        'a.lock',
        'a@{1}',
        'a//b',
        'a\\b',
        'a\nb',
        'a*',
      ],
    },
  ),
  ...at(
    git((subPath) => ({ subPath })),
    {
      message:
        'subPath must be the path of a folder in the repository, such as services/shop: no / at its ends, no empty, `.`, `..` or `.git` parts',
      good: ['a', 'services/shop', '.github', 'a b/ä', '-a'],
      bad: ['/a', 'a/', 'a//b', '..', 'a/../b', './a', '.git/hooks', 'a\nb'],
    },
  ),
  ...at(
    git((ref) => ({ secretRef: { name: ref } })),
    name('secretRef.name'),
  ),
  ...at([['stageruns', (inputs) => ({ inputs })]], digest('inputs')),
  ...at(
    inBoth((builder) => ({ builder })),
    {
      message:
        'builder must be the name of a builder profile or an image such as docker.io/paketobuildpacks/builder:1, without scheme',
      good: ['default', 'docker.io/paketobuildpacks/builder:1'],
      bad: ['', 'a b', '-a'],
    },
  ),
  ...at(
    inBoth((binding) => ({ bindings: [{ name: binding }] })),
    name('bindings.name'),
  ),
  ...['type', 'provider'].flatMap((field) =>
    at(
      inBoth((text) => ({ bindings: [{ name: 'a', [field]: text }] })),
      {
        message: `${field} of a binding must be a word such as ${field === 'type' ? 'maven' : 'example.org'}: letters, digits and -_./`,
        good: ['maven', 'example.org/a_b-c', undefined],
        bad: ['', 'a b', '-a', 'a/', 'a\nb'],
      },
    ),
  ),
  ...at(cache('size'), {
    message: 'size must be a number of bytes with a unit, such as 500Mi or 2Gi',
    good: ['500Mi', '2Gi', '1T'],
    bad: ['', '0Gi', '2', '1.5Gi', '2 Gi', '-1Gi'],
  }),
  ...at(cache('storageClassName'), name('storageClassName')),
  ...at(cache('key'), {
    message: 'key must be letters, digits and -_. such as 2 or node-22, beginning and ending with a letter or digit',
    good: ['2', 'node-22_b.C'],
    bad: ['', '-a', 'a b', 'a/b'],
  }),
  ...at(
    inBoth((mode) => ({ cache: { mode, size: '2Gi' } })),
    {
      message: 'mode must be Volume where a cache has size or storageClassName: set it, or remove them',
      good: ['Volume', undefined],
      bad: ['Image', 'None'],
    },
  ),
  ...at(variables, {
    message:
      'the name of a variable must be letters, digits, _, - and dots and not begin with a digit, such as BP_NODE_VERSION',
    good: ['A', '_a.b-c1'],
    bad: ['1A', 'A B', 'Ä', 'A=B'],
  }),
  ...at(secret('name'), name('secretKeyRef.name')),
  ...at(secret('key'), {
    message: 'secretKeyRef.key must be letters, digits and -._, as the keys of Secrets are',
    good: ['.npmrc', 'A_b-c'],
    bad: ['', 'a/b', 'a b'],
  }),
  ...at(quantities, {
    message:
      'a quantity must be a number with a unit that Kubernetes knows: write 500m or 2 for CPUs, 256Mi or 1Gi for bytes',
    good: [1, '0.5', '500m', '1e3'],
    bad: ['1 CPU', '256MB', '', 'much'],
  }),
  ...at([['apps', (stageRun) => ({ stageRun })]], label('stageRun')),
  ...at(
    [
      ['approutes', (app) => ({ appRef: { name: app } })],
      ['stageruns', (app) => ({ appRef: { name: app } })],
    ],
    label('appRef.name'),
  ),
  ...at([['approutes', (ingressClassName) => ({ ingressClassName })]], name('ingressClassName')),
  ...['priorityClassName', 'serviceAccountName', 'runtimeClassName'].flatMap((field) => at(pod(field), name(field))),
  ...at([['apps', (text) => ({ processes: [{ name: text }] })]], label('name')),
  ...at([['apps', (process) => ({ process })]], {
    message: 'process must be the type of a process of the image, such as web: letters, digits and ._-',
    good: ['web', 'Web_1.2-3'],
    bad: ['', 'a b', 'a/b'],
  }),
  ...at([['apps', (value) => ({ pod: { labels: { team: value } } })]], {
    message:
      'the values of pod.labels must be empty, or letters, digits and -_. that begin and end with a letter or digit',
    good: ['', 'a', 'A_b.c-1'],
    bad: ['-a', 'a b', 'a/b', 'a-'],
  }),
];
