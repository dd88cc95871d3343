import type { AppRoute } from '../api/approute.ts';
import type { Observation } from '../kube/reconcile/plan.ts';
import type { Backend } from './backend.ts';
import type { Ruling } from './ruling.ts';
import type { Settings } from './settings.ts';
import type { TlsObserved } from './tls/observed.ts';

/** Rival is an Ingress or HTTPRoute, not made for an AppRoute, that serves the same address. */
export type Rival =
  /** One of the route's own namespace, at the same path, that leads to something else than the App: `Ingress shop`. */
  | { readonly type: 'here'; readonly name: string }
  /** One of another namespace, at any path. */
  | { readonly type: 'elsewhere' };

/** Observed is all that one look at an AppRoute found out. */
export interface Observed extends Observation {
  readonly route: AppRoute;
  /** Whether the namespace may have the host; undefined where the installation gives it to nobody. */
  readonly ruling: Ruling | undefined;
  /** The AppRoute that has the path, if it is another one of the namespace. */
  readonly pathHolder: string | undefined;
  readonly rival: Rival | undefined;
  /** Whether the App that appRef names is there. */
  readonly appExists: boolean;
  readonly tls: TlsObserved;
  readonly settings: Settings;
  readonly backend: Backend;
}
