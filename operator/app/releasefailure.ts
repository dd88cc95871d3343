import type { App } from '../api/app.ts';
import { isStartFailure, isTooLittleMemory } from '../kube/containers.ts';
import { jobEnd, type JobObject } from '../kube/job.ts';
import { tidyLog } from '../telemetry/logtail.ts';
import { oneLine } from '../telemetry/oneline.ts';
import { sentence } from '../telemetry/sentence.ts';
import type { Observed, PodObject } from './observed.ts';
import { logOf, type PodNeed } from './podfailure.ts';
import { lastWords } from './podlog.ts';
import { appContainer } from './pods.ts';
import { releaseSeconds } from './resources/release.ts';

/** ReleaseFailure is why a release failed. */
export interface ReleaseFailure {
  readonly message: string;
  readonly exitCode?: number | undefined;
  readonly logTail?: string | undefined;
  /** What to ask before that is all that can be said. */
  readonly ask?: PodNeed | undefined;
}

interface Failed {
  readonly inputs: string;
  readonly job: JobObject;
  readonly pod: PodObject | undefined;
}

/** As long as the fields of status.release may be. */
const maxText = 4096;

/** releaseFailure says why a release failed: what was told stays, when its pod and log are gone too. */
export const releaseFailure = (observed: Observed, failed: Failed): ReleaseFailure =>
  recorded(observed, failed) ?? found(observed, failed);

const recorded = ({ app }: Observed, { inputs, job }: Failed): ReleaseFailure | undefined => {
  const { release } = app.status ?? {};
  const isSame = release?.inputs === inputs && release.job === job.metadata?.name && release.state === 'Failed';
  if (!isSame) return undefined;
  const { message = '', exitCode, logTail } = release;
  return { message, exitCode, logTail };
};

const endedIn = (pod: PodObject | undefined) => pod && appContainer(pod)?.state?.terminated;

const found = ({ app, podLog }: Observed, failed: Failed): ReleaseFailure => {
  const { pod, job } = failed;
  const { exitCode, message = '' } = endedIn(pod) ?? {};
  // The kubelet keeps the end of the log, should the node not give it away.
  const log = podLog === undefined || podLog !== '' ? podLog : tidyLog(message, maxText);
  const again = `Correct it and apply the App again, or delete Job "${job.metadata?.name}" to run it again.`;
  return {
    message: oneLine(`${whyFailed(app, failed, log)} ${again}`, maxText),
    exitCode,
    ...(log && { logTail: tidyLog(log, maxText) }),
    ...(pod !== undefined && exitCode !== undefined && podLog === undefined && { ask: logOf(pod, {}) }),
  };
};

const tooLittleMemory = 'The release needed more memory than its limit: raise the memory limit in spec.resources.';

const whyFailed = (app: App, { job, pod }: Failed, log = ''): string => {
  const end = jobEnd(job);
  if (pod?.status?.reason === 'DeadlineExceeded')
    return `The release has not ended within ${releaseSeconds(app)} s, which spec.release.timeoutSeconds allows.`;
  if (end?.reason === 'DeadlineExceeded') return 'The pod of the release did not come to an end in time.';
  const ended = endedIn(pod);
  if (ended === undefined) return `The release failed: ${sentence(end?.message ?? 'its pod is gone')}`;
  if (ended.reason === 'OOMKilled' || isTooLittleMemory(ended.reason, ended.message)) return tooLittleMemory;
  if (isStartFailure(ended.reason)) return `The release cannot start: ${sentence(ended.message ?? '')}`;
  const words = lastWords(log);
  return `The release ends with exit code ${ended.exitCode}${words === undefined ? '.' : `; its log says "${words}".`}`;
};
