import type { BuildBinding, BuildEnvVar, GitSource } from '../../api/source.ts';
import type { StageRunSpec } from '../../api/stagerun.ts';
import type { JobObject } from '../build/jobstate.ts';

type PodSpec = NonNullable<NonNullable<JobObject['spec']>['template']['spec']>;
/** Volume is a volume of the build pod. */
export type Volume = NonNullable<PodSpec['volumes']>[number];
/** Mount is where a container sees one. */
export type Mount = NonNullable<PodSpec['containers'][number]['volumeMounts']>[number];

/** secretKeys are the keys of a run's Secret; each container sees only what is its own. */
export const secretKeys = {
  /** Presigned URL of the archive; only fetch has it. */
  url: 'url',
  /** Value of CNB_REGISTRY_AUTH; only analyze, restore and export have it. */
  registryAuth: 'registry-auth',
  /** CAs of the installation's registry and object storage: public, yet only where they are needed. */
  ca: 'ca.crt',
  /** Literal settings of buildpacks by their index, since their names may be longer than a key: only detect and build. */
  env: (index: number): string => `env-${index}`,
  /** What an App says of a binding beside its Secret: only detect and build. */
  binding: (index: number, file: BindingFile): string => `binding-${index}-${file}`,
} as const;

/** BindingFile is a file of a binding that the App may write itself. */
export type BindingFile = (typeof bindingFiles)[number];
/** bindingFiles are those. */
export const bindingFiles = ['type', 'provider'] as const;

/** fetchDir and caDir are where containers find their part of the Secret. */
export const fetchDir = '/epinio/fetch';
export const caDir = '/epinio/ca';
/** cacheDir is where a volume with cached layers is: no code of buildpacks sees it. */
export const cacheDir = '/epinio/cache';
/** gitDir is where fetch finds the Secret that source.git names. */
export const gitDir = '/epinio/git';
/** metadataFile is where fetch tells the exporter what was built from where: buildpack code cannot write there. */
export const metadataFile = '/meta/project-metadata.toml';
/** Of a tenant's Secret only what fetch reads is mounted. */
const gitKeys = ['username', 'password', 'bearerToken', 'ssh-privatekey', 'identity', 'known_hosts', 'ca.crt'];
const platformEnvDir = '/platform/env';
const platformBindingsDir = '/platform/bindings';

const mounts = {
  workspace: { name: 'workspace', mountPath: '/workspace' },
  layers: { name: 'layers', mountPath: '/layers' },
  meta: { name: 'meta', mountPath: '/meta' },
  /** Scratch of buildpack code. */
  untrustedTmp: { name: 'tmp', mountPath: '/tmp' },
  /** Scratch of our own and the lifecycle's programs: buildpack code must not prepare files for those that hold credentials. */
  trustedTmp: { name: 'tmp-trusted', mountPath: '/tmp' },
  env: { name: 'platform-env', mountPath: platformEnvDir, readOnly: true },
  fetch: { name: 'fetch', mountPath: fetchDir, readOnly: true },
  ca: { name: 'ca', mountPath: caDir, readOnly: true },
  cache: { name: 'cache', mountPath: cacheDir },
  git: { name: 'git', mountPath: gitDir, readOnly: true },
} satisfies Record<string, Mount>;

const readOnly = (mount: Mount): Mount => ({ ...mount, readOnly: true });

const bindingVolume = (index: number): string => `binding-${index}`;

const bindingMounts = (bindings: readonly BuildBinding[]): Mount[] =>
  bindings.map(({ name }, index) => ({
    name: bindingVolume(index),
    mountPath: `${platformBindingsDir}/${name}`,
    readOnly: true,
  }));

