import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { resolvePlatform } from '../platform.ts';
import { stepNames } from '../../api/steps.ts';
import { anApp, aRun, settings } from '../testing/objects.ts';
import { buildJob, type JobInput } from './job.ts';
import { forPlatform, mergeResources } from './resources.ts';
import { buildSecret } from './secret.ts';

const env = [
  { name: 'BP_NODE_VERSION', value: '22' },
  { name: 'NPM_TOKEN', valueFrom: { secretKeyRef: { name: 'npm', key: 'token' } } },
];
const run = aRun(anApp({ build: { env } }));
const digest = `sha256:${'d'.repeat(64)}`;

const input = (over: Partial<JobInput> = {}, config = settings()): JobInput => {
  const platform = resolvePlatform(config, run, { deployed: `registry.example.org:5000/apps/team/shop@${digest}` })!;
  const fetch = { image: 'example.org/operator:1', command: ['node', '/app/epinio-operator.mjs', 'fetch'] };
  return { run, platform, config, ca: true, fetch, ...over };
};
const job = buildJob(input());
const pod = job.spec!.template.spec!;
const containers = [...(pod.initContainers ?? []), ...pod.containers];
const container = (name: string) => containers.find((c) => c.name === name)!;
const lifecycle = stepNames.filter((name) => name !== 'fetch' && name !== 'rebase');

it('is exactly the Job that was looked at by people (job.golden.yaml)', () => {
  const golden = join(import.meta.dirname, 'job.golden.yaml');
  expect(stringify(job, { aliasDuplicateObjects: false, lineWidth: 120 })).toBe(readFileSync(golden, 'utf8'));
});

