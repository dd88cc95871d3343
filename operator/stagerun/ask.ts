import { Reason } from '../api/conditions.ts';
import type { Platform } from '../api/stagerun.ts';
import { Job, Secret, keyOf } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import { formatReference, parseReference, type Credential, type Lookup, type Reference } from '../registry/index.ts';
import { StorageError } from '../storage/index.ts';
import { platformHash } from '../platform.ts';
import { keyringFor, NoCredential, readCA, type Keyring } from './credentials.ts';
import type { StageRunDeps } from './deps.ts';
import { readLogTail } from './logtail.ts';
import { controllerOf, type Seen } from './observe.ts';
import type { Phase } from './phase.ts';
import { imageReference, pushRepository, resolvePlatform, type BuildPlatform } from './platform.ts';
import { because, type Cause, type Judgement, type Probed } from './reasons.ts';
import { digestOf } from './report.ts';
import { schedulingSeconds, secretName } from './resources/job.ts';
import type { Material } from './resources/secret.ts';
import { secretKeys } from './resources/volumes.ts';
import { begun, stepStates } from './steps.ts';
import { readWarning } from './warning.ts';

/** BuiltImage is an image in the registry; labels are absent where they could not be read. */
export interface BuiltImage {
  readonly digest: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Start is what the outside says to a run that may begin. */
export type Start =
  | { readonly type: 'found'; readonly image: BuiltImage; readonly platform: BuildPlatform }
  | { readonly type: 'wait'; readonly reason: Reason; readonly message: string; readonly afterMs: number }
  | { readonly type: 'fail'; readonly cause: Cause }
  | { readonly type: 'go'; readonly platform: BuildPlatform; readonly material: Material };

/** Answer is what the outside was asked and said; which one follows from the phase. */
export type Answer =
  | { readonly type: 'none' }
  | { readonly type: 'start'; readonly start: Start }
  /** material: the Job is there and its Secret is not. */
  | { readonly type: 'active'; readonly warning?: string | undefined; readonly material?: Material | undefined }
  | { readonly type: 'built'; readonly image: BuiltImage | undefined; readonly unknown: string | undefined }
  | { readonly type: 'failed'; readonly logTail: string; readonly probed?: Probed; readonly image?: BuiltImage }
  | { readonly type: 'lost'; readonly jobIsThere: boolean; readonly image?: BuiltImage };

/** Asking is who asks whom about what. */
interface Asking {
  readonly deps: StageRunDeps;
  readonly ctx: Context;
  readonly seen: Seen;
}

const second = 1000;
/** Tokens live a little longer than the Job: clocks differ. */
const marginSeconds = 300;
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
    case 'recorded':
    case 'cancelled':
    case 'occupied':
    case 'blocked':
    case 'queued':
      return { type: 'none' };
  }
};

const waitFor = (reason: Reason, message: string, seconds = 15): Start => ({
  type: 'wait',
  reason,
  message,
  afterMs: seconds * second,
});

const askStart = async (asking: Asking): Promise<Start> => {
  const { deps, seen } = asking;
  const platform = resolvePlatform(deps.config, seen.run, { deployed: seen.deployed });
  if (!platform) {
    return { type: 'fail', cause: because(Reason.BuilderNotFound, { detail: `It is "${seen.run.spec.builder}".` }) };
  }
  try {
    return await askRegistryFirst(asking, platform);
  } catch (error) {
    if (error instanceof NoCredential) return waitFor(Reason.RegistryUnauthorized, error.message, 30);
    if (error instanceof StorageError) return waitFor(Reason.StorageUnavailable, error.message);
    throw error;
  }
};

/** askRegistryFirst looks before it builds: the image may be there already, and without a run image the build is in vain. */
const askRegistryFirst = async (asking: Asking, platform: BuildPlatform): Promise<Start> => {
  const { deps } = asking;
  const runImage = referenceOf(platform.status.runImage);
  if (!runImage) return { type: 'fail', cause: unavailable(`"${platform.status.runImage}" is no image.`) };
  const keys = await keyring(asking, platform.status, marginSeconds);
  const found = await headOwn(asking, platform.status, keys);
  if (found.type === 'found') {
    return { type: 'found', platform, image: await describe(asking, platform.status, found.digest, keys) };
  }
  if (found.type === 'unauthorized') return waitFor(Reason.RegistryUnauthorized, found.message, 30);
  if (found.type === 'unreachable') return waitFor(Reason.RegistryUnreachable, found.message);
  const base = await deps.registry.headManifest(runImage, keys[runImage.registry]);
  if (base.type === 'unreachable') return waitFor(Reason.RegistryUnreachable, base.message);
  if (base.type !== 'found') {
    return { type: 'fail', cause: unavailable('message' in base ? base.message : formatReference(runImage)) };
  }
  const missing = await missingSecret(asking);
  if (missing) return waitFor(Reason.SecretNotFound, `The Secret ${missing}, which build.env names, does not exist.`);
  return { type: 'go', platform, material: await prepare(asking, platform) };
};

const unavailable = (detail: string): Cause => because(Reason.RunImageUnavailable, { detail });

const referenceOf = (text: string): Reference | undefined => {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
};

const keyring = ({ deps, ctx, seen }: Asking, platform: BuildPlatform['status'], seconds: number): Promise<Keyring> =>
  keyringFor({
    config: deps.config,
    home: deps.home,
    kube: ctx.kube,
    platform,
    namespace: seen.run.metadata.namespace,
    seconds,
  });

