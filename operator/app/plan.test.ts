import { describe, expect, test } from 'vitest';
import type { App, AppSpec, AppStatus } from '../api/app.ts';
import { meanings } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { checkConditions } from '../testing/conditionscheck.ts';
import { planApp } from './plan.ts';
import {
  acts,
  aDeployment,
  ago,
  anApp,
  aPod,
  aRoute,
  aRun,
  blob,
  condition,
  digest,
  failed,
  image,
  missingPullSecret,
  now,
  otherSha,
  podsOf,
  running,
  see,
  settings,
  sha,
  stagedImage,
  succeeded,
} from './testing/objects.ts';
import { PodDisruptionBudget } from '../kube/resource.ts';
import type { Observed, PodObject } from './observed.ts';

interface Expected {
  /** An outside look is asked for. */
  readonly look?: string;
  /** `Kind name`, or Kind alone, in order. */
  readonly apply?: string[];
  readonly remove?: string[];
  readonly removeBlob?: boolean;
  /** `status/reason` of a condition. */
  readonly Ready?: string;
  readonly SourceReady?: string;
  readonly Staged?: string;
  readonly Deployed?: string;
  readonly Routed?: string;
  readonly progress?: 'Reconciling' | 'Stalled' | 'Settled';
  readonly lookAfterMs?: number | undefined;
  /** Seconds since when the storage is looked into again and again. */
  readonly awaited?: number;
  readonly status?: Partial<AppStatus>;
  /** What Ready says. */
  readonly message?: string;
}

type Case = [sentence: string, given: Partial<Observed>, expected: Expected];

const word = (status: AppStatus | undefined, type: string): string | undefined => {
  const found = findCondition(status?.conditions, type);
  return found && `${found.status}/${found.reason}`;
};

const progressOf = (status: AppStatus | undefined): string =>
  ['Reconciling', 'Stalled'].find((type) => findCondition(status?.conditions, type) !== undefined) ?? 'Settled';

const conditionTypes = ['Ready', 'SourceReady', 'Staged', 'Deployed', 'Routed'] as const;

const withStatus = (app: App, status: AppStatus): App => ({ ...app, status });

/** check compares a plan with what is expected, and asks of every plan what holds for all. */
const check = (given: Partial<Observed>, expected: Expected): void => {
  const observed = see(given);
  const first = planApp(observed);
  expect(first.type === 'lookUp' ? first.query.type : undefined).toBe(expected.look);
  if (first.type === 'lookUp') return;
  const plan = acts(observed);
  const { status, applied, removed, removeBlob } = plan;
  if (expected.apply) expect(applied.map((a) => a.resource.kind)).toEqual(expected.apply);
  // Whatever a case is about, it takes nothing away that it does not name.
  expect(removed.map((r) => `${r.resource.kind} ${r.object.metadata?.name}`)).toEqual(expected.remove ?? []);
  expect(removeBlob).toBe(expected.removeBlob ?? false);
  for (const type of conditionTypes) if (expected[type]) expect(word(status, type)).toBe(expected[type]);
  if (expected.progress) expect(progressOf(status)).toBe(expected.progress);
  if ('lookAfterMs' in expected) expect(plan.lookAfterMs).toBe(expected.lookAfterMs);
  const { awaitedSince } = plan;
  expect(awaitedSince && (now.getTime() - awaitedSince.getTime()) / 1000).toBe(expected.awaited);
  if (expected.status) expect(status).toMatchObject(expected.status);
  if (expected.message) expect(findCondition(status?.conditions, 'Ready')?.message).toBe(expected.message);
  if (status) sound(observed, status);
};

/** Every status keeps the rules of conditions, uses known reasons, and says the same when it is computed again. */
const sound = (observed: Observed, status: AppStatus): void => {
  const app = withStatus(observed.app, status);
  expect(checkConditions(app)).toEqual([]);
  const reasons = status.conditions?.map((c) => c.reason) ?? [];
  expect(reasons.filter((r) => !(r in meanings))).toEqual([]);
  if (acts(observed).removeBlob) return;
  const again = planApp({ ...observed, app });
  if (again.type === 'act' && again.status !== undefined) expect(again.status).toEqual(status);
};

const run = aRun().metadata.name;
const routeName = aRoute('new').metadata.name;
const ready = [aRoute('ready')];
const accepted = [aRoute('accepted')];
const present = { type: 'present', size: 100, sha256: sha } as const;
const full = {
  type: 'full',
  limit: 20 * 1024 ** 3,
  held: { archives: 3.2 * 1024 ** 3, images: 16 * 1024 ** 3, left: 2 * 1024 ** 3, promised: 800 * 1024 ** 2 },
} as const;
const built = aRun({ status: succeeded() });
const upload = { url: 'https://s3.test/u', headers: {}, expiresAt: new Date(now.getTime() + 3_600_000) };
const awaited = (since: number, more: object = {}) => ({
  sha256: sha,
  since: ago(since),
  url: 'https://s3.test/u',
  headers: {},
  expiresAt: ago(-3000),
  ...more,
});
const awaitingApp = (since: number, more: object = {}): App =>
  withStatus(anApp(blob()), { observedGeneration: 1, upload: awaited(since, more) });

describe('an App without a source', () => {
  test.each<Case>([
    ['is Ready, and claims its route', { routes: ready }, { Ready: 'True/NoSource', apply: ['AppRoute', 'Service'] }],
    [
      'loses its Deployment and keeps its route',
      { routes: ready, deployment: aDeployment('complete') },
      { Ready: 'True/NoSource', remove: ['Deployment shop'], status: { replicas: 1 } },
    ],
    [
      'ends a run that is under way',
      { routes: ready, runs: [aRun({ status: running('build') })] },
      { apply: ['AppRoute', 'Service', 'StageRun'], Ready: 'True/NoSource' },
    ],
    [
      'without any route is Ready too',
      { app: anApp({ defaultRoute: 'Disabled' }) },
      { Ready: 'True/NoSource', apply: ['Service'], Routed: 'True/NoRoutes' },
    ],
  ])('%s', (_, given, expected) => check(given, expected));
});

