import { childLabels, labels } from '../../api/names.ts';
import type { GitSource, Source } from '../../api/source.ts';
import { StageRun } from '../../api/stagerun.ts';
import { apiVersionOf } from '../../kube/resource.ts';
import type { Config } from '../../config.ts';
import { bytesOf } from '../../kube/apply/quantity.ts';
import type { JobObject } from '../build/jobstate.ts';
import type { Limits } from '../build/reasons.ts';
import { imageReference, type BuildPlatform, type Settings } from '../platform.ts';
import { tenantSteps, type StepName } from '../../api/steps.ts';
import { forPlatform, mergeResources } from './resources.ts';
import { buildVolumes, cacheDir, caDir, fetchDir, gitDir, metadataFile, secretKeys, stepMounts } from './volumes.ts';

/** JobInput are all that a build Job is made of. */
export interface JobInput {
  readonly run: StageRun;
  readonly platform: BuildPlatform;
  readonly config: Config;
  /** Image and command of the fetch container: the operator's own. */
  readonly fetch: Settings['fetch'];
  /** Whether the run's Secret has a CA bundle. */
  readonly ca: boolean;
  /** Commit that an earlier attempt of the run has looked up. */
  readonly commit?: string | undefined;
}

type PodSpec = NonNullable<NonNullable<JobObject['spec']>['template']['spec']>;
type Container = PodSpec['containers'][number];
type EnvVar = NonNullable<Container['env']>[number];

/** jobSeconds is how long a Job may live: until its pod has started, and then the build. */
export const jobSeconds = ({ build, start }: Limits): number => start + build;

/** secretName of a run: its Job's name, as both live and die together. */
export const secretName = (run: StageRun): string => run.metadata.name;

/** ownLabels are on everything of a run. No process label, so that no Service or Deployment selects a build pod. */
export const ownLabels = (run: StageRun): Record<string, string> => ({
  ...childLabels({ namespace: run.metadata.namespace, name: run.spec.appRef.name }, 'staging'),
  [labels.stageRun]: run.metadata.name,
});

/** Sidecars would keep the pod running after export and see its network. Istio reads the label, older ones the annotation. */
const meshOff = { 'sidecar.istio.io/inject': 'false', 'kuma.io/sidecar-injection': 'disabled' } as const;
const podAnnotations = {
  ...meshOff,
  'linkerd.io/inject': 'disabled',
  'consul.hashicorp.com/connect-inject': 'false',
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
  'karpenter.sh/do-not-disrupt': 'true',
};

/** buildJob makes the Job of a run: one attempt, six steps of which only detect and build run code of a user; a rebase has one. */
export const buildJob = (input: JobInput): JobObject => {
  const { run, platform } = input;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: run.metadata.name,
      namespace: run.metadata.namespace,
      labels: ownLabels(run),
      ownerReferences: [ownedBy(run)],
    },
    spec: {
      // A second attempt begins with empty volumes: the App decides about it, with backoff.
      backoffLimit: 0,
      // The pod's own deadline fires first, and leaves statuses and logs behind; this one deletes the pod.
      activeDeadlineSeconds: jobSeconds(platform.limits),
      podReplacementPolicy: 'Failed',
      template: {
        metadata: { labels: { ...ownLabels(run), ...meshOff }, annotations: podAnnotations },
        spec: podSpec(input),
      },
    },
  };
};