describe('the hardening of the build pod', () => {
  it('lets no container run as root, gain privileges, or write outside its volumes', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1001,
      runAsGroup: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const { securityContext } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('gives no container a token of the API, nor the addresses of other Services', () => {
    expect(pod).toMatchObject({
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
    });
    expect(pod.volumes?.flatMap((v) => v.projected?.sources ?? []).some((s) => s.serviceAccountToken)).toBe(false);
  });

  it('shares nothing with the node', () => {
    expect(pod.hostNetwork ?? pod.hostPID ?? pod.hostIPC).toBeUndefined();
    for (const volume of pod.volumes ?? []) expect(volume).not.toHaveProperty('hostPath');
  });

  it.each(['detect', 'build'])('keeps credentials, URL and CA away from %s, which runs code of the user', (name) => {
    const { env: variables, volumeMounts } = container(name);
    expect(variables?.some((v) => v.valueFrom !== undefined)).toBe(false);
    expect(variables?.map((v) => v.name)).toEqual(['CNB_PLATFORM_API', 'CNB_NO_COLOR', 'CNB_ANALYZED_PATH', 'HOME']);
    const mounted = volumeMounts?.map((m) => m.name);
    expect(mounted).not.toContain('fetch');
    expect(mounted).not.toContain('ca');
    expect(mounted).not.toContain('tmp-trusted');
  });

  it('lets code of the user change neither analyzed.toml nor the scratch files of those that hold credentials', () => {
    for (const name of ['detect', 'build']) {
      expect(container(name).volumeMounts?.find((m) => m.name === 'meta')?.readOnly).toBe(true);
    }
    for (const name of ['fetch', 'analyze', 'restore', 'export']) {
      expect(container(name).volumeMounts?.find((m) => m.mountPath === '/tmp')?.name).toBe('tmp-trusted');
    }
  });

  it('shows the URL of the archive to fetch alone, and the credential of the registry to three programs', () => {
    const withUrl = containers.filter((c) => c.volumeMounts?.some((m) => m.name === 'fetch'));
    expect(withUrl.map((c) => c.name)).toEqual(['fetch']);
    const withAuth = containers.filter((c) => c.env?.some((v) => v.name === 'CNB_REGISTRY_AUTH'));
    expect(withAuth.map((c) => c.name)).toEqual(['analyze', 'restore', 'export']);
  });

  it('mounts single keys of the Secret, never all of it', () => {
    for (const { secret } of pod.volumes ?? []) if (secret) expect(secret.items?.length).toBe(1);
    for (const source of pod.volumes?.flatMap((v) => v.projected?.sources ?? []) ?? []) {
      expect(source.secret?.items?.length).toBe(1);
    }
  });

  it("mounts a user's Secret from where it lies", () => {
    const sources = pod.volumes?.find((v) => v.name === 'platform-env')?.projected?.sources;
    expect(sources).toEqual([
      { secret: { name: run.metadata.name, items: [{ key: 'env-0', path: 'BP_NODE_VERSION' }] } },
      { secret: { name: 'npm', items: [{ key: 'token', path: 'NPM_TOKEN' }] } },
    ]);
  });

  it('bounds every container in memory, and asks for what it needs', () => {
    for (const { resources } of containers) {
      expect(resources?.limits?.['memory']).toBeDefined();
      expect(resources?.requests?.['cpu']).toBeDefined();
      expect(resources?.requests?.['memory']).toBeDefined();
    }
  });

  it('does not let a small limit of an App kill the steps that are not its own', () => {
    const small = aRun(anApp({ build: { resources: { requests: { memory: '64Mi' }, limits: { memory: '96Mi' } } } }));
    const { template } = buildJob(input({ run: small })).spec!;
    const all = [...(template.spec?.initContainers ?? []), ...(template.spec?.containers ?? [])];
    expect(Object.fromEntries(all.map((c) => [c.name, c.resources?.limits?.['memory']]))).toEqual({
      fetch: '256Mi',
      analyze: '256Mi',
      detect: '96Mi',
      restore: '256Mi',
      build: '96Mi',
      export: '256Mi',
    });
    for (const c of all) expect(c.resources?.requests?.['memory']).toBe('64Mi');
  });

  it.each([
    ['no limit at all', { requests: {}, limits: {} }, { requests: {}, limits: {} }],
    ['a large limit', { requests: {}, limits: { memory: '1G' } }, { requests: {}, limits: { memory: '1G' } }],
    [
      'a small limit, which is also what Kubernetes would request',
      { requests: { cpu: '1' }, limits: { memory: '100000000' } },
      { requests: { cpu: '1', memory: '100000000' }, limits: { memory: '256Mi' } },
    ],
  ])('with %s', (_, own, expected) => expect(forPlatform(own)).toEqual(expected));

  it('ends the pod before the Job, so that statuses and logs stay', () => {
    expect(pod.activeDeadlineSeconds).toBe(1800);
    expect(job.spec?.activeDeadlineSeconds).toBe(1800 + 600);
    expect(job.spec?.backoffLimit).toBe(0);
    expect(job.spec).not.toHaveProperty('ttlSecondsAfterFinished');
  });

  it('keeps sidecars of meshes out', () => {
    const { labels, annotations } = job.spec!.template.metadata!;
    expect(labels).toMatchObject({ 'sidecar.istio.io/inject': 'false' });
    expect(annotations).toMatchObject({ 'sidecar.istio.io/inject': 'false', 'linkerd.io/inject': 'disabled' });
  });

  it('is selected by no Service or Deployment: it has no process', () => {
    expect(job.spec?.template.metadata?.labels).not.toHaveProperty('epinio.io/process');
  });
});

describe('what the lifecycle is told', () => {
  it('uses the same platform API and no colours everywhere', () => {
    for (const name of lifecycle) {
      const { env: variables } = container(name);
      expect(variables).toContainEqual({ name: 'CNB_PLATFORM_API', value: '0.13' });
      expect(variables).toContainEqual({ name: 'CNB_NO_COLOR', value: 'true' });
    }
  });

  it('has the run image and the deployed image in analyze, and only there', () => {
    expect(container('analyze').args).toContain('-run-image=registry.example.org:5000/epinio/run:1');
    expect(container('analyze').args).toContain(`-previous-image=registry.example.org:5000/apps/team/shop@${digest}`);
    expect(container('export').args?.join(' ')).not.toMatch(/-run-image|-previous-image/);
  });

  it('names the image once, last, after all flags: Go ignores flags after the first argument', () => {
    const image = `registry.example.org:5000/apps/team/shop:${run.metadata.name}`;
    expect(container('analyze').args?.at(-1)).toBe(image);
    expect(container('export').args?.at(-1)).toBe(image);
    expect(containers.flatMap((c) => c.args ?? []).filter((a) => !a.startsWith('-'))).toEqual([image, image]);
  });

  it('gives detect and build no flags: they know no uid, registry or cache', () => {
    expect(container('detect').args).toBeUndefined();
    expect(container('build').args).toBeUndefined();
  });

  it('caches in the registry where that is wanted', () => {
    const cache = '-cache-image=registry.example.org:5000/apps/team/shop/cache';
    for (const name of ['analyze', 'restore', 'export']) expect(container(name).args).toContain(cache);
    const none = settings({ build: { cache: 'None' } });
    const without = buildJob(input({ platform: resolvePlatform(none, run)! }, none));
    expect(JSON.stringify(without)).not.toContain('cache-image');
  });

  it('caches in another image where the App has another key', () => {
    const { status } = resolvePlatform(settings(), aRun(anApp(), { cache: { key: '2' } }))!;
    expect(status.cacheRepository).toMatch(
      /^registry\.example\.org:5000\/apps\/team\/shop\/cache:latest_[0-9a-f]{10}$/,
    );
  });

  it('caches in a volume where that is wanted, which no code of buildpacks sees', () => {
    const cached = aRun(anApp(), { cache: { mode: 'Volume', size: '3Gi' } });
    const platform = resolvePlatform(settings(), cached)!;
    const {
      initContainers = [],
      containers: main,
      volumes,
    } = buildJob(input({ run: cached, platform })).spec!.template.spec!;
    const all = [...initContainers, ...main];
    expect(platform.status.cacheClaim).toMatch(/^shop-[0-9a-f]{10}$/);
    expect(volumes).toContainEqual({
      name: 'cache',
      persistentVolumeClaim: { claimName: platform.status.cacheClaim },
    });
    const seeing = all.filter(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => name === 'cache'));
    expect(seeing.map(({ name }) => name)).toEqual(['fetch', 'restore', 'export']);
    const told = all.filter(({ args = [] }) => args.includes('-cache-dir=/epinio/cache'));
    expect(told.map(({ name }) => name)).toEqual(['restore', 'export']);
    expect(JSON.stringify(all)).not.toContain('cache-image');
    expect(all[0]?.env).toContainEqual({ name: 'FETCH_CACHE_BYTES', value: String(3 * 1024 ** 3) });
  });

  it('reports the digest through the termination message of export', () => {
    expect(container('export').args).toContain('-report=/dev/termination-log');
    for (const c of containers) expect(c.terminationMessagePolicy).toBe('FallbackToLogsOnError');
  });

  it('speaks plain HTTP only where the configuration says so', () => {
    const open = settings({ registry: { push: 'registry.test:5000', insecure: true } });
    const insecure = buildJob(input({ platform: resolvePlatform(open, run)!, ca: false }, open));
    expect(JSON.stringify(insecure)).toContain('"CNB_INSECURE_REGISTRIES","value":"registry.test:5000"');
    expect(JSON.stringify(job)).not.toContain('INSECURE');
  });

  it('may run another image than the builder where credentials are', () => {
    const [profile] = settings().builders;
    const split = settings({ builders: [{ ...profile, lifecycleImage: 'example.org/lifecycle:1' }] });
    const { template } = buildJob(input({ platform: resolvePlatform(split, run)! }, split)).spec!;
    const images = Object.fromEntries(
      [...(template.spec?.initContainers ?? []), ...(template.spec?.containers ?? [])].map((c) => [c.name, c.image]),
    );
    expect(images).toEqual({
      fetch: 'example.org/operator:1',
      analyze: 'example.org/lifecycle:1',
      detect: 'example.org/builder:1',
      restore: 'example.org/lifecycle:1',
      build: 'example.org/builder:1',
      export: 'example.org/lifecycle:1',
    });
  });
});

