import { isTooLittleMemory } from '../kube/containers.ts';
import { meanings, Reason } from '../api/conditions.ts';
import { containerName } from '../api/names.ts';
import type { KubeObject } from '../kube/resource.ts';
import type { Warning } from '../kube/client/warnings.ts';
import { sentence } from '../telemetry/sentence.ts';
import { lastWords } from './podlog.ts';
import { appContainer, podCondition } from './pods.ts';
import type { Query, PodObject } from './observed.ts';

/** PodFailure is why a pod does not become ready, in one word and one sentence that stay the same while it lasts. */
export interface PodFailure {
  readonly reason: Reason;
  readonly message: string;
  /** lasting: it does not get better by itself. */
  readonly lasting?: boolean;
  /** What to ask before the message is all that can be said. */
  readonly ask?: PodNeed;
}

/** PodNeed is what of a pod is not in its status. */
export type PodNeed = Extract<Query, { readonly type: 'log' | 'warnings' }>;

/** Asked is what was asked of a pod, as far as it was. */
export interface Asked {
  readonly warnings: readonly Warning[] | undefined;
  readonly podLog: string | undefined;
}

/** logOf is where the log of the app is. */
export const logOf = (pod: PodObject, part: { readonly previous?: boolean; readonly from?: 'start' }): PodNeed => ({
  type: 'log',
  pod: pod.metadata?.name ?? '',
  container: containerName,
  previous: part.previous === true,
  from: part.from ?? 'end',
});

/** Kubernetes has several words for one thing, and changes between them while it lasts. */
const waitingReasons: Readonly<Record<string, Reason>> = {
  ErrImagePull: Reason.ImagePullBackOff,
  ImagePullBackOff: Reason.ImagePullBackOff,
  ErrImageNeverPull: Reason.ImagePullBackOff,
  InvalidImageName: Reason.ImagePullBackOff,
  CreateContainerConfigError: Reason.CreateContainerConfigError,
  CreateContainerError: Reason.CreateContainerConfigError,
  RunContainerError: Reason.CreateContainerConfigError,
};
/** A name that can be no image stays one. */
const lastingReasons: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull']);

/** Without a readinessProbe a container is ready as soon as it runs; one that has just crashed is on trial for so long. */
const trialMs = 6_000;

type ContainerStatus = NonNullable<ReturnType<typeof appContainer>>;

const isOnTrial = ({ restartCount, state }: ContainerStatus, now: Date): boolean =>
  restartCount > 0 && now.getTime() - Date.parse(state?.running?.startedAt ?? '') < trialMs;

/** failureOf reads what a pod's own status says is wrong; undefined where nothing is, or not yet. */
export const failureOf = (pod: PodObject, asked: Asked & { readonly now: Date }): PodFailure | undefined => {
  const status = appContainer(pod);
  if (status?.ready === true && !isOnTrial(status, asked.now)) return undefined;
  const waiting: { reason?: string; message?: string } = status?.state?.waiting ?? {};
  const reason = waitingReasons[waiting.reason ?? ''];
  if (isTooLittleMemory(waiting.reason, waiting.message)) return { ...tooSmall, lasting: true };
  if (reason !== undefined)
    return {
      reason,
      message: wordsOf(reason, waiting.message),
      lasting: lastingReasons.has(waiting.reason ?? ''),
    };
  const now = status?.state?.terminated;
  const end = now ?? status?.lastState?.terminated;
  if (end !== undefined)
    return crash(pod, { ...end, restarts: status?.restartCount ?? 0, over: now === undefined }, asked);
  return unschedulable(pod);
};

/** What the kubelet says where it cannot run an image without root, in words that name the field of the App. */
const rootless = (message = ''): string | undefined => {
  const user = /image has non-numeric user \(([^)]*)\)/.exec(message)?.[1];
  if (user !== undefined)
    return `The image runs as the user "${user}", which may be root as far as Kubernetes can tell: set spec.pod.securityContext.runAsUser to the number of that user.`;
  return /image will run as root/.test(message)
    ? 'The image runs as root, which its pods may not: set spec.pod.securityContext.runAsUser to the number of another user, or use an image that names one.'
    : undefined;
};

