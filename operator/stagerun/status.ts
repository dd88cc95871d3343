import { ConditionType, meanings, Reason } from '../api/conditions.ts';
import { annotations, attemptOf } from '../api/names.ts';
import type { Failure, Platform, StageRun, StageRunStatus, Step } from '../api/stagerun.ts';
import { batchConditions, findCondition, timestamp, type ConditionStatus } from '../kube/conditions.ts';
import { oneLine } from '../telemetry/oneline.ts';
import { bytesOf, imageFacts } from './imagefacts.ts';
import type { BuiltImage } from './outside.ts';
import type { Seen } from './observe.ts';
import { fetchedCommit, labelledCommit } from './revision.ts';
import type { Cause } from './causes.ts';
import { shownPosition } from './queue.ts';
import { observeSteps } from './steps.ts';

/** Word is what the condition Succeeded says. */
export interface Word {
  readonly reason: Reason;
  readonly message: string;
}

/** Recorded is what a status says of the platform; of a repository at least. */
export type Recorded = Platform & { readonly repository: string };

type Fields = Omit<StageRunStatus, 'observedGeneration' | 'conditions'>;

/** compose makes a whole status: what we apply is all that we own, so what is to stay must be in it. */
const compose = (run: StageRun, now: Date, status: ConditionStatus, word: Word, fields: Fields): StageRunStatus => {
  const scene = { previous: run.status?.conditions, generation: run.metadata.generation, now };
  const conditions = batchConditions(scene, { status, ...word });
  return { observedGeneration: run.metadata.generation, conditions, ...fields };
};

/** begunFields are those that a run has from its Job on. */
const begunFields = ({ run, job, pod }: Seen, platform: Platform, now: Date): Fields => {
  const before = run.status;
  const startTime = before?.startTime ?? job?.metadata?.creationTimestamp ?? timestamp(now);
  const revision = run.spec.source.git === undefined ? undefined : (fetchedCommit(pod) ?? before?.revision);
  const steps = pod
    ? mergeSteps(before?.steps ?? [], observeSteps(pod, before?.steps ?? [], timestamp(now)))
    : before?.steps;
  return {
    startTime,
    ...(steps && steps.length > 0 && { steps }),
    attempts: attemptOf(run),
    ...(revision !== undefined && { revision }),
    jobName: run.metadata.name,
    platform,
  };
};

/** mergeSteps keeps what was told of steps that a pod no longer knows, in the order of the build. */
const mergeSteps = (before: readonly Step[], seen: readonly Step[]): Step[] => {
  const kept = before.filter((step) => step.exitCode !== undefined && !seen.some(({ name }) => name === step.name));
  return [...kept, ...seen];
};

/** statusQueued: the run waits for its turn. */
export const statusQueued = ({ run }: Seen, ahead: number, now: Date): StageRunStatus => {
  const queuePosition = shownPosition(ahead);
  const message = queuePosition === 0 ? 'The next free slot is for this build.' : `${queuePosition} builds are ahead.`;
  return compose(run, now, 'Unknown', { reason: Reason.Queued, message }, { queuePosition });
};

/** statusWaiting: the run has not begun, and something is awaited. */
export const statusWaiting = ({ run }: Seen, word: Word, now: Date): StageRunStatus =>
  compose(run, now, 'Unknown', word, {});

/** statusActive: the Job is there. */
export const statusActive = (seen: Seen, word: Word, platform: Platform, now: Date): StageRunStatus =>
  compose(seen.run, now, 'Unknown', word, begunFields(seen, platform, now));

/** maxStatusBytes is what a whole status may take: etcd takes 1.5 MB, and every watcher gets all of it each time. */
export const maxStatusBytes = 65_536;

/** Room for the words about what was left out. */
const noteBytes = 512;

/** statusBuilt: the image is there. The reason tells whether it was built now. */
export const statusBuilt = (seen: Seen, image: BuiltImage, platform: Recorded, now: Date): StageRunStatus => {
  const built = seen.job !== undefined || seen.run.status?.jobName !== undefined;
  const reason = built ? Reason.Succeeded : Reason.ImageFound;
  const revision = seen.run.spec.source.git === undefined ? undefined : labelledCommit(image.labels);
  const fields = {
    ...(revision !== undefined && { revision }),
    ...(built ? begunFields(seen, platform, now) : { platform }),
    completionTime: timestamp(now),
    image: `${platform.repository}@${image.digest}`,
    ...(image.size && { size: image.size }),
  };
  const bare = compose(seen.run, now, 'True', { reason, message: meanings[reason] }, fields);
  const facts = imageFacts(image.labels ?? {}, maxStatusBytes - bytesOf(bare) - noteBytes);
  const { processes, buildpacks, leftOut } = facts;
  const note = leftOut.length > 0 ? ` Too large for the status, and left out of it: ${leftOut.join(', ')}.` : '';
  return compose(
    seen.run,
    now,
    'True',
    { reason, message: `${meanings[reason]}${note}` },
    {
      ...fields,
      ...(buildpacks.length > 0 && { buildpacks: [...buildpacks] }),
      ...(processes.length > 0 && { processes: [...processes] }),
    },
  );
};

