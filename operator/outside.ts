import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { blobKey } from './api/names.ts';
import type { Config } from './config.ts';
import { sleep, systemClock } from './kube/clock.ts';
import { isApiError } from './kube/errors.ts';
import type { Task, TaskContext } from './kube/manager.ts';
import { Secret } from './kube/resource.ts';
import { MissingSecret, platformSecretNames, readPlatformSecrets, type PlatformSecrets } from './platformsecrets.ts';
import { createRegistryClient, type RegistryClient } from './registry/index.ts';
import { createStorage, StorageError, type Storage } from './storage/index.ts';

/**
 * Outside is the installation's storage and registry. Both are made anew, by `task`, whenever one of the Secrets that they are
 * opened with changes; whoever holds them notices nothing. Until the Secrets are there they say what is missing.
 */
export interface Outside {
  readonly storage: Storage;
  readonly registry: Omit<RegistryClient, 'close'>;
  readonly task: Task;
  /** s3ChangedAt is when the S3 credential was last exchanged for another one: URLs signed before are of no use. */
  s3ChangedAt(this: void): Date | undefined;
  close(): Promise<void>;
}

/** Made is what was made of one reading of the Secrets. */
interface Made {
  readonly secrets: PlatformSecrets;
  readonly storage: Storage;
  readonly registry: RegistryClient;
}

const retryMs = 5_000;
/** A change is told by a watch; this is for the one that none told of. */
const lookMs = 3_600_000;
/** Longer than any call that is under way. */
const closeMs = 60_000;

const make = (config: Config, secrets: PlatformSecrets): Made => ({
  secrets,
  storage: createStorage({ ...config.s3, ...secrets.s3 }),
  registry: createRegistryClient({
    ca: secrets.registryCA,
    insecure: config.registry.insecure ? [config.registry.push] : [],
  }),
});

const closeAll = async ({ storage, registry }: Made): Promise<void> => {
  await Promise.all([storage.close(), registry.close()]);
};

/** createOutside makes it; nothing is read before the task runs. */
export const createOutside = (config: Config, home: string): Outside => {
  const tried = Promise.withResolvers<void>();
  let trouble = '';
  let made: Made | undefined;
  let prepared: Made | undefined;
  let s3ChangedAt: Date | undefined;

  const current = async (): Promise<Made> => {
    await tried.promise;
    if (made === undefined) throw new StorageError('WrongCredentials', trouble);
    return made;
  };

  /** Says once for each cause what it waits for; what was made before goes on being used. */
  const failed = (log: Logger, message: string): false => {
    if (message !== trouble) log.warn({ cause: message }, 'storage or registry is not ready');
    trouble = message;
    tried.resolve();
    return false;
  };

  const renew = async ({ kube, log }: Pick<TaskContext, 'kube' | 'log'>): Promise<boolean> => {
    try {
      const secrets = await readPlatformSecrets(kube, home, config);
      const before = made;
      if (!isDeepStrictEqual(before?.secrets, secrets)) {
        made = make(config, secrets);
        if (before !== undefined) {
          if (!isDeepStrictEqual(before.secrets.s3, secrets.s3)) s3ChangedAt = new Date();
          setTimeout(() => void closeAll(before), closeMs).unref();
          log.info('a Secret of the platform changed: storage and registry are opened anew');
        }
        tried.resolve();
      }
      if (made !== undefined && prepared !== made) await prepare(made.storage, log);
      prepared = made;
      trouble = '';
      return true;
    } catch (error) {
      if (error instanceof MissingSecret || error instanceof StorageError || isApiError(error))
        return failed(log, error.message);
      throw error;
    }
  };

  return {
    storage: storageBy(async () => (await current()).storage, config),
    registry: {
      headManifest: (...asked) => ask(current, (r) => r.headManifest(...asked)),
      imageConfig: (...asked) => ask(current, (r) => r.imageConfig(...asked)),
      repositories: (...asked) => ask(current, (r) => r.repositories(...asked)),
      tags: (...asked) => ask(current, (r) => r.tags(...asked)),
      removeManifest: (...asked) => ask(current, (r) => r.removeManifest(...asked)),
      tryUpload: (...asked) => ask(current, (r) => r.tryUpload(...asked)),
      imageSize: (...asked) => ask(current, (r) => r.imageSize(...asked)),
    },
    task: { name: 'outside', run: (ctx) => keepCurrent(ctx, { config, home, renew: () => renew(ctx) }) },
    s3ChangedAt: () => s3ChangedAt,
    close: async () => {
      if (made !== undefined) await closeAll(made);
    },
  };
};

/** prepare makes the bucket. Only uploads need it, so reconciles don't wait. */
const prepare = async (storage: Storage, log: Logger): Promise<void> => {
  await storage.ensureBucket();
  const capabilities = await storage.capabilities();
  for (const warning of capabilities.warnings) log.warn({ warning }, 'storage');
  log.info({ checksum: capabilities.checksum, credential: capabilities.credential }, 'storage is ready');
};

const keepCurrent = async (
  { cache, signal }: TaskContext,
  { config, home, renew }: { config: Config; home: string; renew: () => Promise<boolean> },
): Promise<void> => {
  const names = platformSecretNames(config);
  let changed = new AbortController();
  const unsubscribe = cache.subscribe(Secret, ({ before, after }) => {
    const { namespace, name = '' } = (after ?? before)?.metadata ?? {};
    if (namespace === home && names.has(name)) changed.abort();
  });
  try {
    while (!signal.aborted) {
      // Before the reading, so that no change is lost during it.
      changed = new AbortController();
      const wakeUp = AbortSignal.any([signal, changed.signal]);
      await sleep(systemClock, (await renew()) ? lookMs : retryMs, wakeUp);
    }
  } finally {
    unsubscribe();
  }
};

const storageBy = (current: () => Promise<Storage>, { s3 }: Config): Storage => ({
  blobKey: (namespace, sha256) => blobKey(s3.prefix, namespace, sha256),
  ensureBucket: async () => (await current()).ensureBucket(),
  capabilities: async () => (await current()).capabilities(),
  head: async (key) => (await current()).head(key),
  remove: async (key) => (await current()).remove(key),
  presignPut: async (request) => (await current()).presignPut(request),
  presignGet: async (request) => (await current()).presignGet(request),
  close: async () => (await current()).close(),
});

/** ask asks the registry; one that cannot be opened yet is one that does not answer. */
const ask = async <A>(
  current: () => Promise<Made>,
  question: (registry: RegistryClient) => Promise<A>,
): Promise<A | { readonly type: 'unreachable'; readonly message: string }> => {
  try {
    return await question((await current()).registry);
  } catch (error) {
    if (error instanceof StorageError) return { type: 'unreachable', message: error.message };
    throw error;
  }
};
