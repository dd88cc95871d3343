import type { V1ResourceQuota } from '@kubernetes/client-node';
import { resource, type Wire } from '../../kube/resource.ts';

export { Job, keyOf, Pod, Secret } from '../../kube/resource.ts';

/** ResourceQuota is only needed by tests. */
export const ResourceQuota = resource<Wire<V1ResourceQuota>>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
});
