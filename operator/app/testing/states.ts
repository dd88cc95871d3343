import type { Refusal } from '../../kube/apply/refusal.ts';
import type { Observed } from '../observed.ts';
import { Job } from '../../kube/resource.ts';
import { imageAsWritten } from '../image.ts';
import type { Staging } from '../staging.ts';
import {
  aDeployment,
  ago,
  aJob,
  anApp,
  aPod,
  aRoute,
  aRun,
  blob,
  condition,
  failed,
  image,
  jobEnded,
  now,
  podsOf,
  running,
  settings,
  sha,
  stagedImage,
  succeeded,
} from './objects.ts';

/** Future is what an App says of it: it goes on by itself, it needs a person, or nothing is to be done. */
export type Future = 'Reconciling' | 'Stalled' | 'Settled';
/** State is what was observed of an App, and what it says then. */
export type State = readonly [given: Partial<Observed>, future: Future, ready: string];
type States<K extends string> = Readonly<Record<K, State>>;

const routes = [aRoute('ready')];
const app = anApp(blob());
const present = { type: 'present', size: 100, sha256: sha } as const;
const signed = { url: 'https://s3.test/u', headers: {}, expiresAt: new Date(now.getTime() + 3_600_000) };
const run = (status: Parameters<typeof aRun>[0] = {}): Partial<Observed> => ({ app, routes, runs: [aRun(status)] });
const waiting = (reason: string): Partial<Observed> =>
  run({ status: { conditions: [condition('Succeeded', 'Unknown', reason)] } });

/** Every kind of staging but `unknown`, which no status is written of. */
const stagings: States<Exclude<Staging['type'], 'unknown'>> = {
  none: [{ routes }, 'Settled', 'True/NoSource'],
  written: [{ app: anApp(image()), routes, deployment: aDeployment('complete') }, 'Settled', 'True/Ready'],
  notAllowed: [{ app: anApp(image('registry.test:5000/apps/other/shop:1')) }, 'Stalled', 'False/ImageNotAllowed'],
  built: [{ ...run({ status: succeeded() }), isCurrent: () => false }, 'Reconciling', 'Unknown/RollingOut'],
  building: [run({ status: running('build') }), 'Reconciling', 'Unknown/Staging'],
  failed: [run({ status: failed('BuildFailed') }), 'Stalled', 'False/BuildFailed'],
  retrying: [run({ status: failed('Evicted') }), 'Reconciling', 'False/Evicted'],
  discard: [run({ status: failed('Evicted', 60) }), 'Reconciling', 'Unknown/Staging'],
  start: [{ app, routes, blob: present }, 'Reconciling', 'Unknown/Staging'],
  awaitingRoutes: [{ app, routes: [aRoute('new')], blob: present }, 'Reconciling', 'Unknown/AwaitingRoutes'],
  awaitingBlob: [{ app, blob: { type: 'absent' }, signed }, 'Reconciling', 'Unknown/AwaitingUpload'],
  refused: [{ app, blob: { ...present, size: 1 } }, 'Stalled', 'False/BlobDigestMismatch'],
  full: [
    { app, blob: present, room: { type: 'full', limit: 1, held: { archives: 1, images: 0, left: 0, promised: 0 } } },
    'Stalled',
    'False/QuotaExceeded',
  ],
  storageUnavailable: [
    { app, blob: { type: 'unavailable', message: 'No.' } },
    'Reconciling',
    'Unknown/StorageUnavailable',
  ],
  pinUnusable: [{ app: anApp({ ...blob(), stageRun: 'gone' }), routes }, 'Stalled', 'False/StageRunNotFound'],
};

/** Whatever a run can wait for. */
const waits: States<string> = Object.fromEntries(
  (
    [
      ['Queued', 'Unknown'],
      ['Paused', 'Unknown'],
      ['NotWanted', 'Unknown'],
      ['StorageUnavailable', 'Unknown'],
      ['RegistryUnreachable', 'Unknown'],
      ['RegistryUnauthorized', 'False'],
      ['SecretNotFound', 'False'],
      ['PodNotCreated', 'False'],
      ['PodNotStarted', 'False'],
      ['PodUnschedulable', 'False'],
      ['BuilderImagePullFailed', 'False'],
      ['QuotaExceeded', 'False'],
      ['AdmissionDenied', 'False'],
      ['Forbidden', 'False'],
    ] as const
  ).map(([reason, status]) => [`run waits: ${reason}`, [waiting(reason), 'Reconciling', `${status}/${reason}`]]),
);