describe('the Job of a rebase', () => {
  const runImage = `sha256:${'2'.repeat(64)}`;
  const rebasing = aRun(anApp({ build: { env, cache: { mode: 'Volume' } } }), {
    rebase: { stageRun: 'shop-1', runImage },
  });
  const platform = resolvePlatform(settings(), rebasing, {
    deployed: `registry.example.org:5000/apps/team/shop@${digest}`,
  })!;
  const {
    initContainers,
    containers: all,
    volumes,
  } = buildJob(input({ run: rebasing, platform })).spec!.template.spec!;

  it('has one container, which runs nothing but the lifecycle, and sees nothing of the App', () => {
    expect(initContainers).toBeUndefined();
    expect(all.map(({ name }) => name)).toEqual(['rebase']);
    expect(all[0]?.command).toEqual(['/cnb/lifecycle/rebaser']);
    expect(volumes?.map(({ name }) => name)).toEqual(['tmp-trusted', 'ca']);
    const { data = {} } = buildSecret(rebasing, { keyring: {}, ca: undefined }, 'job-uid');
    expect(Object.keys(data)).toEqual(['registry-auth']);
  });

  it('puts the image that was built upon the run image of that digest, whatever the tag means meanwhile', () => {
    expect(all[0]?.args).toEqual([
      ...['-uid=1001', '-gid=1000', '-force'],
      `-run-image=registry.example.org:5000/epinio/run:1@${runImage}`,
      `-previous-image=registry.example.org:5000/apps/team/shop@${digest}`,
      '-report=/dev/termination-log',
      `registry.example.org:5000/apps/team/shop:${rebasing.metadata.name}`,
    ]);
    expect(platform.cache).toEqual({ type: 'none' });
  });
});

