import type { App } from '../api/app.ts';
import { Reason } from '../api/conditions.ts';
import { failedProbe, logOf, warningsOf, type Asked, type FailedProbe, type PodFailure } from './podfailure.ts';
import { sentence } from '../telemetry/sentence.ts';
import { listening } from './podlog.ts';
import { appContainer, podCondition } from './pods.ts';
import type { PodObject } from './observed.ts';

/** Delay is a pod that nothing is wrong with by its status, and that is not ready all the same. */
export interface Delay {
  readonly pod: PodObject;
  /** The app runs, so that it is a probe that fails; otherwise its container cannot be started. */
  readonly runs: boolean;
  readonly since: Date;
}

const timeOf = (time: string | undefined): number => Date.parse(time ?? '') || 0;

const delayOf = (pod: PodObject): Delay | undefined => {
  const status = appContainer(pod);
  if (status?.ready === true) return undefined;
  const running = status?.state?.running;
  if (running !== undefined) {
    const unready = podCondition(pod, 'Ready');
    const since = Math.max(timeOf(running.startedAt), timeOf(unready?.lastTransitionTime));
    return { pod, runs: true, since: new Date(since) };
  }
  const placed = podCondition(pod, 'PodScheduled');
  return placed?.status === 'True'
    ? { pod, runs: false, since: new Date(timeOf(placed.lastTransitionTime)) }
    : undefined;
};

/** longestDelay finds the pod that is late for the longest time. */
export const longestDelay = (pods: readonly PodObject[]): Delay | undefined =>
  pods
    .map(delayOf)
    .filter((d) => d !== undefined)
    .toSorted((a, b) => a.since.getTime() - b.since.getTime())[0];

/** patienceMs is how long a pod may take before its events are asked for. */
export const patienceMs = 10_000;
type Since = Pick<Delay, 'since'>;

const ageOf = ({ since }: Since, now: Date): number => now.getTime() - since.getTime();

/** isLate: it takes long enough to be asked about. */
export const isLate = (delay: Since, now: Date): boolean => ageOf(delay, now) >= patienceMs;

/**
 * lookAgainMs: first when the pod is late, then each time after as long again, so that a rollout costs seven looks or so; by the
 * deadline the Deployment itself gives up, and says so.
 */
export const lookAgainMs = (delay: Since, now: Date, deadlineMs: number): number | undefined => {
  const age = ageOf(delay, now);
  if (age < patienceMs) return patienceMs - age;
  return age < deadlineMs ? age : undefined;
};

/** Known is what else there is to explain a delay by. */
interface Known extends Asked {
  /** Ports that the image declares. */
  readonly declared: readonly number[];
}

/** explain reads the reason of a delay from the pod's events and log; undefined where they tell none. */
export const explain = (app: App, { pod, runs }: Delay, asked: Known): PodFailure | undefined => {
  const { warnings } = asked;
  if (warnings === undefined) return undefined;
  if (!runs) {
    const [newest] = warnings;
    if (newest === undefined) return undefined;
    return { reason: Reason.PodNotStarted, message: sentence([newest.reason, newest.note].filter(Boolean).join(': ')) };
  }
  const probe = failedProbe(warnings);
  if (probe === undefined) return undefined;
  const [, refused] = /:(\d+): connect: connection refused/.exec(probe.detail) ?? [];
  return refused === undefined ? failing(probe) : nothingListens(app, pod, Number(refused), asked);
};

const failing = ({ kind, detail }: FailedProbe): PodFailure => ({
  reason: Reason.ProbeFailed,
  message: `The ${kind}Probe of the app fails: ${sentence(detail)}`,
});

const nothingListens = (app: App, pod: PodObject, port: number, asked: Known): PodFailure => ({
  reason: Reason.NotListening,
  message: `Nothing listens on port ${port}${remedy(app, port, asked)}`,
  ...(asked.podLog === undefined ? { ask: logOf(pod, { from: 'start' }) } : {}),
});

const remedy = ({ spec }: App, port: number, { podLog: log = '', declared }: Known): string => {
  const own = spec.env?.find((e) => e.name === 'PORT')?.value;
  if (own !== undefined && own !== '' && own !== String(port))
    return `, because spec.env sets PORT to "${own}": set spec.port to the same number.`;
  const said = listening(log);
  const [first, ...others] = declared;
  if (said === undefined && first !== undefined && !declared.includes(port))
    return others.length === 0
      ? `, and the image declares port ${first}: set spec.port to ${first}, or let the app listen on the port in $PORT.`
      : `, and the image declares the ports ${declared.join(', ')}: set spec.port to the one that serves the web.`;
  if (said === undefined)
    return (
      ': let the app listen on 0.0.0.0 at the port in $PORT, or set spec.port to the port that it listens on; an app that ' +
      'listens on none needs readinessProbe: {}.'
    );
  return said.port === port
    ? ` of the pod's address, though the log says "${said.line}": let the app listen on 0.0.0.0, not on localhost alone.`
    : `, and the log says "${said.line}": set spec.port to ${said.port}, or let the app listen on the port in $PORT.`;
};

/** questionOf is what must be asked to explain a delay. */
export const questionOf = ({ pod }: Delay, asked: Asked) =>
  asked.warnings === undefined ? warningsOf(pod) : undefined;