const wordsOf = (reason: Reason, message: string | undefined): string =>
  rootless(message) ?? sentence(message ?? meanings[reason]);

interface End {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly restarts: number;
  /** over: the container runs again. */
  readonly over: boolean;
}

/** The kubelet forgets the crashes of a container that ran for so long. */
const steadyMs = 600_000;
/** An app that waits for its database may crash once or twice; the third time it does not mend itself. */
const lastingRestarts = 2;

const isLoop = ({ restarts, startedAt = '', finishedAt = '' }: End): boolean =>
  restarts >= lastingRestarts && !(Date.parse(finishedAt) - Date.parse(startedAt) >= steadyMs);

/** Killed from outside, by SIGKILL or SIGTERM: why is not in the status. */
const killed: ReadonlySet<number> = new Set([137, 143]);

const tooSmall: Pick<PodFailure, 'reason' | 'message'> = {
  reason: Reason.OutOfMemory,
  message: 'The app cannot even start with the memory that it may use: raise the memory limit in spec.resources.',
};

const crash = (pod: PodObject, end: End, asked: Asked): PodFailure => {
  if (isTooLittleMemory(end.reason, end.message)) return { ...tooSmall, lasting: true };
  const lasting = isLoop(end);
  const log = asked.podLog === undefined ? { ask: logOf(pod, { previous: end.over }) } : {};
  if (end.reason === 'OOMKilled')
    return {
      reason: Reason.OutOfMemory,
      message: 'The app needed more memory than its limit: raise the memory limit in spec.resources.',
      lasting,
    };
  if (killed.has(end.exitCode)) {
    if (asked.warnings === undefined) return { ...crashed(pod, end, asked), lasting, ask: warningsOf(pod) };
    const probe = failedProbe(asked.warnings);
    if (probe !== undefined && probe.kind !== 'readiness') return { ...killedBy(probe), lasting };
  }
  return { ...crashed(pod, end, asked), lasting, ...log };
};

const crashed = (pod: PodObject, end: End, { podLog = '' }: Asked): PodFailure => {
  const words = lastWords(podLog);
  const how = end.exitCode === 0 ? 'ends by itself, with exit code 0' : `ends with exit code ${end.exitCode}`;
  const why =
    words === undefined ? '.' : `; its log says "${words}". See kubectl logs --previous ${pod.metadata?.name}.`;
  return { reason: Reason.CrashLoopBackOff, message: `The app ${how}${why}` };
};

const killedBy = ({ kind, detail }: FailedProbe): PodFailure => ({
  reason: Reason.ProbeFailed,
  message: `Kubernetes restarts the app, because its ${kind}Probe fails: ${sentence(detail)}`,
});

/** warningsOf asks for the events of a pod, or of what should make one. */
export const warningsOf = ({ metadata }: KubeObject): PodNeed => ({
  type: 'warnings',
  pod: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
});

/** FailedProbe is what the kubelet says of a probe that fails. */
export interface FailedProbe {
  readonly kind: 'readiness' | 'liveness' | 'startup';
  readonly detail: string;
}

/** failedProbe finds the newest failure of a probe. */
export const failedProbe = (warnings: readonly Warning[]): FailedProbe | undefined => {
  for (const { note } of warnings) {
    const [, kind, detail] = /^(Readiness|Liveness|Startup) probe (?:failed|errored[^:]*): (.*)$/.exec(note) ?? [];
    if (kind !== undefined && detail !== undefined) return { kind: kind.toLowerCase() as FailedProbe['kind'], detail };
  }
  return undefined;
};

const unschedulable = (pod: PodObject): PodFailure | undefined => {
  const scheduled = podCondition(pod, 'PodScheduled');
  return scheduled?.status === 'False' && scheduled.reason === 'Unschedulable'
    ? { reason: Reason.Unschedulable, message: sentence(scheduled.message ?? meanings.Unschedulable) }
    : undefined;
};
