import { oneLine } from '../telemetry/oneline.ts';

/** ConditionStatus is True, False, or Unknown while work goes on. */
export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** Condition is metav1.Condition as the wire has it. */
export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

/** ReadCondition is a condition as somebody may have written it: nothing is sure to be there. */
export type ReadCondition = { readonly [F in keyof Condition]?: Condition[F] | undefined };

/** Fact is what one reconcile found out about one aspect of an object; a set turns facts into conditions. */
export interface Fact {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  /** stalled: only a person can make it True; kstatus then says Failed instead of InProgress. */
  readonly stalled?: boolean;
}

/** Progress is kstatus' view of an object: at rest, being worked on, or waiting for a person. */
export type Progress = 'Settled' | 'Reconciling' | 'Stalled';

/** Verdict is the summary of all facts: what `Ready` (or `Succeeded`) says. */
export interface Verdict extends Omit<Fact, 'type' | 'stalled'> {
  readonly progress: Progress;
}

/** Scene is what a condition set needs besides the facts: the list before, the generation judged, and the time. */
export interface Scene {
  readonly previous: readonly ReadCondition[] | undefined;
  readonly generation: number;
  readonly now: Date;
}

/**
 * summarize finds the fact that decides: a False that a person must mend, else the first False, else the first Unknown.
 * Without any the object is Ready. Facts come in the order in which a user should hear of them.
 */
export const summarize = (facts: readonly Fact[], ready: { reason: string; message: string }): Verdict => {
  const culprit =
    facts.find((f) => f.status === 'False' && f.stalled === true) ??
    facts.find((f) => f.status === 'False') ??
    facts.find((f) => f.status === 'Unknown');
  if (culprit === undefined) return { status: 'True', ...ready, progress: 'Settled' };
  const { status, reason, message } = culprit;
  return { status, reason, message, progress: culprit.stalled === true ? 'Stalled' : 'Reconciling' };
};

/**
 * livingConditions builds the conditions of an object that lives on (knative's Living set): `Ready`, kstatus' `Reconciling`
 * or `Stalled` (there only while true), then one condition per fact in the order given.
 */
export const livingConditions = (scene: Scene, facts: readonly Fact[], verdict: Verdict): Condition[] =>
  settle(scene, [{ ...verdict, type: 'Ready' }, ...kstatus(verdict), ...facts]);

/**
 * batchConditions builds the conditions of an object that ends (knative's Batch set): `Ready` mirrors `Succeeded`, because
 * kstatus, Argo CD and `kubectl wait` know only that word. A failure is Stalled: it does not get better by itself.
 */
export const batchConditions = (
  scene: Scene,
  succeeded: Pick<Fact, 'status' | 'reason' | 'message'>,
  facts: readonly Fact[] = [],
): Condition[] => {
  const verdict: Verdict = { ...succeeded, progress: batchProgress[succeeded.status] };
  return settle(scene, [
    { ...succeeded, type: 'Ready' },
    { ...succeeded, type: 'Succeeded' },
    ...kstatus(verdict),
    ...facts,
  ]);
};

const batchProgress: Record<ConditionStatus, Progress> = { True: 'Settled', False: 'Stalled', Unknown: 'Reconciling' };

/** findCondition returns the condition of this type, if there is one. */
export const findCondition = <C extends { readonly type?: string | undefined }>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined => conditions?.find((c) => c.type === type);

const kstatus = (v: Verdict): Fact[] =>
  v.progress === 'Settled' ? [] : [{ type: v.progress, status: 'True', reason: v.reason, message: v.message }];

/** settle stamps facts; the transition time moves only with the status, or every reconcile would be a write. */
const settle = (scene: Scene, facts: readonly Fact[]): Condition[] =>
  facts.map((f) => {
    const before = findCondition(scene.previous, f.type);
    const kept = before?.status === f.status ? before.lastTransitionTime : undefined;
    return {
      type: f.type,
      status: f.status,
      reason: f.reason,
      message: oneLine(f.message),
      observedGeneration: scene.generation,
      lastTransitionTime: kept ?? timestamp(scene.now),
    };
  });

/** timestamp is metav1.Time on the wire: RFC 3339 in whole seconds, as the API server would give it back. */
export const timestamp = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;
