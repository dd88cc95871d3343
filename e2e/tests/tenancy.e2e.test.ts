import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ports, repoDir } from '../cluster/settings.ts';
import { selfSigned, tlsSecret } from '../../operator/testing/certificates.ts';
import type { App } from '../../operator/api/app.ts';
import type { AppRoute } from '../../operator/api/approute.ts';
import { awaitUpload, blob, curlUpload, getApp, manifest, page, stageRuns, waitFor, withArchive } from './lib/apps.ts';
import { read, until } from './lib/cluster.ts';
import { withTwoTenants, type Tenant } from './lib/tenants.ts';

/** What one tenant with `edit` in its own namespace tries upon another's; each answer is noted word for word. */
const suffix = Math.random().toString(36).slice(2, 7);
const door = `127.0.0.1:${ports.registry}`;
const pullSecret = 'epinio-registry-pull';
const names = { victim: `shop-${suffix}`, thief: `thief-${suffix}` };
const host = `shop-${suffix}.apps.localhost`;
/** A host that the certificate of the other covers. */
const covered = `covered-${suffix}.apps.localhost`;

let victim: Tenant;
let thief: Tenant;
let digests: { readonly victim: string; readonly thief: string };
let run = '';

const push = async (tenant: Tenant, app: string, spec: object = {}): Promise<string> => {
  const { namespace } = tenant;
  await withArchive(page(`of ${app}`), async (archive) => {
    await tenant.does(['apply', '-f', '-'], manifest(namespace, app, { source: blob(archive), ...spec }));
    await curlUpload(await awaitUpload(namespace, app, archive), archive.file);
  });
  return (await waitFor(namespace, app, 'True/Ready'))?.status?.image?.split('@')[1] ?? '';
};

const ended = Promise.withResolvers<void>();
let whole: Promise<void>;
const notes: [string, string][] = [];

/** told writes down an answer, with the names that differ from run to run taken out. */
const told = (attempt: string, answer: string): string => {
  const plain = answer
    .trim()
    .replaceAll(victim.namespace, '<victim>')
    .replaceAll(thief.namespace, '<own>')
    .replaceAll(run, '<run of victim>')
    .replaceAll(suffix, 'x')
    .replace(/sha256:[0-9a-f]{64}/g, 'sha256:…')
    .replace(/ StageRun "[^"]+" waits\.$/, '');
  notes.push([attempt, plain]);
  return plain;
};

beforeAll(async () => {
  const ready = Promise.withResolvers<void>();
  whole = withTwoTenants(async (first, second) => {
    [victim, thief] = [first, second];
    ready.resolve();
    await ended.promise;
  });
  await Promise.race([ready.promise, whole]);
  const [one, two] = await Promise.all([
    push(victim, names.victim, { routes: [{ host, path: '/' }] }),
    push(thief, names.thief),
  ]);
  digests = { victim: one, thief: two };
  run = (await stageRuns(victim.namespace))[0]?.metadata.name ?? '';
  const { namespace } = victim;
  const pair = await selfSigned({ names: [host, covered] });
  const secrets = [
    {
      metadata: { namespace, name: 'mirror' },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': '{"auths":{}}' },
    },
    { metadata: { namespace, name: 'db' }, stringData: { password: 'of-the-victim' } },
    {
      metadata: { namespace, name: 'git' },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'u', password: 'p' },
    },
    { metadata: { namespace, name: 'tls', labels: { 'epinio.io/routing': 'true' } }, ...tlsSecret(pair) },
  ];
  for (const secret of secrets)
    await victim.does(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Secret', ...secret }));
});

afterAll(async () => {
  ended.resolve();
  await whole;
  console.log(['attempt | answer', ...notes.map((note) => note.join(' | '))].join('\n'));
});

