import { Reason } from '../api/conditions.ts';
import type { StageRun, StageRunStatus } from '../api/stagerun.ts';
import type { Note } from '../kube/reconcile/plan.ts';
import { succeededOf } from './result.ts';

const worrying: ReadonlySet<string> = new Set<Reason>([
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
export const notesOf = (run: StageRun, status: StageRunStatus): Note[] => {
  const before = succeededOf(run);
  const word = status.conditions?.find((c) => c.type === 'Succeeded');
  if (!word) return [];
  const { reason, message } = word;
  if (word.status !== 'Unknown' && word.status !== before?.status) {
    const note = status.image ? `${message} ${status.image}` : message;
    return [{ type: word.status === 'True' ? 'Normal' : 'Warning', reason, action: 'Build', note }];
  }
  if (status.jobName && !run.status?.jobName) {
    const note = `The Job ${status.jobName} builds.`;
    return [{ type: 'Normal', reason: Reason.Running, action: 'StartBuild', note }];
  }
  return worrying.has(reason) && reason !== before?.reason
    ? [{ type: 'Warning', reason, action: 'Build', note: message }]
    : [];
};
