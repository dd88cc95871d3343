import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { appController, appCacheSpecs, sweepPullSecrets } from './app/index.ts';
import { appRouteController, appRouteCacheSpecs } from './approute/index.ts';
import { mergeCacheSpecs } from './caches.ts';
import { loadConfig, type Config, type Environment } from './config.ts';
import { loadAuth, type Auth } from './kube/auth.ts';
import { createCache } from './kube/cache.ts';
import { createClient, type KubeClient } from './kube/client.ts';
import { electionIdentity } from './kube/leader.ts';
import { Manager } from './kube/manager.ts';
import { runProcess } from './kube/process.ts';
import { Pod } from './kube/resource.ts';
import { readPlatformSecrets, type PlatformSecrets } from './platformsecrets.ts';
import { createRegistryClient } from './registry/index.ts';
import { Shell } from './shell.ts';
import { stageRunController, stageRunCacheSpecs } from './stagerun/index.ts';
import { createStorage, type Storage } from './storage/index.ts';
import { createLogger } from './telemetry/log.ts';
import { countRequest, reflectorHappened } from './telemetry/metrics.ts';

/** The command of the fetch container, in the operator's own image (Dockerfile). */
const fetchCommand = ['node', '/app/epinio-operator.mjs', 'fetch'];

/** ownImage is the image that this pod runs: its fetch program runs in build Jobs. */
const ownImage = async (kube: KubeClient, env: Environment): Promise<string> => {
  if (env.image !== undefined || env.podName === undefined) return env.image ?? 'ghcr.io/epinio/operator:latest';
  const pod = await kube.get(Pod, { namespace: env.namespace, name: env.podName });
  const image = pod?.spec?.containers.find((c) => c.name === 'operator')?.image;
  if (image === undefined) throw new Error(`pod ${env.podName} has no container named operator; set EPINIO_IMAGE`);
  return image;
};

const storageOf = (config: Config, { s3 }: PlatformSecrets): Storage => createStorage({ ...config.s3, ...s3 });

/** prepareStorage makes the bucket, in the background: an App that runs an image needs no storage. */
const prepareStorage = (storage: Storage, log: Logger) => ({
  name: 'storage',
  run: async (): Promise<void> => {
    await storage.ensureBucket();
    const capabilities = await storage.capabilities();
    for (const warning of capabilities.warnings) log.warn({ warning }, 'storage');
    log.info({ checksum: capabilities.checksum, credential: capabilities.credential }, 'storage is ready');
  },
});

/** Wiring is what createManager puts together; tests and the benchmark give their own auth and no election. */
export interface Wiring {
  readonly config: Config;
  readonly kube: KubeClient;
  readonly storage: Storage;
  readonly log: Logger;
  /** Namespace of the operator. */
  readonly home: string;
  readonly fetchImage: string;
  readonly registryCA?: string | undefined;
  readonly options?: Pick<ConstructorParameters<typeof Manager>[0], 'election' | 'health' | 'runner'>;
}

/** createManager puts controllers, cache and storage together. */
export const createManager = (w: Wiring) => {
  const { config, kube, storage, log, home } = w;
  const registry = createRegistryClient({
    ca: w.registryCA,
    insecure: config.registry.insecure ? [config.registry.push] : [],
  });
  const cache = createCache(
    kube,
    mergeCacheSpecs([appCacheSpecs(config, home), stageRunCacheSpecs, appRouteCacheSpecs], config.watchNamespaces),
    { onHappening: reflectorHappened, onError: (error) => log.error({ err: error }, 'a cache handler threw') },
  );
  const controllers = [
    appController({ config, home, storage }),
    stageRunController({ config, home, storage, registry, fetch: { image: w.fetchImage, command: fetchCommand } }),
    appRouteController({ config }),
  ];
  const reporter = { controller: 'epinio.io/operator', instance: hostname() };
  const manager = new Manager({
    controllers,
    tasks: [prepareStorage(storage, log), sweepPullSecrets(config)],
    kube,
    cache,
    log,
    reporter,
    ...w.options,
  });
  return { manager, cache };
};

/** runOperator is the operator's process, from its configuration to its orderly end. */
export const runOperator = async (env: Environment, auth: Auth = loadAuth()): Promise<undefined> => {
  const log = createLogger(env.logLevel);
  const config = loadConfig(env.configPath);
  const kube = createClient({ auth, onRequest: countRequest, userAgent: 'epinio-operator' });
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const secrets = await readPlatformSecrets(kube, env.namespace, config, log, stop.signal);
  const storage = storageOf(config, secrets);
  const { manager, cache } = createManager({
    config,
    kube,
    storage,
    log,
    home: env.namespace,
    fetchImage: await ownImage(kube, env),
    registryCA: secrets.registryCA,
    options: {
      election: {
        lease: { namespace: env.namespace, name: 'epinio-operator' },
        identity: electionIdentity(env.podName),
      },
      health: { port: env.healthPort },
    },
  });
  await runProcess(new Shell({ manager, cache, log }), log);
  await storage.close();
  await kube.close();
  return undefined;
};
