import { App } from '../api/app.ts';
import { annotations, childLabels, podLabels } from '../api/names.ts';
import { webProcess } from '../api/process.ts';
import { trimMetadata } from '../api/trim.ts';
import { controllerOf, groupOf } from '../kube/owners.ts';
import { PodDisruptionBudget, type ObjectOf } from '../kube/resource.ts';
import type { WatchedCache } from '../kube/types.ts';

/** BudgetObject is a PodDisruptionBudget as the cache has it. */
export type BudgetObject = ObjectOf<typeof PodDisruptionBudget>;

type Selector = NonNullable<NonNullable<BudgetObject['spec']>['selector']>;

/** Whoever may write a budget may write a large one. */
const maxSpec = 1024;

/**
 * trimBudget keeps of a PodDisruptionBudget whose pods it is about. One that is too large to be looked at counts as one for all
 * pods of its namespace: rather none of ours than two for a pod.
 */
export const trimBudget = (budget: BudgetObject): BudgetObject =>
  trimMetadata(JSON.stringify(budget.spec ?? {}).length <= maxSpec ? budget : { ...budget, spec: { selector: {} } });

/** selects tells whether a label selector selects something with these labels. An empty one selects everything. */
export const selects = (selector: Selector | undefined, labels: Readonly<Record<string, string>>): boolean => {
  if (selector === undefined) return false;
  const valueOf = (key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => valueOf(key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = valueOf(key);
      const isIn = value !== undefined && values.includes(value);
      return operator === 'In'
        ? isIn
        : operator === 'NotIn'
          ? !isIn
          : (operator === 'Exists') === (value !== undefined);
    })
  );
};

/** Of so many budgets in a namespace nobody asks any more whose pods they are about. */
const maxBudgets = 100;

/** Entry is a budget that was not made for an App. */
interface Entry {
  readonly selector: Selector | undefined;
  /** It bears our mark: under the name of an App it is the one that this App takes over again. */
  readonly marked: boolean;
}

/** entryOf is what a budget means for Apps; undefined for one that an App made. */
export const entryOf = (budget: BudgetObject): Entry | undefined => {
  const maker = controllerOf(budget);
  if (maker?.kind === App.kind && groupOf(maker.apiVersion) === App.group) return undefined;
  return { selector: budget.spec?.selector, marked: budget.metadata?.annotations?.[annotations.applied] !== undefined };
};

/**
 * Budgets knows the PodDisruptionBudgets that people made. They are kept apart from the cache, ready to be compared: a namespace
 * can hold thousands of them, and they are asked for in each reconcile of an App with several replicas.
 */
export class Budgets {
  readonly #entries = new Map<string, Map<string, Entry>>();

  put(budget: BudgetObject): void {
    const { namespace = '', name = '' } = budget.metadata ?? {};
    const entry = entryOf(budget);
    if (entry === undefined) return this.remove(budget);
    const known = this.#entries.get(namespace) ?? new Map<string, Entry>();
    this.#entries.set(namespace, known.set(name, entry));
  }

  remove({ metadata }: BudgetObject): void {
    const { namespace = '', name = '' } = metadata ?? {};
    const known = this.#entries.get(namespace);
    known?.delete(name);
    if (known?.size === 0) this.#entries.delete(namespace);
  }

  /**
   * covers tells whether somebody made a PodDisruptionBudget for the pods of an App. Then ours must not be there: a pod with two
   * of them cannot be evicted at all, and no node with it be drained.
   */
  covers(app: App): boolean {
    const { namespace, name } = app.metadata;
    const known = this.#entries.get(namespace);
    if (known === undefined) return false;
    if (known.size > maxBudgets) return true;
    const labels = {
      ...app.spec.pod?.labels,
      ...childLabels(app.metadata, 'application'),
      ...podLabels(name, webProcess),
    };
    return [...known].some(([of, { selector, marked }]) => !(marked && of === name) && selects(selector, labels));
  }
}

/** followBudgets keeps Budgets equal to what a cache sees, from before its start on. */
export const followBudgets = (cache: Pick<WatchedCache, 'subscribe'>): Budgets => {
  const budgets = new Budgets();
  cache.subscribe(PodDisruptionBudget, ({ before, after }) => {
    if (after !== undefined) budgets.put(after);
    else if (before !== undefined) budgets.remove(before);
  });
  return budgets;
};
