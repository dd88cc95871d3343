import { describe, expect, it } from 'vitest';
import { StageRun, type StageRunStatus } from '../api/stagerun.ts';
import { systemClock } from '../kube/clock.ts';
import { Event, keyOf, type Key, type Resource } from '../kube/resource.ts';
import type { Kube } from '../kube/types.ts';
import type { Lookup, Room } from '../registry/index.ts';
import type { StageRunDeps } from './deps.ts';
import { lookUp } from './lookups.ts';
import type { Observed } from './observed.ts';
import { BuildQueue } from './queue.ts';
import { Rooms } from './rooms.ts';
import type { Situation } from './situation.ts';
import { anApp, aRebase, aRun, settings } from './testing/objects.ts';
import { aJob, at, exited, podWith } from './testing/pods.ts';
import { noLogs } from './testing/logs.ts';
import { begun, earlierJob, later, observed, queryOf, type Given } from './testing/plans.ts';

const digest = `sha256:${'d'.repeat(64)}`;
const config = settings({
  registry: { push: 'r.test', auth: 'Secret', secretRef: 'push', shared: true },
  builders: [{ name: 'default', image: 'b.test/builder:1', runImage: 'r.test/run:1' }],
});
const auth = Buffer.from(JSON.stringify({ auths: { 'r.test': { auth: 'dTpw' } } })).toString('base64');

/** Outside is what a look-up finds. */
interface Outside {
  /** By tag or digest of the run's own image. */
  readonly own?: Lookup<{ digest: string }>;
  readonly runImage?: Lookup<{ digest: string }>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly number[];
  /** Labels by repository, where they differ. */
  readonly labelsOf?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly room?: Room;
  /** Who owns the Secret of the run's name. */
  readonly secretOf?: string;
  /** uid of the run that the API server has. */
  readonly runNow?: string | undefined;
  readonly secrets?: Readonly<Record<string, Record<string, string>>>;
  readonly warning?: string;
  readonly log?: string;
}

/** outside answers as it is told to, and writes down what it was asked. */
const outside = (o: Outside) => {
  const asked: string[] = [];
  const absent = { type: 'absent' } as const;
  const registry = {
    headManifest: ({ repository }: { repository: string }) => {
      asked.push(`head ${repository}`);
      return Promise.resolve(repository === 'run' ? (o.runImage ?? { type: 'found', digest }) : (o.own ?? absent));
    },
    imageConfig: ({ repository }: { repository: string }) =>
      Promise.resolve(
        o.labelsOf?.[repository]
          ? { type: 'found', config: { labels: o.labelsOf[repository] } }
          : o.labels
            ? { type: 'found', config: { labels: o.labels, ...(o.ports && { ports: o.ports }) } }
            : { type: 'unreachable', message: '' },
      ),
    imageBlobs: () => Promise.resolve(absent),
    addTag: ({ repository }: { repository: string }, tag: string) => (
      asked.push(`tag ${repository} ${tag}`),
      Promise.resolve()
    ),
    tryUpload: () => (asked.push('push'), Promise.resolve(o.room ?? { type: 'room' })),
  } as unknown as StageRunDeps['registry'];
  const secrets: Outside['secrets'] = { 'home/push': { '.dockerconfigjson': auth }, ...o.secrets };
  const kube = {
    get: (_: unknown, { namespace, name }: Key) => {
      const found = secrets[`${namespace}/${name}`];
      return Promise.resolve(found && { data: found });
    },
    getMetadata: (r: Resource, key: Key) => {
      if (r === StageRun) return Promise.resolve(o.runNow && { metadata: { ...key, uid: o.runNow } });
      if (secrets[`${key.namespace}/${key.name}`]) return Promise.resolve({ metadata: key });
      asked.push('secret');
      const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'run', uid: o.secretOf ?? '', controller: true };
      return Promise.resolve(o.secretOf && { metadata: { ...key, ownerReferences: [owner] } });
    },
    list: (r: Resource) => {
      if (r === Event) asked.push('events');
      return Promise.resolve({ items: o.warning ? [{ reason: 'Failed', note: o.warning }] : [] });
    },
    logs: () => (o.log === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(o.log)),
  } as unknown as Kube;
  const storage = {
    blobKey: (namespace: string, sha256: string) => `${namespace}/${sha256}`,
    presignGet: ({ key }: { key: string }) => Promise.resolve({ url: `s3:${key}` }),
  } as unknown as StageRunDeps['storage'];
  const fetch = { image: 'operator:1', command: ['fetch'] };
  return { asked, kube, deps: { config, fetch, home: 'home', registry, storage, logs: noLogs } satisfies StageRunDeps };
};

