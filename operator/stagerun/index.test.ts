import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { App } from '../api/app.ts';
import { StageRun, type StageRunStatus } from '../api/stagerun.ts';
import { ApiError } from '../kube/errors.ts';
import { isControlledBy } from '../kube/owners.ts';
import {
  Job,
  keyOf,
  keyString,
  PersistentVolumeClaim,
  Pod,
  type Key,
  type KubeObject,
  type Resource,
} from '../kube/resource.ts';
import type { Cache, Context, Kube } from '../kube/types.ts';
import type { JobObject } from './build/jobstate.ts';
import { builtAppOf, byBuiltApp, byClaim, claimHeld } from './observe.ts';
import { stageRunController, type StageRunDeps } from './index.ts';
import { anApp, aRun, settings } from './testing/objects.ts';
import { aJob, at, podWith } from './testing/pods.ts';
import { noLogs } from './testing/logs.ts';
import { begun, ended } from './testing/plans.ts';

const auth = Buffer.from(JSON.stringify({ auths: { 'r.test': { auth: 'dTpw' } } })).toString('base64');
const config = settings({
  registry: { push: 'r.test', auth: 'Secret', secretRef: 'push', shared: true },
  builders: [{ name: 'default', image: 'b.test/builder:1', runImage: 'r.test/run:1' }],
  build: { concurrency: 1, perNamespace: 1 },
});

/** aWorld is a controller, what its cache shows, and what it wrote, in order. */
const aWorld = () => {
  const cached = new Map<string, KubeObject>();
  const hidden = new Map<string, KubeObject>();
  const idOf = ({ kind }: { kind?: string }, key: Key): string => `${kind} ${keyString(key)}`;
  const ofKind = (r: Resource) => [...cached].flatMap(([id, object]) => (id.startsWith(`${r.kind} `) ? [object] : []));
  const writes: string[] = [];
  const events: string[] = [];
  const state = { registryFails: false };
  const registry = {
    headManifest: ({ repository }: { repository: string }) => {
      if (state.registryFails) return Promise.reject(new Error('a mistake'));
      return Promise.resolve(repository === 'run' ? { type: 'found', digest: 'x' } : { type: 'absent' });
    },
    tryUpload: () => Promise.resolve({ type: 'room' }),
  } as unknown as StageRunDeps['registry'];
  const kube = {
    get: (r: Resource, key: Key) => {
      if (r.kind === 'Secret' && key.namespace === 'home')
        return Promise.resolve({ data: { '.dockerconfigjson': auth } });
      return Promise.resolve(hidden.get(idOf(r, key)));
    },
    getMetadata: (r: Resource, key: Key) =>
      Promise.resolve(r.kind === 'StageRun' ? cached.get(idOf(r, key)) : undefined),
    list: () => Promise.resolve({ items: [] }),
    create: (r: Resource, object: KubeObject) => {
      if (hidden.has(idOf(r, keyOf(object))))
        return Promise.reject(new ApiError({ code: 409, reason: 'AlreadyExists', message: 'x' }));
      writes.push(`create ${r.kind} ${object.metadata?.ownerReferences?.[0]?.uid}`);
      return Promise.resolve({ ...object, metadata: { ...object.metadata, uid: 'made' } });
    },
    apply: (_: unknown, intent: { status: StageRunStatus }) => {
      writes.push(`status ${intent.status.conditions?.find(({ type }) => type === 'Succeeded')?.reason}`);
      return Promise.resolve(intent);
    },
    remove: (r: Resource, _: Key, { uid }: { uid: string }) => (
      writes.push(`remove ${r.kind} ${uid}`),
      Promise.resolve(true)
    ),
  } as unknown as Kube;
  const cache = {
    get: (r: Resource, key: Key) => structuredClone(cached.get(idOf(r, key))),
    list: ofKind,
    byIndex: (r: Resource, index: string, value: string) =>
      ofKind(r).filter((object) =>
        (index === byBuiltApp ? builtAppOf(object) : index === byClaim ? claimHeld(object as StageRun) : []).includes(
          value,
        ),
      ),
    ownedBy: (r: Resource, owner: KubeObject) => ofKind(r).filter((object) => isControlledBy(object, owner)),
  } as unknown as Cache;
  const ctx = {
    ...{ cache, kube, log: pino({ level: 'silent' }), signal: new AbortController().signal },
    events: { note: (_: unknown, { reason }: { reason: string }) => void events.push(reason) },
    now: () => new Date(at(30)),
  } as unknown as Context;
  const storage = {
    blobKey: () => 'k',
    presignGet: () => Promise.resolve({ url: 'u' }),
  } as unknown as StageRunDeps['storage'];
  const fetch = { image: 'operator:1', command: ['fetch'] };
  const controller = stageRunController({ config, fetch, home: 'home', registry, storage, logs: noLogs });
  const put = (objects: Map<string, KubeObject>, r: Resource, object: KubeObject): void =>
    void objects.set(idOf(r, keyOf(object)), { ...object, kind: r.kind });
  return {
    ...{ writes, events, state },
    show: (r: Resource, object: KubeObject) => put(cached, r, object),
    hide: (r: Resource, object: KubeObject) => put(hidden, r, object),
    drop: (r: Resource, object: KubeObject) => cached.delete(idOf(r, keyOf(object))),
    reconcile: (run: StageRun) => controller.reconcile(keyOf(run), ctx),
    /** wake does what a watch does once another object of this kind was seen to change. */
    wake: (r: Resource, object: KubeObject) =>
      controller.watches.filter(({ resource }) => resource === r).flatMap((watch) => [...watch.map(object, cache)]),
  };
};

