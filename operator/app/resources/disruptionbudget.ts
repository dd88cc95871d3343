import { podLabels } from '../../api/names.ts';
import { apply } from '../../kube/reconcile/plan.ts';
import { PodDisruptionBudget } from '../../kube/resource.ts';
import type { SingleKind } from '../child.ts';
import { webProcess } from './container.ts';
import { childOf } from './meta.ts';

const nameOf: SingleKind['nameOf'] = ({ metadata }) => metadata.name;

/**
 * disruptionBudget lets a drained node take one pod at a time. With a single replica there is none: it would keep the node from
 * being drained, or promise nothing. Pods that are not ready may always go: they serve nobody.
 */
export const disruptionBudget: SingleKind = {
  resource: PodDisruptionBudget,
  nameOf,
  children: ({ observed: { app, deployment }, work }) => {
    const runs = work.type === 'run' || (work.type !== 'none' && deployment !== undefined);
    if (!runs || app.spec.replicas < 2) return [];
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