describe('an App that runs an image', () => {
  const app = anApp(image());
  test.each<Case>([
    [
      'is deployed at first sight, before its route is certain',
      { app, isCurrent: () => false },
      {
        apply: ['AppRoute', 'Service', 'Deployment'],
        Ready: 'Unknown/RollingOut',
        SourceReady: 'True/SourceAvailable',
        Staged: 'True/ImageSource',
        Routed: 'Unknown/RoutesNotReady',
        progress: 'Reconciling',
        lookAfterMs: undefined,
      },
    ],
    [
      'is Ready when all pods are and the routes lead to it',
      {
        app,
        routes: ready,
        deployment: aDeployment('complete'),
        pods: podsOf(aPod({ ready: true, imageID: `example.org/shop@${digest}` })),
      },
      {
        Ready: 'True/Ready',
        progress: 'Settled',
        status: {
          url: 'http://shop.apps.test',
          image: `example.org/shop@${digest}`,
          replicas: 1,
          readyReplicas: 1,
          selector: 'epinio.io/app=shop,epinio.io/process=web',
        },
      },
    ],
    [
      'is not Ready by what the Deployment said of an earlier spec',
      { app, routes: ready, deployment: aDeployment('complete'), isCurrent: () => false },
      { Ready: 'Unknown/RollingOut' },
    ],
    [
      'is not Ready before the Deployment was observed by its controller',
      { app, routes: ready, deployment: aDeployment('unseen') },
      { Ready: 'Unknown/RollingOut' },
    ],
    [
      'is not Ready while its pods start',
      { app, routes: ready, deployment: aDeployment('starting') },
      { Deployed: 'Unknown/RollingOut' },
    ],
    [
      'without replicas is stopped, and that is Ready',
      { app: anApp({ ...image(), replicas: 0 }), routes: ready, deployment: aDeployment('complete', undefined, 0) },
      { Ready: 'True/Stopped', Deployed: 'True/Stopped', status: { replicas: 0 } },
    ],
    [
      'waits for its routes',
      { app, routes: accepted, deployment: aDeployment('complete') },
      { Ready: 'Unknown/RoutesNotReady', progress: 'Reconciling' },
    ],
    [
      'tells of a route conflict, and is deployed all the same',
      { app, routes: [aRoute('conflict')], deployment: aDeployment('complete') },
      {
        Ready: 'False/RouteConflict',
        Deployed: 'True/Deployed',
        progress: 'Stalled',
        status: {
          routes: [{ host: 'shop.apps.test', path: '/', name: routeName, ready: 'False', reason: 'RouteConflict' }],
        },
      },
    ],
    [
      'may not take another namespace’s image from our registry',
      { app: anApp(image('Registry.test:5000/apps/other/shop:1')) },
      {
        Ready: 'False/ImageNotAllowed',
        Deployed: 'False/AwaitingImage',
        progress: 'Stalled',
        apply: ['AppRoute', 'Service'],
      },
    ],
    [
      'may take an image of its own namespace, pulled with the copied secret',
      { app: anApp(image('registry.test:5000/apps/team/shop:1')), pullSecret: missingPullSecret },
      { apply: ['AppRoute', 'Service', 'Secret', 'Deployment'] },
    ],
    [
      'is stalled by a name that is taken',
      { app, refusals: [{ kind: 'Deployment', reason: 'NameTaken', message: 'Taken.' }] },
      { Ready: 'False/NameTaken', progress: 'Stalled', lookAfterMs: 60_000 },
    ],
    [
      'is told of every kind that is refused, also one that has no condition of its own',
      { app, refusals: [{ kind: 'PodDisruptionBudget', reason: 'NameTaken', message: 'Taken.' }] },
      { Deployed: 'False/NameTaken', Ready: 'False/NameTaken', progress: 'Stalled', lookAfterMs: 60_000 },
    ],
    [
      'says what Kubernetes refuses',
      { app, refusals: [{ kind: 'Service', reason: 'QuotaExceeded', message: 'exceeded quota' }] },
      { Ready: 'False/QuotaExceeded', lookAfterMs: 60_000 },
    ],
    [
      'says that a route’s name is taken',
      {
        app,
        deployment: aDeployment('complete'),
        refusals: [{ kind: 'AppRoute', reason: 'NameTaken', message: 'Taken.' }],
      },
      { Routed: 'False/NameTaken' },
    ],
  ])('%s', (_, given, expected) => check(given, expected));
});

describe('the address of an App', () => {
  const url = 'http://shop.apps.test';
  const app = anApp(image());
  const surging = aDeployment('starting');
  test.each<[string, Partial<Observed>, Expected, string | undefined]>([
    ['without a source is not told', { routes: ready }, { Routed: 'True/NoSource' }, undefined],
    [
      'is not told before there is an image',
      { app: anApp(blob()), routes: ready, runs: [aRun({ status: running('build') })] },
      { Routed: 'Unknown/AwaitingImage' },
      undefined,
    ],
    [
      'is told of an App that starts',
      { app, routes: ready, deployment: surging },
      { Routed: 'Unknown/AwaitingPods' },
      url,
    ],
    [
      'is told of an App that runs',
      { app, routes: ready, deployment: aDeployment('complete') },
      { Routed: 'True/Routed' },
      url,
    ],
    [
      'is told of an App that is stopped',
      { app: anApp({ ...image(), replicas: 0 }), routes: ready, deployment: aDeployment('complete', undefined, 0) },
      { Routed: 'True/Routed' },
      url,
    ],
    [
      'is told while its certificate is awaited, for http answers',
      { app, routes: [aRoute('pendingCertificate')], deployment: aDeployment('complete') },
      { Routed: 'Unknown/RoutesNotReady' },
      url,
    ],
    [
      'is not told where the route is refused',
      { app, routes: [aRoute('conflict')], deployment: aDeployment('complete') },
      { Routed: 'False/RouteConflict' },
      undefined,
    ],
  ])('%s', (_, given, expected, told) => {
    check(given, expected);
    expect(acts(see(given)).status?.url).toBe(told);
  });
});

describe('an App that is built from git', () => {
  const spec = { source: { git: { url: 'https://git.example.org/team/shop', revision: 'main' } } };
  const app = anApp(spec);
  const own = aRun({ spec }).metadata.name;
  const commit = 'c'.repeat(40);
  const known = (revision: string, desired = own): App => withStatus(app, { stageRun: { desired, revision } });
  const only = (allowedHosts: string[]): Partial<Observed> => ({
    app,
    routes: ready,
    settings: { ...settings, git: { ...settings.git, allowedHosts } },
  });

  test.each<Case>([
    [
      'asks no storage, and makes the run once its routes are accepted',
      { app, routes: accepted },
      { apply: ['AppRoute', 'Service', 'StageRun'], SourceReady: 'True/SourceAvailable', Staged: 'Unknown/Staging' },
    ],
    ['waits for its routes first', { app, routes: [aRoute('new')] }, { Staged: 'Unknown/AwaitingRoutes' }],
    ['asks whether there is room for its image', { app, routes: accepted, room: undefined }, { look: 'room' }],
    [
      'keeps the commit that its run has looked up',
      { app, routes: ready, runs: [aRun({ spec, status: { ...running('build'), revision: commit } })] },
      { status: { stageRun: { desired: own, revision: commit } } },
    ],
    [
      'keeps it while the run is made again',
      { app: known(commit), routes: ready },
      { apply: ['AppRoute', 'Service', 'StageRun'], status: { stageRun: { desired: own, revision: commit } } },
    ],
    [
      'forgets it with the run',
      { app: known(commit, 'shop-0000000000'), routes: ready },
      { status: { stageRun: { desired: own } } },
    ],
    [
      'says of its source what the build found out',
      { app, routes: ready, runs: [aRun({ spec, status: failed('GitRevisionNotFound') })] },
      { SourceReady: 'False/GitRevisionNotFound', Ready: 'False/GitRevisionNotFound', progress: 'Stalled' },
    ],
    [
      'tries again where the server did not answer',
      { app, routes: ready, runs: [aRun({ spec, status: failed('GitUnreachable') })] },
      { SourceReady: 'False/GitUnreachable', progress: 'Reconciling', lookAfterMs: 25_000 },
    ],
    [
      'builds nothing from a server that the installation does not allow',
      only(['github.com', '*.git.example.org']),
      { apply: ['AppRoute', 'Service'], SourceReady: 'False/GitHostNotAllowed', progress: 'Stalled' },
    ],
    ['builds from one that it allows', only(['*.example.org']), { SourceReady: 'True/SourceAvailable' }],
  ])('%s', (_sentence, given, expected) => check(given, expected));

  test('keeps no commit that was looked up for another run', () => {
    const { status } = acts(see({ app: known(commit, 'shop-0000000000'), routes: ready }));
    expect(status?.stageRun?.revision).toBeUndefined();
  });
});

