import type { AppRoute, AppRouteStatus } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { controllerOf } from '../kube/owners.ts';
import type { LookUp, Note, Plan } from '../kube/reconcile/plan.ts';
import { done, terminal, wait, type Result } from '../kube/types.ts';
import { judge } from './claims.ts';
import { handOver, type HandOver } from './handover.ts';
import type { Observed } from './observed.ts';
import { statusOf } from './status.ts';
import { decideTls } from './tls/decide.ts';
import { httpOnly, type Unread } from './tls/saying.ts';

/** RoutePlan is a plan that also rules who has the address. */
export interface RoutePlan extends Plan<AppRouteStatus> {
  /** Whether host and path are the route's; counts before anything is written. */
  readonly accepted: boolean;
  readonly status: AppRouteStatus;
}

/**
 * planRoute decides: who has no right to the address, or no App behind it, has nothing that leads there. Secrets are read, and
 * certificates asked for, only for a route that has its address.
 */
export const planRoute = (observed: Observed): RoutePlan | LookUp<Unread> => {
  const { route, backend } = observed;
  const verdict = judge(observed);
  const leads = verdict.accepted && observed.appExists;
  const tls = leads ? decideTls(observed) : httpOnly;
  if (tls === 'unread') return { type: 'lookUp', query: tls };
  const standing = backend.standing(observed);
  const former: HandOver = leads ? handOver(observed, standing) : { kept: [] };
  const status = statusOf(observed, { verdict, standing, former: former.kept }, tls);
  return {
    type: 'act',
    accepted: verdict.accepted,
    children: leads ? [...backend.children(observed, tls), ...former.kept] : [],
    status,
    notes: notesOf(route, status),
    next: nextOf(observed, status, [tls.until, former.until]),
  };
};

const refusalRetryMs = 60_000;

/** What ends later than this is seen when everything is looked at again. */
const soonMs = 12 * 3_600_000;

const nextOf = (
  { refusals: [refusal], ruling, now }: Observed,
  { conditions }: AppRouteStatus,
  ends: readonly (number | undefined)[],
): Result => {
  // Quotas and policies change without an event that wakes us.
  if (refusal !== undefined) return wait(refusalRetryMs, refusal.reason);
  // A host is not kept for ever.
  if (ruling?.type === 'kept') return wait(Math.max(1, ruling.until - now.getTime()), Reason.RouteConflict);
  const endsIn = Math.min(...ends.map((end = Infinity) => end)) - now.getTime();
  if (endsIn < soonMs) return wait(Math.max(1, endsIn), 'what ends by itself');
  const stalled = findCondition(conditions, ConditionType.Stalled);
  return stalled === undefined ? done() : terminal(stalled.reason);
};

const notesOf = (route: AppRoute, { conditions }: AppRouteStatus): Note[] => {
  const before = findCondition(route.status?.conditions, ConditionType.Ready);
  const after = findCondition(conditions, ConditionType.Ready);
  if (after === undefined || (before?.status === after.status && before.reason === after.reason)) return [];
  // That a route works from the start is told by the App that made it.
  if (before === undefined && after.status === 'True' && controllerOf(route) !== undefined) return [];
  return [{ type: after.status === 'False' ? 'Warning' : 'Normal', reason: after.reason, note: after.message }];
};
