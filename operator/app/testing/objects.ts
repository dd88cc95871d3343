import type { App, AppSpec } from '../../api/app.ts';
import { AppRoute } from '../../api/approute.ts';
import { appRouteName, labels, podLabels } from '../../api/names.ts';
import { inputs } from '../../api/runid.ts';
import { StageRun, type StageRunStatus } from '../../api/stagerun.ts';
import { configSchema } from '../../config.ts';
import type { Condition } from '../../kube/conditions.ts';
import { unplanned, type AppliedChild, type Owned } from '../../kube/reconcile/plan.ts';
import type { JobObject } from '../../kube/job.ts';
import { Deployment, type Key } from '../../kube/resource.ts';
import type { Cache } from '../../kube/types.ts';
import { planApp, type AppPlan } from '../plan.ts';
import { PodTable } from '../podtable.ts';
import { isOwn } from '../routes.ts';
import { buildDeployment } from '../resources/deployment.ts';
import { processesOf } from '../resources/process.ts';
import { buildReleaseJob, releaseOf } from '../resources/release.ts';
import { webProcess } from '../../api/process.ts';
import { imageAsWritten } from '../image.ts';
import type { Image } from '../resources/container.ts';
import { registryAddresses } from '../../registry/index.ts';
import { buildPullSecret } from '../resources/pullsecret.ts';
import { wantedRunName } from '../resources/stagerun.ts';
import type { DeploymentObject, PodObject, Observed, Settings } from '../observed.ts';

/** now is the time of all tests. */
export const now = new Date('2026-03-01T12:00:00Z');
/** ago is a time before now, as the wire has it. */
export const ago = (seconds: number): string =>
  new Date(now.getTime() - seconds * 1000).toISOString().replace('.000', '');

const registry: Settings['registry'] = {
  push: 'registry.test:5000',
  pull: '127.0.0.1:30500',
  prefix: 'apps',
  auth: 'Token',
  secretRef: 'token',
  pullSecretRef: 'epinio-registry-pull',
  pullKeyRef: 'epinio-registry-pull-key',
  aliases: [],
  insecure: false,
  shared: false,
  clean: false,
};

export const settings: Settings = {
  build: configSchema.shape.build.parse(undefined),
  domain: 'apps.test',
  routeTemplate: '{app}.{domain}',
  archive: { maxBytes: 1024 ** 3, maxEntries: 1000, maxRatio: 100, maxDepth: 100 },
  git: { allowedHosts: [], maxBytes: 1024 ** 3, maxObjects: 1000, timeoutSeconds: 60, noProxy: [], knownHosts: [] },
  registry,
  addresses: registryAddresses(registry),
};

/** pullSecret is the Secret that the namespace lacks. */
export const missingPullSecret: Observed['pullSecret'] = {
  type: 'absent',
  intent: buildPullSecret('team', 'epinio-registry-pull', {}),
};

export const sha = 'a'.repeat(64);
export const otherSha = 'b'.repeat(64);
export const digest = `sha256:${'d'.repeat(64)}`;
export const platformHash = 'f'.repeat(64);

/** blob is a source of an uploaded archive. */
export const blob = (sha256 = sha, size = 100): Pick<AppSpec, 'source'> => ({ source: { blob: { sha256, size } } });
/** image is a source that is an image. */
export const image = (reference = 'example.org/shop:1'): Pick<AppSpec, 'source'> => ({ source: { image: reference } });

/** anApp is an App as the API server returns it. */
export const anApp = (spec: Partial<AppSpec> = {}, more: Partial<App['metadata']> = {}): App => ({
  apiVersion: 'epinio.io/v1alpha1',
  kind: 'App',
  metadata: {
    name: 'shop',
    namespace: 'team',
    uid: 'app-uid',
    generation: 1,
    creationTimestamp: ago(100),
    ...more,
  },
  spec: { replicas: 1, port: 8080, defaultRoute: 'Enabled', ...spec },
});