const ownedBy = (run: StageRun) => ({
  apiVersion: apiVersionOf(StageRun),
  kind: StageRun.kind,
  name: run.metadata.name,
  uid: run.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

const podSpec = (input: JobInput): PodSpec => {
  const { run, platform, config } = input;
  const { uid, gid } = platform.status;
  const resources = mergeResources(run.spec.resources, config.build.resources);
  const { nodeSelector, tolerations } = config.build;
  const one = (name: StepName): Container => ({
    ...programs[name](input),
    name,
    resources: tenantSteps.has(name) ? resources : forPlatform(resources),
    volumeMounts: stepMounts(run.spec, { ca: input.ca, cache: platform.cache.type === 'volume' })[name] ?? [],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
  });
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: platform.limits.build,
    terminationGracePeriodSeconds: 5,
    serviceAccountName: 'default',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations: tolerations as NonNullable<PodSpec['tolerations']> }),
    securityContext: {
      runAsNonRoot: true,
      // Both must be the builder's, or the lifecycle tries to change them and dies.
      runAsUser: uid,
      runAsGroup: gid,
      fsGroup: gid,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumes: buildVolumes({
      secretName: secretName(run),
      spec: run.spec,
      ca: input.ca,
      cacheClaim: platform.status.cacheClaim,
      diskLimit: resources.limits['ephemeral-storage'],
    }),
    ...(run.spec.rebase === undefined
      ? { initContainers: buildSteps.map(one), containers: [one('export')] }
      : { containers: [one('rebase')] }),
  };
};

const buildSteps: readonly StepName[] = ['fetch', 'analyze', 'detect', 'restore', 'build'];

type Program = Pick<Container, 'image' | 'command' | 'args' | 'env'>;

/** Of this file Kubernetes makes the termination message. */
const reportFlag = '-report=/dev/termination-log';

const programs: Record<StepName, (input: JobInput) => Program> = {
  fetch: (input) => ({ image: input.fetch.image, command: [...input.fetch.command], env: fetchEnv(input) }),
  analyze: (input) => {
    const { runImage, previousImage } = input.platform.status;
    const previous = previousImage ? [`-previous-image=${previousImage}`] : [];
    const flags = [...cacheImage(input), `-run-image=${runImage}`, ...previous];
    return registryProgram('analyzer', input, flags, [output(input)]);
  },
  detect: (input) => tenantProgram('detector', input),
  restore: (input) => registryProgram('restorer', input, cacheFlags(input), []),
  build: (input) => tenantProgram('builder', input),
  export: (input) => {
    const metadata = input.run.spec.source.git === undefined ? [] : [`-project-metadata=${metadataFile}`];
    const flags = [...cacheFlags(input), reportFlag, ...metadata];
    return registryProgram('exporter', input, flags, [output(input)]);
  },
  rebase: (input) => {
    const { runImage, previousImage = '' } = input.platform.status;
    // Names need not agree: the configuration says which run image is meant, and start.ts whether it fits.
    const flags = ['-force', `-run-image=${runImage}`, `-previous-image=${previousImage}`, reportFlag];
    return registryProgram('rebaser', input, flags, [output(input)]);
  },
};

const blobEnv = ({ sha256, size }: NonNullable<Source['blob']>): Record<string, string | number> => ({
  FETCH_URL_FILE: `${fetchDir}/${secretKeys.url}`,
  FETCH_SHA256: sha256,
  FETCH_SIZE: size,
});

/** gitEnv holds no credential: that is in the files of the Secret which the App names. */
const gitEnv = (source: GitSource, { config, commit }: JobInput): Record<string, string | number> => {
  const { url, revision, subPath, secretRef, submodules } = source;
  const { allowedHosts, maxBytes, maxObjects, timeoutSeconds, proxy, noProxy, knownHosts } = config.git;
  return {
    FETCH_GIT_URL: url,
    ...(revision !== undefined && { FETCH_GIT_REVISION: revision }),
    ...(commit !== undefined && { FETCH_GIT_COMMIT: commit }),
    ...(subPath !== undefined && { FETCH_GIT_SUBPATH: subPath }),
    ...(submodules !== undefined && { FETCH_GIT_SUBMODULES: submodules }),
    ...(secretRef !== undefined && { FETCH_GIT_SECRET_DIR: gitDir, FETCH_GIT_SECRET_NAME: secretRef.name }),
    ...(allowedHosts.length > 0 && { FETCH_GIT_ALLOWED_HOSTS: allowedHosts.join(' ') }),
    ...(knownHosts.length > 0 && { FETCH_GIT_KNOWN_HOSTS: knownHosts.join('\n') }),
    ...(proxy !== undefined && { FETCH_GIT_PROXY: proxy, FETCH_GIT_NO_PROXY: noProxy.join(',') }),
    FETCH_GIT_MAX_BYTES: maxBytes,
    FETCH_GIT_MAX_OBJECTS: maxObjects,
    FETCH_GIT_TIMEOUT_SECONDS: timeoutSeconds,
    FETCH_METADATA_FILE: metadataFile,
  };
};

