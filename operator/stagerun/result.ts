import { ConditionType } from '../api/conditions.ts';
import type { StageRun } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';

/** succeededOf is the condition that says how a run ended, or that it has not. */
export const succeededOf = (run: StageRun) => findCondition(run.status?.conditions, ConditionType.Succeeded);

/** isRecorded tells whether the result of a run is in its status. */
export const isRecorded = (run: StageRun): boolean => ['True', 'False'].includes(succeededOf(run)?.status ?? '');