describe('an App that is built from an archive', () => {
  const app = anApp(blob());
  test.each<Case>([
    ['looks whether the archive is there', { app }, { look: 'blob' }],
    ['signs a URL for an archive that is not there', { app, blob: { type: 'absent' } }, { look: 'signed' }],
    [
      'awaits the archive at the URL in its status, and builds nothing',
      { app, blob: { type: 'absent' }, signed: upload },
      {
        apply: ['AppRoute', 'Service'],
        Ready: 'Unknown/AwaitingUpload',
        SourceReady: 'False/AwaitingUpload',
        progress: 'Reconciling',
        awaited: 0,
        // A quarter of an hour before the URL ends it is renewed.
        lookAfterMs: 2_700_000,
        status: {
          upload: { sha256: sha, since: ago(0), url: upload.url, expiresAt: ago(-3600) },
          stageRun: { desired: run },
        },
      },
    ],
    [
      'says by what a client gets to a storage that it cannot reach',
      {
        app,
        blob: { type: 'absent' },
        signed: upload,
        settings: { ...settings, relay: { image: 'op:1', endpoint: 'http://minio.test:9000' } },
      },
      {
        awaited: 0,
        status: {
          upload: {
            sha256: sha,
            since: ago(0),
            url: upload.url,
            relay: { image: 'op:1', endpoint: 'http://minio.test:9000' },
          },
        },
      },
    ],
    [
      'keeps a URL that is valid for long enough',
      { app: awaitingApp(30), blob: { type: 'absent' } },
      { awaited: 30, lookAfterMs: 2_100_000, status: { upload: awaited(30) } },
    ],
    [
      'renews a URL that soon ends',
      { app: awaitingApp(3000, { expiresAt: ago(-800) }), blob: { type: 'absent' } },
      { look: 'signed' },
    ],
    [
      'renews a URL that was signed with an earlier credential of the storage',
      { app: awaitingApp(30), blob: { type: 'absent' }, s3ChangedAt: new Date(now.getTime() - 300_000) },
      { look: 'signed' },
    ],
    [
      'keeps a URL that was signed with the credential of now',
      { app: awaitingApp(30), blob: { type: 'absent' }, s3ChangedAt: new Date(now.getTime() - 900_000) },
      { awaited: 30, status: { upload: awaited(30) } },
    ],
    [
      'waits anew for another archive',
      {
        app: withStatus(anApp(blob(otherSha)), awaitingApp(7200).status ?? {}),
        blob: { type: 'absent' },
        signed: upload,
      },
      { awaited: 0, status: { upload: { sha256: otherSha, since: ago(0), url: upload.url } } },
    ],
    [
      'waits anew for a new generation, at the same URL',
      { app: withStatus(anApp(blob(), { generation: 2 }), awaitingApp(7200).status ?? {}), blob: { type: 'absent' } },
      { awaited: 0, status: { upload: awaited(0) } },
    ],
    [
      'says that the bucket is full, and goes on awaiting the archive',
      { app: awaitingApp(100), blob: { type: 'absent', full: 'The bucket has no room left.' } },
      {
        Ready: 'Unknown/StorageFull',
        SourceReady: 'False/StorageFull',
        message: 'The bucket has no room left.',
        progress: 'Reconciling',
        awaited: 100,
        status: { upload: awaited(100) },
      },
    ],
    [
      'looks at the end of the day whether it came',
      { app: awaitingApp(86_300), blob: { type: 'absent' } },
      { Ready: 'Unknown/AwaitingUpload', awaited: 86_300, lookAfterMs: 100_000 },
    ],
    [
      'gives up after a day',
      { app: awaitingApp(86_400), blob: { type: 'absent' } },
      {
        Ready: 'False/UploadExpired',
        progress: 'Stalled',
        lookAfterMs: undefined,
        status: { upload: { sha256: sha, since: ago(86_400) } },
      },
    ],
    [
      'keeps of a request what a status may hold, so that a long one does not make the status invalid',
      {
        app: anApp(blob(), { annotations: { 'epinio.io/request-upload': 'x'.repeat(1000) } }),
        blob: { type: 'absent' },
        signed: upload,
      },
      { awaited: 0, status: { upload: { sha256: sha, since: ago(0), request: 'x'.repeat(256), url: upload.url } } },
    ],
    [
      'begins again at a request',
      {
        app: withStatus(
          anApp(blob(), { annotations: { 'epinio.io/request-upload': 'now' } }),
          awaitingApp(90_000).status ?? {},
        ),
        blob: { type: 'absent' },
        signed: upload,
      },
      {
        Ready: 'Unknown/AwaitingUpload',
        awaited: 0,
        status: { upload: { sha256: sha, since: ago(0), request: 'now', url: upload.url } },
      },
    ],
    [
      'removes an archive of the wrong size, says so, and awaits the right one',
      { app, blob: { type: 'present', size: 99, sha256: undefined }, signed: upload },
      { removeBlob: true, SourceReady: 'False/UploadRejected', Ready: 'Unknown/UploadRejected', awaited: 0 },
    ],
    [
      'does not remove it where another App or a run names the archive by the size that it has',
      { app, blob: { type: 'present', size: 99, sha256: undefined }, otherSizes: [100, 99] },
      { removeBlob: false, Ready: 'False/BlobDigestMismatch', progress: 'Stalled' },
    ],
    [
      'removes it where the others agree with the spec',
      { app, blob: { type: 'present', size: 99, sha256: undefined }, otherSizes: [100], signed: upload },
      { removeBlob: true, SourceReady: 'False/UploadRejected', awaited: 0 },
    ],
    [
      'signs nothing for an archive that the installation does not take',
      { app: anApp(blob(sha, 2 * 1024 ** 3)) },
      {
        SourceReady: 'False/ArchiveRejected',
        Ready: 'False/ArchiveRejected',
        Staged: 'Unknown/AwaitingUpload',
        progress: 'Stalled',
        message:
          'The archive has 2 GiB, and this installation takes 1 GiB at most: leave out what the build does not need, e.g. in .epinioignore.',
      },
    ],
    [
      'signs nothing for a builder that is none',
      { app: anApp({ ...blob(), build: { builder: 'cobol' } }), hasBuilder: () => false },
      { Staged: 'False/BuilderNotFound', Ready: 'False/BuilderNotFound', progress: 'Stalled' },
    ],
    [
      'asks whether there is room for an archive that is not there',
      { app, blob: { type: 'absent' }, room: undefined },
      { look: 'room' },
    ],
    [
      'asks whether there is room before it builds one that is',
      { app, blob: present, room: undefined, routes: ready },
      { look: 'room' },
    ],
    [
      'signs and builds nothing where the namespace is full, says with what, and looks again',
      { app, blob: { type: 'absent' }, room: full },
      {
        SourceReady: 'False/QuotaExceeded',
        Ready: 'False/QuotaExceeded',
        progress: 'Stalled',
        lookAfterMs: 60_000,
        message:
          'The namespace may hold 20 GiB of archives and images, and holds 3.2 GiB of archives and 16 GiB of images (2 GiB of it of StageRuns that are gone), with 800 MiB awaited; this archive has 100 bytes. Delete Apps and StageRuns that are not needed any more (archives and images that none names go after a day), or ask for a larger quota.bytesPerNamespace.',
      },
    ],
    [
      'builds nothing where the namespace is full, and lets run what runs',
      { app, blob: present, room: full, routes: ready, deployment: aDeployment('complete') },
      { SourceReady: 'False/QuotaExceeded', Deployed: 'True/Deployed', lookAfterMs: 60_000, remove: [] },
    ],
    [
      'whose bytes were wrong gets no new URL where the namespace is full',
      { app, runs: [aRun({ status: failed('BlobDigestMismatch') })], room: full },
      { SourceReady: 'False/QuotaExceeded', lookAfterMs: 60_000 },
    ],
    [
      'goes on asking a storage that cannot count',
      { app, blob: { type: 'absent' }, room: { type: 'unavailable', message: 'No answer.' } },
      { Ready: 'Unknown/StorageUnavailable', awaited: 0 },
    ],
    [
      'removes an archive of the wrong digest',
      { app, blob: { type: 'present', size: 100, sha256: otherSha }, signed: upload },
      { removeBlob: true, SourceReady: 'False/UploadRejected', awaited: 0 },
    ],
    [
      'does not remove the right archive because the spec errs about its size',
      { app, blob: { type: 'present', size: 99, sha256: sha } },
      { removeBlob: false, Ready: 'False/BlobDigestMismatch', progress: 'Stalled' },
    ],
    [
      'goes on saying what was wrong until another upload is there',
      {
        app: withStatus(anApp(blob()), {
          observedGeneration: 1,
          upload: { ...awaited(20), rejected: { reason: 'UploadRejected', message: 'It was removed.' } },
        }),
        blob: { type: 'absent' },
      },
      { SourceReady: 'False/UploadRejected', awaited: 20 },
    ],
    [
      'says that the storage does not answer, and asks again',
      { app, blob: { type: 'unavailable', message: 'No answer.' } },
      { Ready: 'Unknown/StorageUnavailable', awaited: 0, lookAfterMs: undefined },
    ],
    [
      'builds nothing before its routes are accepted',
      { app, blob: present, routes: [aRoute('new')] },
      { apply: ['AppRoute', 'Service'], Ready: 'Unknown/AwaitingRoutes' },
    ],
    [
      'builds nothing while a route is in conflict',
      { app, blob: present, routes: [aRoute('conflict')] },
      { apply: ['AppRoute', 'Service'], Ready: 'False/RouteConflict', progress: 'Stalled' },
    ],
    [
      'builds when the routes are accepted',
      { app, blob: present, routes: accepted },
      { apply: ['AppRoute', 'Service', 'StageRun'], Ready: 'Unknown/Staging' },
    ],
    [
      'ensures the pull secret before the build',
      { app, blob: present, routes: accepted, pullSecret: missingPullSecret },
      { apply: ['AppRoute', 'Service', 'Secret', 'StageRun'] },
    ],
    [
      'builds nothing that a stranger’s Secret keeps from being pulled',
      { app, blob: present, routes: accepted, pullSecret: { type: 'conflict' } },
      { apply: ['AppRoute', 'Service'], Ready: 'False/RegistrySecretConflict', progress: 'Stalled' },
    ],
    [
      'says that the installation has no pull secret',
      { app, blob: present, routes: accepted, pullSecret: { type: 'missing' } },
      { Ready: 'False/RegistrySecretMissing' },
    ],
    [
      'that serves already builds in spite of a route conflict',
      { app, blob: present, routes: [aRoute('conflict')], deployment: aDeployment('complete', stagedImage('old')) },
      { apply: ['AppRoute', 'Service', 'StageRun'], Ready: 'False/RouteConflict', Deployed: 'True/Deployed' },
    ],
  ])('%s', (_, given, expected) => check(given, expected));
});