interface Said {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** judged waits until a condition of an object is false and gives its reason and message. */
const judged = async (kind: string, name: string, type: string): Promise<string> => {
  const object = await until(
    `${kind} ${name} is judged`,
    () => read<App | AppRoute>([kind, name, '-n', thief.namespace]),
    (seen) => seen?.status?.conditions?.find((c) => c.type === type)?.status === 'False',
    90,
  );
  const { reason = '', message = '' } = (object?.status?.conditions as Said[]).find((c) => c.type === type) ?? {};
  return `${reason}: ${message}`;
};

const own = (): object => ({ image: `${door}/apps/${thief.namespace}/${names.thief}@${digests.thief}` });

/** Specs of Apps in the thief's namespace, and the condition that says why they get nothing. */
const specs: Readonly<Record<string, readonly [() => object, string, string]>> = {
  'an App with the host of the other': [
    () => ({ source: own(), routes: [{ host, path: '/' }] }),
    'Routed',
    `RouteConflict: The host shop-x.apps.localhost is in use in another namespace: name another host in spec.routes of the App try-0.`,
  ],
  'an App with a path of that host': [
    () => ({ source: own(), routes: [{ host, path: '/admin' }] }),
    'Routed',
    `RouteConflict: The host shop-x.apps.localhost is in use in another namespace: name another host in spec.routes of the App try-1.`,
  ],
  'an App with a wildcard over it': [
    () => ({ source: own(), routes: [{ host: '*.apps.localhost', path: '/' }] }),
    'Routed',
    'WildcardNotAllowed: This installation allows no wildcard hosts: name another host in spec.routes of the App try-2.',
  ],
  'an App with a host of the platform': [
    () => ({ source: own(), routes: [{ host: 's3.localhost', path: '/' }] }),
    'Routed',
    "HostNotAllowed: The host s3.localhost is the platform's own: name another host in spec.routes of the App try-3.",
  ],
  'source.image: the image of the other': [
    () => ({ source: { image: `${door}/apps/${victim.namespace}/${names.victim}@${digests.victim}` } }),
    'SourceReady',
    `ImageNotAllowed: The image "${door}/apps/<victim>/shop-x@sha256:…" belongs to another namespace: name one of this namespace or of another registry.`,
  ],
  'build.builder: an image that a tenant pushed': [
    () => ({
      source: { git: { url: 'https://git.example.org/x.git' } },
      build: { builder: `${door}/apps/${thief.namespace}/${names.thief}@${digests.thief}` },
    }),
    'Staged',
    `BuilderNotFound: The builder "${door}/apps/<own>/thief-x@sha256:…" is no profile of this installation and no image that it allows: correct build.builder.`,
  ],
  'env: a Secret of the other': [
    () => ({ source: own(), env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }] }),
    'Deployed',
    'ConfigurationNotFound: There is no Secret "db", which spec.env names: create it, or remove the entry.',
  ],
  'configurations: a Secret of the other': [
    () => ({ source: own(), configurations: [{ name: 'db' }] }),
    'Deployed',
    'ConfigurationNotFound: There is no Secret "db", which spec.configurations names: create it, or remove the entry.',
  ],
  'routes[].tls.secretName: a Secret of the other': [
    () => ({
      source: own(),
      routes: [{ host: `own-${suffix}.apps.localhost`, path: '/', tls: { secretName: 'tls' } }],
    }),
    'Routed',
    'CertificateMissing: The Secret "tls" that tls.secretName names does not exist: make it.',
  ],
  'routes[].tls.issuerRef: an issuer of the platform': [
    () => ({
      source: own(),
      routes: [
        {
          host: `issued-${suffix}.apps.localhost`,
          path: '/',
          tls: { issuerRef: { kind: 'ClusterIssuer', name: 'platform' } },
        },
      ],
    }),
    'Routed',
    'IssuerNotAllowed: This installation does not allow routes to use the ClusterIssuer "platform": name an Issuer of this namespace.',
  ],
  'source.git.secretRef: a Secret of the other': [
    () => ({ source: { git: { url: 'https://git.example.org/x.git', secretRef: { name: 'git' } } } }),
    'Staged',
    'SecretNotFound: The Secret "git" does not exist in this namespace: create it with the credential for git (spec.source.git.secretRef of the App names it).',
  ],
  'build.env: a Secret of the other': [
    () => ({
      source: { git: { url: 'https://git.example.org/x.git' } },
      build: { env: [{ name: 'BP_A', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }] },
    }),
    'Staged',
    'SecretNotFound: The Secret "db" does not exist in this namespace: create it with the key "password"',
  ],
  'stageRun: a run of the other': [
    () => ({ source: own(), stageRun: run }),
    'Staged',
    'StageRunNotFound: This App has no StageRun "<run of victim>": name one of `kubectl get stageruns`, or remove spec.stageRun.',
  ],
  'pod.serviceAccountName: the account of the operator': [
    () => ({ source: own(), pod: { serviceAccountName: 'epinio-operator' } }),
    'Deployed',
    'AdmissionDenied: No pod can be made: Error looking up service account <own>/epinio-operator: serviceaccount "epinio-operator" not found.',
  ],
};

