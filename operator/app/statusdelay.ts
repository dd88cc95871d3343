import type { AppStatus } from '../api/app.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { findCondition, type ReadCondition } from '../kube/conditions.ts';
import type { Observed } from './observed.ts';

/** Stages of one and the same progress: which of them is under way is not worth a write of its own. */
const progressReasons: ReadonlySet<string> = new Set<string>([Reason.RollingOut, Reason.RoutesNotReady]);
/** Changed pod counts are reported after 30 s, other progress after 5 min. */
const delaysMs = { counts: 30_000, rest: 300_000 } as const;

const isProgress = (ready: ReadCondition | undefined): boolean =>
  ready?.status === 'Unknown' && progressReasons.has(ready.reason ?? '');

/**
 * statusDelayMs tells for how long a status may be kept back: while a rollout and the routes are young and nothing but their progress
 * changed, the next write is the one that tells the end. 0 = write it now.
 */
export const statusDelayMs = (observed: Observed, status: AppStatus): number => {
  const { app, now } = observed;
  const before = findCondition(app.status?.conditions, ConditionType.Ready);
  const after = findCondition(status.conditions, ConditionType.Ready);
  if (!isProgress(after)) return 0;
  if (before === undefined) return burstDelayMs(observed);
  const same =
    app.status?.observedGeneration === status.observedGeneration &&
    app.status?.stageRun?.desired === status.stageRun?.desired &&
    app.status?.upload === undefined;
  if (!same || !isProgress(before)) return 0;
  const counted =
    app.status?.replicas === status.replicas && app.status?.readyReplicas === status.readyReplicas ? 'rest' : 'counts';
  return Math.max(0, Date.parse(before.lastTransitionTime) + delaysMs[counted] - now.getTime());
};

/** So many other Apps at once, and each write makes all of them wait. */
const burst = 4;
const burstMs = { look: 5_000, most: 10_000 } as const;

/**
 * burstDelayMs: of many Apps that come at once, each tells what it came to, and that it is on its way only if that takes long. Until
 * then the API server itself says that it waits (api/placeholder.ts).
 */
const burstDelayMs = ({ app, now, peakDepth }: Observed): number => {
  const age = now.getTime() - Date.parse(app.metadata.creationTimestamp);
  const young = age >= 0 && age < burstMs.most;
  return young && peakDepth >= burst ? burstMs.look : 0;
};