describe('a StageRun', () => {
  const app = anApp(blob());
  const old = aRun({
    name: 'old',
    spec: blob(otherSha),
    created: 500,
    status: succeeded(400, `sha256:${'e'.repeat(64)}`),
  });
  const oldImage = stagedImage('old', `sha256:${'e'.repeat(64)}`);
  test.each<Case>([
    [
      'under way is waited for',
      { app, routes: ready, runs: [aRun({ status: running('build') })] },
      { Ready: 'Unknown/Staging', apply: ['AppRoute', 'Service'], remove: [] },
    ],
    [
      'under way leaves what runs untouched, though the spec asks for more',
      {
        app: anApp({ ...blob(), port: 9000 }),
        routes: ready,
        runs: [aRun({ status: running('build') }), old],
        deployment: aDeployment('complete', oldImage),
        isCurrent: () => false,
      },
      {
        apply: ['AppRoute', 'Service'],
        Deployed: 'True/Deployed',
        Ready: 'Unknown/Staging',
        status: { stageRun: { desired: run, deployed: 'old' } },
      },
    ],
    [
      'under way does not keep the App from being scaled',
      {
        app: anApp({ ...blob(), replicas: 2 }),
        routes: ready,
        runs: [aRun({ status: running('build') }), old],
        deployment: aDeployment('complete', oldImage),
      },
      { apply: ['AppRoute', 'Service', 'Deployment', 'PodDisruptionBudget'] },
    ],
    [
      'that succeeded is deployed',
      { app, routes: ready, runs: [built], isCurrent: () => false },
      { apply: ['AppRoute', 'Service', 'Deployment'], Staged: 'True/Staged', Ready: 'Unknown/RollingOut' },
    ],
    [
      'that is deployed makes the App Ready, with the digest in its status',
      { app, routes: ready, runs: [built], deployment: aDeployment('complete', stagedImage()) },
      {
        Ready: 'True/Ready',
        status: {
          image: `127.0.0.1:30500/apps/team/shop@${digest}`,
          stageRun: { desired: run, deployed: run },
          source: { sha256: sha },
        },
      },
    ],
    [
      'that gave the image which runs already is told so',
      {
        app,
        routes: ready,
        runs: [built, aRun({ name: 'twin', created: 500, status: succeeded(400) })],
        deployment: aDeployment('complete', stagedImage('twin')),
      },
      { Staged: 'True/ImageUnchanged' },
    ],
    [
      'that failed for a user’s reason stalls the App, while the last good image serves',
      {
        app,
        routes: ready,
        runs: [aRun({ status: failed('BuildFailed') }), old],
        deployment: aDeployment('complete', oldImage),
      },
      {
        Ready: 'False/BuildFailed',
        Staged: 'False/BuildFailed',
        Deployed: 'True/Deployed',
        progress: 'Stalled',
        remove: [],
        apply: ['AppRoute', 'Service', 'Deployment'],
      },
    ],
    [
      'that failed as the first leaves nothing to run',
      { app, routes: ready, runs: [aRun({ status: failed('NoBuildpackDetected') })] },
      { Ready: 'False/NoBuildpackDetected', Deployed: 'False/AwaitingImage', apply: ['AppRoute', 'Service'] },
    ],
    [
      'that a person ended stalls the App',
      { app, routes: ready, runs: [aRun({ status: failed('Cancelled'), cancelled: true })] },
      { Ready: 'False/Cancelled', progress: 'Stalled', remove: [] },
    ],
    [
      'that failed under another platform is made again at once',
      { app, routes: ready, runs: [aRun({ status: failed('OutOfMemory', 5, 'e'.repeat(64)) })] },
      { remove: [`StageRun ${run}`], Ready: 'Unknown/Staging', status: { stageRun: { desired: run, attempts: 1 } } },
    ],
    [
      'that failed a second time under a changing platform waits',
      {
        app,
        routes: ready,
        runs: [aRun({ status: failed('OutOfMemory', 5, 'e'.repeat(64)), annotations: { 'epinio.io/attempt': '2' } })],
      },
      { remove: [], lookAfterMs: 55_000 },
    ],
    [
      'that failed for the installation’s reason is tried again after 30 s',
      { app, routes: ready, runs: [aRun({ status: failed('RegistryUnreachable') })] },
      {
        remove: [],
        Staged: 'False/RegistryUnreachable',
        Ready: 'False/RegistryUnreachable',
        progress: 'Reconciling',
        lookAfterMs: 25_000,
        status: { stageRun: { desired: run, attempts: 1 } },
      },
    ],
    [
      'goes when its time has come',
      { app, routes: ready, runs: [aRun({ status: failed('RegistryUnreachable', 30) })] },
      { remove: [`StageRun ${run}`], Ready: 'Unknown/Staging' },
    ],
    [
      'that failed often is tried again once an hour',
      {
        app,
        routes: ready,
        runs: [aRun({ status: failed('Evicted', 0), annotations: { 'epinio.io/attempt': '12' } })],
      },
      { lookAfterMs: 3_600_000 },
    ],
    [
      'that was superseded and is wanted again is made again',
      {
        app,
        routes: ready,
        runs: [
          aRun({ status: failed('Superseded'), cancelled: true, annotations: { 'epinio.io/superseded-by': 'other' } }),
        ],
      },
      { remove: [`StageRun ${run}`], Ready: 'Unknown/Staging' },
    ],
    [
      'for which the bytes were wrong goes with them, and the archive is awaited again',
      { app, runs: [aRun({ status: failed('BlobDigestMismatch') })], signed: upload },
      {
        removeBlob: true,
        remove: [`StageRun ${run}`],
        SourceReady: 'False/BlobDigestMismatch',
        Ready: 'Unknown/BlobDigestMismatch',
        awaited: 0,
        status: { upload: { sha256: sha, since: ago(0), url: upload.url } },
      },
    ],
    [
      'that found no archive goes, and the archive is awaited; who brought it meanwhile keeps it',
      { app, runs: [aRun({ status: failed('BlobMissing') })], signed: upload },
      { removeBlob: false, remove: [`StageRun ${run}`], SourceReady: 'False/BlobMissing', awaited: 0 },
    ],
    [
      'that is being deleted is waited for',
      { app, routes: ready, runs: [aRun({ status: failed('Evicted', 30), deleting: true })] },
      { remove: [], Ready: 'Unknown/AwaitingDeletion' },
    ],
    [
      'for older inputs is ended',
      {
        app,
        routes: ready,
        blob: present,
        runs: [aRun({ name: 'old', spec: blob(otherSha), status: running('build') })],
      },
      { apply: ['AppRoute', 'Service', 'StageRun', 'StageRun'] },
    ],
    [
      'for older inputs is left to end once it exports',
      {
        app,
        routes: ready,
        blob: present,
        runs: [aRun({ name: 'old', spec: blob(otherSha), status: running('build', 'export') })],
      },
      { apply: ['AppRoute', 'Service', 'StageRun'] },
    ],
    [
      'for older inputs that succeeds late is not deployed',
      {
        app,
        routes: ready,
        runs: [aRun({ status: running('build') }), aRun({ name: 'late', spec: blob(otherSha), status: succeeded(1) })],
      },
      { apply: ['AppRoute', 'Service'], Deployed: 'Unknown/AwaitingImage' },
    ],
    [
      'whose process the spec names wrongly blocks the rollout',
      { app: anApp({ ...blob(), process: 'worker' }), routes: ready, runs: [built] },
      { Ready: 'False/ProcessNotFound', progress: 'Stalled', apply: ['AppRoute', 'Service'] },
    ],
  ])('%s', (_, given, expected) => check(given, expected));
});

