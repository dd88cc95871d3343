import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { blobKey } from '../api/names.ts';
import type { Config } from '../config.ts';
import { createGuard, NoAnswer, type Guard, type GuardOptions } from './guard.ts';
import { sleep, systemClock } from '../kube/clock.ts';
import { isApiError } from '../kube/errors.ts';
import type { Task, TaskContext } from '../kube/controller/manager.ts';
import { Secret } from '../kube/resource.ts';
import { MissingSecret, platformSecretNames, readPlatformSecrets, type PlatformSecrets } from './secrets.ts';
import { createRegistryClient, type Reference, type RegistryClient } from '../registry/index.ts';
import { createStorage, StorageError, type Storage } from '../storage/index.ts';

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
/** Fewer calls than a controller has workers, each shorter than a person's patience: a server that hangs holds up few for little. */
const patience: GuardOptions = { slots: 4, waitMs: 1_000, totalMs: 5_000, restMs: 5_000 };

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
export const createOutside = (config: Config, home: string, bounds = patience): Outside => {
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
      const known = error instanceof MissingSecret || error instanceof StorageError || isApiError(error);
      if (!known) log.error({ err: error }, 'storage or registry cannot be opened');
      // Whatever it was: who waits is told, and it is tried again.
      return failed(log, known ? error.message : `The storage or the registry cannot be opened: ${String(error)}`);
    }
  };

  return {
    storage: guardedStorage(async () => (await current()).storage, config.s3, createGuard(bounds)),
    registry: guardedRegistry(async () => (await current()).registry, bounds),
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
      // A server that hangs must not delay the end of the process.
      const renewed = await unlessAborted(signal, renew());
      await sleep(systemClock, renewed ? lookMs : retryMs, wakeUp);
    }
  } finally {
    unsubscribe();
  }
};

const unlessAborted = async (signal: AbortSignal, work: Promise<boolean>): Promise<boolean> => {
  const aborted = Promise.withResolvers<boolean>();
  const abort = (): void => aborted.resolve(false);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

/** guardedStorage is the storage of the moment, behind a guard. */
const guardedStorage = (current: () => Promise<Storage>, s3: Config['s3'], guard: Guard): Storage => {
  const call = async <A>(question: (storage: Storage) => Promise<A>): Promise<A> => {
    try {
      return await guard(async () => question(await current()));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new StorageError(
        'EndpointUnreachable',
        `The S3 endpoint ${s3.endpoint} ${error.message}: check s3.endpoint and that the server runs.`,
      );
    }
  };
  return {
    blobKey: (namespace, sha256) => blobKey(s3.prefix, namespace, sha256),
    ensureBucket: () => call((storage) => storage.ensureBucket()),
    capabilities: () => call((storage) => storage.capabilities()),
    head: (key) => call((storage) => storage.head(key)),
    remove: (key) => call((storage) => storage.remove(key)),
    // Who walks through the bucket does nothing else meanwhile; each of its pages has an end.
    list: async function* (prefix) {
      yield* (await current()).list(prefix);
    },
    removeAll: async (keys) => (await current()).removeAll(keys),
    probeRoom: () => call((storage) => storage.probeRoom()),
    read: async (key) => (await current()).read(key),
    write: async (key, text) => (await current()).write(key, text),
    presignPut: (request) => call((storage) => storage.presignPut(request)),
    presignGet: (request) => call((storage) => storage.presignGet(request)),
    close: async () => (await current()).close(),
  };
};

type Unreachable = { readonly type: 'unreachable'; readonly message: string };

/** guardedRegistry is the client of the moment, with a guard for each registry; one that cannot be opened does not answer. */
const guardedRegistry = (current: () => Promise<RegistryClient>, bounds: GuardOptions): Outside['registry'] => {
  const guards = new Map<string, Guard>();
  const guardOf = (host: string): Guard => {
    const guard = guards.get(host) ?? createGuard(bounds);
    // Hosts come from the configuration and from runs under way: few.
    guards.set(host, guard);
    return guard;
  };
  const spared = async <A>(
    registry: string,
    guard: Guard,
    question: (client: RegistryClient) => Promise<A>,
  ): Promise<A | Unreachable> => {
    try {
      return await guard(async () => question(await current()));
    } catch (error) {
      if (error instanceof NoAnswer)
        return { type: 'unreachable', message: `The registry ${registry} ${error.message}.` };
      if (error instanceof StorageError) return { type: 'unreachable', message: error.message };
      throw error;
    }
  };
  const call = <A>({ registry }: Reference, question: (client: RegistryClient) => Promise<A>) =>
    spared(registry, guardOf(registry), question);
  // Who walks through a registry takes its time, and does nothing else meanwhile; each of its questions has an end.
  const walk = <A>(registry: string, question: (client: RegistryClient) => Promise<A>) =>
    spared(registry, (work) => work(), question);
  return {
    headManifest: (image, credential) => call(image, (client) => client.headManifest(image, credential)),
    imageConfig: (image, credential) => call(image, (client) => client.imageConfig(image, credential)),
    imageSize: (image, credential) => call(image, (client) => client.imageSize(image, credential)),
    imageBlobs: (image, credential) => call(image, (client) => client.imageBlobs(image, credential)),
    addTag: (image, tag, credential) => call(image, (client) => client.addTag(image, tag, credential)),
    tryUpload: (image, credential) => call(image, (client) => client.tryUpload(image, credential)),
    repositories: (registry, credential) => walk(registry, (client) => client.repositories(registry, credential)),
    tags: (image, credential) => walk(image.registry, (client) => client.tags(image, credential)),
    removeManifest: (image, credential) => walk(image.registry, (client) => client.removeManifest(image, credential)),
    putLabels: (image, labels, credential) =>
      walk(image.registry, (client) => client.putLabels(image, labels, credential)),
  };
};
