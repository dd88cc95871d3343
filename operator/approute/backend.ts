import type { AppRoute } from '../api/approute.ts';
import type { Reason } from '../api/conditions.ts';
import type { ConditionStatus } from '../kube/conditions.ts';
import type { Child, Owned } from '../kube/reconcile/plan.ts';
import type { OwnedKind } from '../kube/reconcile/owned.ts';
import type { Settings } from './settings.ts';
import type { Https } from './tls/decide.ts';

/** Standing is what whoever serves the objects of a route says of them. */
export interface Standing {
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
  /** Where requests arrive, as far as it is told. */
  readonly address?: string;
}

/** Backend makes the objects that lead an address to an App: an Ingress, or those of the Gateway API. */
export interface Backend {
  /** What a route may own. */
  kinds(this: void, route: AppRoute): readonly OwnedKind[];
  /** The objects that a route with its address and an App wants; https: how it is served so, if it is. */
  children(this: void, route: AppRoute, settings: Settings, https: Https | undefined): readonly Child[];
  standing(this: void, owned: readonly Owned[], settings: Settings): Standing;
}