/** stepMounts are what each container sees. The registry's credential is an environment variable of three of them, not a file. */
export const stepMounts = (
  { source, bindings = [] }: Pick<StageRunSpec, 'source' | 'bindings'>,
  { ca, cache }: { readonly ca: boolean; readonly cache: boolean },
): Record<string, Mount[]> => {
  const trust = ca ? [mounts.ca] : [];
  const kept = cache ? [mounts.cache] : [];
  const platform = [mounts.env, ...bindingMounts(bindings)];
  const { git } = source;
  const fetched =
    git === undefined ? [mounts.fetch] : [mounts.meta, ...(git.secretRef === undefined ? [] : [mounts.git])];
  return {
    fetch: [mounts.workspace, mounts.trustedTmp, ...fetched, ...trust, ...kept],
    analyze: [mounts.layers, mounts.meta, mounts.trustedTmp, ...trust],
    // Buildpacks that could write analyzed.toml would choose the run image that export uses.
    detect: [readOnly(mounts.workspace), mounts.layers, readOnly(mounts.meta), mounts.untrustedTmp, ...platform],
    restore: [mounts.layers, mounts.meta, mounts.trustedTmp, ...trust, ...kept],
    build: [mounts.workspace, mounts.layers, readOnly(mounts.meta), mounts.untrustedTmp, ...platform],
    rebase: [mounts.trustedTmp, ...trust],
    export: [readOnly(mounts.workspace), mounts.layers, mounts.meta, mounts.trustedTmp, ...trust, ...kept],
  };
};

/** VolumeInput say what the volumes of a build pod hold. */
export interface VolumeInput {
  readonly secretName: string;
  readonly spec: Pick<StageRunSpec, 'source' | 'env' | 'bindings' | 'rebase'>;
  readonly ca: boolean;
  /** PersistentVolumeClaim with cached layers. */
  readonly cacheClaim?: string | undefined;
  /** Limit of each scratch volume; absent = the node's disk is the limit. */
  readonly diskLimit?: string | undefined;
}

/** buildVolumes makes the volumes of the build pod. */
export const buildVolumes = ({ secretName, spec, ca, cacheClaim, diskLimit }: VolumeInput): Volume[] => {
  const { source, env = [], bindings = [] } = spec;
  const scratch = (name: string): Volume => ({ name, emptyDir: diskLimit ? { sizeLimit: diskLimit } : {} });
  const own = (name: string, key: string): Volume => ({
    name,
    secret: { secretName, defaultMode: 0o440, items: [{ key, path: key }] },
  });
  const trust = ca ? [own('ca', secretKeys.ca)] : [];
  if (spec.rebase !== undefined) return [scratch('tmp-trusted'), ...trust];
  return [
    scratch('workspace'),
    scratch('layers'),
    { name: 'meta', emptyDir: { sizeLimit: '64Mi' } },
    scratch('tmp'),
    scratch('tmp-trusted'),
    { name: 'platform-env', projected: { defaultMode: 0o440, sources: env.map(envSource(secretName)) } },
    ...bindings.map(bindingSource(secretName)),
    ...(source.git === undefined ? [own('fetch', secretKeys.url)] : gitVolumes(source.git)),
    ...trust,
    ...(cacheClaim === undefined ? [] : [{ name: 'cache', persistentVolumeClaim: { claimName: cacheClaim } }]),
  ];
};

/** Optional, so that a Secret that goes meanwhile is told by fetch and does not keep the pod from starting. */
const gitVolumes = ({ secretRef }: GitSource): Volume[] =>
  secretRef === undefined
    ? []
    : [
        {
          name: 'git',
          secret: {
            secretName: secretRef.name,
            optional: true,
            defaultMode: 0o440,
            items: gitKeys.map((key) => ({ key, path: key })),
          },
        },
      ];

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

/** envSource projects one setting as a file named after it; a user's Secret is mounted from where it lies, never copied. */
const envSource =
  (secretName: string) =>
  ({ name, valueFrom }: BuildEnvVar, index: number): Projection => {
    const ref = valueFrom?.secretKeyRef ?? { name: secretName, key: secretKeys.env(index) };
    return { secret: { name: ref.name, items: [{ key: ref.key, path: name }] } };
  };

/** bindingSource makes the folder of a binding. Of two files of one name the later source counts: what the App says itself. */
const bindingSource =
  (secretName: string) =>
  (binding: BuildBinding, index: number): Volume => {
    const items = bindingFiles
      .filter((file) => binding[file] !== undefined)
      .map((file) => ({ key: secretKeys.binding(index, file), path: file }));
    const sources: Projection[] = [{ secret: { name: binding.name } }];
    if (items.length > 0) sources.push({ secret: { name: secretName, items } });
    return { name: bindingVolume(index), projected: { defaultMode: 0o440, sources } };
  };
