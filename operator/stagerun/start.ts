import { meanings, Reason } from '../api/conditions.ts';
import { Secret } from '../kube/resource.ts';
import { formatReference, parseReference, type Reference } from '../registry/index.ts';
import { StorageError } from '../storage/index.ts';
import { NoCredential, readCA } from './credentials.ts';
import { describe, headOwn, keyring, marginSeconds, tryPush, type Asking, type BuiltImage } from './outside.ts';
import { resolvePlatform, type BuildPlatform } from './platform.ts';
import { because, type Cause } from './causes.ts';
import { jobSeconds } from './resources/job.ts';
import type { Material } from './resources/secret.ts';

/** Start is what the outside says to a run that may begin. */
export type Start =
  | { readonly type: 'found'; readonly image: BuiltImage; readonly platform: BuildPlatform }
  | {
      readonly type: 'wait';
      readonly reason: Reason;
      readonly message: string;
      readonly afterMs: number;
      /** What is awaited is awaited by all: who waits for it stays in front, and the others need not ask. */
      readonly everybody: boolean;
    }
  | { readonly type: 'fail'; readonly cause: Cause }
  | { readonly type: 'go'; readonly platform: BuildPlatform; readonly material: Material };

const waitFor = (reason: Reason, message: string, seconds = 15, everybody = false): Start => ({
  type: 'wait',
  reason,
  message,
  afterMs: seconds * 1000,
  everybody,
});

/** waitWithAll is for what is down for everybody. */
const waitWithAll = (reason: Reason, message: string): Start => waitFor(reason, message, 15, true);

/** askStart finds out whether a run may begin, and with what. */
export const askStart = async (asking: Asking): Promise<Start> => {
  const { deps, seen } = asking;
  const platform = resolvePlatform(deps.config, seen.run, seen);
  if (!platform) {
    return { type: 'fail', cause: because(Reason.BuilderNotFound, { detail: `It is "${seen.run.spec.builder}".` }) };
  }
  try {
    return await askRegistryFirst(asking, platform);
  } catch (error) {
    if (error instanceof NoCredential) return waitFor(Reason.RegistryUnauthorized, error.message, 30);
    if (error instanceof StorageError) return waitWithAll(Reason.StorageUnavailable, error.message);
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
  if (found.type === 'unreachable') return waitWithAll(Reason.RegistryUnreachable, found.message);
  // A watch wakes the run when one of them changes.
  const missing = await missingSecret(asking);
  if (missing) return waitFor(Reason.SecretNotFound, missing, 60);
  const base = await deps.registry.headManifest(runImage, keys[runImage.registry]);
  if (base.type === 'unreachable') return waitFor(Reason.RegistryUnreachable, base.message);
  if (base.type !== 'found') {
    return { type: 'fail', cause: unavailable('message' in base ? base.message : formatReference(runImage)) };
  }
  const room = await tryPush(asking, platform.status, keys);
  // Not for all: a registry may bound each project by itself.
  if (room.type === 'full') return waitFor(Reason.RegistryFull, `${meanings.RegistryFull} ${room.message}`, 60);
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

/** prepare makes what the run's Secret holds. */
export const prepare = async (asking: Asking, platform: BuildPlatform): Promise<Material> => {
  const { deps, ctx, seen } = asking;
  const seconds = jobSeconds(platform.limits) + marginSeconds;
  const { metadata, spec } = seen.run;
  const ca = await readCA(deps.config, { home: deps.home, source: spec.source }, ctx.kube);
  const keys = await keyring(asking, platform.status, seconds);
  if (spec.source.blob === undefined) return { ca, keyring: keys };
  const key = deps.storage.blobKey(metadata.namespace, spec.source.blob.sha256);
  const { url } = await deps.storage.presignGet({ key, expiresSeconds: seconds, endpoint: 'internal' });
  return { url, ca, keyring: keys };
};

/** missingSecret says which Secret or key of build.env or source.git is not there. Read live, once per start: contents are never cached. */
const missingSecret = async ({ ctx, seen }: Asking): Promise<string | undefined> => {
  const { namespace } = seen.run.metadata;
  const git = seen.run.spec.source.git?.secretRef?.name;
  if (git !== undefined && (await ctx.kube.getMetadata(Secret, { namespace, name: git })) === undefined)
    return `The Secret "${git}" does not exist in this namespace: create it with the credential for git (spec.source.git.secretRef of the App names it).`;
  const found = new Map<string, ReadonlySet<string> | undefined>();
  for (const { name: variable, valueFrom } of seen.run.spec.env ?? []) {
    if (!valueFrom?.secretKeyRef) continue;
    const { name, key } = valueFrom.secretKeyRef;
    if (!found.has(name)) {
      const secret = await ctx.kube.get(Secret, { namespace, name });
      found.set(name, secret && new Set(Object.keys(secret.data ?? {})));
    }
    const keys = found.get(name);
    const use = `spec.build.env of the App takes ${variable} from there`;
    if (!keys)
      return `The Secret "${name}" does not exist in this namespace: create it with the key "${key}" (${use}).`;
    if (!keys.has(key)) return `The Secret "${name}" has no key "${key}": add it (${use}).`;
  }
  return undefined;
};
