import { ConditionType } from '../api/conditions.ts';
import { App } from '../api/app.ts';
import { cacheWish } from '../api/cachewish.ts';
import { cacheTag } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import {
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  Pod,
  ReplicaSet,
  StatefulSet,
  type KubeObject,
  type ObjectOf,
  type Resource,
} from '../kube/resource.ts';
import type { RegistryAddresses, Wanted } from '../registry/index.ts';
import { listLive } from './pages.ts';
import type { SweepContext } from './place.ts';

interface Containers {
  readonly containers?: readonly { readonly image?: string | undefined }[];
  readonly initContainers?: readonly { readonly image?: string | undefined }[];
}

const imagesOf = (spec: Containers | undefined): (string | undefined)[] =>
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map(({ image }) => image);

const ranBy = ({ spec, status }: ObjectOf<typeof Pod>): (string | undefined)[] => [
  ...imagesOf(spec),
  ...[...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].flatMap(({ image, imageID }) => [
    image,
    imageID,
  ]),
];

interface Templated extends KubeObject {
  readonly spec?: { readonly template?: { readonly spec?: Containers | undefined } | undefined } | undefined;
}

/** Workloads have pods only now and then, such as a ReplicaSet to which a rollout is undone: their templates count too. */
const workloads = [Deployment, ReplicaSet, StatefulSet, DaemonSet, Job] as readonly Resource<Templated>[];

const isUnderWay = ({ status }: StageRun): boolean =>
  status?.startTime !== undefined &&
  !['True', 'False'].includes(findCondition(status.conditions, ConditionType.Succeeded)?.status ?? '');

/** Only the operator writes a status: a run that somebody wrote by hand stands for nothing. */
const record = (recorded: Readonly<Record<keyof Wanted['recorded'], Set<string>>>, run: StageRun): void => {
  const { size, image = '' } = run.status ?? {};
  if (size === undefined && !isUnderWay(run)) return;
  recorded.tags.add(run.metadata.name);
  recorded.apps.add(run.spec.appRef.name);
  if (size !== undefined) recorded.digests.add(image.split('@')[1] ?? '');
};

/**
 * wantedIn reads live what must stay of a namespace's images: what its StageRuns built, what its workloads and pods run (also
 * those that Epinio did not make), what its Apps name.
 */
export const wantedIn = async (
  ctx: Pick<SweepContext, 'kube' | 'signal'>,
  addresses: RegistryAddresses,
  namespace: string,
): Promise<Wanted> => {
  const wanted = {
    apps: new Map<string, string>(),
    building: new Set<string>(),
    digests: new Set<string>(),
    tags: new Set<string>(),
    recorded: { apps: new Set<string>(), digests: new Set<string>(), tags: new Set<string>() },
  };
  // A tag may be of any of the namespace's Apps: one too many stays.
  const keep = (references: readonly (string | undefined)[]): void => {
    for (const reference of references) {
      const digest = /sha256:[0-9a-f]{64}/.exec(reference ?? '')?.[0];
      if (digest !== undefined) wanted.digests.add(digest);
      const path = addresses.pathOf(reference ?? '')?.split('@')[0];
      if (path !== undefined) wanted.tags.add(/:([^/]+)$/.exec(path)?.[1] ?? 'latest');
    }
  };
  for await (const app of listLive(ctx, App, namespace)) {
    const { metadata, spec, status } = app;
    wanted.apps.set(metadata.name, cacheTag(cacheWish(app)?.key));
    keep([spec.source?.image, status?.image]);
  }
  for await (const run of listLive(ctx, StageRun, namespace)) {
    wanted.tags.add(run.metadata.name);
    if (isUnderWay(run)) wanted.building.add(run.spec.appRef.name);
    keep([run.status?.image, run.status?.platform?.previousImage]);
    record(wanted.recorded, run);
  }
  for (const workload of workloads)
    for await (const { spec } of listLive(ctx, workload, namespace)) keep(imagesOf(spec?.template?.spec));
  for await (const { spec } of listLive(ctx, CronJob, namespace)) keep(imagesOf(spec?.jobTemplate.spec?.template.spec));
  for await (const pod of listLive(ctx, Pod, namespace)) keep(ranBy(pod));
  return wanted;
};
