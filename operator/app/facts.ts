import type { AppStatus } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { ConditionType, isUserFailure, Reason } from '../api/conditions.ts';
import { StageRun } from '../api/stagerun.ts';
import { cut } from '../telemetry/redact.ts';
import { sentence } from '../telemetry/sentence.ts';
import { lastImage } from './image.ts';
import { releaseFact } from './releasefact.ts';
import { readyMessage, worstRoute } from './routes.ts';
import type { PodFailure } from './podfailure.ts';
import type { Rollout } from './rollout.ts';
import { isOfSameProcess, rolloutNow } from './rollouts.ts';
import { failureOf, waitOf } from './runs.ts';
import { about, sayRefused, servingStill, stalled, type AppFact, type Say } from './say.ts';
import type { ChildRefusal } from '../kube/reconcile/plan.ts';
import type { Observed } from './observed.ts';
import type { Staging } from './staging.ts';
import type { Workload } from './workload.ts';

type Words = NonNullable<AppStatus['failure']>;

/** A repository is looked into by the build alone: what it found out is what is known. */
const sourceOfFailed = (say: Say, run: StageRun): AppFact | undefined => {
  const { reason, message } = failureOf(run);
  return run.spec.source.git !== undefined && reason.startsWith('Git')
    ? say('False', reason, sentence(message), isUserFailure(reason) ? stalled : {})
    : undefined;
};

/** sourceFact: is the source there, and may it be used? */
export const sourceFact = (staging: Staging): AppFact => {
  const say = about(ConditionType.SourceReady);
  switch (staging.type) {
    case 'none':
      return say('True', Reason.NoSource, 'The App has no source, so there is nothing to run.');
    case 'notAllowed':
      return say(
        'False',
        Reason.ImageNotAllowed,
        `The image "${staging.reference}" belongs to another namespace: name one of this namespace or of another registry.`,
        stalled,
      );
    case 'awaitingBlob': {
      const { reason, message, expired } = staging.awaited;
      return say('False', reason, message, expired ? stalled : { pending: true });
    }
    case 'refused':
      return staging.of === 'source'
        ? say('False', staging.reason, staging.message, stalled)
        : say('Unknown', Reason.AwaitingUpload, 'The source is asked for when the build is possible.');
    case 'full':
      return say('False', Reason.QuotaExceeded, staging.message, stalled);
    case 'storageUnavailable':
      return say('Unknown', Reason.StorageUnavailable, sentence(staging.message));
    case 'unknown':
      return say('Unknown', Reason.Progressing, 'The storage is being asked for the archive.');
    case 'failed':
    case 'retrying':
      return sourceOfFailed(say, staging.run) ?? say('True', Reason.SourceAvailable, 'The source is there.');
    case 'written':
    case 'built':
    case 'building':
    case 'discard':
    case 'start':
    case 'awaitingRoutes':
    case 'pinUnusable':
      return say('True', Reason.SourceAvailable, 'The source is there.');
  }
};

/** The API server would not have the run, or the spec asks for a build that cannot be. */
const refusedBuild = (say: Say, observed: Observed, staging: Staging): AppFact | undefined => {
  const refused = refusalOf(observed, StageRun.kind);
  if (refused !== undefined) return sayRefused(say, refused);
  const impossible = staging.type === 'refused' && staging.of === 'build';
  return impossible ? say('False', staging.reason, staging.message, stalled) : undefined;
};

/** stagedFact: is the image that the spec wants built? */
export const stagedFact = (observed: Observed, staging: Staging): AppFact => {
  const say = about(ConditionType.Staged);
  const refused = refusedBuild(say, observed, staging);
  if (refused !== undefined) return refused;
  switch (staging.type) {
    case 'none':
      return say('True', Reason.NoSource, 'There is nothing to build.');
    case 'written':
    case 'notAllowed':
      return say('True', Reason.ImageSource, 'The source is an image, so nothing is built.');
    case 'built':
      return builtFact(say, observed, staging);
    case 'failed':
      return say(
        'False',
        ...whyFailed(staging.run, (run) => `Correct it and apply the App again, or delete ${run} to try again.`),
        stalled,
      );
    case 'retrying':
      return say('False', ...whyFailed(staging.run, (run) => `${run} is made again at ${clock(staging.at)}.`));
    case 'pinUnusable':
      return say('False', staging.reason, staging.message, stalled);
    case 'awaitingRoutes':
      return say('Unknown', Reason.AwaitingRoutes, 'The build waits until the routes of the App are accepted.');
    case 'refused':
    case 'awaitingBlob':
    case 'full':
      return say('Unknown', Reason.AwaitingUpload, 'The build waits for the archive.');
    case 'storageUnavailable':
      return say('Unknown', Reason.StorageUnavailable, 'The build waits for the storage.');
    case 'building':
    case 'discard':
    case 'start':
    case 'unknown':
      return underWayFact(say, staging);
  }
};