const job = { ...aJob(), apiVersion: 'batch/v1', kind: 'Job' };

/** found is the situation that a run turns out to be in, and what was asked for it. */
const found = async (
  given: Given,
  o: Outside = {},
  status?: StageRunStatus,
): Promise<{ situation: Situation | undefined; asked: string[] }> => {
  const { asked, kube, deps } = outside(o);
  const facts = observed({ settings: deps, ...given }, status);
  const query = queryOf(facts);
  if (!query) throw new Error('asks nothing');
  const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
  const answer = await lookUp({ deps, ctx: { kube }, observed: facts, rooms: new Rooms(systemClock) }, queue, query);
  return { situation: answer?.situation, asked };
};

describe('a run whose name the Job of an earlier one has', () => {
  const otherJob = earlierJob(aJob());

  it.each([
    ['makes room', 'is there', aRun(anApp()).metadata.uid, { type: 'occupied', earlier: otherJob }],
    ['touches nothing', 'has a successor already, which the Job may be of', 'another', { type: 'going' }],
    ['touches nothing', 'is gone', undefined, { type: 'going' }],
  ])('%s when it %s', async (_does, _is, runNow, situation) => {
    expect((await found({ otherJob }, { runNow })).situation).toEqual(situation);
  });
});

describe('the turn of a run', () => {
  const queue = new BuildQueue({ cluster: 1, perNamespace: 1 });
  const ask = (facts: Observed) => {
    const { kube, deps } = outside({});
    return lookUp({ deps, ctx: { kube }, observed: facts, rooms: new Rooms(systemClock) }, queue, { type: 'turn' });
  };
  const other = aRun(anApp({}, { name: 'other' }));

  it('comes when there is a slot, which is its own from then on', async () => {
    expect(await ask(observed())).toMatchObject({ admitted: true, situation: undefined });
    expect(await ask(observed({ run: other }))).toMatchObject({
      admitted: false,
      situation: { type: 'queued', ahead: 0, mayTell: false },
    });
  });

  it('may be told of again half a minute later', async () => {
    const facts = observed({ run: other, now: later(30_000) });
    expect(await ask(facts)).toMatchObject({ situation: { type: 'queued', mayTell: true } });
    queue.release(keyOf(observed().run));
    expect(await ask(facts)).toMatchObject({ admitted: true });
  });
});

