import { Reason } from '../api/conditions.ts';
import { hindranceOf, type JobObject } from '../kube/job.ts';
import { sentence } from '../telemetry/sentence.ts';
import { explain, isLate, longestDelay, lookAgainMs, questionOf } from './delay.ts';
import type { Observed, PodObject } from './observed.ts';
import { failureOf, warningsOf, type PodNeed } from './podfailure.ts';
import { appContainer } from './pods.ts';
import { startSeconds } from './resources/release.ts';

/** Hindrance is why a release that is under way does not begin, as far as that is known. */
export interface Hindrance {
  readonly trouble?: { readonly reason: Reason; readonly message: string } | undefined;
  readonly ask?: PodNeed | undefined;
  /** When to look again at what sends no event. */
  readonly lookAfterMs?: number | undefined;
}

/** releaseHindrance reads the Job and its pod, and the events of the one that keeps the other waiting. */
export const releaseHindrance = (observed: Observed, job: JobObject, pod: PodObject | undefined): Hindrance => {
  const changed = hindranceOf(job, 'or delete it to run the release anew.');
  if (changed !== undefined) return { trouble: { reason: Reason.Releasing, message: changed } };
  if (pod === undefined) return withoutPod(observed, job);
  // What Kubernetes took away it makes anew.
  if (appContainer(pod)?.state?.terminated !== undefined) return {};
  const failure = failureOf(pod, { warnings: [], podLog: '', now: observed.now });
  return failure === undefined ? notStarted(observed, pod) : { trouble: cannotBegin(failure) };
};

const cannotBegin = ({ reason, message }: NonNullable<Hindrance['trouble']>): Hindrance['trouble'] => ({
  reason,
  message: `The release cannot begin: ${message}`,
});

/** A quota or a policy that refuses the pod is told in the events of the Job alone. */
const withoutPod = ({ now, warnings }: Observed, job: JobObject): Hindrance => {
  const delay = { since: new Date(job.metadata?.creationTimestamp ?? now) };
  const lookAfterMs = lookAgainMs(delay, now, startSeconds * 1000);
  if (!isLate(delay, now)) return { lookAfterMs };
  if (warnings === undefined) return { ask: warningsOf(job), lookAfterMs };
  const note = warnings[0]?.note;
  return note === undefined
    ? { lookAfterMs }
    : { lookAfterMs, trouble: cannotBegin({ reason: Reason.PodNotCreated, message: sentence(note) }) };
};

const notStarted = (observed: Observed, pod: PodObject): Hindrance => {
  const { app, now } = observed;
  const delay = longestDelay([pod]);
  if (delay === undefined || delay.runs) return {};
  const lookAfterMs = lookAgainMs(delay, now, startSeconds * 1000);
  if (!isLate(delay, now)) return { lookAfterMs };
  const found = explain(app, delay, { ...observed, declared: [] });
  return { lookAfterMs, ask: questionOf(delay, observed), trouble: found && cannotBegin(found) };
};
