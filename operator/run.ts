import { hostname } from 'node:os';
import type { Logger } from 'pino';
import {
  appController,
  appCacheSpecs,
  followBudgets,
  followPods,
  keepPullSecrets,
  keepSecretCopies,
} from './app/index.ts';
import { appRouteController, appRouteCacheSpecs, followHosts } from './approute/index.ts';
import { leaseName } from './api/crd/rbac.ts';
import { mergeCacheSpecs } from './kube/cache/specs.ts';
import { loadConfig, type Config, type Environment } from './config.ts';
import { loadAuth, type Auth } from './kube/client/auth.ts';
import { createCache } from './kube/cache/cache.ts';
import { createClient, type KubeClient } from './kube/client/client.ts';
import { electionIdentity } from './kube/controller/leader.ts';
import { Manager, type ManagerOptions } from './kube/controller/manager.ts';
import { runProcess } from './kube/controller/process.ts';
import { logHappening } from './kube/cache/reflectorlog.ts';
import { Pod } from './kube/resource.ts';
import { shrinkHeap } from './kube/controller/shrinkheap.ts';

import { learnAddresses } from './platform/learnaddresses.ts';
import { createOutside, type Outside } from './platform/backends.ts';
import { RunImages } from './platform/runimages.ts';
import { Leftovers, registryAddresses } from './registry/index.ts';
import { Shell } from './shell/shell.ts';
import { LogArchives, stageRunController, stageRunCacheSpecs } from './stagerun/index.ts';
import { blobSweeper, imageSweepers, logSweeper, sweepTask } from './sweep/index.ts';
import { createLogger } from './telemetry/log.ts';
import { countRequest, observeWatches, reflectorHappened } from './telemetry/metrics.ts';

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

/** Wiring is what createManager puts together. */
export interface Wiring {
  readonly config: Config;
  readonly kube: KubeClient;
  readonly outside: Outside;
  readonly log: Logger;
  /** Namespace of the operator. */
  readonly home: string;
  readonly fetchImage: string;
  readonly options: Pick<ManagerOptions, 'election' | 'health' | 'runner'>;
}

/** Builds that end leave a log to be read to its end while others begin. */
const logArchives = ({ config: { build, s3 }, kube, outside, log }: Wiring): LogArchives =>
  new LogArchives({
    source: kube,
    storage: outside.storage,
    prefix: s3.prefix,
    log,
    maxBytes: build.logBytes,
    readers: { all: 2 * build.concurrency, perNamespace: 2 * build.perNamespace },
  });

/** createManager puts controllers, cache, storage and registry together. */
export const createManager = (w: Wiring) => {
  const { config, kube, outside, log, home } = w;
  const { storage, registry, s3ChangedAt } = outside;
  const addresses = registryAddresses(config.registry);
  const leftovers = new Leftovers();
  const cache = createCache(
    kube,
    mergeCacheSpecs(
      [appCacheSpecs(config, home), stageRunCacheSpecs, appRouteCacheSpecs(config)],
      config.watchNamespaces,
    ),
    {
      onHappening: (h) => {
        reflectorHappened(h);
        logHappening(log, h);
      },
      onError: (error) => log.error({ err: error }, 'a function of the cache threw'),
    },
  );
  observeWatches(() => cache.status());
  const fetch = { image: w.fetchImage, command: fetchCommand };
  const runImages = new RunImages({ config, home, registry });
  const controllers = [
    appController({
      ...{ config, home, storage, s3ChangedAt, addresses, leftovers, runImages },
      ...{ budgets: followBudgets(cache), pods: followPods(cache), image: w.fetchImage },
    }),
    stageRunController({ config, home, storage, registry, fetch, runImages, logs: logArchives(w) }),
    appRouteController({ config, home, cache, hosts: followHosts(cache, config) }),
  ];
  const reporter = { controller: 'epinio.io/operator', instance: hostname() };
  const manager: Manager = new Manager({
    controllers,
    tasks: [
      outside.task,
      learnAddresses(addresses),
      runImages.task,
      keepPullSecrets(config, home),
      keepSecretCopies(config, home),
      sweepTask(config, [
        blobSweeper({ config, home, storage }),
        logSweeper({ config, home, storage }),
        ...imageSweepers({ config, home, storage, registry, addresses, leftovers }),
      ]),
      shrinkHeap(() => manager.idle),
    ],
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
  const outside = createOutside(config, env.namespace);
  const { manager, cache } = createManager({
    config,
    kube,
    outside,
    log,
    home: env.namespace,
    fetchImage: await ownImage(kube, env),
    options: {
      election: {
        lease: { namespace: env.namespace, name: leaseName },
        identity: electionIdentity(env.podName),
      },
      health: { port: env.healthPort },
    },
  });
  await runProcess(new Shell({ manager, cache, log }), log);
  await outside.close();
  await kube.close();
  return undefined;
};
