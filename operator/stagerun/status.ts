import { ConditionType, meanings, Reason } from '../api/conditions.ts';
import { annotations, attemptOf } from '../api/names.ts';
import { pushSteps } from '../api/steps.ts';
import type { Failure, Platform, StageRun, StageRunStatus, Step } from '../api/stagerun.ts';
import { batchConditions, findCondition, timestamp, type ConditionStatus } from '../kube/conditions.ts';
import { oneLine } from '../telemetry/oneline.ts';
import type { Cause } from './build/causes.ts';
import { observeSteps } from './build/steps.ts';
import { bytesOf, imageFacts, most, rebasableUpon, type BuiltImage } from './imagefacts.ts';
import { jobOf, type Observed } from './observed.ts';
import type { Recorded } from './platform.ts';
import type { Summary } from './situation.ts';
import { fetchedCommit, labelledCommit } from './revision.ts';
import { shownPosition } from './queue.ts';

type Fields = Omit<StageRunStatus, 'observedGeneration' | 'conditions'>;

/** compose makes a whole status: what we apply is all that we own, so what is to stay must be in it. */
const compose = ({ run, now }: Observed, status: ConditionStatus, summary: Summary, fields: Fields): StageRunStatus => {
  const scene = { previous: run.status?.conditions, generation: run.metadata.generation, now };
  const conditions = batchConditions(scene, { status, reason: summary.reason, message: summary.message });
  return { observedGeneration: run.metadata.generation, conditions, ...fields };
};

/** hasBegun tells whether the Job of the run was ever made. */
const hasBegun = (observed: Observed): boolean =>
  jobOf(observed) !== undefined || observed.run.status?.jobName !== undefined;

/** begunFields are those that a run has from its Job on. */
const begunFields = (observed: Observed, platform: Platform): Fields => {
  const { run, pod, now } = observed;
  const before = run.status;
  const startTime = before?.startTime ?? jobOf(observed)?.metadata?.creationTimestamp ?? timestamp(now);
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
export const statusQueued = (observed: Observed, ahead: number): StageRunStatus => {
  const queuePosition = shownPosition(ahead);
  const waits = queuePosition === 1 ? '1 build is ahead.' : `${queuePosition} builds are ahead.`;
  const message = queuePosition === 0 ? 'The next free slot is for this build.' : waits;
  return compose(observed, 'Unknown', { reason: Reason.Queued, message }, { queuePosition });
};

/** statusWaiting: the run has not begun, and something is awaited. */
export const statusWaiting = (observed: Observed, summary: Summary): StageRunStatus =>
  compose(observed, 'Unknown', summary, {});

/** statusActive: the Job is there. */
export const statusActive = (observed: Observed, summary: Summary, platform: Platform): StageRunStatus =>
  compose(observed, 'Unknown', summary, begunFields(observed, platform));

/** maxStatusBytes is what a whole status may take: etcd takes 1.5 MB, and every watcher gets all of it each time. */
export const maxStatusBytes = 65_536;

/** Room for the words about what was left out. */
const noteBytes = 512;

/** statusBuilt: the image is there. The reason tells whether it was built now. */
export const statusBuilt = (observed: Observed, image: BuiltImage, platform: Recorded): StageRunStatus => {
  const reason = hasBegun(observed) ? Reason.Succeeded : Reason.ImageFound;
  const revision = observed.run.spec.source.git === undefined ? undefined : labelledCommit(image.labels);
  const fields = {
    ...(revision !== undefined && { revision }),
    ...(hasBegun(observed) ? begunFields(observed, platform) : { platform }),
    completionTime: timestamp(observed.now),
    image: `${platform.repository}@${image.digest}`,
    ...(image.size && { size: image.size }),
    ...baseOf(image, platform),
    ...(image.ports && { ports: image.ports.slice(0, most.ports) }),
  };
  const bare = compose(observed, 'True', { reason, message: meanings[reason] }, fields);
  const facts = imageFacts(image.labels ?? {}, maxStatusBytes - bytesOf(bare) - noteBytes);
  const { processes, buildpacks, leftOut } = facts;
  const note = leftOut.length > 0 ? ` Too large for the status, and left out of it: ${leftOut.join(', ')}.` : '';
  return compose(
    observed,
    'True',
    { reason, message: `${meanings[reason]}${note}` },
    {
      ...fields,
      ...(buildpacks.length > 0 && { buildpacks: [...buildpacks] }),
      ...(processes.length > 0 && { processes: [...processes] }),
    },
  );
};

/** What a rebase needs: the digest that the run image had, as we saw it, or as the image itself says. */
const baseOf = ({ labels }: BuiltImage, { runImageDigest }: Recorded): Pick<StageRunStatus, 'base'> => {
  const said = rebasableUpon(labels ?? {});
  if (said === undefined) return {};
  const base = runImageDigest ?? said.digest;
  return base === undefined ? {} : { base };
};

/** statusFailed: the run ended without an image. */
export const statusFailed = (
  observed: Observed,
  cause: Cause,
  { platform, logTail }: { readonly platform: Platform; readonly logTail?: string | undefined },
): StageRunStatus => {
  const message = oneLine(cause.message);
  const failure: Failure = {
    ...(cause.step && { step: cause.step }),
    ...(cause.exitCode !== undefined && { exitCode: cause.exitCode }),
    reason: cause.reason,
    message,
    ...(logTail && { logTail }),
  };
  const fields = hasBegun(observed) ? begunFields(observed, platform) : { platform };
  const summary = { reason: cause.reason, message };
  return compose(observed, 'False', summary, { ...fields, completionTime: timestamp(observed.now), failure });
};

const nothingWanted = 'The App wants nothing to be built any more.';

/** statusCancelled: a person or a newer version of the App ended the run. */
export const statusCancelled = (observed: Observed, platform: Platform): StageRunStatus => {
  const by = observed.run.metadata.annotations?.[annotations.supersededBy];
  const summary: Summary = by
    ? { reason: Reason.Superseded, message: by === 'none' ? nothingWanted : `${meanings.Superseded} It is ${by}.` }
    : { reason: Reason.Cancelled, message: meanings.Cancelled };
  const fields = hasBegun(observed) ? begunFields(observed, platform) : {};
  return compose(observed, 'False', summary, { ...fields, completionTime: timestamp(observed.now) });
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

/** noisyReasons are reasons whose message changes all the time without saying anything new. */
const noisyReasons: ReadonlySet<string> = new Set<Reason>([
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
  if (news.some((step) => (step.name === 'build' || pushSteps.has(step.name)) && !told.has(step.name))) return true;
  const oldest = Math.min(...news.map((step) => Date.parse(step.finishedAt ?? step.startedAt ?? '')));
  const age = now.getTime() - oldest;
  return age < patienceMs ? { afterMs: patienceMs - age } : true;
};

/** saysMore: apart from steps, the status says something that a person would want to know now. */
const saysMore = ({ status: before }: StageRun, next: StageRunStatus): boolean => {
  if (!before?.jobName || before.observedGeneration !== next.observedGeneration) return true;
  const old = findCondition(before.conditions, ConditionType.Succeeded);
  const summary = findCondition(next.conditions, ConditionType.Succeeded);
  if (old?.reason !== summary?.reason) return !(old?.reason === Reason.Pending && summary?.reason === Reason.Running);
  return old?.message !== summary?.message && !noisyReasons.has(summary?.reason ?? '');
};

const sameStep = (a: Step | undefined, b: Step): boolean =>
  a?.startedAt === b.startedAt &&
  a?.finishedAt === b.finishedAt &&
  a?.exitCode === b.exitCode &&
  a?.reason === b.reason;
