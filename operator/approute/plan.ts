import type { AppRoute, AppRouteStatus } from '../api/approute.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { controllerOf } from '../kube/owners.ts';
import { apply, type Child, type LookUp, type Note, type Plan } from '../kube/reconcile/plan.ts';
import { done, terminal, wait, type Result } from '../kube/types.ts';
import { judge } from './claims.ts';
import type { Observed } from './observed.ts';
import { buildCertificate } from './resources/certificate.ts';
import { statusOf } from './status.ts';
import { Certificate } from './tls/certmanager.ts';
import { decideTls, httpOnly, type Tls, type Unread } from './tls/decide.ts';

/** RoutePlan is a plan that also rules who has the address. */
export interface RoutePlan extends Plan<AppRouteStatus> {
  /** Whether host and path are the route's; counts before anything is written. */
  readonly accepted: boolean;
  readonly status: AppRouteStatus;
}

/** The way to the App first: a certificate that cannot be asked for takes nothing down. */
const childrenOf = ({ route, backend, settings }: Observed, { https, issuer }: Tls): Child[] => [
  ...backend.children(route, settings, https),
  ...(issuer ? [apply(Certificate, buildCertificate(route, issuer))] : []),
];

/**
 * planRoute decides: who has no right to the address, or no App behind it, has nothing that leads there. Secrets are read, and
 * certificates asked for, only for a route that has its address.
 */
export const planRoute = (observed: Observed): RoutePlan | LookUp<Unread> => {
  const { route } = observed;
  const verdict = judge(observed);
  const leads = verdict.accepted && observed.appExists;
  const tls = leads ? decideTls(observed) : httpOnly;
  if (tls === 'unread') return { type: 'lookUp', query: tls };
  const status = statusOf(observed, verdict, tls);
  return {
    type: 'act',
    accepted: verdict.accepted,
    children: leads ? childrenOf(observed, tls) : [],
    status,
    notes: notesOf(route, status),
    next: nextOf(observed, status, tls),
  };
};

const refusalRetryMs = 60_000;

/** What ends later than this is seen when everything is looked at again. */
const soonMs = 12 * 3_600_000;

const nextOf = (
  { refusals: [refusal], ruling, now }: Observed,
  { conditions }: AppRouteStatus,
  { until = Infinity }: Tls,
): Result => {
  // Quotas and policies change without an event that wakes us.
  if (refusal !== undefined) return wait(refusalRetryMs, refusal.reason);
  // A host is not kept for ever.
  if (ruling?.type === 'kept') return wait(Math.max(1, ruling.until - now.getTime()), Reason.RouteConflict);
  const endsIn = until - now.getTime();
  if (endsIn < soonMs) return wait(Math.max(1, endsIn), Reason.CertificateExpired);
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