type World = ReturnType<typeof aWorld>;

const runOf = (world: World, name: string, status?: StageRunStatus): StageRun => {
  const app = { ...anApp({}, { name, uid: `uid-${name}` }), apiVersion: 'epinio.io/v1alpha1' };
  const run = aRun(app, {}, status);
  const made = { ...run, metadata: { ...run.metadata, uid: `run-${name}` } };
  world.show(App, app);
  world.show(StageRun, made);
  return made;
};

const jobOf = (run: StageRun, uid = `job-of-${run.metadata.uid}`): JobObject => ({
  ...aJob(),
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    ...{ ...keyOf(run), uid, creationTimestamp: at(29) },
    ownerReferences: [
      {
        apiVersion: 'epinio.io/v1alpha1',
        kind: 'StageRun',
        name: run.metadata.name,
        uid: run.metadata.uid,
        controller: true,
      },
    ],
  },
});

const started = (name: string): string[] => [`create Job run-${name}`, 'create Secret made', 'status Pending'];

describe('one slot for two runs', () => {
  it('goes to the first; Job, Secret and status in this order, then the event', async () => {
    const world = aWorld();
    await world.reconcile(runOf(world, 'a'));
    await world.reconcile(runOf(world, 'b'));
    expect(world.writes).toEqual([...started('a'), 'status Queued']);
    expect(world.events).toEqual(['Running']);
  });

  it('is given back by a run that ends with an error that nobody foresaw', async () => {
    const world = aWorld();
    world.state.registryFails = true;
    await expect(world.reconcile(runOf(world, 'a'))).rejects.toThrow('a mistake');
    world.state.registryFails = false;
    await world.reconcile(runOf(world, 'b'));
    expect(world.writes).toEqual(['status ReconcileError', ...started('b')]);
  });

  it('is given back by a run that is gone', async () => {
    const world = aWorld();
    const first = runOf(world, 'a');
    await world.reconcile(first);
    world.drop(StageRun, first);
    expect(await world.reconcile(first)).toEqual({ type: 'done' });
    await world.reconcile(runOf(world, 'b'));
    expect(world.writes).toEqual([...started('a'), ...started('b')]);
  });

  it('is given back by a run whose end is seen, and wakes the next', async () => {
    const world = aWorld();
    const first = runOf(world, 'a');
    const second = runOf(world, 'b');
    await world.reconcile(first);
    await world.reconcile(second);
    expect(world.wake(StageRun, first)).toEqual([]);
    expect(world.wake(StageRun, { ...first, status: ended('False', 'BuildFailed') } as StageRun)).toEqual([
      keyOf(second),
    ]);
  });

  it('is held by the Job that was there when the operator started', async () => {
    const world = aWorld();
    world.show(Job, jobOf(runOf(world, 'a', begun)));
    await world.reconcile(runOf(world, 'b'));
    expect(world.writes).toEqual(['status Queued']);
  });
});

