import { Secret } from '../kube/resource.ts';
import { Reason } from '../api/conditions.ts';
import { digestOf } from './report.ts';
import { readLogTail } from './logtail.ts';
import { isControlledBy } from '../kube/owners.ts';
import {
  describe,
  freshKeyring,
  headOwn,
  platformNow,
  runKeyring,
  tryPush,
  type Asking,
  type BuiltImage,
} from './outside.ts';
import type { Phase } from './phase.ts';
import { resolvePlatform } from './platform.ts';
import type { Cause, Probed } from './causes.ts';
import type { Judgement } from './reasons.ts';
import type { Lookup } from '../registry/index.ts';
import { secretName } from './resources/job.ts';
import type { Material } from './resources/secret.ts';
import { askStart, prepare, type Start } from './start.ts';
import type { Word } from './status.ts';
import { stepStates } from '../api/steps.ts';
import { begun } from './steps.ts';
import { readWarning } from './warning.ts';

/** Answer is what the outside was asked and said; which one follows from the phase. */
export type Answer =
  | { readonly type: 'none' }
  | { readonly type: 'start'; readonly start: Start }
  /** material: the Job is there and its Secret is not. */
  | { readonly type: 'active'; readonly warning?: string | undefined; readonly material?: Material | undefined }
  /** unknown: whether the image is there cannot be said yet, and why. */
  | { readonly type: 'built'; readonly image: BuiltImage | undefined; readonly unknown: Word | undefined }
  | { readonly type: 'failed'; readonly logTail: string; readonly probed?: Probed; readonly image?: BuiltImage }
  | { readonly type: 'lost'; readonly image?: BuiltImage };

const second = 1000;
/** A pod has its first container, or a Job its pod, within this time, unless something is wrong. */
const startupMs = 15 * second;
const podlessLookMs = 2 * second;

/** ask gets from outside of the cache what the plan of this phase needs, and no more. */
export const ask = async (asking: Asking, phase: Phase): Promise<Answer> => {
  switch (phase.type) {
    case 'ready':
      return { type: 'start', start: await askStart(asking) };
    case 'building':
      return askBuilding(asking, phase.judgement);
    case 'lost':
      return askLost(asking);
    case 'going':
    case 'recorded':
    case 'cancelled':
    case 'occupied':
    case 'blocked':
    case 'queued':
      return { type: 'none' };
  }
};

const askBuilding = async (asking: Asking, judgement: Judgement): Promise<Answer> => {
  switch (judgement.type) {
    case 'active':
      return askActive(asking);
    case 'built':
      return askBuilt(asking, judgement.report);
    case 'failed':
      return askFailed(asking, judgement.cause);
  }
};

const askActive = async (asking: Asking): Promise<Answer> => {
  const { deps, ctx, seen } = asking;
  const { job, pod, run } = seen;
  if (pod && begun(pod)) return { type: 'active' };
  const key = { namespace: run.metadata.namespace, name: secretName(run) };
  const platform = resolvePlatform(deps.config, run, seen);
  // Without its Secret the pod cannot start, so what is missing was never made: the operator died between the two. One of
  // an earlier Job of this name does not count.
  const secret = await ctx.kube.getMetadata(Secret, key);
  const missing = platform && !(secret && job && isControlledBy(secret, job));
  const since = pod?.metadata?.creationTimestamp ?? job?.metadata?.creationTimestamp ?? '';
  const late = ctx.now().getTime() - Date.parse(since) >= (pod ? startupMs : podlessLookMs);
  return {
    type: 'active',
    material: missing ? await prepare(asking, platform) : undefined,
    warning: late ? await readWarning(ctx.kube, pod ?? job) : undefined,
  };
};

const askBuilt = async (asking: Asking, report: string | undefined): Promise<Answer> => {
  const reported = digestOf(report);
  const platform = platformNow(asking.deps, asking.seen);
  if (!platform) return { type: 'built', image: reported ? { digest: reported } : undefined, unknown: undefined };
  const keys = await freshKeyring(asking, platform);
  const found = reported ? { type: 'found' as const, digest: reported } : await headOwn(asking, platform, keys);
  if (found.type !== 'found') {
    return { type: 'built', image: undefined, unknown: silence(found) };
  }
  const image = await describe(asking, platform, found.digest, keys);
  if (image.labels || !endedLately(asking)) return { type: 'built', image, unknown: undefined };
  const unknown = { reason: Reason.Running, message: 'The image is pushed; its labels cannot be read yet.' };
  return { type: 'built', image: undefined, unknown };
};

const silence = (found: Lookup<unknown>): Word | undefined => {
  if (found.type === 'unauthorized') return { reason: Reason.RegistryUnauthorized, message: found.message };
  return found.type === 'unreachable' ? { reason: Reason.RegistryUnreachable, message: found.message } : undefined;
};

/** Labels say how the image is started: worth a moment of waiting, but not the image itself. */
const labelsPatienceMs = 60 * second;

const endedLately = ({ ctx, seen }: Asking): boolean => {
  const steps = seen.pod ? stepStates(seen.pod) : [];
  const ended = steps.find(({ name }) => name === 'export')?.state.terminated?.finishedAt;
  return ended !== undefined && ctx.now().getTime() - Date.parse(ended) < labelsPatienceMs;
};

/** askFailed reads the log's end and, where the exit code leaves it open, asks the registry with the run's own credential. */
const askFailed = async (asking: Asking, cause: Cause): Promise<Answer> => {
  const { deps, ctx, seen } = asking;
  const logTail = await readLogTail(ctx.kube, seen.pod, cause);
  const platform = platformNow(deps, seen);
  if (!cause.askRegistry || !platform) return { type: 'failed', logTail };
  const keys = await runKeyring(asking);
  const found = await headOwn(asking, platform, keys);
  // The manifest is the last thing that export pushes: an export that died after it has built the image all the same.
  if (found.type === 'found' && cause.step === 'export') {
    return { type: 'failed', logTail, image: await describe(asking, platform, found.digest, keys) };
  }
  if (found.type === 'unauthorized' || found.type === 'unreachable') return { type: 'failed', logTail, probed: found };
  const room = cause.step === 'export' ? await tryPush(asking, platform, keys) : undefined;
  return room === undefined || room.type === 'room'
    ? { type: 'failed', logTail }
    : { type: 'failed', logTail, probed: room };
};

const askLost = async (asking: Asking): Promise<Answer> => {
  const platform = platformNow(asking.deps, asking.seen);
  if (!platform) return { type: 'lost' };
  const keys = await freshKeyring(asking, platform);
  const found = await headOwn(asking, platform, keys);
  if (found.type !== 'found') return { type: 'lost' };
  return { type: 'lost', image: await describe(asking, platform, found.digest, keys) };
};
