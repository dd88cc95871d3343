import { App } from '../../api/app.ts';
import { targetsOf, type Autoscaling } from '../../api/autoscaling.ts';
import { containerName } from '../../api/names.ts';
import { trimMetadata } from '../../api/trim.ts';
import { controllerOf, groupOf } from '../../kube/owners.ts';
import { apply } from '../../kube/reconcile/plan.ts';
import { apiVersionOf, HorizontalPodAutoscaler, type ObjectOf } from '../../kube/resource.ts';
import type { Change } from '../../kube/types.ts';
import type { SingleKind } from '../child.ts';
import { webReplicas } from '../replicas.ts';
import type { Observed } from '../observed.ts';
import { childOf } from './meta.ts';

/** AutoscalerObject is a HorizontalPodAutoscaler as the cache has it. */
export type AutoscalerObject = ObjectOf<typeof HorizontalPodAutoscaler>;

/** byTarget is the index of autoscalers by the App that they scale. */
export const byTarget = 'target';

/** appsScaledBy names the App that an autoscaler scales, if it is one. */
export const appsScaledBy = ({ metadata, spec }: AutoscalerObject): string[] => {
  const { kind, name, apiVersion = '' } = spec?.scaleTargetRef ?? {};
  return kind === App.kind && groupOf(apiVersion) === App.group && name !== undefined
    ? [`${metadata?.namespace ?? ''}/${name}`]
    : [];
};

/** Whoever may write a spec may write a long one; ours is shorter. */
const maxSpec = 2048;
const isShort = (value: unknown): boolean => JSON.stringify(value ?? {}).length <= maxSpec;

const isOfApp = (object: AutoscalerObject): boolean => controllerOf(object)?.kind === App.kind;

/** trimAutoscaler keeps of others' autoscalers what they scale. */
const trimAutoscaler = (object: AutoscalerObject): AutoscalerObject => {
  if (isOfApp(object) && isShort(object.spec)) return trimMetadata(object);
  const { apiVersion, kind, metadata, spec } = object;
  const { scaleTargetRef } = spec ?? {};
  const kept = scaleTargetRef !== undefined && isShort(scaleTargetRef) ? { scaleTargetRef } : {};
  return trimMetadata({ apiVersion, kind, metadata, spec: kept } as AutoscalerObject);
};

/** What of an autoscaler decides about an App; how much exactly is used changes every 15 seconds. */
const signature = (object: AutoscalerObject | undefined): string => {
  const { metadata: { resourceVersion: _, ...metadata } = {}, spec, status } = object ?? {};
  const { desiredReplicas, conditions, currentMetrics } = status ?? {};
  const told = conditions?.map(({ type, status: is, reason }) => [type, is, reason]);
  const used = currentMetrics?.map(({ containerResource: of }) => [of?.name, of?.current.averageUtilization]);
  return JSON.stringify([metadata, spec, desiredReplicas, told, used]);
};

/** autoscalerChanged lets through what can change what an App does or says. */
export const autoscalerChanged = ({ before, after }: Change<AutoscalerObject>): boolean =>
  signature(before) !== signature(after);

/** Of the container of the app alone: sidecars need no requests, and do not count. */
const metric = (name: 'cpu' | 'memory', averageUtilization: number): object => ({
  type: 'ContainerResource',
  containerResource: { name, container: containerName, target: { type: 'Utilization', averageUtilization } },
});

/**
 * leastOf is minReplicas, or how many pods stay although the App states fewer: an autoscaler that finds less than its least writes
 * that number into the App, so that the number of the App and that of its pods are one again, whatever becomes of autoscaling.
 */
const leastOf = (observed: Observed, { minReplicas }: Autoscaling): number => {
  const { replicas } = observed.app.spec;
  const staying = webReplicas(observed);
  return staying > replicas ? Math.max(minReplicas, staying) : minReplicas;
};

const nameOf: SingleKind['nameOf'] = ({ metadata }) => metadata.name;

/**
 * autoscaler lets the load write spec.replicas of the App, through its scale subresource. Where somebody made one for the App, ours
 * is not there: two of them stop each other.
 */
export const autoscaler: SingleKind = {
  resource: HorizontalPodAutoscaler,
  nameOf,
  trim: trimAutoscaler as unknown as SingleKind['trim'],
  indexes: { [byTarget]: appsScaledBy as unknown as NonNullable<SingleKind['indexes']>[string] },
  changed: autoscalerChanged,
  children: ({ observed, work }) => {
    const { app, deployment, ownAutoscaler } = observed;
    const { autoscaling } = app.spec;
    const runs = work.type === 'run' || (work.type !== 'none' && deployment !== undefined);
    if (autoscaling === undefined || !runs || ownAutoscaler() !== undefined) return [];
    const { cpu, memory } = targetsOf(autoscaling);
    const spec = {
      scaleTargetRef: { apiVersion: apiVersionOf(App), kind: App.kind, name: app.metadata.name },
      minReplicas: leastOf(observed, autoscaling),
      maxReplicas: autoscaling.maxReplicas,
      metrics: [
        ...(cpu === undefined ? [] : [metric('cpu', cpu)]),
        ...(memory === undefined ? [] : [metric('memory', memory)]),
      ],
    };
    const part = { name: nameOf(app), component: 'application' } as const;
    return [apply(HorizontalPodAutoscaler, childOf(app, HorizontalPodAutoscaler, part, spec))];
  },
};