describe('a tenant with edit in its own namespace', () => {
  test.each(Object.keys(specs).map((attempt, i) => [attempt, i] as const))('is refused: %s', async (attempt, i) => {
    const [spec, type, expected] = specs[attempt] ?? [() => ({}), '', ''];
    const app = `try-${i}`;
    await thief.does(['apply', '-f', '-'], manifest(thief.namespace, app, spec()));
    const answer = told(attempt, await judged('apps.epinio.io', app, type));
    expect(answer.startsWith(expected), `${answer}\n${expected}`).toBe(true);
    // What the tenant wrote itself may come back; nothing else of the other.
    if (!JSON.stringify(spec()).includes(victim.namespace)) expect(answer).not.toContain('<victim>');
    expect(answer).not.toContain('of-the-victim');
    await thief.does(['delete', 'apps.epinio.io', app, '--wait=false']);
  });

  test('gets no https by the labelled certificate of the other, and http alone for a host that it covers', async () => {
    const app = `covered-${suffix}`;
    const routes = [{ host: covered, path: '/' }];
    await thief.does(['apply', '-f', '-'], manifest(thief.namespace, app, { source: own(), routes }));
    const ready = await waitFor(thief.namespace, app, 'True/Ready');
    expect(told('a route that the certificate of the other covers', `url ${ready?.status?.url}`)).toBe(
      'url http://covered-x.apps.localhost',
    );
    await thief.does(['delete', 'apps.epinio.io', app, '--wait=false']);
  });

  test('is refused a route by hand for the host of the other', async () => {
    const spec = { appRef: { name: names.thief }, host, path: '/' };
    const metadata = { name: 'by-hand', namespace: thief.namespace };
    const route = { apiVersion: 'epinio.io/v1alpha1', kind: 'AppRoute', metadata, spec };
    await thief.does(['apply', '-f', '-'], JSON.stringify(route));
    expect(
      told('an AppRoute by hand for the host of the other', await judged('approutes.epinio.io', 'by-hand', 'Accepted')),
    ).toBe('RouteConflict: The host shop-x.apps.localhost is in use in another namespace: choose another host.');
  });

  test('is refused the image of the other at the door of the node, with its own pull Secret', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'pull', namespace: thief.namespace },
      spec: {
        restartPolicy: 'Never',
        imagePullSecrets: [{ name: pullSecret }],
        containers: [
          {
            name: 'app',
            image: `${door}/apps/${victim.namespace}/${names.victim}@${digests.victim}`,
            // What a node has already it gives to everybody: here the door is asked.
            imagePullPolicy: 'Always',
          },
        ],
      },
    };
    await thief.does(['apply', '-f', '-'], JSON.stringify(pod));
    type Pod = { status: { containerStatuses?: { state: { waiting?: { reason: string; message?: string } } }[] } };
    const waiting = (seen: Pod | undefined) => seen?.status.containerStatuses?.[0]?.state.waiting;
    const seen = await until(
      'the pull is refused',
      () => read<Pod>(['pod', 'pull', '-n', thief.namespace]),
      (found) => waiting(found)?.reason === 'ErrImagePull',
      60,
    );
    const answer = told('a pod with the image of the other and the own pull Secret', waiting(seen)?.message ?? '');
    expect(answer).toMatch(/403 Forbidden$/);
    await thief.does(['delete', 'pod', 'pull', '--wait=false']);
  });

  test('pulls with no pull Secret of the other', async () => {
    const app = `pulls-${suffix}`;
    const pod = { imagePullSecrets: [{ name: 'mirror' }] };
    await thief.does(
      ['apply', '-f', '-'],
      manifest(thief.namespace, app, { source: own(), pod, defaultRoute: 'Disabled' }),
    );
    type Events = { items: { reason?: string; message?: string }[] };
    const isSaid = ({ reason }: { reason?: string }) => reason === 'FailedToRetrieveImagePullSecret';
    const events = await until(
      'the node says that there is none',
      () => read<Events>(['events', '-n', thief.namespace]),
      (seen) => seen?.items.some(isSaid) === true,
      60,
    );
    const answer = told('pod.imagePullSecrets: a Secret of the other', events?.items.find(isSaid)?.message ?? '');
    expect(answer).toBe(
      'Unable to retrieve some image pull secrets (mirror); attempting to pull the image may not succeed.',
    );
    await thief.does(['delete', 'apps.epinio.io', app, '--wait=false']);
  });

  const commands: Readonly<Record<string, () => readonly string[]>> = {
    'read the pull Secret of the other': () => ['get', 'secret', pullSecret, '-n', victim.namespace],
    'read the Secrets of the other': () => ['get', 'secrets', '-n', victim.namespace],
    'read the Secrets of the operator': () => ['get', 'secrets', '-n', 'epinio-system'],
    'read the builds of the other': () => ['get', 'stageruns.epinio.io', '-n', victim.namespace],
    'read the log of the other': () => ['logs', `deployment/${names.victim}`, '-n', victim.namespace],
    'stop an App of the other': () => [
      ...['patch', 'apps.epinio.io', names.victim, '-n', victim.namespace, '--type=merge'],
      ...['-p', JSON.stringify({ spec: { replicas: 0 } })],
    ],
    'write the status of an own route': () => [
      ...['patch', 'approutes.epinio.io', 'by-hand', '--subresource=status', '--type=merge'],
      ...['-p', JSON.stringify({ status: { host: 'Held' } })],
    ],
    'make a StageRun': () => ['create', '-f', '-'],
  };
  test.each(Object.keys(commands))('is refused by the API server: %s', async (attempt) => {
    const args = commands[attempt]?.() ?? [];
    const spec = { appRef: { name: names.thief }, inputs: 'a'.repeat(64), source: { image: 'x' }, reason: 'Source' };
    const metadata = { name: 'forged', namespace: thief.namespace };
    const forged = JSON.stringify({ apiVersion: 'epinio.io/v1alpha1', kind: 'StageRun', metadata, spec });
    const { code, stderr } = await thief.can(args, args.includes('create') ? forged : '');
    expect(code).not.toBe(0);
    expect(told(attempt, stderr)).toMatch(
      /^Error from server \(Forbidden\): .*User "system:serviceaccount:<own>:tenant" cannot /s,
    );
  });

  test('changes nothing of the other by an owner reference to its App', async () => {
    const app = await getApp(victim.namespace, names.victim);
    const [mine] = await stageRuns(thief.namespace);
    const owner = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: names.victim, uid: app?.metadata.uid };
    const patch = { metadata: { ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: false }] } };
    const name = mine?.metadata.name ?? '';
    await thief.can(['patch', 'stageruns.epinio.io', name, '--type=merge', '-p', JSON.stringify(patch)]);
    await victim.does(['patch', 'apps.epinio.io', names.victim, '--type=merge', '-p', '{"spec":{"restart":"now"}}']);
    const after = await waitFor(victim.namespace, names.victim, 'True/Ready');
    expect(after?.status?.image).toBe(app?.status?.image);
    expect((await stageRuns(victim.namespace)).map(({ metadata }) => metadata.name)).toEqual([run]);
    told(
      'an owner reference of an own StageRun to the App of the other',
      'image and StageRuns of the other stay as they are',
    );
  });

  test('reads in docs/security.md what Epinio answers', () => {
    const page = readFileSync(join(repoDir, 'docs', 'security.md'), 'utf8');
    const rows = new Map(
      [...page.matchAll(/^\| (.+?) \| `+(.+?)`+ +\|$/gm)].map(([, attempt = '', words = '']) => [attempt, words]),
    );
    const byEpinio = notes.filter(([attempt]) => attempt in specs || attempt.startsWith('an AppRoute by hand'));
    expect(byEpinio.map(([attempt]) => [attempt, rows.get(attempt)])).toEqual(byEpinio);
    expect(notes.map(([attempt]) => attempt).filter((attempt) => !rows.has(attempt))).toEqual([]);
  });
});
