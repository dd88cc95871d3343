import type { KubeObject, Resource } from '../kube/resource.ts';
import type { SweepContext } from './place.ts';

const pageSize = 500;

/** listLive reads a namespace from the API server itself, a page at a time: before something is deleted for ever no cache is asked. */
export async function* listLive<T extends KubeObject>(
  { kube, signal }: Pick<SweepContext, 'kube' | 'signal'>,
  resource: Resource<T>,
  namespace: string,
): AsyncGenerator<T> {
  let from: string | undefined;
  do {
    const page = await kube.list(resource, { namespace, limit: pageSize, signal, ...(from && { continue: from }) });
    yield* page.items;
    from = page.metadata.continue;
  } while (from);
}