const ownedByApp = [{ apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop', uid: 'app-uid', controller: true }];

/** condition makes one condition. */
export const condition = (
  type: string,
  status: Condition['status'],
  reason: string,
  more: Partial<Condition> = {},
): Condition => ({
  type,
  status,
  reason,
  message: `${reason}.`,
  observedGeneration: 1,
  lastTransitionTime: ago(10),
  ...more,
});

interface RunWishes {
  readonly name?: string;
  readonly status?: StageRunStatus;
  readonly annotations?: Record<string, string>;
  readonly cancelled?: boolean;
  readonly created?: number;
  readonly spec?: Partial<AppSpec>;
  readonly deleting?: boolean;
}

/** aRun is the StageRun that the blob App wants, unless told otherwise. */
export const aRun = (wishes: RunWishes = {}): StageRun => {
  const app = anApp(wishes.spec ?? blob());
  return {
    metadata: {
      name: wishes.name ?? wantedRunName(app),
      namespace: 'team',
      uid: `run-${wishes.name ?? wantedRunName(app)}`,
      generation: 1,
      creationTimestamp: ago(wishes.created ?? 50),
      ownerReferences: ownedByApp,
      ...(wishes.annotations && { annotations: wishes.annotations }),
      ...(wishes.deleting && { deletionTimestamp: ago(1) }),
    },
    spec: {
      appRef: { name: 'shop' },
      inputs: inputs(app.spec),
      source: app.spec.source ?? {},
      ...(wishes.cancelled && { cancelled: true }),
    },
    ...(wishes.status && { status: wishes.status }),
  };
};

/** succeeded is the status of a run that built the image. */
export const succeeded = (at = 20, of = digest): StageRunStatus => ({
  conditions: [condition('Succeeded', 'True', 'Succeeded')],
  completionTime: ago(at),
  image: `registry.test:5000/apps/team/shop@${of}`,
  processes: [{ type: 'web', default: true }],
});

/** failed is the status of a run that failed. */
export const failed = (reason: string, at = 5, hash = platformHash): StageRunStatus => ({
  conditions: [condition('Succeeded', 'False', reason)],
  completionTime: ago(at),
  failure: { reason, message: `It failed: ${reason}.` },
  platform: { hash },
});

/** running is the status of a run that works on these steps. */
export const running = (...steps: string[]): StageRunStatus => ({
  conditions: [condition('Succeeded', 'Unknown', 'Running')],
  steps: steps.map((name) => ({ name, startedAt: ago(5) })),
});

type RouteState = 'new' | 'accepted' | 'pendingCertificate' | 'ready' | 'conflict';

const routeConditions: Record<RouteState, Condition[]> = {
  new: [],
  accepted: [condition('Ready', 'Unknown', 'AwaitingAddress'), condition('Accepted', 'True', 'Accepted')],
  pendingCertificate: [
    condition('Ready', 'Unknown', 'CertificatePending'),
    condition('Accepted', 'True', 'Accepted'),
    condition('Programmed', 'True', 'Programmed'),
  ],
  ready: [
    condition('Ready', 'True', 'Ready'),
    condition('Accepted', 'True', 'Accepted'),
    condition('Programmed', 'True', 'Programmed'),
  ],
  conflict: [
    condition('Ready', 'False', 'RouteConflict'),
    condition('Stalled', 'True', 'RouteConflict'),
    condition('Accepted', 'False', 'RouteConflict'),
  ],
};

interface RouteWishes {
  readonly host?: string;
  readonly path?: string;
  /** Made by hand, under this name. */
  readonly byHand?: string;
  readonly isDefault?: boolean;
}

/** aRoute is the AppRoute of the default route, unless told otherwise. */
export const aRoute = (state: RouteState, wishes: RouteWishes = {}): AppRoute => {
  const { host = 'shop.apps.test', path = '/', byHand, isDefault = wishes.host === undefined } = wishes;
  const name = byHand ?? appRouteName('shop', { host, path });
  return {
    metadata: {
      name,
      namespace: 'team',
      uid: `route-${name}`,
      generation: 1,
      creationTimestamp: ago(40),
      ...(byHand === undefined && { ownerReferences: ownedByApp }),
      ...(isDefault && { labels: { [labels.defaultRoute]: 'true' } }),
    },
    spec: { appRef: { name: 'shop' }, host, path },
    status: {
      conditions: routeConditions[state],
      ...(['ready', 'pendingCertificate'].includes(state) && { url: `http://${host}` }),
    },
  };
};

/** stagedImage is what the wanted run built. */
export const stagedImage = (stageRun = wantedRunName(anApp(blob())), of = digest): Image => ({
  reference: `127.0.0.1:30500/apps/team/shop@${of}`,
  staged: true,
  ourRegistry: true,
  processes: [{ type: 'web', default: true }],
  stageRun,
});

type Rolled = 'complete' | 'unseen' | 'starting' | 'stuck' | 'refused';

/** aDeployment runs an image, and is so far with it. */
export const aDeployment = (
  state: Rolled,
  runs: Image = imageAsWritten('example.org/shop:1', settings),
  replicas = 1,
  worker?: string,
): DeploymentObject => {
  const app = anApp(worker === undefined ? { replicas } : { processes: [{ name: worker, replicas }] });
  const process = processesOf(app).find(({ name }) => name === (worker ?? webProcess));
  if (process === undefined) throw new Error('no such process');
  const intent = buildDeployment(app, process, { image: runs, pullSecret: undefined }) as unknown as DeploymentObject;
  const all = { replicas, updatedReplicas: replicas, availableReplicas: replicas, readyReplicas: replicas };
  const surging = { replicas: replicas + 1, updatedReplicas: 1, availableReplicas: replicas, readyReplicas: replicas };
  const progressing = (reason: string) => ({
    type: 'Progressing',
    status: reason === 'Stuck' ? 'True' : 'False',
    reason,
  });
  const status = {
    complete: all,
    unseen: { ...all, observedGeneration: 0 },
    starting: { ...surging, availableReplicas: 0, readyReplicas: 0, replicas: 1 },
    stuck: { ...surging, availableReplicas: 0, conditions: [progressing('ProgressDeadlineExceeded')] },
    refused: {
      replicas: 0,
      conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'pods "x" is forbidden: exceeded quota: small' }],
    },
  }[state];
  return {
    ...intent,
    metadata: { ...intent.metadata, uid: `${worker ?? webProcess}-uid`, generation: 1, ownerReferences: ownedByApp },
    status: { observedGeneration: 1, ...status },
  };
};

