import { Reason } from '../api/conditions.ts';
import { StageRun } from '../api/stagerun.ts';
import { pushSteps, stepStates } from '../api/steps.ts';
import { isControlledBy } from '../kube/owners.ts';
import { keyOf, Secret } from '../kube/resource.ts';
import type { Lookup } from '../registry/index.ts';
import { afterProbe, because, type Cause } from './build/causes.ts';
import type { JobObject } from './build/jobstate.ts';
import { withWarning } from './build/reasons.ts';
import { readLogTail } from './build/logtail.ts';
import { digestOf } from './build/report.ts';
import { begun } from './build/steps.ts';
import { readWarning } from './build/warning.ts';
import type { LookupContext } from './deps.ts';
import { buildOf } from './logrequest.ts';
import type { Observed } from './observed.ts';
import { platformNow, resolvePlatform } from './platform.ts';
import type { BuildQueue } from './queue.ts';
import { describe, freshKeyring, headOwn, runKeyring, tryPush } from './registryaccess.ts';
import { secretName } from './resources/job.ts';
import type { Query, Situation, Summary } from './situation.ts';
import { lookUpStart, secretDataFor } from './start.ts';

const second = 1000;
/** A pod has its first container, or a Job its pod, within this time, unless something is wrong. */
const startupMs = 15 * second;
const podlessLookMs = 2 * second;

/** lookUp gets from outside of the cache what a plan needs, and no more; undefined: the answer wakes the run. */
export const lookUp = async (
  context: LookupContext,
  queue: BuildQueue,
  query: Query,
): Promise<Observed | undefined> => {
  const { observed } = context;
  if (query.type === 'turn') return takeTurn(observed, queue);
  if (query.type === 'log') return askForLog(context, query.request);
  return { ...observed, situation: await find(context, query) };
};

/** takeTurn takes a slot in the same moment in which it is found to be free. */
const takeTurn = (observed: Observed, queue: BuildQueue): Observed => {
  const { run, now } = observed;
  const key = keyOf(run);
  const turn = queue.request({ key, since: run.metadata.creationTimestamp }, now);
  if (turn.type === 'admitted') return { ...observed, admitted: true };
  return { ...observed, situation: { ...turn, mayTell: queue.mayTell(key, now) } };
};

const askForLog = ({ deps, observed }: LookupContext, request: string): Observed | undefined => {
  const { metadata } = observed.run;
  // Complete before it is answered, also where this leader has not seen the run before.
  deps.logs.follow(buildOf(observed));
  const log = deps.logs.ask(keyOf(observed.run), metadata.uid, request);
  return log && { ...observed, log };
};

const find = (context: LookupContext, query: Exclude<Query, { type: 'turn' | 'log' }>): Promise<Situation> => {
  switch (query.type) {
    case 'earlier':
      return lookUpEarlier(context, query.job);
    case 'start':
      return lookUpStart(context);
    case 'active':
      return lookUpActive(context, query);
    case 'built':
      return lookUpBuilt(context, query);
    case 'failed':
      return lookUpFailed(context, query.cause);
    case 'lost':
      return lookUpLost(context, query.message);
  }
};

type Asked<T extends Query['type']> = Extract<Query, { type: T }>;

/** The Job is to be deleted: not before it is sure that the run is the one that is there now. */
const lookUpEarlier = async ({ ctx, observed: { run } }: LookupContext, job: JobObject): Promise<Situation> => {
  const now = await ctx.kube.getMetadata(StageRun, keyOf(run));
  return now?.metadata.uid === run.metadata.uid ? { type: 'occupied', earlier: job } : { type: 'going' };
};

