import type { AppStatus } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { StageRun } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import { apply, keep, unplanned, type Child, type LookUp, type Note, type Plan } from '../kube/reconcile/plan.ts';
import { ofKind } from '../kube/reconcile/owned.ts';
import { Deployment, Secret, Service } from '../kube/resource.ts';
import { done, terminal, wait, type Intent, type Result } from '../kube/types.ts';
import { reported, rolloutNow } from './facts.ts';
import { prunedRuns } from './history.ts';
import type { Observed, Query } from './observed.ts';
import { buildAppRoute } from './resources/approute.ts';
import { buildService } from './resources/service.ts';
import { buildStageRun, cancelStageRun, changeOf } from './resources/stagerun.ts';
import type { Rollout } from './rollout.ts';
import { addresses, staleRoutes } from './routes.ts';
import { hasBegunExport, isFinished, waitOf } from './runs.ts';
import { desiredRunName, isAbandoned, stage, type Staging } from './staging.ts';
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
  const wanted = childrenOf(observed, staging, work);
  const status = statusOf({ observed, staging, work, differs: paused && differs(observed, staging, wanted) });
  const delayMs = statusDelayMs(observed, status);
  const stalled = findCondition(status.conditions, ConditionType.Stalled)?.reason;
  const lookAfter = [delayMs > 0 ? delayMs : undefined, lookAfterMs(observed, staging), rolloutLookMs(observed, work)];
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
  wanted.some((child) => child.type === 'apply' && !isCurrent(child));

/** A run that was not begun before the App was paused waits for the end of that. */
const isHeld = (staging: Staging): boolean =>
  staging.type === 'building' && waitOf(staging.run)?.reason === Reason.Paused;

const queryOf = (observed: Observed, staging: Staging, work: Workload): Query | undefined => {
  if (staging.type === 'unknown') return { type: staging.what };
  if (staging.type === 'awaitingBlob' && staging.awaited.upload === undefined && observed.signed === undefined)
    return { type: 'signed' };
  return work.type === 'run' ? questionOf(observed, rolloutNow(observed, work)) : undefined;
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

/** Routes come first: a conflict is found before work is done. What is owned and not among the children goes. */
const childrenOf = (observed: Observed, staging: Staging, work: Workload): Child[] => {
  const { app, pullSecret } = observed;
  const needsSecret = work.type === 'run' ? work.image.ourRegistry : app.spec.source?.blob !== undefined;
  return [
    ...routeChildren(observed),
    apply(Service, buildService(app)),
    ...(pullSecret.type === 'absent' && needsSecret
      ? [{ ...apply(Secret, pullSecret.intent), shared: true } as const]
      : []),
    ...runChildren(observed, staging),
    ...deploymentChildren(observed, work),
  ];
};

const routeChildren = (observed: Observed): Child[] => {
  const stale = new Set(staleRoutes(observed).map((route) => route.metadata.name));
  const wanted = addresses(observed).filter((a) => !a.foreign);
  return [
    ...wanted.map((a) => apply(AppRoute, buildAppRoute(observed.app, a.wanted))),
    ...ofKind(observed.owned, AppRoute)
      .filter((route) => !stale.has(route.metadata.name))
      .map((route) => keep(AppRoute, route)),
  ];
};

const runChildren = (observed: Observed, staging: Staging): Child[] => {
  const { app, pullSecret, runs } = observed;
  // What could not be pulled is not built.
  const starts = staging.type === 'start' && pullSecret.type !== 'conflict' && pullSecret.type !== 'missing';
  const spent = staging.type === 'discard' || staging.type === 'awaitingBlob' ? staging.run : undefined;
  const spare = new Set([spent, ...prunedRuns(observed)]);
  const by = desiredRunName(observed) ?? 'none';
  return [
    ...superseded(observed).map((run) => apply(StageRun, cancelStageRun(app, run, by))),
    ...(starts ? [apply(StageRun, newRun(observed))] : []),
    ...runs.filter((run) => !spare.has(run)).map((run) => keep(StageRun, run)),
  ];
};

/** Without a source there is nothing to run; otherwise what runs goes on until there is something better. */
const deploymentChildren = ({ deployment }: Observed, work: Workload): Child[] => {
  if (work.type === 'none') return [];
  if (work.type === 'run' && !work.held) return [apply(Deployment, work.intent)];
  return deployment === undefined ? [] : [keep(Deployment, deployment)];
};

const newRun = (observed: Observed): Intent => {
  const before = observed.app.status?.stageRun;
  const made = before?.desired === desiredRunName(observed) ? (before?.attempts ?? 0) : 0;
  return buildStageRun(observed.app, changeOf(observed.app, observed.runs), made + 1);
};

/** A run that has begun to export is left to end: half an export is no use to anybody. */
const superseded = (observed: Observed): StageRun[] =>
  observed.runs.filter(
    (run) =>
      isAbandoned(run, desiredRunName(observed)) &&
      run.metadata.deletionTimestamp === undefined &&
      !isFinished(run) &&
      !hasBegunExport(run),
  );

const refusalRetryMs = 60_000;
/** Room comes when the sweep or another App gives it back, which wakes nobody. */
const fullRetryMs = 60_000;

const lookAfterMs = (observed: Observed, staging: Staging): number | undefined => {
  // Quotas and policies change without an event that wakes us.
  if (observed.refusals.length > 0) return refusalRetryMs;
  if (staging.type === 'full') return fullRetryMs;
  if (staging.type === 'awaitingBlob') return staging.awaited.changesAfterMs;
  return staging.type === 'retrying' ? Math.max(0, staging.at.getTime() - observed.now.getTime()) : undefined;
};

const rolloutLookMs = (observed: Observed, work: Workload): number | undefined => {
  if (work.type !== 'run') return undefined;
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