type Built = Extract<Staging, { type: 'built' }>;

const builtFact = (say: Say, observed: Observed, staging: Built): AppFact => {
  const run = named(staging.run);
  if (observed.app.spec.stageRun !== undefined)
    return say('True', Reason.Pinned, `${run} is pinned by spec.stageRun, so nothing is built.`);
  return isUnchanged(observed, staging)
    ? say('True', Reason.ImageUnchanged, `${run} produced the image that is already running.`)
    : say('True', Reason.Staged, `${whatDid(staging)}${rebaseWords(staging)}`);
};

const whatDid = ({ run }: Built): string =>
  run.spec.rebase === undefined
    ? `${named(run)} built the image.`
    : `${named(run)} put what StageRun "${run.spec.rebase.stageRun}" built upon a newer run image.`;

const rebaseWords = ({ rebase }: Built): string => {
  if (rebase === undefined || rebase.type === 'discard') return '';
  if (rebase.type !== 'failed') return ' There is a newer run image, and the image is being put upon it.';
  const { reason, message } = failureOf(rebase.run);
  return ` It could not be put upon a newer run image (${reason}): ${sentence(message)}`;
};

const underWayFact = (say: Say, staging: Staging): AppFact => {
  const wait = staging.type === 'building' ? waitOf(staging.run) : undefined;
  return wait === undefined
    ? say('Unknown', Reason.Staging, 'The image is being built.')
    : say(wait.status, wait.reason, wait.message);
};

const named = ({ metadata }: StageRun): string => `StageRun "${metadata.name}"`;

const clock = (at: Date): string => `${at.toISOString().slice(11, 19)} UTC`;

const whyFailed = (run: StageRun, then: (run: string) => string): [string, string] => {
  const { reason, message } = failureOf(run);
  return [reason, `${sentence(message)} ${then(named(run))}`.trim()];
};

/**
 * isUnchanged: the wanted run produced what runs already. Once told, it stays so for the generation: after the Deployment has taken
 * the new run's name nothing shows it any more.
 */
export const isUnchanged = (observed: Observed, { run, image }: Extract<Staging, { type: 'built' }>): boolean => {
  const { metadata, spec, status } = observed.app;
  if (spec.stageRun !== undefined) return false;
  const { desired, unchanged } = status?.stageRun ?? {};
  if (unchanged === true && desired === run.metadata.name && status?.observedGeneration === metadata.generation)
    return true;
  const running = lastImage(observed);
  return (
    running?.stageRun !== undefined && running.stageRun !== run.metadata.name && running.reference === image.reference
  );
};

/** refusalOf finds what the API server would not have of one kind, if anything. */
const refusalOf = (observed: Observed, kind: string): ChildRefusal | undefined =>
  observed.refusals.find((r) => r.kind === kind);

/** Refusals that have a condition of their own; all others are told with the pods, whatever kinds are added. */
const toldElsewhere: ReadonlySet<string> = new Set([StageRun.kind, AppRoute.kind]);

