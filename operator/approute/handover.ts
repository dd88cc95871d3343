import { ConditionType } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { keep, type Child } from '../kube/reconcile/plan.ts';
import { Ingress } from '../kube/resource.ts';
import type { Standing } from './backend.ts';
import type { Observed } from './observed.ts';

/** HandOver is what is left of another way of serving a route, after the configuration has changed. */
export interface HandOver {
  /** It serves still, and stays. */
  readonly kept: readonly Child[];
  /** When it may go, if that is known, in ms. */
  readonly until?: number;
}

/** Controllers say that they have taken a route a moment before they serve it. */
export const handOverMs = 10_000;

/** since tells for how long the new way has been said to serve, by our own word of it and the age of what was made. */
const since = ({ route, backend, owned, now }: Observed): number => {
  const programmed = findCondition(route.status?.conditions, ConditionType.Programmed);
  const told = programmed?.status === 'True' ? Date.parse(programmed.lastTransitionTime ?? '') : NaN;
  const made = owned
    .filter(({ resource }) => backend.makes.includes(resource))
    .map(({ object }) => Date.parse(object.metadata?.creationTimestamp ?? ''));
  const latest = Math.max(told, ...made);
  return Number.isNaN(latest) || made.length === 0 ? now.getTime() : Math.min(latest, now.getTime());
};

/** handOver keeps what served a route before, until what takes its place serves, and a moment longer: no request is lost between. */
export const handOver = (observed: Observed, { status }: Standing): HandOver => {
  const { backend, owned, settings, now } = observed;
  const former = owned.filter(({ resource }) => !backend.makes.includes(resource));
  if (former.length === 0) return { kept: [] };
  const kept = former.map(({ resource, object }) => keep(resource, object));
  const isAsked = settings.gateway?.keepIngresses === true && former.some(({ resource }) => resource === Ingress);
  if (isAsked || status !== 'True') return { kept };
  const until = since(observed) + handOverMs;
  return until > now.getTime() ? { kept, until } : { kept: [] };
};
