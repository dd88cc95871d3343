import { Reason } from '../api/conditions.ts';
import type { StageRun, StageRunStatus } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import type { Note } from '../kube/reconcile/plan.ts';
import { succeededOf } from './observed.ts';

/** What holds a run up so that somebody should hear of it. */
const worryingReasons: ReadonlySet<string> = new Set<Reason>([
  Reason.PodNotCreated,
  Reason.PodUnschedulable,
  Reason.SecretNotFound,
  Reason.BuilderImagePullFailed,
  Reason.FetchImagePullFailed,
  Reason.RegistryUnauthorized,
  Reason.RegistryFull,
  Reason.RegistryUnreachable,
  Reason.StorageUnavailable,
  Reason.QuotaExceeded,
  Reason.AdmissionDenied,
  Reason.Forbidden,
]);

/** notesOf tells of a transition: begun, ended, or held up for a new reason. */
export const notesOf = (run: StageRun, { conditions, image, jobName }: StageRunStatus): Note[] => {
  const before = succeededOf(run);
  const after = findCondition(conditions, 'Succeeded');
  if (!after) return [];
  const { status, reason, message } = after;
  if (status !== 'Unknown' && status !== before?.status) {
    const note = image ? `${message} ${image}` : message;
    return [{ type: status === 'True' ? 'Normal' : 'Warning', reason, action: 'Build', note }];
  }
  if (jobName && !run.status?.jobName) {
    const note = `The Job ${jobName} builds.`;
    return [{ type: 'Normal', reason: Reason.Running, action: 'StartBuild', note }];
  }
  if (worryingReasons.has(reason) && reason !== before?.reason)
    return [{ type: 'Warning', reason, action: 'Build', note: message }];
  return [];
};