describe('what is no longer wanted goes', () => {
  const serving = { app: anApp(image()), deployment: aDeployment('complete') };
  test.each<Case>([
    [
      'a route that the spec does not name any more',
      { ...serving, routes: [...ready, aRoute('ready', { host: 'old.test' })] },
      { remove: [`AppRoute ${aRoute('new', { host: 'old.test' }).metadata.name}`] },
    ],
    [
      'but not a route that somebody wrote by hand',
      { ...serving, routes: [...ready, aRoute('ready', { host: 'hand.test', byHand: 'hand' })] },
      { remove: [] },
    ],
    [
      'but not a route as long as a new one of its host is not judged',
      {
        ...serving,
        app: anApp({ ...image(), routes: [{ host: 'a.test', path: '/new' }] }),
        routes: [aRoute('ready', { host: 'a.test', path: '/old' }), aRoute('new', { host: 'a.test', path: '/new' })],
      },
      { remove: [] },
    ],
  ])('%s', (_, given, expected) => check(given, expected));
});

describe('a StageRun that is made again', () => {
  const attempts = (desired: string) => {
    const app = withStatus(anApp(blob()), { stageRun: { desired, attempts: 4 } });
    const child = acts(see({ app, blob: present, routes: accepted })).applied.at(-1);
    return child?.intent.metadata.annotations?.['epinio.io/attempt'];
  };
  test('is counted on', () => expect(attempts(run)).toBe('5'));
  test('is the first one of its inputs, whatever came before', () => expect(attempts('another')).toBeUndefined());
});