describe('the Job of a run', () => {
  it('goes only when the status says why', async () => {
    const world = aWorld();
    const run = runOf(world, 'a', begun);
    world.show(StageRun, { ...run, spec: { ...run.spec, cancelled: true } } as StageRun);
    world.show(Job, jobOf(run));
    await world.reconcile(run);
    expect(world.writes).toEqual(['status Cancelled', 'remove Job job-of-run-a']);
    expect(world.events).toEqual(['Cancelled']);
  });

  it('goes when it belongs to an earlier run of the name, and to nobody else', async () => {
    const world = aWorld();
    const run = runOf(world, 'a');
    world.show(Job, jobOf({ ...run, metadata: { ...run.metadata, uid: 'earlier' } }));
    await world.reconcile(run);
    expect(world.writes).toEqual(['remove Job job-of-earlier']);
  });

  it.each<[string, (run: StageRun) => JobObject, string[]]>([
    ['of its own is gone on with', jobOf, ['create Secret job-of-run-a', 'status Pending']],
    [
      "that is a stranger's is left alone",
      (run) => ({ ...jobOf(run), metadata: { ...keyOf(run), uid: 's' } }),
      ['status NameTaken'],
    ],
    [
      'of an earlier run makes room',
      (run) => jobOf({ ...run, metadata: { ...run.metadata, uid: 'earlier' } }),
      ['remove Job job-of-earlier'],
    ],
  ])('that no cache shows, %s', async (_, hidden, writes) => {
    const world = aWorld();
    const run = runOf(world, 'a');
    world.hide(Job, hidden(run));
    await world.reconcile(run);
    expect(world.writes).toEqual(writes);
  });

  it('goes soon after its end where its pod holds up the deletion of a volume, which wakes its run', async () => {
    const world = aWorld();
    const platform = { hash: 'x', cacheClaim: 'cache' };
    const run = runOf(world, 'a', { ...ended('True', 'Succeeded'), completionTime: '2026-11-21T03:59:00Z', platform });
    const { status } = aJob({ type: 'Complete', reason: 'CompletionsReached' });
    world.show(Job, { ...jobOf(run), ...(status && { status }) });
    const claim = { metadata: { namespace: run.metadata.namespace, name: 'cache' } };
    world.show(PersistentVolumeClaim, claim);
    expect(world.wake(PersistentVolumeClaim, claim)).toEqual([]);
    expect(await world.reconcile(run)).toMatchObject({ type: 'wait' });
    expect(world.writes).toEqual([]);
    const going = { metadata: { ...claim.metadata, deletionTimestamp: at(1) } };
    world.show(PersistentVolumeClaim, going);
    expect(world.wake(PersistentVolumeClaim, { metadata: { ...going.metadata, name: 'other' } })).toEqual([]);
    expect(world.wake(PersistentVolumeClaim, going)).toEqual([keyOf(run)]);
    await world.reconcile(run);
    expect(world.writes).toEqual(['remove Job job-of-run-a']);
  });

  it('is found without its labels once the run has begun, and looked at again, as no watch tells of it', async () => {
    const world = aWorld();
    const run = runOf(world, 'a', begun);
    world.hide(Job, jobOf(run));
    const pod = podWith('build', { running: { startedAt: at(29) } });
    const owner = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      name: run.metadata.name,
      uid: 'job-of-run-a',
      controller: true,
    };
    world.show(Pod, { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } });
    expect(await world.reconcile(run)).toMatchObject({ type: 'wait', afterMs: 10_000 });
    expect(world.writes).toEqual(['status Running']);
  });
});
