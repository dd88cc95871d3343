import type { App } from '../api/app.ts';
import { Reason } from '../api/conditions.ts';
import { progressDeadlineOf } from '../api/process.ts';
import { explain, isLate, longestDelay, lookAgainMs, questionOf } from './delay.ts';
import { failureOf, logOf, type Asked, type PodFailure, type PodNeed } from './podfailure.ts';
import { sentence } from '../telemetry/sentence.ts';
import { lastWords } from './podlog.ts';
import type { NewPods } from './pods.ts';
import type { DeploymentObject, PodObject } from './observed.ts';

/** Rollout is how far a Deployment is with what it was last told. */
export type Rollout =
  | { readonly type: 'complete' }
  | {
      readonly type: 'progressing';
      readonly message: string;
      /** Why it takes so long, where that is known. */
      readonly delay?: PodFailure;
      readonly ask?: PodNeed | undefined;
      /** When to look again at what sends no event. */
      readonly lookAfterMs?: number | undefined;
    }
  | { readonly type: 'failing'; readonly failure: PodFailure; readonly givenUp: boolean };

/** Rolling is what a rollout is judged by. */
export interface Rolling extends Asked {
  readonly app: App;
  /** pods are those of the Deployment's template, of which so many are updated. */
  pods(this: void, updated: number): NewPods;
  readonly now: Date;
  /** Ports that the image declares, as far as that is known. */
  readonly declared: readonly number[];
}

/** rolloutOf reads the Deployment's status as `kubectl rollout status` does, and its pods for the reason of a delay. */
export const rolloutOf = (deployment: DeploymentObject, rolling: Rolling): Rollout => {
  const { wanted, updated, isDone, isKnown } = countsOf(deployment);
  const { ready: all, some: pods } = rolling.pods(updated);
  const ready = updated === 0 || !isKnown ? 0 : all;
  const message = `${Math.min(ready, wanted)} of ${wanted} new pods are ready.`;
  if (!isKnown) return { type: 'progressing', message };
  if (isDone) return { type: 'complete' };
  if (wanted === 0) return { type: 'progressing', message: 'The pods are ending.' };
  const conditions = deployment.status?.conditions ?? [];
  const refused = conditions.find((c) => c.type === 'ReplicaFailure' && c.status === 'True');
  // Kubernetes goes on saying so of earlier pods while the new ones are all there.
  if (refused !== undefined && updated < wanted)
    return { type: 'failing', failure: notCreated(refused.message ?? '', rolling.app), givenUp: false };
  const givenUp = conditions.some((c) => c.type === 'Progressing' && c.reason === 'ProgressDeadlineExceeded');
  const failure = pods.map((pod) => failureOf(pod, rolling)).find((f) => f !== undefined);
  if (failure !== undefined) return { type: 'failing', failure, givenUp };
  return late(pods, rolling, { message, givenUp });
};

/** isKnown: the numbers are about what the Deployment was last told; isDone: all pods, and only they, are of it and ready. */
const countsOf = ({ status = {}, spec, metadata }: DeploymentObject) => {
  const { replicas = 0, updatedReplicas: updated = 0, availableReplicas = 0 } = status;
  const wanted = spec?.replicas ?? 1;
  return {
    wanted,
    updated,
    isKnown: (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0),
    // While there are others too, nobody knows whose the available ones are.
    isDone: replicas === wanted && updated === wanted && availableReplicas >= wanted,
  };
};

/** late judges pods whose own status says of nothing that is wrong. */
const late = (
  pods: readonly PodObject[],
  rolling: Rolling,
  { message, givenUp }: { readonly message: string; readonly givenUp: boolean },
): Rollout => {
  const delay = longestDelay(pods);
  const isDue = delay !== undefined && (givenUp || isLate(delay, rolling.now));
  const found = isDue ? explain(rolling.app, delay, rolling) : undefined;
  const ask = isDue ? (questionOf(delay, rolling) ?? found?.ask) : undefined;
  if (givenUp) {
    const failure = found ?? neverReady(pods[0], rolling);
    return { type: 'failing', failure: ask === undefined ? failure : { ...failure, ask }, givenUp };
  }
  const lookAfterMs = delay && lookAgainMs(delay, rolling.now, progressDeadlineOf(rolling.app.spec) * 1000);
  return { type: 'progressing', message, ...(found && { delay: found }), ask, lookAfterMs };
};

/** Pod Security names fields of pods; which field of an App that is, it cannot know. */
const adviceOf = (message: string, { spec }: App): string =>
  /violates PodSecurity "restricted/.test(message) && spec.pod?.securityProfile === undefined
    ? ' Set spec.pod.securityProfile to Restricted.'
    : '';

const notCreated = (message: string, app: App): PodFailure => {
  const why = sentence(message.replace(/^pods "[^"]*" is forbidden: /, ''));
  return /exceeded quota/.test(message)
    ? {
        reason: Reason.QuotaExceeded,
        message: `No pod can be made: ${why} Lower spec.resources or spec.replicas, or have the quota raised.`,
      }
    : { reason: Reason.AdmissionDenied, message: `No pod can be made: ${why}${adviceOf(message, app)}` };
};

const neverReady = (pod: PodObject | undefined, { podLog }: Asked): PodFailure => {
  const words = lastWords(podLog ?? '');
  const log = words === undefined ? '' : ` The log ends with "${words}".`;
  return {
    reason: Reason.RolloutFailed,
    message: `The new pods do not become ready in time: check spec.port and the readinessProbe.${log}`,
    ...(pod === undefined || podLog !== undefined ? {} : { ask: logOf(pod, {}) }),
  };
};