const refused = (reason: Refusal['reason']): Partial<Observed> => ({
  app: anApp(image()),
  routes,
  refusals: [{ kind: 'Deployment', reason, message: 'No.' }],
});
const refusals: States<Refusal['reason']> = {
  NameTaken: [refused('NameTaken'), 'Stalled', 'False/NameTaken'],
  AwaitingDeletion: [refused('AwaitingDeletion'), 'Reconciling', 'Unknown/AwaitingDeletion'],
  Invalid: [refused('Invalid'), 'Stalled', 'False/Invalid'],
  Forbidden: [refused('Forbidden'), 'Stalled', 'False/Forbidden'],
  QuotaExceeded: [refused('QuotaExceeded'), 'Stalled', 'False/QuotaExceeded'],
  AdmissionDenied: [refused('AdmissionDenied'), 'Stalled', 'False/AdmissionDenied'],
};

const rolling = (pod: Parameters<typeof aPod>[0], more: Partial<Observed> = {}): Partial<Observed> => ({
  app: anApp(image()),
  routes,
  deployment: aDeployment('starting'),
  pods: podsOf(aPod(pod)),
  podLog: '',
  warnings: [],
  ...more,
});
const stuck = { deployment: aDeployment('stuck') };
const late = { state: { running: { startedAt: ago(20) } } };
const unhealthy = (note: string) => ({ warnings: [{ reason: 'Unhealthy', note }] });
const terminated = { exitCode: 3, startedAt: ago(9), finishedAt: ago(8) };
const rollouts: States<string> = {
  'pods start': [rolling({}), 'Reconciling', 'Unknown/RollingOut'],
  'image not there': [
    rolling({ state: { waiting: { reason: 'ErrImagePull' } } }),
    'Reconciling',
    'False/ImagePullBackOff',
  ],
  'image name wrong': [
    rolling({ state: { waiting: { reason: 'InvalidImageName' } } }),
    'Stalled',
    'False/ImagePullBackOff',
  ],
  'Secret missing': [
    rolling({ state: { waiting: { reason: 'CreateContainerConfigError' } } }),
    'Reconciling',
    'False/CreateContainerConfigError',
  ],
  'first crash': [rolling({ state: { terminated } }), 'Reconciling', 'False/CrashLoopBackOff'],
  'crash loop': [rolling({ restarts: 2, lastState: { terminated } }), 'Stalled', 'False/CrashLoopBackOff'],
  'out of memory in a loop': [
    rolling({ restarts: 2, lastState: { terminated: { ...terminated, exitCode: 137, reason: 'OOMKilled' } } }),
    'Stalled',
    'False/OutOfMemory',
  ],
  'liveness in a loop': [
    rolling(
      { restarts: 2, lastState: { terminated: { ...terminated, exitCode: 137 } } },
      unhealthy('Liveness probe failed: no'),
    ),
    'Stalled',
    'False/ProbeFailed',
  ],
  'no node': [
    rolling({ conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node' }] }),
    'Reconciling',
    'False/Unschedulable',
  ],
  'no volume': [
    rolling(
      { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: ago(20) }] },
      unhealthy('no volume'),
    ),
    'Reconciling',
    'Unknown/PodNotStarted',
  ],
  'no listener yet': [
    rolling(late, unhealthy('Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused')),
    'Reconciling',
    'Unknown/NotListening',
  ],
  'no listener in ten minutes': [
    rolling(late, {
      ...stuck,
      ...unhealthy('Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused'),
    }),
    'Stalled',
    'False/NotListening',
  ],
  'not ready in ten minutes': [rolling(late, stuck), 'Stalled', 'False/RolloutFailed'],
  'quota for pods': [
    rolling({}, { deployment: aDeployment('refused'), pods: podsOf() }),
    'Reconciling',
    'False/QuotaExceeded',
  ],
};