describe('a run that has its turn', () => {
  const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'npm', key: 'token' } } }];
  const start = (o: Outside, app = anApp()) => found({ admitted: true, app, run: aRun(app) }, o);
  const build = anApp({ build: { env } });
  const bound = anApp({ build: { bindings: [{ name: 'maven' }] } });

  it('is startable where nothing is missing', async () => {
    const { situation } = await start({});
    expect(situation).toMatchObject({
      type: 'startable',
      platform: { status: { repository: 'r.test/apps/team/shop' } },
      data: { url: `s3:team/${'a'.repeat(64)}`, keyring: { 'r.test': { type: 'basic' } } },
    });
  });

  it('needs no build where its image is there', async () => {
    const { situation, asked } = await start({ own: { type: 'found', digest }, labels: { a: 'b' }, ports: [80] });
    expect(situation).toEqual({ type: 'built', image: { digest, labels: { a: 'b' }, ports: [80] } });
    expect(asked).toEqual(['head apps/team/shop', expect.stringMatching(/^tag apps\/team\/shop\/cache shop-/)]);
  });

  const no = (type: 'unauthorized' | 'unreachable') => ({ type, message: 'No.' }) as const;
  it.each<[string, Outside, object, typeof build?]>([
    [
      'the registry refuses',
      { own: no('unauthorized') },
      { reason: 'RegistryUnauthorized', everybody: false, afterMs: 30_000 },
    ],
    [
      'the registry is down',
      { own: no('unreachable') },
      { reason: 'RegistryUnreachable', everybody: true, afterMs: 15_000 },
    ],
    [
      'the registry of the run image is down',
      { runImage: no('unreachable') },
      { reason: 'RegistryUnreachable', everybody: false, afterMs: 15_000 },
    ],
    [
      'the registry is full',
      { room: { type: 'full', message: 'No room.' } },
      { reason: 'RegistryFull', everybody: false, afterMs: 60_000 },
    ],
    [
      'the credential is missing',
      { secrets: { 'home/push': {} } },
      { reason: 'RegistryUnauthorized', everybody: false, afterMs: 30_000 },
    ],
    ['a binding is missing', {}, { reason: 'SecretNotFound', everybody: false, afterMs: 60_000 }, bound],
    ['a Secret of the App is missing', {}, { reason: 'SecretNotFound', everybody: false, afterMs: 60_000 }, build],
    [
      'a key of it is missing',
      { secrets: { 'team/npm': {} } },
      { reason: 'SecretNotFound', everybody: false, afterMs: 60_000 },
      build,
    ],
  ])('waits where %s', async (_, o, { reason, ...expected }: { reason?: string }, app = anApp()) => {
    expect((await start(o, app)).situation).toMatchObject({ type: 'waiting', summary: { reason }, ...expected });
  });

  describe('and puts an image upon another run image', () => {
    const runImage = `sha256:${'2'.repeat(64)}`;
    const app = anApp({ build: { env, rebase: 'Auto' } });
    const rebasing = aRebase(app, runImage);
    const system = (version: string) => ({ 'io.buildpacks.base.distro.version': version });
    const begin = (run: string) =>
      found(
        { admitted: true, app, run: rebasing, deployed: `r.test/apps/team/shop@${digest}` },
        { labelsOf: { 'apps/team/shop': system('12'), run: system(run) } },
      );

    it('needs no Secret of the build and no archive', async () => {
      expect((await begin('12')).situation).toMatchObject({
        type: 'startable',
        platform: {
          status: {
            runImage: `r.test/run:1@${runImage}`,
            runImageDigest: digest,
            previousImage: `r.test/apps/team/shop@${digest}`,
          },
        },
        data: { keyring: { 'r.test': { type: 'basic' } } },
      });
      expect((await begin('12')).situation).not.toHaveProperty('data.url');
    });

    it('fails before its Job where the two are of different systems', async () => {
      expect((await begin('13')).situation).toMatchObject({
        type: 'failed',
        cause: {
          reason: 'RebaseFailed',
          message: expect.stringContaining('built upon "12", and the newer run image is "13"') as string,
        },
      });
    });
  });

  it('waits for the pods of other builds where they share a volume, and only there', async () => {
    const started = (mode: 'Volume' | 'Image') => {
      const app = anApp({ build: { cache: { mode } } });
      return found({ admitted: true, app, run: aRun(app), othersAtWork: true }, {});
    };
    const { situation } = await started('Volume');
    expect(situation).toMatchObject({
      ...{ type: 'waiting', summary: { reason: 'CacheInUse' } },
      ...{ afterMs: 2000, everybody: false },
    });
    expect((await started('Image')).situation).toMatchObject({ type: 'startable' });
  });

  it.each<[string, NonNullable<Outside['secrets']>, { name: string; type?: string }, string | undefined]>([
    [
      'is not there',
      {},
      { name: 'maven', type: 'maven' },
      'The Secret "maven" does not exist in this namespace: create it with what the buildpacks need (spec.build.bindings of the App names it).',
    ],
    [
      'has no type',
      { 'team/maven': { 'settings.xml': 'x' } },
      { name: 'maven' },
      'The Secret "maven" has no key "type": add it (spec.build.bindings of the App names it, without a type of its own).',
    ],
    ['has a type', { 'team/maven': { type: 'maven' } }, { name: 'maven' }, undefined],
    ['has no type, which the App says', { 'team/maven': {} }, { name: 'maven', type: 'maven' }, undefined],
  ])('says what is wrong with the Secret of a binding that %s', async (_, secrets, binding, words) => {
    const { situation } = await start({ secrets }, anApp({ build: { bindings: [binding] } }));
    expect(situation?.type === 'waiting' ? situation.summary.message : undefined).toBe(words);
  });

  it('goes on where the Secrets of its App have their keys', async () => {
    expect((await start({ secrets: { 'team/npm': { token: 'x' } } }, build)).situation?.type).toBe('startable');
  });

  it.each<[string, Outside, string, ReturnType<typeof anApp>?]>([
    ['there is no run image', { runImage: { type: 'absent' } }, 'RunImageUnavailable'],
    ['its builder is not allowed', {}, 'BuilderNotFound', anApp({ build: { builder: 'evil.test/builder' } })],
  ])('fails where %s', async (_, o, reason, app = anApp()) => {
    expect((await start(o, app)).situation).toMatchObject({ type: 'failed', cause: { reason } });
  });
});

