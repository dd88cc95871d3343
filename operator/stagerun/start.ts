import { meanings, Reason } from '../api/conditions.ts';
import { formatReference, parseReference, type Keyring, type Reference } from '../registry/index.ts';
import { StorageError } from '../storage/index.ts';
import { because } from './build/causes.ts';
import type { LookupContext } from './deps.ts';
import { missingSecret } from './needs.ts';
import { resolvePlatform, type BuildPlatform } from './platform.ts';
import { describe, headOwn, keyring, marginSeconds, NoCredential, readCA, tryPush } from './registryaccess.ts';
import { jobSeconds } from './resources/job.ts';
import type { RunSecretData } from './resources/secret.ts';
import type { Situation, Waiting } from './situation.ts';

const waitFor = (reason: Reason, message: string, seconds = 15, everybody = false): Waiting => ({
  type: 'waiting',
  summary: { reason, message },
  afterMs: seconds * 1000,
  everybody,
});

/** waitWithAll is for what is down for everybody. */
const waitWithAll = (reason: Reason, message: string): Waiting => waitFor(reason, message, 15, true);

/** lookUpStart finds out whether a run may begin, and with what. */
export const lookUpStart = async (context: LookupContext): Promise<Situation> => {
  const { deps, observed } = context;
  const platform = resolvePlatform(deps.config, observed.run, observed);
  if (!platform) {
    const detail = `It is "${observed.run.spec.builder}".`;
    return { type: 'failed', cause: because(Reason.BuilderNotFound, { detail }) };
  }
  try {
    return await lookUpImage(context, platform);
  } catch (error) {
    if (error instanceof NoCredential) return waitFor(Reason.RegistryUnauthorized, error.message, 30);
    if (error instanceof StorageError) return waitWithAll(Reason.StorageUnavailable, error.message);
    throw error;
  }
};

/** lookUpImage looks before it builds: the image may be there already, and without a run image the build is in vain. */
const lookUpImage = async (context: LookupContext, platform: BuildPlatform): Promise<Situation> => {
  const { deps } = context;
  const runImage = referenceOf(platform.status.runImage);
  if (!runImage) return unavailable(`"${platform.status.runImage}" is no image.`);
  const keys = await keyring(context, platform.status, marginSeconds);
  const found = await headOwn(context, platform.status, keys);
  if (found.type === 'found') {
    return { type: 'built', image: await describe(context, platform.status, found.digest, keys) };
  }
  if (found.type === 'unauthorized') return waitFor(Reason.RegistryUnauthorized, found.message, 30);
  if (found.type === 'unreachable') return waitWithAll(Reason.RegistryUnreachable, found.message);
  if (platform.cache.type === 'volume' && context.observed.othersAtWork)
    return waitFor(Reason.CacheInUse, meanings.CacheInUse, 2);
  // A watch wakes the run when one of them changes.
  const { run } = context.observed;
  const missing = run.spec.rebase ? undefined : await missingSecret(context.ctx.kube, run);
  if (missing) return waitFor(Reason.SecretNotFound, missing, 60);
  const own = parseReference(platform.status.repository);
  // Two questions of which neither needs the other's answer.
  const [base, room] = await Promise.all([
    deps.registry.headManifest(runImage, keys[runImage.registry]),
    context.rooms.ask(own, () => tryPush(context, platform.status, keys)),
  ]);
  if (base.type === 'unreachable') return waitFor(Reason.RegistryUnreachable, base.message);
  if (base.type !== 'found') {
    return unavailable('message' in base ? base.message : formatReference(runImage));
  }
  const why = run.spec.rebase && (await whyNotUpon(context, platform.status, keys));
  if (why !== undefined) return { type: 'failed', cause: because(Reason.RebaseFailed, { detail: why }) };
  // Not for all: a registry may bound each project by itself.
  if (room.type === 'full') return waitFor(Reason.RegistryFull, `${meanings.RegistryFull} ${room.message}`, 60);
  const status = { ...platform.status, runImageDigest: base.digest };
  return { type: 'startable', platform: { ...platform, status }, data: await secretDataFor(context, platform) };
};

const systemLabels = ['io.buildpacks.base.distro.name', 'io.buildpacks.base.distro.version', 'io.buildpacks.stack.id'];

/** whyNotUpon says why an image must not be put upon another run image: what was built for one system may not run upon another. */
const whyNotUpon = async (
  { deps }: LookupContext,
  { runImage, previousImage }: BuildPlatform['status'],
  keys: Keyring,
): Promise<string | undefined> => {
  const systemOf = async (reference: string | undefined): Promise<string | undefined> => {
    const image = referenceOf(reference ?? '');
    const found = image && (await deps.registry.imageConfig(image, keys[image.registry]));
    if (found?.type !== 'found') return undefined;
    return systemLabels
      .map((label) => found.config.labels[label] ?? '')
      .join(' ')
      .trim();
  };
  const [before, after] = [await systemOf(previousImage), await systemOf(runImage)];
  if (before === undefined || after === undefined) return 'One of the two images cannot be read.';
  return before === after ? undefined : `It was built upon "${before}", and the newer run image is "${after}".`;
};

const unavailable = (detail: string): Situation => ({
  type: 'failed',
  cause: because(Reason.RunImageUnavailable, { detail }),
});

const referenceOf = (text: string): Reference | undefined => {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
};

/** secretDataFor makes what the run's Secret holds. */
export const secretDataFor = async (context: LookupContext, platform: BuildPlatform): Promise<RunSecretData> => {
  const { deps, ctx, observed } = context;
  const seconds = jobSeconds(platform.limits) + marginSeconds;
  const { metadata, spec } = observed.run;
  const ca = await readCA(deps.config, { home: deps.home, source: spec.source }, ctx.kube);
  const keys = await keyring(context, platform.status, seconds);
  if (spec.source.blob === undefined || spec.rebase !== undefined) return { ca, keyring: keys };
  const key = deps.storage.blobKey(metadata.namespace, spec.source.blob.sha256);
  const { url } = await deps.storage.presignGet({ key, expiresSeconds: seconds, endpoint: 'internal' });
  return { url, ca, keyring: keys };
};
