import type { AppRouteStatus } from '../api/approute.ts';
import type { Intent } from '../kube/types.ts';
import { judge } from './claims.ts';
import { buildIngress } from './resources/ingress.ts';
import type { IngressObject, Seen } from './seen.ts';
import { statusOf } from './status.ts';

/** Plan is what one reconcile of an AppRoute does, in this order. */
export interface Plan {
  /** Whether host and path are the route's; recorded before anything is written. */
  readonly accepted: boolean;
  /** The Ingress as it should be. */
  readonly apply: Intent | undefined;
  /** The Ingress that must go. */
  readonly remove: IngressObject | undefined;
  readonly status: AppRouteStatus;
  /** When to look again, because a host is not kept for ever. */
  readonly lookAgainMs: number | undefined;
}

/** planRoute decides: who has no right to the address, or no App behind it, has no Ingress. */
export const planRoute = (seen: Seen): Plan => {
  const { ruling, now } = seen;
  const verdict = judge(seen);
  const serves = verdict.accepted && seen.appExists;
  return {
    accepted: verdict.accepted,
    apply: serves ? buildIngress(seen.route, seen.settings) : undefined,
    remove: serves ? undefined : seen.ingress,
    status: statusOf(seen, verdict),
    lookAgainMs: ruling?.type === 'kept' ? Math.max(1, ruling.until - now.getTime()) : undefined,
  };
};