describe('a Job at work', () => {
  const created = (seconds: number) => ({ ...job, metadata: { ...job.metadata, creationTimestamp: at(seconds) } });
  const starting = (seconds: number) => {
    const pod = podWith('fetch', { waiting: { reason: 'PodInitializing' } });
    return { ...pod, metadata: { ...pod.metadata, creationTimestamp: at(seconds) } };
  };

  it('is asked nothing about once a step has begun', async () => {
    const pod = podWith('build', { running: { startedAt: at(9) } });
    const { situation, asked } = await found({ job, pod }, {}, begun);
    expect(situation).toMatchObject({ type: 'active', summary: { reason: 'Running' }, missing: undefined });
    expect(asked).toEqual([]);
  });

  it.each([
    ['is there', 'job-uid', false],
    ['is of an earlier Job', 'old', true],
    ['is not there', undefined, true],
  ] as const)('gets a Secret unless its own %s', async (_, secretOf, missing) => {
    const { situation } = await found({ job }, { ...(secretOf && { secretOf }) }, begun);
    expect(situation?.type === 'active' && situation.missing !== undefined).toBe(missing);
  });

  it.each([
    ['without a pod for a moment', { job: created(29) }, false, 'Pending'],
    ['without a pod for two seconds', { job: created(28) }, true, 'PodNotCreated'],
    ['with a new pod', { job, pod: starting(16) }, false, 'Pending'],
    ['whose pod does not start for 15 s', { job, pod: starting(15) }, true, 'PodNotStarted'],
  ])('%s: are its events read?', async (_, given, read, reason) => {
    const { situation, asked } = await found(given, { secretOf: 'job-uid', warning: 'No.' }, begun);
    expect(asked.includes('events')).toBe(read);
    expect(situation).toMatchObject({ type: 'active', summary: { reason } });
  });
});