describe('a PodDisruptionBudget', () => {
  const app = anApp({ ...image(), replicas: 2 });
  const there = aDeployment('complete', undefined, 2);
  const budget = { resource: PodDisruptionBudget, object: { metadata: { name: 'shop', namespace: 'team' } } };
  const owned = (given: Partial<Observed>): Observed => ({ ...see(given), owned: [...see(given).owned, budget] });
  const kinds = (given: Partial<Observed>) => acts(see(given)).applied.map((child) => child.resource.kind);

  test('lets nodes take one pod at a time where there are several', () => {
    const child = acts(see({ app, routes: ready, deployment: there })).applied.at(-1);
    expect(child?.intent).toMatchObject({
      kind: 'PodDisruptionBudget',
      metadata: { name: 'shop', namespace: 'team' },
      spec: {
        maxUnavailable: 1,
        selector: { matchLabels: { 'epinio.io/app': 'shop', 'epinio.io/process': 'web' } },
      },
    });
  });
  test.each<[string, Partial<AppSpec>]>([
    ['a single pod', { replicas: 1 }],
    ['no pods', { replicas: 0 }],
    ['no source', { source: {} }],
  ])('is not there with %s, and goes where it was', (_, spec) => {
    const given = { app: anApp({ ...app.spec, ...spec }), routes: ready, deployment: there };
    expect(kinds(given)).not.toContain('PodDisruptionBudget');
    expect(acts(owned(given)).removed).toContain(budget);
  });
  test('is not there beside one that somebody made for the same pods, and goes where it was', () => {
    const given = { app, routes: ready, deployment: there, hasOwnBudget: () => true };
    expect(kinds(given)).not.toContain('PodDisruptionBudget');
    expect(acts(owned(given)).removed).toEqual([budget]);
  });
  test('stays while a build goes on, and as it is while the App is paused', () => {
    const builds = {
      app: anApp({ ...blob(), replicas: 2 }),
      runs: [aRun({ status: running('build') })],
      deployment: there,
    };
    expect(kinds({ ...builds, routes: ready })).toContain('PodDisruptionBudget');
    expect(acts(owned({ app: anApp({ ...app.spec, replicas: 1, paused: true }), deployment: there })).removed).toEqual(
      [],
    );
  });
});

describe('a StageRun that waits', () => {
  const app = anApp(blob());
  const given = (reason: string, message: string): Partial<Observed> => ({
    app,
    routes: ready,
    runs: [aRun({ status: { conditions: [condition('Succeeded', 'Unknown', reason, { message })] } })],
  });
  test.each<Case>([
    [
      'for its turn tells the App its place',
      given('Queued', '3 builds are ahead.'),
      {
        Staged: 'Unknown/Queued',
        Ready: 'Unknown/Queued',
        progress: 'Reconciling',
        message: `3 builds are ahead. StageRun "${run}" waits.`,
      },
    ],
    [
      'for a Secret tells the App which',
      given('SecretNotFound', 'The Secret "db", which build.env names, does not exist.'),
      {
        Staged: 'False/SecretNotFound',
        Ready: 'False/SecretNotFound',
        progress: 'Reconciling',
        message: `The Secret "db", which build.env names, does not exist. StageRun "${run}" waits.`,
      },
    ],
    ['for a quota tells the App', given('PodNotCreated', 'exceeded quota'), { Ready: 'False/PodNotCreated' }],
    ['for a node tells the App', given('PodUnschedulable', 'no node'), { Ready: 'False/PodUnschedulable' }],
    ['for the registry tells the App', given('RegistryUnreachable', 'no'), { Ready: 'Unknown/RegistryUnreachable' }],
    ['for its pod to start is being built', given('Pending', 'It starts.'), { Ready: 'Unknown/Staging' }],
    ['for nothing is being built', given('Running', 'The step build runs.'), { Ready: 'Unknown/Staging' }],
  ])('%s', (_, g, expected) => check(g, expected));

  test('costs the App a write only when it says something else', () => {
    const waits = given('Queued', '3 builds are ahead.');
    const { status } = acts(see(waits));
    const told = { ...app, status: status ?? {} };
    expect(acts(see({ ...waits, app: told })).status).toEqual(status);
    expect(acts(see({ ...given('Pending', 'It starts.'), app: told })).notes.map((n) => n.reason)).toEqual(['Staging']);
  });
});

describe('a pin to an earlier StageRun', () => {
  const old = aRun({
    name: 'old',
    spec: blob(otherSha),
    created: 500,
    status: succeeded(400, `sha256:${'e'.repeat(64)}`),
  });
  const app = anApp({ ...blob(), stageRun: 'old' });
  test.each<Case>([
    [
      'runs its image and builds nothing',
      { app, routes: ready, runs: [old], isCurrent: () => false },
      { apply: ['AppRoute', 'Service', 'Deployment'], Staged: 'True/Pinned', status: { stageRun: { desired: 'old' } } },
    ],
    [
      'ends the build of the present source',
      { app, routes: ready, runs: [old, aRun({ status: running('build') })] },
      { apply: ['AppRoute', 'Service', 'StageRun', 'Deployment'] },
    ],
    [
      'that is not there stalls the App, and what runs goes on',
      { app, routes: ready, runs: [built], deployment: aDeployment('complete', stagedImage()) },
      { Ready: 'False/StageRunNotFound', Deployed: 'True/Deployed', progress: 'Stalled' },
    ],
    [
      'that failed stalls the App',
      { app, routes: ready, runs: [aRun({ name: 'old', status: failed('BuildFailed') })] },
      { Ready: 'False/StageRunNotSuccessful' },
    ],
  ])('%s', (_, given, expected) => check(given, expected));
});

