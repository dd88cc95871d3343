import type { AppStatus } from '../api/app.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import type { StageRun } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import { keep, unplanned, type Child, type LookUp, type Note, type Plan } from '../kube/reconcile/plan.ts';
import { done, terminal, wait, type Result } from '../kube/types.ts';
import { childrenOf, superseded } from './children.ts';
import { reported } from './facts.ts';
import type { Observed, Query } from './observed.ts';
import { mayServe } from './release.ts';
import type { Rollout } from './rollout.ts';
import { rolloutNow } from './rollouts.ts';
import { waitOf } from './runs.ts';
import { stage, type Staging } from './staging.ts';
import { statusOf } from './status.ts';
import { statusDelayMs } from './statusdelay.ts';
import { workload, type Workload } from './workload.ts';

/** AppPlan is a plan that also says what is to be done about the archive in the storage. */
export interface AppPlan extends Plan<AppStatus> {
  /** The archive under the wanted key is a wrong one. */
  readonly removeBlob: boolean;
  /** Since when the storage is waited for, if it is: it is looked into again and again. */
  readonly awaitedSince: Date | undefined;
}

/** planApp decides everything about an App; it does nothing and knows no time but that of its argument. */
export const planApp = (observed: Observed): AppPlan | LookUp<Query> => {
  const staging = stage(observed);
  const work = workload(observed, staging);
  const query = queryOf(observed, staging, work);
  if (query !== undefined) return { type: 'lookUp', query };
  const paused = observed.app.spec.paused === true;
  const wanted = childrenOf({ observed, staging, work });
  const status = statusOf({ observed, staging, work, differs: paused && differs(observed, staging, wanted) });
  const delayMs = statusDelayMs(observed, status);
  const stalled = findCondition(status.conditions, ConditionType.Stalled)?.reason;
  const lookAfter = [
    delayMs > 0 ? delayMs : undefined,
    lookAfterMs(observed, staging),
    workLookMs(observed, work),
    observed.contents.againMs,
  ];
  return {
    type: 'act',
    removeBlob: !paused && staging.type === 'awaitingBlob' && staging.awaited.removeBlob,
    children: paused ? observed.owned.map(({ resource, object }) => keep(resource, object)) : wanted,
    status: delayMs > 0 ? undefined : status,
    notes: delayMs > 0 ? [] : notes(observed, status, paused ? [] : superseded(observed)),
    awaitedSince: awaitedSince(observed, staging),
    next: nextOf(earliest(lookAfter), stalled),
  };
};

const nextOf = (afterMs: number | undefined, stalled: string | undefined): Result => {
  if (afterMs !== undefined) return wait(afterMs, stalled ?? 'looking again');
  return stalled === undefined ? done() : terminal(stalled);
};

/** differs: the world of a paused App is not what its spec says. */
const differs = ({ owned, isCurrent }: Observed, staging: Staging, wanted: readonly Child[]): boolean =>
  isHeld(staging) ||
  unplanned(owned, wanted).length > 0 ||
  wanted.some((child) => child.type === 'create' || (child.type === 'apply' && !isCurrent(child)));

/** A run that was not begun before the App was paused waits for the end of that. */
const isHeld = (staging: Staging): boolean =>
  staging.type === 'building' && waitOf(staging.run)?.reason === Reason.Paused;

const queryOf = (observed: Observed, staging: Staging, work: Workload): Query | undefined => {
  if (staging.type === 'unknown') return { type: staging.what };
  if (staging.type === 'awaitingBlob' && staging.awaited.upload === undefined && observed.signed === undefined)
    return { type: 'signed' };
  if (work.type !== 'run') return undefined;
  const { release } = work;
  if (release.type === 'running') return release.ask;
  if (release.type === 'failed') return release.failure.ask;
  if (!mayServe(release)) return undefined;
  return questionOf(observed, rolloutNow(observed, work));
};

/** A failure is asked about once: its words stay. */
const questionOf = (observed: Observed, rollout: Rollout): Query | undefined => {
  switch (rollout.type) {
    case 'complete':
      return undefined;
    case 'progressing':
      return rollout.ask;
    case 'failing':
      return reported(observed, rollout.failure) === undefined ? rollout.failure.ask : undefined;
  }
};

const refusalRetryMs = 60_000;
/** Room comes when the sweep or another App gives it back, which wakes nobody. */
const fullRetryMs = 60_000;

const lookAfterMs = (observed: Observed, staging: Staging): number | undefined => {
  // Quotas and policies change without an event that wakes us.
  if (observed.refusals.length > 0) return refusalRetryMs;
  if (staging.type === 'full') return fullRetryMs;
  if (staging.type === 'awaitingBlob') return staging.awaited.changesAfterMs;
  const at = retryAt(staging);
  return at && Math.max(0, at.getTime() - observed.now.getTime());
};

const retryAt = (staging: Staging): Date | undefined => {
  if (staging.type === 'retrying') return staging.at;
  return staging.type === 'built' && staging.rebase?.type === 'failed' ? staging.rebase.at : undefined;
};

const workLookMs = (observed: Observed, work: Workload): number | undefined => {
  if (work.type !== 'run') return undefined;
  const { release } = work;
  // A Job that is in no cache, a stranger's or one without labels, sends no event.
  if (release.type === 'refused' || (release.type === 'running' && release.unseen)) return refusalRetryMs;
  if (release.type === 'running') return release.lookAfterMs;
  if (!mayServe(release)) return undefined;
  const rollout = rolloutNow(observed, work);
  return rollout.type === 'progressing' ? rollout.lookAfterMs : undefined;
};

const awaitedSince = (observed: Observed, staging: Staging): Date | undefined => {
  if (staging.type === 'storageUnavailable') return observed.now;
  return staging.type === 'awaitingBlob' && !staging.awaited.expired ? staging.awaited.since : undefined;
};

const earliest = (times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((t) => t !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

/** notes tells of what became of the App since the last status, and of the runs that are ended for it. */
const notes = ({ app }: Observed, status: AppStatus, ended: readonly StageRun[]): Note[] => {
  const before = findCondition(app.status?.conditions, ConditionType.Ready);
  const after = findCondition(status.conditions, ConditionType.Ready);
  const told = ended.map((run): Note => ({
    type: 'Normal',
    reason: Reason.Superseded,
    note: `StageRun ${run.metadata.name} is ended: the App wants another one.`,
  }));
  if (after === undefined || (before?.status === after.status && before.reason === after.reason)) return told;
  // That a new App is not ready yet is news to nobody, and a thousand new Apps are a thousand writes.
  if (before === undefined && after.status === 'Unknown') return told;
  return [
    ...told,
    { type: after.status === 'False' ? 'Warning' : 'Normal', reason: after.reason, note: after.message },
  ];
};
