import { findCondition, type ReadCondition } from '../kube/conditions.ts';

/** Judged is what checkConditions reads of an object. */
export interface Judged {
  readonly metadata?: { readonly generation?: number | undefined };
  readonly status?: {
    readonly observedGeneration?: number | undefined;
    readonly conditions?: readonly ReadCondition[] | undefined;
  };
}

interface Facts {
  readonly generation: number;
  readonly observed: number;
  readonly all: readonly ReadCondition[];
  readonly ready: ReadCondition | undefined;
}

type Rule = (f: Facts) => string | undefined;

const abnormal = ['Reconciling', 'Stalled'];
const isTrue = (f: Facts, type: string): boolean => findCondition(f.all, type)?.status === 'True';
const isReady = (f: Facts): boolean => f.ready?.status === 'True';

/** The rules of flux' runtime/conditions/check (Ready may be Unknown while Reconciling, as kstatus wants), then our own. */
const rules: Record<string, Rule> = {
  'Ready is always there': (f) => (f.ready === undefined ? 'it is absent' : undefined),
  'nothing abnormal while Ready': (f) => (isReady(f) ? list(abnormal.filter((t) => isTrue(f, t))) : undefined),
  'Reconciling means not Ready': (f) => (isTrue(f, 'Reconciling') && isReady(f) ? 'Ready=True' : undefined),
  'Stalled means Ready=False': (f) =>
    isTrue(f, 'Stalled') && f.ready?.status !== 'False' ? `Ready=${f.ready?.status}` : undefined,
  'Reconciling and Stalled are never both there': (f) =>
    abnormal.every((t) => findCondition(f.all, t)) ? 'both are' : undefined,
  'observedGeneration is at most generation': (f) =>
    f.observed > f.generation ? `${f.observed} > ${f.generation}` : undefined,
  'Ready is of the current generation': (f) =>
    isReady(f) && f.observed < f.generation ? `${f.observed} < ${f.generation}` : undefined,
  'while Ready every condition has the object’s generation': (f) =>
    isReady(f) ? list(f.all.filter((c) => (c.observedGeneration ?? 0) < f.generation).map(typeOf)) : undefined,
  'while Ready every condition has status.observedGeneration': (f) =>
    isReady(f) ? list(f.all.filter((c) => c.observedGeneration !== f.observed).map(typeOf)) : undefined,
  'Ready=Unknown means Reconciling': (f) =>
    f.ready?.status === 'Unknown' && !isTrue(f, 'Reconciling') ? 'Reconciling is not True' : undefined,
  'abnormal conditions are removed, not False': (f) =>
    list(abnormal.filter((t) => findCondition(f.all, t) !== undefined && !isTrue(f, t))),
  'Ready mirrors Succeeded': (f) => {
    const succeeded = findCondition(f.all, 'Succeeded');
    return succeeded !== undefined && succeeded.status !== f.ready?.status ? `Ready=${f.ready?.status}` : undefined;
  },
  'Ready comes first': (f) =>
    f.ready !== undefined && f.all[0] !== f.ready ? `first is ${typeOf(f.all[0])}` : undefined,
  'each type once': (f) => list(f.all.map(typeOf).filter((t, i, types) => types.indexOf(t) !== i)),
  'reason is CamelCase': (f) => list(f.all.filter((c) => !/^[A-Z][A-Za-z0-9]*$/.test(c.reason ?? '')).map(typeOf)),
  'message says something': (f) => list(f.all.filter((c) => (c.message ?? '') === '').map(typeOf)),
  'lastTransitionTime is a time': (f) =>
    list(f.all.filter((c) => Number.isNaN(Date.parse(c.lastTransitionTime ?? ''))).map(typeOf)),
};

const typeOf = (c: ReadCondition | undefined): string => c?.type ?? '';
const list = (names: readonly string[]): string | undefined => (names.length === 0 ? undefined : names.join(', '));

/** checkConditions names every rule that the status of an object breaks: what no finished reconcile may leave behind. */
export const checkConditions = (object: Judged): string[] => {
  const all = object.status?.conditions ?? [];
  const facts: Facts = {
    generation: object.metadata?.generation ?? 0,
    observed: object.status?.observedGeneration ?? 0,
    all,
    ready: findCondition(all, 'Ready'),
  };
  return Object.entries(rules).flatMap(([rule, broken]) => {
    const why = broken(facts);
    return why === undefined ? [] : [`${rule}: ${why}`];
  });
};
