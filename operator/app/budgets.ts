import type { App } from '../api/app.ts';
import { annotations, podLabels } from '../api/names.ts';
import { trimMetadata } from '../api/trim.ts';
import { isControlledBy } from '../kube/owners.ts';
import { PodDisruptionBudget, type ObjectOf } from '../kube/resource.ts';
import type { Cache } from '../kube/types.ts';
import { webProcess } from './resources/container.ts';
import { commonLabels } from './resources/meta.ts';

/** BudgetObject is a PodDisruptionBudget as the cache has it. */
export type BudgetObject = ObjectOf<typeof PodDisruptionBudget>;

type Selector = NonNullable<NonNullable<BudgetObject['spec']>['selector']>;

/** Whoever may write a budget may write a large one; a selector of this size selects no pod of ours. */
const maxSelector = 8192;

/** trimBudget keeps of a PodDisruptionBudget what tells whose pods it is about. */
export const trimBudget = (budget: BudgetObject): BudgetObject =>
  trimMetadata(
    JSON.stringify(budget.spec ?? {}).length <= maxSelector ? budget : ({ metadata: budget.metadata } as BudgetObject),
  );

/** isMadeByHand tells that nobody made the budget for an App. */
export const isMadeByHand = ({ metadata }: BudgetObject): boolean =>
  metadata?.annotations?.[annotations.applied] === undefined;

/** selects tells whether a label selector selects something with these labels. An empty one selects everything. */
export const selects = (selector: Selector | undefined, labels: Readonly<Record<string, string>>): boolean => {
  if (selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      const isIn = value !== undefined && values.includes(value);
      return operator === 'In'
        ? isIn
        : operator === 'NotIn'
          ? !isIn
          : (operator === 'Exists') === (value !== undefined);
    })
  );
};

/**
 * hasOwnBudget tells whether somebody made a PodDisruptionBudget for the pods of an App. Then ours must not be there: a pod with two
 * of them cannot be evicted at all, and no node with it be drained.
 */
export const hasOwnBudget = (cache: Cache, app: App): boolean => {
  const labels = {
    ...app.spec.pod?.labels,
    ...commonLabels(app, 'application'),
    ...podLabels(app.metadata.name, webProcess),
  };
  return cache
    .list(PodDisruptionBudget, app.metadata.namespace)
    .some((one) => isMadeByHand(one) && !isControlledBy(one, app) && selects(one.spec?.selector, labels));
};