/** withWorkers adds the Deployments of more processes to what is seen. */
export const withWorkers = (given: Partial<Observed>, ...workers: readonly DeploymentObject[]): Partial<Observed> => ({
  ...given,
  owned: [...see(given).owned, ...workers.map((object) => ({ resource: Deployment, object }))],
});

/** aJob is the Job of a release, as an App made it. */
export const aJob = (
  app: App,
  image: Image,
  more: { readonly status?: object; readonly spec?: object; readonly deleting?: boolean } = {},
): JobObject => {
  const process = releaseOf(app);
  if (process === undefined) throw new Error('no release');
  const { metadata } = buildReleaseJob(app, process, { image, pullSecret: undefined });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...metadata,
      uid: `${metadata?.name}-uid`,
      ownerReferences: ownedByApp,
      ...(more.deleting && { deletionTimestamp: ago(1) }),
    },
    spec: more.spec ?? {},
    status: more.status ?? {},
  } as unknown as JobObject;
};

/** jobEnded is the status of a Job that ended. */
export const jobEnded = (type: 'Complete' | 'Failed', reason = '', message = ''): object => ({
  conditions: [{ type, status: 'True', reason, message }],
});

/** aReleasePod is the pod of a release's Job. */
export const aReleasePod = (job: JobObject, state: object, status: object = {}): PodObject => {
  const pod = aPod({ state });
  const { name = '', uid = '', labels: own } = job.metadata ?? {};
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name: `${name}-x`,
      labels: own,
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }],
    },
    status: { ...pod.status, ...status },
  } as PodObject;
};

