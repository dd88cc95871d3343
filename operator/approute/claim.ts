import type { AppRoute } from '../api/approute.ts';
import { ConditionType } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { flat } from '../kube/flat.ts';
import { keyOf, keyString } from '../kube/resource.ts';

/** Standing is what was last decided about a claim's host: held by its namespace, waiting for it, or nothing yet. */
export type Standing = 'fresh' | 'held' | 'waiting';

/** Claim is what an AppRoute asks for, as far as the rule of hosts goes. It never changes: another one takes its place. */
export interface Claim {
  /** `namespace/name` of the AppRoute. */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly host: string;
  readonly path: string;
  /** When the AppRoute was made, in ms. */
  readonly created: number;
  readonly standing: Standing;
  /** Since when the host is held, in ms. */
  readonly since: number;
  /** The path is the route's own too. */
  readonly accepted: boolean;
  /** The AppRoute is being deleted: it keeps what it has and gets nothing. */
  readonly going: boolean;
  /** Since when the host is free, if this claim was told so, in ms. */
  readonly freeSince: number | undefined;
  /** This process decided, so that what it has not written yet, or reads back late, counts for nothing. */
  readonly decided: boolean;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** byAge sorts claims: the oldest first; of one second, the one with the smaller uid. */
export const byAge = (a: Claim, b: Claim): number => a.created - b.created || compare(a.uid, b.uid);

/** byRight sorts claims for one path of a namespace: who has it already, then the oldest. */
export const byRight = (a: Claim, b: Claim): number =>
  Number(b.accepted) - Number(a.accepted) || (a.accepted ? a.since - b.since : 0) || byAge(a, b);

const standingOf = ({ status }: AppRoute): Standing => {
  if (status?.host !== undefined) return status.host === 'Held' ? 'held' : 'waiting';
  const accepted = findCondition(status?.conditions, ConditionType.Accepted);
  if (accepted === undefined) return 'fresh';
  return accepted.status === 'True' ? 'held' : 'waiting';
};

/** claimOf reads the claim of an AppRoute: its status is the record of what was decided earlier, by whichever process. */
export const claimOf = (route: AppRoute): Claim => {
  const { metadata, spec, status } = route;
  const accepted = findCondition(status?.conditions, ConditionType.Accepted);
  const freeSince = status?.hostFreeSince;
  return {
    key: flat(keyString(keyOf(route))),
    uid: metadata.uid,
    namespace: metadata.namespace,
    host: spec.host,
    path: spec.path,
    created: Date.parse(metadata.creationTimestamp),
    standing: standingOf(route),
    since: Date.parse(accepted?.lastTransitionTime ?? metadata.creationTimestamp),
    accepted: accepted?.status === 'True',
    going: metadata.deletionTimestamp !== undefined,
    freeSince: freeSince === undefined ? undefined : Date.parse(freeSince),
    decided: false,
  };
};