describe('a paused App', () => {
  const app = anApp({ ...image(), paused: true });
  test.each<Case>([
    [
      'that is as its spec wants is Ready',
      { app, routes: ready, deployment: aDeployment('complete') },
      { Ready: 'True/Ready', apply: [], remove: [] },
    ],
    [
      'that differs says so, and nothing is done',
      { app, routes: ready, deployment: aDeployment('complete'), isCurrent: () => false },
      { Ready: 'False/Paused', progress: 'Settled', apply: [], remove: [] },
    ],
    [
      'does not ask the storage',
      { app: anApp({ ...blob(), paused: true }), routes: ready, isCurrent: () => false },
      { Ready: 'False/Paused', apply: [] },
    ],
    [
      'lets a run under way end',
      { app: anApp({ ...blob(), paused: true }), routes: ready, runs: [aRun({ status: running('build') })] },
      { apply: [], remove: [] },
    ],
    [
      'that has more than it wants differs, and nothing is taken away',
      { app, routes: [...ready, aRoute('ready', { host: 'old.test' })], deployment: aDeployment('complete') },
      { Ready: 'False/Paused', apply: [], remove: [] },
    ],
    [
      'whose archive was a wrong one leaves it where it is',
      {
        app: anApp({ ...blob(), paused: true }),
        signed: upload,
        routes: ready,
        runs: [aRun({ status: failed('BlobDigestMismatch') })],
      },
      { removeBlob: false, apply: [], remove: [], awaited: 0 },
    ],
  ])('%s', (_, given, expected) => check(given, expected));
});

describe('pods that do not become ready', () => {
  const app = anApp(image());
  const starting = aDeployment('starting');
  const waiting = (reason: string) => ({ waiting: { reason, message: `${reason}: no such image` } });
  const given = (pods: readonly PodObject[], deployment = starting): Partial<Observed> => ({
    app,
    routes: ready,
    deployment,
    pods: podsOf(...pods),
  });
  test.each<Case>([
    [
      'for want of an image',
      given([aPod({ state: waiting('ErrImagePull') })]),
      { Deployed: 'False/ImagePullBackOff', progress: 'Reconciling' },
    ],
    [
      'for want of a Secret',
      given([aPod({ state: waiting('CreateContainerConfigError') })]),
      { Deployed: 'False/CreateContainerConfigError' },
    ],
    [
      'because they crash: the log is read first',
      given([aPod({ state: waiting('CrashLoopBackOff'), lastState: { terminated: { exitCode: 3 } } })]),
      { look: 'log' },
    ],
    [
      'because they crash',
      { ...given([aPod({ state: { terminated: { exitCode: 3 } } })]), podLog: 'boom' },
      { Deployed: 'False/CrashLoopBackOff' },
    ],
    [
      'for want of memory',
      { ...given([aPod({ lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } })]), podLog: '' },
      { Deployed: 'False/OutOfMemory' },
    ],
    [
      'because they cannot even start for want of memory',
      given([
        aPod({
          state: {
            terminated: { exitCode: 128, reason: 'StartError', message: 'runc: unable to set memory limit to 1048576' },
          },
        }),
      ]),
      { Deployed: 'False/OutOfMemory' },
    ],
    [
      'for want of a node',
      given([
        aPod({ conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node' }] }),
      ]),
      { Deployed: 'False/Unschedulable' },
    ],
    ['because a quota forbids them', given([], aDeployment('refused')), { Deployed: 'False/QuotaExceeded' }],
    [
      'in time are given up',
      { ...given([aPod()], aDeployment('stuck')), podLog: '' },
      { Deployed: 'False/RolloutFailed', progress: 'Stalled' },
    ],
    [
      'are judged by those that are not ready, of two of one second',
      {
        ...given([aPod({ hash: 'old', ready: true }), aPod({ hash: 'new', state: { terminated: { exitCode: 3 } } })]),
        podLog: '',
      },
      { Deployed: 'False/CrashLoopBackOff' },
    ],
    [
      'are judged by the newest template alone',
      given([
        aPod({ hash: 'old', created: 100, state: { terminated: { exitCode: 3 } } }),
        aPod({ hash: 'new', created: 1 }),
      ]),
      { Deployed: 'Unknown/RollingOut' },
    ],
  ])('%s', (_, g, expected) => check(g, expected));

  const crashes = (restarts: number, ranSeconds = 1) =>
    given([
      aPod({
        restarts,
        state: waiting('CrashLoopBackOff'),
        lastState: { terminated: { exitCode: 3, startedAt: ago(ranSeconds + 5), finishedAt: ago(5) } },
      }),
    ]);
  test.each<Case>([
    ['twice may find what they wait for', { ...crashes(1), podLog: '' }, { progress: 'Reconciling' }],
    [
      'three times are stalled',
      { ...crashes(2), podLog: '' },
      { Ready: 'False/CrashLoopBackOff', progress: 'Stalled' },
    ],
    ['once in a while are not stalled', { ...crashes(9, 900), podLog: '' }, { progress: 'Reconciling' }],
    [
      'by SIGKILL have their events read first',
      given([aPod({ state: { terminated: { exitCode: 137 } } })]),
      { look: 'warnings' },
    ],
    [
      'because their livenessProbe fails say so',
      {
        ...given([aPod({ state: { terminated: { exitCode: 137 } } })]),
        warnings: [{ reason: 'Unhealthy', note: 'Liveness probe failed: HTTP probe failed with statuscode: 500' }],
      },
      {
        Ready: 'False/ProbeFailed',
        message:
          'Kubernetes restarts the app, because its livenessProbe fails: HTTP probe failed with statuscode: 500.',
      },
    ],
    [
      'with a name that can be no image are stalled',
      given([aPod({ state: waiting('InvalidImageName') })]),
      { Ready: 'False/ImagePullBackOff', progress: 'Stalled' },
    ],
  ])('that crash %s', (_, g, expected) => check(g, expected));

  describe('and run', () => {
    const pod = (seconds: number) => aPod({ state: { running: { startedAt: ago(seconds) } } });
    const refused = 'Readiness probe failed: dial tcp 10.1.2.3:8080: connect: connection refused';
    const late = (note?: string, podLog?: string): Partial<Observed> => ({
      ...given([pod(12)]),
      warnings: note === undefined ? [] : [{ reason: 'Unhealthy', note }],
      podLog,
    });
    test.each<Case>([
      ['are asked about after ten seconds', given([pod(4)]), { Ready: 'Unknown/RollingOut', lookAfterMs: 6_000 }],
      ['have their events read then', given([pod(10)]), { look: 'warnings' }],
      ['and their log, where nothing listens', late(refused), { look: 'log' }],
      [
        'on another port are told after seconds what to do',
        late(refused, 'Listening on http://localhost:3000'),
        {
          Ready: 'Unknown/NotListening',
          Deployed: 'Unknown/NotListening',
          progress: 'Reconciling',
          lookAfterMs: 12_000,
          message:
            'Nothing listens on port 8080, and the log says "Listening on http://localhost:3000": set spec.port to 3000, ' +
            'or let the app listen on the port in $PORT.',
        },
      ],
      [
        'on localhost alone are told so',
        late(refused, 'ready on http://127.0.0.1:8080/'),
        {
          message:
            'Nothing listens on port 8080 of the pod\'s address, though the log says "ready on http://127.0.0.1:8080/": ' +
            'let the app listen on 0.0.0.0, not on localhost alone.',
        },
      ],
      [
        'without a word are told what to try',
        late(refused, ''),
        {
          message:
            'Nothing listens on port 8080: let the app listen on 0.0.0.0 at the port in $PORT, or set spec.port to the port that ' +
            'it listens on; an app that listens on none needs readinessProbe: {}.',
        },
      ],
      ...[
        [
          [3000],
          ', and the image declares port 3000: set spec.port to 3000, or let the app listen on the port in $PORT.',
        ],
        [[80, 3000], ', and the image declares the ports 80, 3000: set spec.port to the one that serves the web.'],
        [
          [3000, 8080],
          ': let the app listen on 0.0.0.0 at the port in $PORT, or set spec.port to the port that it listens on; an app that listens on none needs readinessProbe: {}.',
        ],
      ].map(([ports, words]): Case => [
        `without a word, of an image that declares ${String(ports)}, are told of that`,
        {
          ...late(refused, ''),
          ...{ app: anApp(blob()), runs: [aRun({ status: { ...succeeded(), ports: ports as number[] } })] },
          deployment: aDeployment('starting', stagedImage()),
        },
        { message: `Nothing listens on port 8080${String(words)}` },
      ]),
      [
        'on a PORT of their own are told that spec.port is another',
        { ...late(refused, ''), app: anApp({ ...image(), env: [{ name: 'PORT', value: '3000' }] }) },
        {
          message:
            'Nothing listens on port 8080, because spec.env sets PORT to "3000": set spec.port to the same number.',
        },
      ],
      [
        'behind a probe that fails otherwise are told how',
        late('Readiness probe failed: HTTP probe failed with statuscode: 404'),
        {
          Ready: 'Unknown/ProbeFailed',
          message: 'The readinessProbe of the app fails: HTTP probe failed with statuscode: 404.',
        },
      ],
      ['without events just take long', late(), { Ready: 'Unknown/RollingOut', lookAfterMs: 12_000 }],
      [
        'are looked at again after as long again',
        { ...given([pod(100)]), warnings: [] },
        { Ready: 'Unknown/RollingOut', lookAfterMs: 100_000 },
      ],
      [
        'in vain are given up with the reason that their events tell',
        {
          ...given([pod(601)], aDeployment('stuck')),
          warnings: [{ reason: 'Unhealthy', note: refused }],
          podLog: '',
        },
        { Ready: 'False/NotListening', progress: 'Stalled', lookAfterMs: undefined },
      ],
    ])('%s', (_, g, expected) => check(g, expected));

    test('in vain keep the reason that their events told, also when Kubernetes has forgotten those', () => {
      const stuck = { ...given([pod(601)], aDeployment('stuck')), podLog: '' };
      const told = acts(see({ ...stuck, warnings: [{ reason: 'Unhealthy', note: refused }] }));
      const after = withStatus(app, told.status ?? {});
      expect(acts(see({ ...stuck, app: after, warnings: [] })).status).toEqual(told.status);
    });

    test('not yet are asked about after ten seconds too', () => {
      const placed = (seconds: number) =>
        aPod({ conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: ago(seconds) }] });
      check(given([placed(4)]), { Ready: 'Unknown/RollingOut', lookAfterMs: 6_000 });
      check(given([placed(11)]), { look: 'warnings' });
      check(
        { ...given([placed(11)]), warnings: [{ reason: 'FailedMount', note: 'secret "tls" not found' }] },
        { Ready: 'Unknown/PodNotStarted', message: 'FailedMount: secret "tls" not found.' },
      );
    });
  });

  test('are counted without the old ones that still serve', () => {
    const old = aPod({ hash: 'old', created: 500, ready: true });
    const surging = aDeployment('stuck');
    const deployment = { ...surging, status: { ...surging.status, availableReplicas: 1, conditions: [] } };
    check(
      { app, routes: ready, deployment, pods: podsOf(old, aPod({ hash: 'new' })) },
      { Ready: 'Unknown/RollingOut', message: '0 of 1 new pods are ready. The pods that are ready serve on.' },
    );
    check(
      { app, routes: ready, deployment, pods: podsOf(old, aPod({ hash: 'new', ready: true })) },
      { Ready: 'Unknown/RollingOut', message: '1 of 1 new pods are ready. The pods that are ready serve on.' },
    );
  });

  test('the end of the log is told, once', () => {
    const crash = given([aPod({ state: { terminated: { exitCode: 3 } } })]);
    const { status } = acts(see({ ...crash, podLog: 'Error: no database' }));
    expect(findCondition(status?.conditions, 'Deployed')?.message).toBe(
      'The app ends with exit code 3; its log says "Error: no database". See kubectl logs --previous shop-x.',
    );
    const told = { ...app, status: status ?? {} };
    expect(acts(see({ ...crash, app: told })).status).toEqual(status);
  });
});