describe('the bindings of a build', () => {
  const bound = aRun(
    anApp({ build: { bindings: [{ name: 'maven' }, { name: 'tls.corp', type: 'ca-certificates' }] } }),
  );
  const { initContainers = [], containers: main, volumes = [] } = buildJob(input({ run: bound })).spec!.template.spec!;

  it('are folders that detect and build see, read-only, and nobody else', () => {
    const seeing = [...initContainers, ...main].flatMap(({ name, volumeMounts = [] }) => {
      const found = volumeMounts.filter(({ mountPath }) => mountPath.startsWith('/platform/bindings'));
      return found.length === 0 ? [] : [[name, ...found.map((m) => [m.mountPath, m.readOnly])]];
    });
    const folders = [
      ['/platform/bindings/maven', true],
      ['/platform/bindings/tls.corp', true],
    ];
    expect(seeing).toEqual([
      ['detect', ...folders],
      ['build', ...folders],
    ]);
  });

  it('hold the Secret of the App from where it lies, and before it what the App says itself', () => {
    expect(volumes.filter(({ name }) => name.startsWith('binding-')).map(({ projected }) => projected)).toEqual([
      { defaultMode: 0o440, sources: [{ secret: { name: 'maven' } }] },
      {
        defaultMode: 0o440,
        sources: [
          { secret: { name: 'tls.corp' } },
          { secret: { name: bound.metadata.name, items: [{ key: 'binding-1-type', path: 'type' }] } },
        ],
      },
    ]);
    const { data = {} } = buildSecret(bound, { keyring: {}, ca: undefined }, 'job-uid');
    expect(Object.keys(data).toSorted()).toEqual(['binding-1-type', 'registry-auth']);
    expect(Buffer.from(data['binding-1-type'] ?? '', 'base64').toString()).toBe('ca-certificates');
  });
});

describe('the Secret of a run', () => {
  const keyring = { 'registry.example.org:5000': { type: 'bearer' as const, token: 'jwt' } };
  const secret = buildSecret(run, { url: 'http://s3/a?sig=1', keyring, ca: 'PEM' }, 'job-uid');
  const value = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();

  it('belongs to the Job and never changes', () => {
    expect(secret.immutable).toBe(true);
    expect(secret.metadata?.ownerReferences).toMatchObject([{ kind: 'Job', uid: 'job-uid', controller: true }]);
  });

  it('holds the URL, the credential, the CA and literal settings; values from other Secrets are not copied', () => {
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(['ca.crt', 'env-0', 'registry-auth', 'url']);
    expect(value('url')).toBe('http://s3/a?sig=1');
    expect(JSON.parse(value('registry-auth'))).toEqual({ 'registry.example.org:5000': 'Bearer jwt' });
    expect(value('env-0')).toBe('22');
  });
});

