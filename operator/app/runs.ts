import { ConditionType, isUserFailure, Reason } from '../api/conditions.ts';
import { annotations, attemptOf } from '../api/names.ts';
import { pushSteps } from '../api/steps.ts';
import type { StageRun } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import { sentence } from '../telemetry/sentence.ts';

const succeeded = (run: StageRun) => findCondition(run.status?.conditions, ConditionType.Succeeded);

/** isSucceeded: the image is built. */
export const isSucceeded = (run: StageRun): boolean => succeeded(run)?.status === 'True';
/** isFailed: the run ended without an image. */
export const isFailed = (run: StageRun): boolean => succeeded(run)?.status === 'False';
/** isFinished: nothing more will happen to the run. */
export const isFinished = (run: StageRun): boolean => isSucceeded(run) || isFailed(run);

/** failureOf tells in one word and one sentence why a run failed. */
export const failureOf = (run: StageRun): { readonly reason: string; readonly message: string } => {
  const { failure } = run.status ?? {};
  const condition = succeeded(run);
  return {
    reason: failure?.reason ?? condition?.reason ?? Reason.StageRunFailed,
    message: failure?.message ?? condition?.message ?? '',
  };
};

/** The run goes on: not worth a word of its own on the App. */
const goesOn: ReadonlySet<string> = new Set<Reason>([Reason.AwaitingOperator, Reason.Pending, Reason.Running]);
/** What passes without anybody's doing; all else that a run waits for, somebody may have to mend. */
const passes: ReadonlySet<string> = new Set<Reason>([
  Reason.AwaitingDeletion,
  Reason.NotWanted,
  Reason.Paused,
  Reason.Queued,
  Reason.RegistryUnreachable,
  Reason.StorageUnavailable,
]);

/** Wait is why a run that has not ended does not go on. */
export interface Wait {
  readonly status: 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** waitOf tells why a run that has not ended does not go on; undefined while it builds or is about to. */
export const waitOf = (run: StageRun): Wait | undefined => {
  const name = `StageRun "${run.metadata.name}"`;
  if (run.metadata.deletionTimestamp !== undefined)
    return {
      status: 'Unknown',
      reason: Reason.AwaitingDeletion,
      message: `${name} is being deleted; then it is made again.`,
    };
  const { reason, message } = succeeded(run) ?? {};
  if (reason === undefined || goesOn.has(reason)) return undefined;
  return {
    status: passes.has(reason) ? 'Unknown' : 'False',
    reason,
    message: `${sentence(message ?? '')} ${name} waits.`.trim(),
  };
};

/** endedAt is when a run ended; the time of its making where it does not say. */
export const endedAt = (run: StageRun): number =>
  Date.parse(run.status?.completionTime ?? succeeded(run)?.lastTransitionTime ?? run.metadata.creationTimestamp);

/** hasBegunExport: the registry may hold its image soon, so it is left to end. */
export const hasBegunExport = (run: StageRun): boolean =>
  run.status?.steps?.some((s) => pushSteps.has(s.name) && s.startedAt !== undefined) === true;

/** wasSuperseded: we ended it for a newer one, so it says nothing about its inputs. */
export const wasSuperseded = (run: StageRun): boolean =>
  failureOf(run).reason === Reason.Superseded || run.metadata.annotations?.[annotations.supersededBy] !== undefined;

/** Ended is what a failed run means for its App. */
export type Ended =
  /** Stays failed until a person changes something. */
  | { readonly type: 'settled' }
  /** Says nothing about its inputs: made again at once. */
  | { readonly type: 'again' }
  /** Made again at a time: no fault of the App, or what it depended on has changed. */
  | { readonly type: 'retry'; readonly at: Date }
  /** The archive in the storage is not the one: it is awaited again. */
  | { readonly type: 'badBlob' };

const badBlob: ReadonlySet<string> = new Set<string>([Reason.BlobMissing, Reason.BlobDigestMismatch]);
const firstRetryMs = 30_000;
const lastRetryMs = 3_600_000;

/** retryDelayMs doubles from 30 s to an hour. */
export const retryDelayMs = (attempt: number): number => Math.min(firstRetryMs * 2 ** (attempt - 1), lastRetryMs);

/**
 * judgeFailure decides what a failed run means. A failure of the user's is settled only under the platform that it failed
 * with: after a repair of that the run is made again. The first time at once; should it not help, less and less often.
 */
export const judgeFailure = (run: StageRun, platformHash: string): Ended => {
  const { reason } = failureOf(run);
  if (wasSuperseded(run)) return { type: 'again' };
  if (badBlob.has(reason)) return { type: 'badBlob' };
  if (reason === Reason.Cancelled) return { type: 'settled' };
  const attempt = attemptOf(run);
  const later = { type: 'retry', at: new Date(endedAt(run) + retryDelayMs(attempt)) } as const;
  if (!isUserFailure(reason)) return later;
  const failedWith = run.status?.platform?.hash;
  if (failedWith === undefined || failedWith === platformHash) return { type: 'settled' };
  return attempt === 1 ? { type: 'again' } : later;
};