const migrating = anApp({ ...image(), release: { command: ['migrate'] } });
const written = imageAsWritten('example.org/shop:1', settings);
const releasing = (status: object, spec: object = {}): Partial<Observed> => ({
  ...{ app: migrating, routes, podLog: '' },
  owned: [{ resource: Job, object: aJob(migrating, written, { status, spec }) }],
});
const earlier = aJob(anApp({ ...image(), restart: '0', release: { command: ['migrate'] } }), written);
const releases: States<string> = {
  'release under way': [releasing({}), 'Reconciling', 'Unknown/Releasing'],
  'release suspended': [releasing({}, { suspend: true }), 'Reconciling', 'Unknown/Releasing'],
  'release waits for an earlier one': [
    { app: migrating, routes, owned: [{ resource: Job, object: earlier }] },
    'Reconciling',
    'Unknown/Releasing',
  ],
  'release failed': [releasing(jobEnded('Failed')), 'Stalled', 'False/ReleaseFailed'],
};

const paused = (more: Partial<Observed>): Partial<Observed> => ({
  app: anApp({ ...blob(), paused: true }),
  routes,
  ...more,
});
const others: States<string> = {
  stopped: [
    { app: anApp({ ...image(), replicas: 0 }), routes, deployment: aDeployment('complete', undefined, 0) },
    'Settled',
    'True/Stopped',
  ],
  'paused as its spec wants it': [
    paused({ runs: [aRun({ status: succeeded() })], deployment: aDeployment('complete', stagedImage()) }),
    'Settled',
    'True/Ready',
  ],
  'paused before its build': [paused({ isCurrent: () => false }), 'Settled', 'False/Paused'],
  'paused with a run that therefore waits': [
    paused({ runs: [aRun({ status: { conditions: [condition('Succeeded', 'Unknown', 'Paused')] } })] }),
    'Settled',
    'False/Paused',
  ],
  'paused while a run ends': [paused({ runs: [aRun({ status: running('build') })] }), 'Reconciling', 'Unknown/Staging'],
  pinned: [
    {
      app: anApp({ ...blob(), stageRun: aRun().metadata.name }),
      ...{ routes, runs: [aRun({ status: succeeded() })], deployment: aDeployment('complete', stagedImage()) },
    },
    'Settled',
    'True/Ready',
  ],
  'pin to a failed run': [
    {
      app: anApp({ ...blob(), stageRun: 'old' }),
      routes,
      runs: [aRun({ name: 'old', status: failed('BuildFailed') })],
    },
    'Stalled',
    'False/StageRunNotSuccessful',
  ],
  'nobody uploads': [
    {
      app: {
        ...app,
        status: { observedGeneration: 1, upload: { sha256: sha, since: ago(86_400) } },
      },
      blob: { type: 'absent' },
    },
    'Stalled',
    'False/UploadExpired',
  ],
  'process missing': [
    { app: anApp({ ...blob(), process: 'worker' }), routes, runs: [aRun({ status: succeeded() })] },
    'Stalled',
    'False/ProcessNotFound',
  ],
  'pull secret of a stranger': [
    { ...run({ status: succeeded() }), pullSecret: { type: 'conflict' } },
    'Stalled',
    'False/RegistrySecretConflict',
  ],
  'no pull secret': [
    { ...run({ status: succeeded() }), pullSecret: { type: 'missing' } },
    'Stalled',
    'False/RegistrySecretMissing',
  ],
  'a Secret that the pods need is missing': [
    {
      app: anApp({ ...image(), configurations: [{ name: 'db', kind: 'Secret', as: 'Files' }] }),
      routes,
      contents: {
        missing: [
          { reference: { kind: 'Secret', name: 'db', rolls: true, field: 'spec.configurations' }, keyOnly: false },
        ],
      },
    },
    'Reconciling',
    'False/ConfigurationNotFound',
  ],
  'routes not ready': [
    { app: anApp(image()), routes: [aRoute('accepted')], deployment: aDeployment('complete') },
    'Reconciling',
    'Unknown/RoutesNotReady',
  ],
  'route in conflict': [
    { app: anApp(image()), routes: [aRoute('conflict')], deployment: aDeployment('complete') },
    'Stalled',
    'False/RouteConflict',
  ],
};

/** states are all states that an App can be in, each with what it says of its future. */
export const states: States<string> = { ...stagings, ...waits, ...refusals, ...rollouts, ...releases, ...others };
