import { z } from 'zod';
import { resource, type KubeObject } from '../kube/resource.ts';
import type { Live } from './app.ts';
import {
  appRef,
  atomicList,
  conditions,
  count,
  filled,
  mapList,
  observedGeneration,
  rules,
  sha256,
  text,
  time,
} from './fields.ts';
import { resourceRequirements } from './kubernetes.ts';
import { group, version } from './names.ts';
import { buildBindings, buildEnv, builder, cache, source, timeoutSeconds } from './source.ts';

/** fixed are the fields of a StageRun's spec that never change. */
const fixed = [
  'appRef',
  'inputs',
  'source',
  'builder',
  'env',
  'bindings',
  'resources',
  'timeoutSeconds',
  'cache',
  'rebase',
  'reason',
] as const;

const immutable = rules(
  ...fixed.map((field) => ({
    rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
    message: `${field} of a StageRun may not be changed: change the App, which makes a new StageRun`,
    reason: 'FieldValueForbidden' as const,
    fieldPath: `.${field}`,
  })),
  {
    rule: '!has(oldSelf.cancelled) || !oldSelf.cancelled || (has(self.cancelled) && self.cancelled)',
    message: 'cancelled may only become true: delete the StageRun to build again',
    reason: 'FieldValueForbidden',
    fieldPath: '.cancelled',
  },
);

const digest = () => filled(71, /^sha256:[a-f0-9]{64}$/);

const rebase = z
  .object({
    stageRun: filled(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/).describe('stageRun is the run that built the image.'),
    runImage: digest().describe('runImage is the digest of the run image that it is put upon.'),
  })
  .describe('rebase is of a run that puts an earlier image upon a newer run image, and builds nothing.');

/** stageRunSpec is what an App may say about one build. */
export const stageRunSpec = z
  .object({
    appRef: appRef.describe('appRef names the App that this run belongs to.'),
    inputs: sha256('inputs').describe(
      'inputs is the sha256 over everything that decides the image; the same inputs are the same run.',
    ),
    source: source.describe('source is what is built.'),
    builder: builder.optional().describe('builder as the App has it; what it stood for is in status.platform.'),
    env: buildEnv.optional(),
    bindings: buildBindings.optional(),
    resources: resourceRequirements
      .optional()
      .describe(
        'resources are requests and limits of every container of the build; those that run none of your code may use 256Mi of memory at least.',
      ),
    timeoutSeconds: timeoutSeconds.optional(),
    cache: cache.optional(),
    rebase: rebase.optional(),
    reason: z
      .enum(['Source', 'Builder', 'Environment', 'Restage', 'RunImage'])
      .optional()
      .describe('reason is what changed since the last run: Source, Builder, Environment, Restage or RunImage.'),
    cancelled: z
      .boolean()
      .optional()
      .describe('cancelled true ends the run; it may only become true. Delete the StageRun to build again.'),
  })
  .meta(immutable)
  .describe('spec is what is built. The operator makes StageRuns from Apps; only `cancelled` may be changed.');
export type StageRunSpec = z.output<typeof stageRunSpec>;

const step = z
  .object({
    name: filled(63).describe('name of the step: fetch, analyze, detect, restore, build, export or rebase.'),
    startedAt: time().optional().describe('startedAt is when the step began.'),
    finishedAt: time().optional().describe('finishedAt is when the step ended.'),
    exitCode: z.int32().optional().describe('exitCode of the step, once it ended.'),
    reason: text(1024).optional().describe('reason that Kubernetes gives for the end or the wait of the step.'),
  })
  .describe('Step is one container of the build.');
export type Step = z.output<typeof step>;

const failure = z
  .object({
    step: text(63).optional().describe('step in which the run failed; absent if no step had begun.'),
    exitCode: z.int32().optional().describe('exitCode of that step.'),
    reason: filled(256, /^[A-Z][A-Za-z0-9]*$/).describe('reason is one CamelCase word for the cause.'),
    message: text(4096).describe('message says what happened and what can be done.'),
    logTail: text(4096).optional().describe('logTail is the end of the log of the step, redacted.'),
  })
  .describe('failure tells why the run failed; it outlives the pod.');
export type Failure = z.output<typeof failure>;