describe('a Job that has succeeded', () => {
  const report = `[image]\n  digest = "${digest}"\n`;
  const over = (message: string, finishedAt = at(2)) => ({
    job,
    pod: podWith('export', exited(0, { message, finishedAt })),
  });

  it('has built the image that export reports, whose labels are read', async () => {
    const { situation, asked } = await found(over(report), { labels: { a: 'b' } }, begun);
    expect(situation).toEqual({ type: 'built', image: { digest, labels: { a: 'b' } } });
    expect(asked).toEqual([`tag apps/team/shop/cache ${begun.jobName}`]);
  });

  it('has built the image of its tag where it reports none', async () => {
    const { situation } = await found(over(''), { own: { type: 'found', digest }, labels: {} }, begun);
    expect(situation).toMatchObject({ type: 'built', image: { digest } });
  });

  it('is unconfirmed for a minute while labels cannot be read, and then has an image without', async () => {
    const at60 = (ms: number) => ({ ...over(report), now: new Date(Date.parse(at(2)) + ms) });
    const { situation } = await found(at60(59_999), {}, begun);
    expect(situation).toMatchObject({ type: 'unconfirmed', summary: { reason: 'Running' } });
    expect((await found(at60(60_000), {}, begun)).situation).toEqual({ type: 'built', image: { digest } });
  });

  it.each<[Lookup<{ digest: string }>, object]>([
    [
      { type: 'unreachable', message: 'x' },
      { type: 'unconfirmed', summary: { reason: 'RegistryUnreachable' } },
    ],
    [
      { type: 'unauthorized', message: 'x' },
      { type: 'unconfirmed', summary: { reason: 'RegistryUnauthorized' } },
    ],
    [{ type: 'absent' }, { type: 'failed', cause: { reason: 'ExportFailed', step: 'export' } }],
  ])('of which the registry says $type', async (own, expected) => {
    expect((await found(over(''), { own }, begun)).situation).toMatchObject(expected);
  });
});

describe('a build that failed', () => {
  const failed = (step: 'analyze' | 'build' | 'export', exitCode: number) => ({
    job,
    pod: podWith(step, exited(exitCode, { message: 'kept' })),
  });
  const runSecret = (data: Record<string, string>) => ({ [`team/${aRun(anApp()).metadata.name}`]: data });

  it.each([
    ['the end of its log', { log: 'the log' }, 'the log'],
    ['what the kubelet kept of it', {}, 'kept'],
  ])('leaves %s, and asks no registry', async (_, o, logTail) => {
    const { situation, asked } = await found(failed('build', 51), o, begun);
    expect(situation).toMatchObject({ type: 'failed', cause: { reason: 'BuildFailed' }, logTail });
    expect(asked).toEqual([]);
  });

  it.each<[string, 'analyze' | 'export', Outside, object]>([
    [
      'export, whose image is there',
      'export',
      { own: { type: 'found', digest } },
      { type: 'built', image: { digest } },
    ],
    [
      'analyze, whose image is there from before',
      'analyze',
      { own: { type: 'found', digest } },
      { cause: { reason: 'AnalyzeFailed' } },
    ],
    [
      'export, and the registry refuses',
      'export',
      { own: { type: 'unauthorized', message: 'No.' } },
      { cause: { reason: 'RegistryUnauthorized' } },
    ],
    [
      'analyze, and the registry is down',
      'analyze',
      { own: { type: 'unreachable', message: 'No.' } },
      { cause: { reason: 'RegistryUnreachable' } },
    ],
    [
      'export, and the registry is full',
      'export',
      { room: { type: 'full', message: 'No.' } },
      { cause: { reason: 'RegistryFull' } },
    ],
    ['export, and the registry has room', 'export', {}, { cause: { reason: 'ExportFailed' } }],
  ])('in %s', async (_, step, o, expected) => {
    const { situation, asked } = await found(failed(step, 1), { ...o, secrets: runSecret({}) }, begun);
    expect(situation).toMatchObject(expected);
    expect(asked.includes('push')).toBe(step === 'export' && (o.own === undefined || o.room !== undefined));
  });
});

describe('a run whose Job is gone', () => {
  it('is built where the image is there', async () => {
    const { situation } = await found({}, { own: { type: 'found', digest } }, begun);
    expect(situation).toEqual({ type: 'built', image: { digest } });
  });

  it('has failed where it is not, whatever the reason', async () => {
    for (const own of [{ type: 'absent' }, { type: 'unreachable', message: 'x' }] as const) {
      const { situation } = await found({}, { own }, begun);
      expect(situation).toMatchObject({
        type: 'failed',
        cause: { reason: 'PodDeleted', message: expect.stringContaining('Its Job is gone as well.') as string },
      });
    }
  });
});
