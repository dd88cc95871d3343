import type { AppRoute } from '../api/approute.ts';
import type { Reason } from '../api/conditions.ts';
import type { ConditionStatus } from '../kube/conditions.ts';
import type { OwnedKind } from '../kube/reconcile/owned.ts';
import type { Child } from '../kube/reconcile/plan.ts';
import type { Resource } from '../kube/resource.ts';
import type { Observed } from './observed.ts';
import type { Tls } from './tls/saying.ts';

/** Standing is what whoever serves the objects of a route says of them. */
export interface Standing {
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
  /** Somebody has to do something about it. */
  readonly stalled?: boolean;
  /** Where requests arrive, as far as it is told. */
  readonly address?: string;
}

/** Backend makes the objects that lead an address to an App: an Ingress, or those of the Gateway API. */
export interface Backend {
  /** How people call what leads the address. */
  readonly noun: string;
  /** The kinds of its objects. */
  readonly makes: readonly Resource[];
  /** What a route may own of it. */
  kinds(this: void, route: AppRoute): readonly OwnedKind[];
  /** The objects that a route with its address and an App wants. */
  children(this: void, observed: Observed, tls: Tls): readonly Child[];
  standing(this: void, observed: Observed): Standing;
}