const platform = z
  .object({
    hash: filled(64).describe(
      'hash over all of the installation that this run depended on; a new one releases failed runs.',
    ),
    repository: filled(1024).optional().describe('repository that the image is pushed to.'),
    tag: filled(128).optional().describe('tag of the image in the repository: the name of the run.'),
    cacheRepository: filled(1024).optional().describe('cacheRepository is where cached layers are kept.'),
    cacheClaim: filled(253)
      .optional()
      .describe('cacheClaim is the PersistentVolumeClaim in which cached layers are kept.'),
    previousImage: filled(1024).optional().describe('previousImage is the image that was deployed when the run began.'),
    builderImage: filled(1024).optional().describe('builderImage that the builder of the App stood for.'),
    runImage: filled(1024).optional().describe('runImage is the base of the image.'),
    runImageDigest: digest().optional().describe('runImageDigest is what runImage was when the run began.'),
    uid: z.int().min(1).max(2_147_483_647).optional().describe('uid that the build runs as.'),
    gid: z.int().min(0).max(2_147_483_647).optional().describe('gid that the build runs as.'),
    platformAPI: filled(16).optional().describe('platformAPI is the version of the buildpacks platform API in use.'),
  })
  .describe('platform is what the installation added to the run when it began.');
export type Platform = z.output<typeof platform>;

const process = z
  .object({
    type: filled(256).describe('type of the process, such as web.'),
    command: z.array(text(4096)).max(64).meta(atomicList).optional().describe('command that starts the process.'),
    args: z.array(text(4096)).max(64).meta(atomicList).optional().describe('args of the command.'),
    default: z.boolean().optional().describe('default is true for the process that runs if none is named.'),
  })
  .describe('Process is one way to start the image.');
export type Process = z.output<typeof process>;

const bytes = () => z.int().min(0);

const size = z
  .object({
    image: bytes().describe('image is the size of the image.'),
    added: bytes().describe('added is how much of it the image that was deployed when the run began did not have.'),
    cache: bytes().optional().describe('cache is the size of the cached layers after the run.'),
  })
  .describe('size is what the run holds in the registry, in bytes.');
export type RunSize = z.output<typeof size>;

const log = z
  .object({
    request: text(256).optional().describe('request is the value of epinio.io/request-log that was answered last.'),
    key: filled(1024).optional().describe('key of the log in the bucket.'),
    size: bytes().optional().describe('size of the log, in bytes.'),
    url: filled(4096, /^https?:\/\//)
      .optional()
      .describe('url gives the log to whoever asks for it by GET, until it expires: `curl <url>`.'),
    expiresAt: time()
      .optional()
      .describe('expiresAt is when the url stops working; another value of epinio.io/request-log asks for a new one.'),
    message: text(2048).optional().describe('message says why there is no url.'),
  })
  .describe(
    'log is where the log of the build can be read, also when its pod is gone. It is there once the annotation epinio.io/request-log was set, to any value, and the run has ended.',
  );
export type RunLog = z.output<typeof log>;

const buildpack = z
  .object({
    id: filled(256).describe('id of the buildpack.'),
    version: text(128).optional().describe('version of the buildpack.'),
  })
  .describe('Buildpack took part in the build.');

/** stageRunStatus is what became of one build. */
export const stageRunStatus = z
  .object({
    observedGeneration: observedGeneration.optional(),
    conditions: conditions.optional(),
    queuePosition: count(0)
      .optional()
      .describe('queuePosition is how many runs are ahead of this one; absent once it began.'),
    startTime: time().optional().describe('startTime is when the Job was made.'),
    completionTime: time().optional().describe('completionTime is when the run ended.'),
    steps: z
      .array(step)
      .max(16)
      .meta(mapList('name'))
      .optional()
      .describe('steps are the steps of the build that began, in order.'),
    attempts: count(0).optional().describe('attempts is how many Jobs were made for this run.'),
    revision: filled(256).optional().describe('revision is the commit that was built.'),
    image: filled(1024).optional().describe('image is the image that was built, with its digest.'),
    size: size.optional(),
    base: digest()
      .optional()
      .describe(
        'base is the digest of the run image that the image lies upon; absent where it cannot be put upon another.',
      ),
    ports: z
      .array(z.int().min(1).max(65_535))
      .max(16)
      .meta(atomicList)
      .optional()
      .describe('ports are those that the image says it listens on.'),
    buildpacks: z
      .array(buildpack)
      .max(64)
      .meta(atomicList)
      .optional()
      .describe('buildpacks that took part in the build.'),
    processes: z
      .array(process)
      .max(32)
      .meta(mapList('type'))
      .optional()
      .describe('processes that the image can start.'),
    platform: platform.optional(),
    failure: failure.optional(),
    log: log.optional(),
    jobName: filled(253).optional().describe('jobName is the Job of the newest attempt.'),
  })
  .describe('status is what became of the run; only the operator writes it.');
export type StageRunStatus = z.output<typeof stageRunStatus>;

/** StageRun is one build of an App: from source to image. */
export interface StageRun extends KubeObject {
  readonly metadata: Live;
  readonly spec: StageRunSpec;
  readonly status?: StageRunStatus;
}
export const StageRun = resource<StageRun>({ group, version, kind: 'StageRun', plural: 'stageruns' });
