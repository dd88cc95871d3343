import type { AppRoute } from '../api/approute.ts';
import type { Config } from '../config.ts';
import type { Refusal } from '../kube/refusal.ts';
import type { Ingress } from '../kube/resource.ts';
import { controllerUid } from '../kube/owners.ts';

/** Settings is the part of the configuration that routes depend on. */
export type Settings = Pick<Config, 'routes' | 'ingress'>;

/** IngressObject is an Ingress as the cache has it. */
export type IngressObject = NonNullable<(typeof Ingress)['_object']>;

/** Seen is all that one look at an AppRoute found out. */
export interface Seen {
  readonly route: AppRoute;
  /** Every AppRoute of the same host in any namespace, this one among them. */
  readonly claims: readonly AppRoute[];
  /** Every Ingress with a rule for the host, whoever made it. */
  readonly ingresses: readonly IngressObject[];
  /** Whether the App that appRef names is there. */
  readonly appExists: boolean;
  /** Set when the Ingress was refused in this very reconcile. */
  readonly refusal: Refusal | undefined;
  readonly settings: Settings;
  readonly now: Date;
}

/** ownIngress is the Ingress that this route made. */
export const ownIngress = ({ route, ingresses }: Seen): IngressObject | undefined =>
  ingresses.find((i) => controllerUid(i) === route.metadata.uid);
