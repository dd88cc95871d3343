import type { AppRoute, AppRouteStatus } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { controllerOf } from '../kube/owners.ts';
import type { Note, Plan } from '../kube/reconcile/plan.ts';
import { done, terminal, wait, type Result } from '../kube/types.ts';
import { judge } from './claims.ts';
import type { Observed } from './observed.ts';
import { statusOf } from './status.ts';

/** RoutePlan is a plan that also rules who has the address. */
export interface RoutePlan extends Plan<AppRouteStatus> {
  /** Whether host and path are the route's; counts before anything is written. */
  readonly accepted: boolean;
  readonly status: AppRouteStatus;
}

/** planRoute decides: who has no right to the address, or no App behind it, has nothing that leads there. */
export const planRoute = (observed: Observed): RoutePlan => {
  const { route, backend, settings } = observed;
  const verdict = judge(observed);
  const status = statusOf(observed, verdict);
  return {
    type: 'act',
    accepted: verdict.accepted,
    children: verdict.accepted && observed.appExists ? backend.children(route, settings) : [],
    status,
    notes: notesOf(route, status),
    next: nextOf(observed, status),
  };
};

const refusalRetryMs = 60_000;

const nextOf = ({ refusals: [refusal], ruling, now }: Observed, { conditions }: AppRouteStatus): Result => {
  // Quotas and policies change without an event that wakes us.
  if (refusal !== undefined) return wait(refusalRetryMs, refusal.reason);
  // A host is not kept for ever.
  if (ruling?.type === 'kept') return wait(Math.max(1, ruling.until - now.getTime()), Reason.RouteConflict);
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