/** prepare makes what the run's Secret holds. */
const prepare = async (asking: Asking, platform: BuildPlatform): Promise<Material> => {
  const { deps, ctx, seen } = asking;
  const seconds = platform.timeoutSeconds + schedulingSeconds + marginSeconds;
  const key = deps.storage.blobKey(seen.run.metadata.namespace, seen.run.spec.source.blob?.sha256 ?? '');
  const ca = await readCA(deps.config, deps.home, ctx.kube);
  const { url } = await deps.storage.presignGet({ key, expiresSeconds: seconds, endpoint: 'internal' });
  return { url, ca, keyring: await keyring(asking, platform.status, seconds) };
};

const missingSecret = async ({ ctx, seen }: Asking): Promise<string | undefined> => {
  const { namespace } = seen.run.metadata;
  const names = new Set((seen.run.spec.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []));
  for (const name of names) {
    if (!(await ctx.kube.getMetadata(Secret, { namespace, name }))) return name;
  }
  return undefined;
};

const describe = async (asking: Asking, platform: Platform, digest: string, keys: Keyring): Promise<BuiltImage> => {
  const image = parseReference(`${platform.repository}@${digest}`);
  const config = await asking.deps.registry.imageConfig(image, keys[image.registry]);
  return config.type === 'found' ? { digest, labels: config.config.labels } : { digest };
};

/** platformNow is what the run began with, as its status has it, or would have had it. */
const platformNow = (deps: StageRunDeps, seen: Seen): BuildPlatform['status'] | undefined => {
  const recorded = seen.run.status?.platform;
  if (recorded?.repository && recorded.runImage) return recorded as BuildPlatform['status'];
  return resolvePlatform(deps.config, seen.run, { deployed: seen.deployed })?.status;
};

/** platformToRecord is platformNow; where the builder is none any more, what does not depend on it. */
export const platformToRecord = (deps: StageRunDeps, seen: Seen): Platform & { readonly repository: string } => {
  const { config } = deps;
  const { metadata, spec } = seen.run;
  const repository = pushRepository(config, metadata.namespace, spec.appRef.name);
  return platformNow(deps, seen) ?? { hash: platformHash(config, spec), repository, tag: metadata.name };
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
  const platform = resolvePlatform(deps.config, run, { deployed: seen.deployed });
  // Without its Secret the pod cannot start, so what is missing was never made: the operator died between the two. One of
  // an earlier Job of this name does not count.
  const secret = await ctx.kube.getMetadata(Secret, key);
  const missing = platform && (!secret || controllerOf(secret)?.uid !== job?.metadata?.uid);
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
    return { type: 'built', image: undefined, unknown: 'message' in found ? found.message : undefined };
  }
  const image = await describe(asking, platform, found.digest, keys);
  if (image.labels || !endedLately(asking)) return { type: 'built', image, unknown: undefined };
  return { type: 'built', image: undefined, unknown: 'The labels of the image cannot be read yet.' };
};

/** Labels say how the image is started: worth a moment of waiting, but not the image itself. */
const labelsPatienceMs = 60 * second;

const endedLately = ({ ctx, seen }: Asking): boolean => {
  const steps = seen.pod ? stepStates(seen.pod) : [];
  const ended = steps.find(({ name }) => name === 'export')?.state.terminated?.finishedAt;
  return ended !== undefined && ctx.now().getTime() - Date.parse(ended) < labelsPatienceMs;
};

/** freshKeyring opens the registry to the operator itself; empty where the installation's Secret is gone for the moment. */
const freshKeyring = async (asking: Asking, platform: BuildPlatform['status']): Promise<Keyring> => {
  try {
    return await keyring(asking, platform, marginSeconds);
  } catch (error) {
    if (error instanceof NoCredential) return {};
    throw error;
  }
};

const headOwn = (
  { deps }: Asking,
  platform: BuildPlatform['status'],
  keys: Keyring,
): Promise<Lookup<{ digest: string }>> => {
  const target = parseReference(imageReference(platform));
  return deps.registry.headManifest(target, keys[target.registry]);
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
  return { type: 'failed', logTail };
};

/** runKeyring is the credential that the run's containers had; a new one would not show that theirs had expired. */
const runKeyring = async ({ ctx, seen }: Asking): Promise<Keyring> => {
  const key = { namespace: seen.run.metadata.namespace, name: secretName(seen.run) };
  const data = (await ctx.kube.get(Secret, key))?.data?.[secretKeys.registryAuth] ?? '';
  try {
    const headers = JSON.parse(Buffer.from(data, 'base64').toString()) as Record<string, string>;
    return Object.fromEntries(Object.entries(headers).map(([host, header]) => [host, credentialOf(header)]));
  } catch {
    return {};
  }
};

const credentialOf = (header: string): Credential => {
  const [, scheme, value = ''] = /^(Basic|Bearer) (.*)$/.exec(header) ?? [];
  if (scheme !== 'Basic') return { type: 'bearer', token: value };
  const [, username = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString()) ?? [];
  return { type: 'basic', username, password };
};

const askLost = async (asking: Asking): Promise<Answer> => {
  const { deps, ctx, seen } = asking;
  const live = await ctx.kube.get(Job, keyOf(seen.run));
  if (live && controllerOf(live)?.uid === seen.run.metadata.uid) return { type: 'lost', jobIsThere: true };
  const platform = platformNow(deps, seen);
  if (!platform) return { type: 'lost', jobIsThere: false };
  const keys = await freshKeyring(asking, platform);
  const found = await headOwn(asking, platform, keys);
  if (found.type !== 'found') return { type: 'lost', jobIsThere: false };
  return { type: 'lost', jobIsThere: false, image: await describe(asking, platform, found.digest, keys) };
};