describe('what must be remembered stands in a field of its own, not in a condition that says something else meanwhile', () => {
  const app = anApp(blob());
  const refused = { kind: 'Service', reason: 'Forbidden', message: 'no' } as const;

  test('what was wrong with an upload, while the bucket is full', () => {
    const given = { app, signed: upload, blob: { type: 'present', size: 99, sha256: otherSha } } as const;
    const rejected = acts(see(given)).status ?? {};
    const full = acts(see({ app: withStatus(app, rejected), blob: { type: 'absent', full: 'No room.' } })).status ?? {};
    expect(word(full, 'SourceReady')).toBe('False/StorageFull');
    const after = acts(see({ app: withStatus(app, full), blob: { type: 'absent' } })).status;
    expect(word(after, 'SourceReady')).toBe('False/UploadRejected');
  });

  test('why pods do not serve, while the API server refuses something', () => {
    const crashes = {
      ...{ app: anApp(image()), routes: ready, deployment: aDeployment('starting') },
      pods: podsOf(aPod({ state: { terminated: { exitCode: 3 } } })),
    };
    const told = acts(see({ ...crashes, podLog: 'Error: no database' })).status ?? {};
    const other = acts(see({ ...crashes, app: withStatus(crashes.app, told), refusals: [refused] })).status ?? {};
    expect(word(other, 'Deployed')).toBe('False/Forbidden');
    const again = acts(see({ ...crashes, app: withStatus(crashes.app, other) })).status;
    expect(findCondition(again?.conditions, 'Deployed')?.message).toContain('no database');
  });

  test('that an image is the one that ran already, until another run is wanted', () => {
    const runs = [aRun({ status: succeeded() }), aRun({ name: 'twin', created: 500, status: succeeded(400) })];
    const given = { app, routes: ready, runs, deployment: aDeployment('complete', stagedImage('twin')) };
    const told = acts(see(given)).status ?? {};
    expect(told.stageRun?.unchanged).toBe(true);
    const moved = { ...given, app: withStatus(app, told), deployment: aDeployment('complete', stagedImage()) };
    expect(word(acts(see(moved)).status, 'Staged')).toBe('True/ImageUnchanged');
    const pinned = withStatus(anApp({ ...blob(), stageRun: runs[0]?.metadata.name }), told);
    expect(acts(see({ ...moved, app: pinned })).status?.stageRun?.unchanged).toBeUndefined();
  });
});