/** deployedFact: do pods serve an image of this App? */
export const deployedFact = (observed: Observed, staging: Staging, work: Workload): AppFact => {
  const say = about(ConditionType.Deployed);
  const refused = observed.refusals.find(({ kind }) => !toldElsewhere.has(kind));
  if (refused !== undefined) return sayRefused(say, refused);
  switch (work.type) {
    case 'none':
      return say('True', Reason.NoSource, 'There is nothing to run.');
    case 'blocked':
      return work.passing === true
        ? say('False', work.reason, `${work.message}${servingStill(observed)}`)
        : say('False', work.reason, work.message, stalled);
    case 'nothingYet':
      return say(
        staging.type === 'failed' || staging.type === 'pinUnusable' || staging.type === 'notAllowed'
          ? 'False'
          : 'Unknown',
        Reason.AwaitingImage,
        'There is no image to run yet.',
      );
    case 'run': {
      const releasing = releaseFact(observed, work.release, say);
      if (releasing !== undefined) return releasing;
      const rollout = rolloutNow(observed, work);
      if (rollout.type === 'progressing') {
        const { reason, message } = rollout.delay ?? { reason: Reason.RollingOut, message: rollout.message };
        return say('Unknown', reason, `${message}${servingStill(observed)}`);
      }
      if (rollout.type === 'failing') return failing(observed, rollout, say);
      if (observed.app.spec.replicas === 0)
        return say('True', Reason.Stopped, 'The App is stopped: it has no replicas.');
      const wanted = 'image' in staging;
      return say(
        'True',
        Reason.Deployed,
        wanted ? 'The pods run the wanted image.' : 'The pods run the last good image.',
      );
    }
  }
};

const failing = (
  observed: Observed,
  { failure, givenUp }: Extract<Rollout, { type: 'failing' }>,
  say: Say,
): AppFact => {
  const { reason, message } = wordsOf(observed, failure);
  return say('False', reason, message, { stalled: givenUp || failure.lasting === true });
};

const wordsOf = (observed: Observed, failure: PodFailure): Words =>
  reported(observed, failure) ?? {
    reason: failure.reason,
    message: cut(`${failure.message}${servingStill(observed)}`, maxMessage),
  };

/** As long as status.failure.message may be. */
const maxMessage = 4096;

/** failureNow is status.failure: why the pods do not serve. */
export const failureNow = (observed: Observed, work: Workload): Words | undefined => {
  const rollout = work.type === 'run' ? rolloutNow(observed, work) : undefined;
  return rollout?.type === 'failing' ? wordsOf(observed, rollout.failure) : undefined;
};

/**
 * reported is what the status says of a failure already: the words of one failure do not change while it lasts, and what its
 * events once told stays known when Kubernetes forgets them.
 */
export const reported = ({ app }: Observed, failure: PodFailure): Words | undefined => {
  const { reason } = failure;
  const before = app.status?.failure;
  if (before === undefined || app.status?.observedGeneration !== app.metadata.generation) return undefined;
  const known = before.reason === reason || (reason === Reason.RolloutFailed && ofDelays.has(before.reason));
  return known && isOfSameProcess(before.message, failure) ? before : undefined;
};

const ofDelays: ReadonlySet<string> = new Set<Reason>([Reason.NotListening, Reason.ProbeFailed, Reason.PodNotStarted]);

/** routedFact: do the routes lead to the App, and to something that can answer? */
export const routedFact = (observed: Observed, work: Workload, wantsRoutes: boolean): AppFact => {
  const say = about(ConditionType.Routed);
  if (!wantsRoutes) return say('True', Reason.NoRoutes, 'The App wants no routes.');
  const refused = refusalOf(observed, AppRoute.kind);
  if (refused !== undefined) return sayRefused(say, refused);
  const worst = worstRoute(observed);
  if (worst === undefined) return answeredFact(observed, work, say);
  const { reason, message } = readyMessage(worst.address);
  return worst.stalled ? say('False', reason, message, stalled) : say('Unknown', Reason.RoutesNotReady, message);
};

/** A route that is in place leads nowhere as long as no pod can answer. */
const answeredFact = ({ app, deployment }: Observed, work: Workload, say: Say): AppFact => {
  if (work.type === 'none')
    return say('True', Reason.NoSource, 'The routes are in place; nothing answers there until the App has a source.');
  if (deployment === undefined)
    return say('Unknown', Reason.AwaitingImage, 'The routes are in place; nothing answers there until an image runs.');
  if (app.spec.replicas === 0) return say('True', Reason.Routed, 'All routes lead to the App, which is stopped.');
  return (deployment.status?.availableReplicas ?? 0) > 0
    ? say('True', Reason.Routed, 'All routes lead to the App.')
    : say('Unknown', Reason.AwaitingPods, 'The routes are in place; nothing answers there until a pod is ready.');
};
