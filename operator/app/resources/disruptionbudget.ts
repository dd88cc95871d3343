import { podLabels } from '../../api/names.ts';
import { webProcess } from '../../api/process.ts';
import { apply } from '../../kube/reconcile/plan.ts';
import { PodDisruptionBudget } from '../../kube/resource.ts';
import { trimBudget } from '../budgets.ts';
import type { SingleKind } from '../child.ts';
import { childOf } from './meta.ts';

const nameOf: SingleKind['nameOf'] = ({ metadata }) => metadata.name;

/**
 * disruptionBudget lets a drained node take one pod at a time. With a single replica there is none: it would keep the node from
 * being drained, or promise nothing. Pods that are not ready may always go: they serve nobody. Where
 * somebody made one for these pods, ours is not there.
 */
export const disruptionBudget: SingleKind = {
  resource: PodDisruptionBudget,
  nameOf,
  trim: trimBudget as SingleKind['trim'],
  children: ({ observed: { app, deployment, hasOwnBudget }, work }) => {
    const runs = work.type === 'run' || (work.type !== 'none' && deployment !== undefined);
    // Within the bounds of autoscaling it stays: it hinders nobody while there is one pod.
    const most = app.spec.autoscaling?.maxReplicas ?? app.spec.replicas;
    if (!runs || app.spec.replicas === 0 || most < 2 || hasOwnBudget()) return [];
    const spec = {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: podLabels(app.metadata.name, webProcess) },
    };
    return [
      apply(
        PodDisruptionBudget,
        childOf(app, PodDisruptionBudget, { name: nameOf(app), component: 'application' }, spec),
      ),
    ];
  },
};
