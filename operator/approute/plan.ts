import type { AppRouteStatus } from '../api/approute.ts';
import type { Intent } from '../kube/types.ts';
import { judge } from './claims.ts';
import { buildIngress } from './resources/ingress.ts';
import { ownIngress, type IngressObject, type Seen } from './seen.ts';
import { statusOf } from './status.ts';

/** Plan is what one reconcile of an AppRoute does, in this order. */
export interface Plan {
  /** The Ingress as it should be. */
  readonly apply: Intent | undefined;
  /** The Ingress that must go. */
  readonly remove: IngressObject | undefined;
  readonly status: AppRouteStatus;
}

/** planRoute decides: who has no right to the address, or no App behind it, has no Ingress. */
export const planRoute = (seen: Seen): Plan => {
  const claim = judge(seen);
  const serves = claim.accepted && seen.appExists;
  return {
    apply: serves ? buildIngress(seen.route, seen.settings) : undefined,
    remove: serves ? undefined : ownIngress(seen),
    status: statusOf(seen, claim),
  };
};
