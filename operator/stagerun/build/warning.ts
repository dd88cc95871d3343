import type { KubeObject } from '../../kube/resource.ts';
import type { KubeReader } from '../../kube/types.ts';
import { listWarnings } from '../../kube/client/warnings.ts';

/** readWarning is the newest warning about an object: why a Job gets no pod (quota, admission), why a pod does not start. */
export const readWarning = async (kube: KubeReader, about: KubeObject | undefined): Promise<string | undefined> => {
  const [newest] = await listWarnings(kube, about);
  return newest && [newest.reason, newest.note].filter(Boolean).join(': ');
};