interface PodWishes {
  readonly process?: string;
  readonly hash?: string;
  readonly created?: number;
  readonly ready?: boolean;
  readonly imageID?: string;
  readonly state?: object;
  readonly lastState?: object;
  readonly restarts?: number;
  readonly conditions?: object[];
}

/** aPod of a process; default: web. */
export const aPod = (wishes: PodWishes = {}): PodObject =>
  ({
    metadata: {
      name: `shop-${wishes.hash ?? 'x'}`,
      namespace: 'team',
      uid: `pod-${wishes.hash ?? 'x'}-${wishes.created ?? 0}`,
      creationTimestamp: ago(wishes.created ?? 10),
      labels: { ...podLabels('shop', wishes.process ?? webProcess), 'pod-template-hash': wishes.hash ?? 'x' },
    },
    status: {
      conditions: wishes.conditions ?? [],
      containerStatuses:
        wishes.conditions === undefined
          ? [
              {
                name: 'app',
                ready: wishes.ready ?? false,
                imageID: wishes.imageID ?? '',
                state: wishes.state ?? {},
                lastState: wishes.lastState ?? {},
                restartCount: wishes.restarts ?? 0,
              },
            ]
          : [],
    },
  }) as unknown as PodObject;

/** podsOf are the pods of an observation. */
export const podsOf = (...pods: readonly PodObject[]): Observed['pods'] => {
  const table = new PodTable();
  for (const pod of pods) table.put(pod);
  const cache = { get: (_: unknown, { name }: Key) => pods.find(({ metadata }) => metadata?.name === name) } as Cache;
  return (process, updated) => table.newest(cache, { namespace: 'team', app: 'shop', process }, updated);
};

/** see is an observation in which nothing is there but what is given. */
export const see = (given: Partial<Observed> = {}): Observed => ({
  owned: ownedIn(given),
  app: anApp(),
  runs: [],
  routes: [],
  deployment: undefined,
  pods: podsOf(),
  releasePods: [],
  there: undefined,
  hasOwnBudget: () => false,
  ownAutoscaler: () => undefined,
  pullSecret: { type: 'current' },
  contents: { missing: [] },
  platformHash: () => platformHash,
  runImage: () => undefined,
  isCurrent: () => true,
  blob: { type: 'unknown' },
  otherSizes: [],
  room: { type: 'fits' },
  hasBuilder: () => true,
  signed: undefined,
  s3ChangedAt: undefined,
  warnings: undefined,
  podLog: undefined,
  refusals: [],
  settings,
  now,
  peakDepth: 0,
  ...given,
});

/** What is given belongs to the App where it says so. */
const ownedIn = ({ app = anApp(), deployment, routes = [], runs = [] }: Partial<Observed>): Observed['owned'] => [
  ...(deployment === undefined ? [] : [{ resource: Deployment, object: deployment }]),
  ...routes.filter((route) => isOwn(app, route)).map((object) => ({ resource: AppRoute, object })),
  ...runs.map((object) => ({ resource: StageRun, object })),
];

/** Acts is a plan with its children sorted by what happens to them. */
export interface Acts extends AppPlan {
  readonly applied: readonly AppliedChild[];
  readonly removed: readonly Owned[];
  readonly lookAfterMs: number | undefined;
}

/** acts plans without anything to look up. */
export const acts = (observed: Observed): Acts => {
  const plan = planApp(observed);
  if (plan.type === 'lookUp') throw new Error(`looks up ${plan.query.type}`);
  return {
    ...plan,
    applied: plan.children.filter((child) => child.type === 'apply'),
    removed: unplanned(observed.owned, plan.children),
    lookAfterMs: plan.next.type === 'wait' ? plan.next.afterMs : undefined,
  };
};