/** A volume that is full is emptied before anything is built. */
const cacheEnv = (cache: BuildPlatform['cache']): Record<string, string | number> =>
  cache.type === 'volume' ? { FETCH_CACHE_DIR: cacheDir, FETCH_CACHE_BYTES: bytesOf(cache.size) } : {};

const fetchEnv = (input: JobInput): EnvVar[] => {
  const { run, config, ca, platform } = input;
  const { maxBytes, maxEntries, maxRatio, maxDepth } = config.archive;
  const { blob, git } = run.spec.source;
  const values = {
    ...(blob && blobEnv(blob)),
    ...(git && gitEnv(git, input)),
    FETCH_MAX_BYTES: maxBytes,
    FETCH_MAX_ENTRIES: maxEntries,
    FETCH_MAX_RATIO: maxRatio,
    FETCH_MAX_DEPTH: maxDepth,
    ...cacheEnv(platform.cache),
    ...(ca && { FETCH_CA_FILE: `${caDir}/${secretKeys.ca}` }),
  };
  return Object.entries(values).map(([name, value]) => ({ name, value: String(value) }));
};

const output = ({ platform }: JobInput): string => imageReference(platform.status);

const lifecycleEnv = ({ platform }: JobInput): EnvVar[] => [
  { name: 'CNB_PLATFORM_API', value: platform.status.platformAPI },
  { name: 'CNB_NO_COLOR', value: 'true' },
  { name: 'CNB_ANALYZED_PATH', value: '/meta/analyzed.toml' },
];

/** tenantProgram runs code of buildpacks and of the user: it has no credential, no CA and no say in what the others read. */
const tenantProgram = (program: string, input: JobInput): Program => ({
  image: input.platform.status.builderImage,
  command: [`/cnb/lifecycle/${program}`],
  env: [...lifecycleEnv(input), { name: 'HOME', value: '/tmp' }],
});

const cacheImage = ({ platform: { status } }: JobInput): string[] =>
  status.cacheRepository ? [`-cache-image=${status.cacheRepository}`] : [];

/** Of a volume analyze knows nothing; of an image it tries whether it may be written. */
const cacheFlags = (input: JobInput): string[] =>
  input.platform.cache.type === 'volume' ? [`-cache-dir=${cacheDir}`] : cacheImage(input);

/** registryProgram talks to the registry, and runs nothing but the lifecycle. */
const registryProgram = (program: string, input: JobInput, flags: string[], positional: string[]): Program => {
  const { uid, gid } = input.platform.status;
  return {
    image: input.platform.lifecycleImage,
    command: [`/cnb/lifecycle/${program}`],
    args: [`-uid=${uid}`, `-gid=${gid}`, ...flags, ...positional],
    env: [...lifecycleEnv(input), ...registryEnv(input)],
  };
};

const registryEnv = ({ run, config, ca }: JobInput): EnvVar[] => [
  {
    name: 'CNB_REGISTRY_AUTH',
    valueFrom: { secretKeyRef: { name: secretName(run), key: secretKeys.registryAuth } },
  },
  { name: 'CNB_REGISTRY_AUTH_KEYCHAIN_SKIP_AMAZON', value: 'true' },
  { name: 'CNB_REGISTRY_AUTH_KEYCHAIN_SKIP_AZURE', value: 'true' },
  // As a variable: the flag is refused by platform API 0.12.
  ...(config.registry.insecure ? [{ name: 'CNB_INSECURE_REGISTRIES', value: config.registry.push }] : []),
  ...(ca ? [{ name: 'SSL_CERT_FILE', value: `${caDir}/${secretKeys.ca}` }] : []),
];