describe('resources', () => {
  const defaults = { requests: { cpu: '200m', memory: '512Mi' }, limits: { memory: '2Gi' } };

  it.each([
    ['the defaults where the App says nothing', undefined, defaults],
    [
      "the App's limit without the default request, which might be above it",
      { limits: { memory: '256Mi' } },
      { requests: { cpu: '200m' }, limits: { memory: '256Mi' } },
    ],
    [
      "the App's request as limit too, where there is a default limit that might be below it",
      { requests: { memory: '4Gi' } },
      { requests: { cpu: '200m', memory: '4Gi' }, limits: { memory: '4Gi' } },
    ],
    [
      'a limit that the defaults do not have',
      { limits: { cpu: '2' } },
      { requests: { memory: '512Mi' }, limits: { memory: '2Gi', cpu: '2' } },
    ],
  ])('are %s', (_, own, expected) => {
    expect(mergeResources(own, defaults)).toEqual(expected);
  });
});

describe('the Job of a run from git', () => {
  const source = {
    git: {
      url: 'ssh://git@git.example.org/team/shop.git',
      revision: 'main',
      subPath: 'services/shop',
      secretRef: { name: 'git-key' },
      submodules: 'Recursive' as const,
    },
  };
  const over = { git: { allowedHosts: ['git.example.org'], knownHosts: ['git.example.org ssh-ed25519 AAAA'] } };
  const made = (more: Partial<JobInput> = {}) => {
    const fromGit = aRun(anApp({ source }), { source });
    const { template } = buildJob(input({ run: fromGit, ...more }, settings(over))).spec!;
    const { initContainers = [], containers: main, volumes = [] } = template.spec!;
    return { all: [...initContainers, ...main], volumes };
  };
  const valuesOf = (more?: Partial<JobInput>) =>
    Object.fromEntries(
      made(more)
        .all.find(({ name }) => name === 'fetch')!
        .env!.map(({ name, value }) => [name, value]),
    );

  it('tells fetch what to bring, and which commit an earlier attempt has looked up', () => {
    expect(valuesOf()).toMatchObject({
      FETCH_GIT_URL: source.git.url,
      FETCH_GIT_REVISION: 'main',
      FETCH_GIT_SUBPATH: 'services/shop',
      FETCH_GIT_SUBMODULES: 'Recursive',
      FETCH_GIT_SECRET_DIR: '/epinio/git',
      FETCH_GIT_SECRET_NAME: 'git-key',
      FETCH_GIT_ALLOWED_HOSTS: 'git.example.org',
      FETCH_GIT_KNOWN_HOSTS: 'git.example.org ssh-ed25519 AAAA',
      FETCH_METADATA_FILE: '/meta/project-metadata.toml',
    });
    expect(valuesOf()).not.toHaveProperty('FETCH_GIT_COMMIT');
    expect(valuesOf()).not.toHaveProperty('FETCH_URL_FILE');
    expect(valuesOf({ commit: 'c'.repeat(40) })).toMatchObject({ FETCH_GIT_COMMIT: 'c'.repeat(40) });
  });

  it('mounts the Secret of the App into fetch alone, and of it only the keys for git', () => {
    const { all, volumes } = made();
    const named = all.filter(({ volumeMounts }) => volumeMounts?.some(({ name }) => name === 'git'));
    expect(named.map(({ name }) => name)).toEqual(['fetch']);
    const secret = volumes.find(({ name }) => name === 'git')?.secret;
    expect(secret).toMatchObject({ secretName: 'git-key', optional: true });
    expect(secret?.items?.map(({ key }) => key)).toEqual([
      ...['username', 'password', 'bearerToken', 'ssh-privatekey', 'identity', 'known_hosts', 'ca.crt'],
    ]);
    expect(volumes.some(({ name }) => name === 'fetch')).toBe(false);
  });

  it('lets the exporter label the image with what was fetched, which code of the user cannot change', () => {
    const { all } = made();
    expect(all.find(({ name }) => name === 'export')?.args).toContain('-project-metadata=/meta/project-metadata.toml');
    for (const name of ['detect', 'build'])
      expect(all.find((one) => one.name === name)?.volumeMounts?.find((m) => m.name === 'meta')?.readOnly).toBe(true);
  });
});
