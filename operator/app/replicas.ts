import { targetsOf } from '../api/autoscaling.ts';
import { ofKind } from '../kube/reconcile/owned.ts';
import { HorizontalPodAutoscaler } from '../kube/resource.ts';
import type { Observed } from './observed.ts';
import type { AutoscalerObject } from './resources/autoscaler.ts';

type Seen = Pick<Observed, 'app' | 'deployment' | 'owned' | 'ownAutoscaler'>;

/** autoscalerOf is the autoscaler that was made for the App. */
export const autoscalerOf = ({ app, owned }: Pick<Seen, 'app' | 'owned'>): AutoscalerObject | undefined =>
  ofKind(owned, HorizontalPodAutoscaler).find(({ metadata }) => metadata?.name === app.metadata.name);

/** conditionOf is one condition of an autoscaler. */
export const conditionOf = (autoscaler: AutoscalerObject | undefined, type: string) =>
  autoscaler?.status?.conditions?.find((c) => c.type === type);

/** What Kubernetes' autoscaler takes for no difference. */
const tolerance = 0.1;

/**
 * neededFor is how many pods what was measured asks for, as Kubernetes' autoscaler computes it; undefined where not all that counts
 * was measured.
 */
const neededFor = (
  autoscaler: AutoscalerObject | undefined,
  targets: ReturnType<typeof targetsOf>,
  running: number,
): number | undefined => {
  if (conditionOf(autoscaler, 'ScalingActive')?.status !== 'True') return undefined;
  const measured = new Map(
    (autoscaler?.status?.currentMetrics ?? []).map(({ containerResource: of }) => [
      of?.name,
      of?.current.averageUtilization,
    ]),
  );
  const needs = Object.entries(targets).map(([name, target]) => {
    const ratio = (measured.get(name) ?? NaN) / target;
    return Math.abs(1 - ratio) <= tolerance ? running : Math.ceil(ratio * running);
  });
  return needs.some(Number.isNaN) ? undefined : Math.max(...needs);
};

/**
 * webReplicas is how many pods serve the web: spec.replicas, or, with autoscaling, that within its bounds. Then it goes down no
 * further than what was measured allows: a manifest that does not state `replicas` any more sets it to the default, and Kubernetes'
 * autoscaler believes that so few pods run. The autoscaler is then told that number as its least (resources/autoscaler.ts).
 */
export const webReplicas = (seen: Seen): number => {
  const { replicas, autoscaling } = seen.app.spec;
  if (autoscaling === undefined || replicas === 0) return replicas;
  const within = (n: number): number => Math.min(Math.max(n, autoscaling.minReplicas), autoscaling.maxReplicas);
  const running = seen.deployment?.spec?.replicas ?? 0;
  if (replicas >= running || seen.ownAutoscaler() !== undefined) return within(replicas);
  const needed = neededFor(autoscalerOf(seen), targetsOf(autoscaling), running) ?? running;
  return within(Math.min(Math.max(replicas, needed), running));
};
