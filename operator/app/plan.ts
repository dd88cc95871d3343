import type { AppStatus } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { StageRun } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import { Deployment, Secret, Service, type KubeObject, type Resource } from '../kube/resource.ts';
import type { Intent } from '../kube/types.ts';
import { reported, rolloutNow } from './facts.ts';
import { prunedRuns } from './history.ts';
import { buildAppRoute } from './resources/approute.ts';
import { buildService } from './resources/service.ts';
import { buildStageRun, cancelStageRun, changeOf } from './resources/stagerun.ts';
import type { Rollout } from './rollout.ts';
import { addresses, staleRoutes } from './routes.ts';
import { hasBegunExport, isFinished, waitOf } from './runs.ts';
import type { Need, Seen } from './seen.ts';
import { desiredRunName, isAbandoned, stage, type Staging } from './staging.ts';
import { holdFor, statusOf } from './status.ts';
import { workload, type Workload } from './workload.ts';

/** Application is one object to be brought into the wanted form. */
export interface Application {
  readonly resource: Resource;
  readonly intent: Intent;
}

/** Removal is one object that must go. */
export interface Removal {
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** Note is an event that tells a user of a transition. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

/** Act is what one reconcile does, in the order of its fields. */
export interface Act {
  readonly type: 'act';
  /** The archive under the wanted key is a wrong one. */
  readonly removeBlob: boolean;
  readonly apply: readonly Application[];
  readonly remove: readonly Removal[];
  /** Undefined where the status is kept back for a moment. */
  readonly status: AppStatus | undefined;
  readonly notes: readonly Note[];
  /** Since when the storage is waited for, if it is: it is looked into again and again. */
  readonly awaitedSince: Date | undefined;
  /** When to look again at what sends no event. */
  readonly lookAfterMs: number | undefined;
  /** Why a person must act, if so. */
  readonly stalled: string | undefined;
}

/** Plan is what to do, or what to look at first. */
export type Plan = { readonly type: 'look'; readonly need: Need } | Act;

/** planApp decides everything about an App; it does nothing and knows no time but that of its argument. */
export const planApp = (seen: Seen): Plan => {
  const staging = stage(seen);
  const work = workload(seen, staging);
  const need = needOf(seen, staging, work);
  if (need !== undefined) return { type: 'look', need };
  const apply = applications(seen, staging, work);
  const remove = removals(seen, staging, work);
  const paused = seen.app.spec.paused === true;
  const differs =
    paused &&
    (remove.length > 0 || isHeld(staging) || apply.some(({ resource, intent }) => !seen.isCurrent(resource, intent)));
  const status = statusOf({ seen, staging, work, differs });
  const hold = holdFor(seen, status);
  return {
    type: 'act',
    removeBlob: !paused && staging.type === 'awaitingBlob' && staging.awaited.removeBlob,
    apply: paused ? [] : apply,
    remove: paused ? [] : remove,
    status: hold > 0 ? undefined : status,
    notes: hold > 0 ? [] : notes(seen, status, paused ? [] : superseded(seen)),
    awaitedSince: awaitedSince(seen, staging),
    lookAfterMs: earliest([hold > 0 ? hold : undefined, lookAfterMs(seen, staging), rolloutLookMs(seen, work)]),
    stalled: findCondition(status.conditions, ConditionType.Stalled)?.reason,
  };
};

/** A run that was not begun before the App was paused waits for the end of that. */
const isHeld = (staging: Staging): boolean =>
  staging.type === 'building' && waitOf(staging.run)?.reason === Reason.Paused;

const needOf = (seen: Seen, staging: Staging, work: Workload): Need | undefined => {
  if (staging.type === 'unknown') return { type: staging.what };
  if (staging.type === 'awaitingBlob' && staging.awaited.upload === undefined && seen.signed === undefined)
    return { type: 'signed' };
  return work.type === 'run' ? questionOf(seen, rolloutNow(seen, work)) : undefined;
};

/** A failure is asked about once: its words stay. */
const questionOf = (seen: Seen, rollout: Rollout): Need | undefined => {
  switch (rollout.type) {
    case 'complete':
      return undefined;
    case 'progressing':
      return rollout.ask;
    case 'failing':
      return reported(seen, rollout.failure) === undefined ? rollout.failure.ask : undefined;
  }
};

/** Routes come first: a conflict is found before work is done. */
const applications = (seen: Seen, staging: Staging, work: Workload): Application[] => {
  const { app, pullSecret } = seen;
  const needsSecret = work.type === 'run' ? work.image.ourRegistry : app.spec.source?.blob !== undefined;
  const routes = addresses(seen).filter((a) => !a.foreign);
  // What could not be pulled is not built.
  const starts = staging.type === 'start' && pullSecret.type !== 'conflict' && pullSecret.type !== 'missing';
  return [
    ...routes.map(({ wanted }) => ({ resource: AppRoute, intent: buildAppRoute(app, wanted) })),
    { resource: Service, intent: buildService(app) },
    ...(pullSecret.type === 'absent' && needsSecret ? [{ resource: Secret, intent: pullSecret.intent }] : []),
    ...superseded(seen).map((run) => ({
      resource: StageRun,
      intent: cancelStageRun(app, run, desiredRunName(seen) ?? 'none'),
    })),
    ...(starts ? [{ resource: StageRun, intent: newRun(seen) }] : []),
    ...(work.type === 'run' && !work.held ? [{ resource: Deployment, intent: work.intent }] : []),
  ];
};

const newRun = (seen: Seen): Intent => {
  const before = seen.app.status?.stageRun;
  const made = before?.desired === desiredRunName(seen) ? (before?.attempts ?? 0) : 0;
  return buildStageRun(seen.app, changeOf(seen.app, seen.runs), made + 1);
};

/** A run that has begun to export is left to end: half an export is no use to anybody. */
const superseded = (seen: Seen): StageRun[] =>
  seen.runs.filter(
    (run) =>
      isAbandoned(run, desiredRunName(seen)) &&
      run.metadata.deletionTimestamp === undefined &&
      !isFinished(run) &&
      !hasBegunExport(run),
  );

const removals = (seen: Seen, staging: Staging, work: Workload): Removal[] => {
  const spent = staging.type === 'discard' || staging.type === 'awaitingBlob' ? staging.run : undefined;
  const runs = [...(spent === undefined ? [] : [spent]), ...prunedRuns(seen)];
  const { deployment } = seen;
  return [
    ...(work.type === 'none' && deployment !== undefined ? [{ resource: Deployment, object: deployment }] : []),
    ...staleRoutes(seen).map((object) => ({ resource: AppRoute, object })),
    ...runs.map((object) => ({ resource: StageRun, object })),
  ];
};

const refusalRetryMs = 60_000;
/** Room comes when the sweep or another App gives it back, which wakes nobody. */
const fullRetryMs = 60_000;

const lookAfterMs = (seen: Seen, staging: Staging): number | undefined => {
  // Quotas and policies change without an event that wakes us.
  if (seen.refusals.length > 0) return refusalRetryMs;
  if (staging.type === 'full') return fullRetryMs;
  if (staging.type === 'awaitingBlob') return staging.awaited.changesAfterMs;
  return staging.type === 'retrying' ? Math.max(0, staging.at.getTime() - seen.now.getTime()) : undefined;
};

const rolloutLookMs = (seen: Seen, work: Workload): number | undefined => {
  if (work.type !== 'run') return undefined;
  const rollout = rolloutNow(seen, work);
  return rollout.type === 'progressing' ? rollout.lookAfterMs : undefined;
};

const awaitedSince = (seen: Seen, staging: Staging): Date | undefined => {
  if (staging.type === 'storageUnavailable') return seen.now;
  return staging.type === 'awaitingBlob' && !staging.awaited.expired ? staging.awaited.since : undefined;
};

const earliest = (times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((t) => t !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

/** notes tells of what became of the App since the last status, and of the runs that are ended for it. */
const notes = ({ app }: Seen, status: AppStatus, ended: readonly StageRun[]): Note[] => {
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