const lookUpActive = async (context: LookupContext, { job, judgement }: Asked<'active'>): Promise<Situation> => {
  const { deps, ctx, observed } = context;
  const { run, pod, now } = observed;
  if (pod && begun(pod)) return { type: 'active', job, summary: judgement, missing: undefined };
  const platform = resolvePlatform(deps.config, run, observed);
  // Without its Secret the pod cannot start, so what is missing was never made: the operator died between the two. One of
  // an earlier Job of this name does not count.
  const secret = await ctx.kube.getMetadata(Secret, { namespace: run.metadata.namespace, name: secretName(run) });
  const isMissing = !(secret && isControlledBy(secret, job));
  const missing = platform && isMissing ? await secretDataFor(context, platform) : undefined;
  const since = (pod ?? job).metadata?.creationTimestamp ?? '';
  const isLate = now.getTime() - Date.parse(since) >= (pod ? startupMs : podlessLookMs);
  const warning = isLate ? await readWarning(ctx.kube, pod ?? job) : undefined;
  return { type: 'active', job, summary: withWarning(judgement, warning, pod), missing };
};

const lookUpBuilt = async (context: LookupContext, { job, report }: Asked<'built'>): Promise<Situation> => {
  const reported = digestOf(report);
  const platform = platformNow(context.deps.config, context.observed.run, context.observed);
  if (!platform) return reported ? { type: 'built', image: { digest: reported } } : noImage;
  const keys = await freshKeyring(context, platform);
  const found = reported ? { type: 'found' as const, digest: reported } : await headOwn(context, platform, keys);
  if (found.type !== 'found') {
    const summary = whyUnknown(found);
    return summary ? { type: 'unconfirmed', job, summary } : noImage;
  }
  const image = await describe(context, platform, found.digest, keys);
  return image.labels || !endedLately(context.observed)
    ? { type: 'built', image }
    : { type: 'unconfirmed', job, summary: labelsAwaited };
};

const noImage: Situation = {
  type: 'failed',
  cause: because(Reason.ExportFailed, {
    step: 'export',
    detail: 'The Job succeeded, yet its image is not in the registry.',
  }),
};

const labelsAwaited: Summary = {
  reason: Reason.Running,
  message: 'The image is pushed; its labels cannot be read yet.',
};

const whyUnknown = (found: Lookup<unknown>): Summary | undefined => {
  if (found.type === 'unauthorized') return { reason: Reason.RegistryUnauthorized, message: found.message };
  return found.type === 'unreachable' ? { reason: Reason.RegistryUnreachable, message: found.message } : undefined;
};

/** Labels say how the image is started: worth a moment of waiting, but not the image itself. */
const labelsPatienceMs = 60 * second;

const endedLately = ({ pod, now }: Observed): boolean => {
  const steps = pod ? stepStates(pod) : [];
  const ended = steps.find(({ name }) => pushSteps.has(name))?.state.terminated?.finishedAt;
  return ended !== undefined && now.getTime() - Date.parse(ended) < labelsPatienceMs;
};

/** lookUpFailed reads the log's end and, where the exit code leaves it open, asks the registry with the run's own credential. */
const lookUpFailed = async (context: LookupContext, cause: Cause): Promise<Situation> => {
  const { deps, ctx, observed } = context;
  const logTail = await readLogTail(ctx.kube, observed.pod, cause);
  const platform = platformNow(deps.config, observed.run, observed);
  if (!cause.askRegistry || !platform) return { type: 'failed', cause, logTail };
  const keys = await runKeyring(context);
  const found = await headOwn(context, platform, keys);
  // The manifest is the last thing that export pushes: an export that died after it has built the image all the same.
  const pushed = pushSteps.has(cause.step ?? '');
  if (found.type === 'found' && pushed)
    return { type: 'built', image: await describe(context, platform, found.digest, keys) };
  if (found.type === 'unauthorized' || found.type === 'unreachable')
    return { type: 'failed', cause: afterProbe(cause, found), logTail };
  const room = pushed ? await tryPush(context, platform, keys) : undefined;
  const probed = room === undefined || room.type === 'room' ? undefined : room;
  return { type: 'failed', cause: afterProbe(cause, probed), logTail };
};

const lookUpLost = async (context: LookupContext, message: string): Promise<Situation> => {
  const { deps, observed } = context;
  const platform = platformNow(deps.config, observed.run, observed);
  if (platform) {
    const keys = await freshKeyring(context, platform);
    const found = await headOwn(context, platform, keys);
    if (found.type === 'found') return { type: 'built', image: await describe(context, platform, found.digest, keys) };
  }
  return { type: 'failed', cause: because(Reason.PodDeleted, { detail: message }) };
};
