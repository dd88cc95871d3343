import type { KubeClient } from '../client/client.ts';
import { resourceId } from '../paths.ts';
import { CustomResourceDefinition, type KubeObject, type Resource } from '../resource.ts';
import { Reflector } from './reflector.ts';
import type { Timing } from './reflectorstate.ts';
import { Store } from './store.ts';

const onlyItsVersion = ({ metadata: { name, uid, resourceVersion } = {} }: KubeObject): KubeObject => ({
  metadata: { ...(name && { name }), ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
});

/**
 * followDefinition watches the one CustomResourceDefinition that serves a kind, and tells of each change of it: it may have come
 * into force. Whoever may not watch it is told nothing, and finds the kind by looking for it now and then.
 */
export const followDefinition = (
  client: KubeClient,
  kind: Resource,
  { timing, changed }: { readonly timing: Partial<Timing> | undefined; readonly changed: () => void },
): Reflector<KubeObject> =>
  new Reflector<KubeObject>({
    client,
    store: new Store<KubeObject>({ resource: CustomResourceDefinition, trim: onlyItsVersion }),
    fieldSelector: `metadata.name=${resourceId(kind)}`,
    metadataOnly: true,
    changed,
    timing,
  });
