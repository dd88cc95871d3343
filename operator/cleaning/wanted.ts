import { App } from '../api/app.ts';
import { StageRun } from '../api/stagerun.ts';
import { Deployment, Pod, type KubeObject, type Resource } from '../kube/resource.ts';
import type { KubeReader, List } from '../kube/types.ts';
import type { RegistryAddresses, Wanted } from '../registry/index.ts';

const pageSize = 500;

/** listAll reads all pages from the API server itself: before something is deleted for ever no cache is asked. */
const listAll = async <T extends KubeObject>(
  kube: KubeReader,
  r: Resource<T>,
  o: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<T[]> => {
  const items: T[] = [];
  for (let next: string | undefined = ''; next !== undefined;) {
    const page: List<T> = await kube.list(r, { ...o, limit: pageSize, ...(next !== '' && { continue: next }) });
    items.push(...page.items);
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  }
  return items;
};

interface Containers {
  readonly containers?: readonly { readonly image?: string | undefined }[];
  readonly initContainers?: readonly { readonly image?: string | undefined }[];
}

const imagesOf = (spec: Containers | undefined): string[] =>
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ image }) => image ?? []);

/** References are all the ways in which a namespace names an image. */
const referencesIn = async (kube: KubeReader, o: { namespace: string; signal: AbortSignal }, apps: readonly App[]) => {
  const [runs, deployments, pods] = await Promise.all([
    listAll(kube, StageRun, o),
    listAll(kube, Deployment, o),
    listAll(kube, Pod, o),
  ]);
  const status = pods.flatMap((pod) => [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
  ]);
  return {
    runs,
    references: [
      ...runs.flatMap((run) => [run.status?.image, run.status?.platform?.previousImage]),
      ...apps.flatMap((app) => [app.spec.source?.image, app.status?.image]),
      ...deployments.flatMap(({ spec }) => imagesOf(spec?.template.spec)),
      ...pods.flatMap((pod) => imagesOf(pod.spec)),
      ...status.flatMap(({ image, imageID }) => [image, imageID]),
    ].filter((reference) => reference !== undefined),
  };
};

/**
 * wantedIn reads live what must stay of a namespace's images: what its StageRuns built, what its Deployments and pods run (also
 * those that Epinio did not make), what its Apps name.
 */
export const wantedIn = async (
  kube: KubeReader,
  addresses: RegistryAddresses,
  o: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<Wanted> => {
  const apps = await listAll(kube, App, o);
  const { runs, references } = await referencesIn(kube, o, apps);
  const digests = references.flatMap((reference) => /sha256:[0-9a-f]{64}/.exec(reference)?.[0] ?? []);
  // A tag may be of any of the namespace's Apps: one too many stays.
  const tags = references.flatMap((reference) => {
    const path = addresses.pathOf(reference)?.split('@')[0];
    if (path === undefined) return [];
    return [/:([^/]+)$/.exec(path)?.[1] ?? 'latest'];
  });
  return {
    apps: new Set(apps.map(({ metadata }) => metadata.name)),
    digests: new Set(digests),
    tags: new Set([...tags, ...runs.map(({ metadata }) => metadata.name)]),
  };
};