/** statusFailed: the run ended without an image. */
export const statusFailed = (
  seen: Seen,
  cause: Cause,
  more: { readonly platform: Platform; readonly logTail?: string; readonly now: Date },
): StageRunStatus => {
  const { platform, logTail, now } = more;
  const begun = seen.job !== undefined || seen.run.status?.jobName !== undefined;
  const message = oneLine(cause.message);
  const failure: Failure = {
    ...(cause.step && { step: cause.step }),
    ...(cause.exitCode !== undefined && { exitCode: cause.exitCode }),
    reason: cause.reason,
    message,
    ...(logTail && { logTail }),
  };
  const fields = begun ? begunFields(seen, platform, now) : { platform };
  const word = { reason: cause.reason, message };
  return compose(seen.run, now, 'False', word, { ...fields, completionTime: timestamp(now), failure });
};

const nothingWanted = 'The App wants nothing to be built any more.';

/** statusCancelled: a person or a newer version of the App ended the run. */
export const statusCancelled = (seen: Seen, platform: Platform, now: Date): StageRunStatus => {
  const by = seen.run.metadata.annotations?.[annotations.supersededBy];
  const word: Word = by
    ? { reason: Reason.Superseded, message: by === 'none' ? nothingWanted : `${meanings.Superseded} It is ${by}.` }
    : { reason: Reason.Cancelled, message: meanings.Cancelled };
  const begun = seen.job !== undefined || seen.run.status?.jobName !== undefined;
  const fields = begun ? begunFields(seen, platform, now) : {};
  return compose(seen.run, now, 'False', word, { ...fields, completionTime: timestamp(now) });
};

/** statusSeen says that a newer generation of an ended run was looked at: only cancelled can have changed, too late. */
export const statusSeen = ({ metadata, status }: StageRun): StageRunStatus => ({
  ...status,
  observedGeneration: metadata.generation,
  ...(status?.conditions && {
    conditions: status.conditions.map((c) => ({ ...c, observedGeneration: metadata.generation })),
  }),
});

const patienceMs = 5_000;

/** restless are reasons whose message changes all the time without saying anything new. */
const restless: ReadonlySet<string> = new Set<Reason>([
  Reason.Running,
  Reason.BuilderImagePullFailed,
  Reason.FetchImagePullFailed,
]);

/**
 * worthTelling keeps writes few: the beginning of build and export, another reason, and the end are told at once; other
 * steps only if one of them has been going on for a while. Otherwise the answer is when to look again.
 */
export const worthTelling = (
  run: StageRun,
  next: StageRunStatus,
  now: Date,
): true | { readonly afterMs: number } | false => {
  if (saysMore(run, next)) return true;
  const told = new Map((run.status?.steps ?? []).map((step) => [step.name, step]));
  const news = (next.steps ?? []).filter((step) => !sameStep(told.get(step.name), step));
  if (news.length === 0) return false;
  if (news.some((step) => ['build', 'export'].includes(step.name) && !told.has(step.name))) return true;
  const oldest = Math.min(...news.map((step) => Date.parse(step.finishedAt ?? step.startedAt ?? '')));
  const age = now.getTime() - oldest;
  return age < patienceMs ? { afterMs: patienceMs - age } : true;
};

/** saysMore: apart from steps, the status says something that a person would want to know now. */
const saysMore = ({ status: before }: StageRun, next: StageRunStatus): boolean => {
  if (!before?.jobName || before.observedGeneration !== next.observedGeneration) return true;
  const old = findCondition(before.conditions, ConditionType.Succeeded);
  const word = findCondition(next.conditions, ConditionType.Succeeded);
  if (old?.reason !== word?.reason) return !(old?.reason === Reason.Pending && word?.reason === Reason.Running);
  return old?.message !== word?.message && !restless.has(word?.reason ?? '');
};

const sameStep = (a: Step | undefined, b: Step): boolean =>
  a?.startedAt === b.startedAt &&
  a?.finishedAt === b.finishedAt &&
  a?.exitCode === b.exitCode &&
  a?.reason === b.reason;
