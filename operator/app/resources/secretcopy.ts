import { labels, managedBy } from '../../api/names.ts';
import { apiVersionOf, Secret, type KubeObject } from '../../kube/resource.ts';
import type { Data } from '../../kube/secretdata.ts';
import type { Intent } from '../../kube/types.ts';

const component = 'secret-copy';

/** CopySource is what a Secret of the operator's namespace holds that is copied. */
export interface CopySource {
  readonly type: string;
  readonly data: Data;
}

/** buildSecretCopy makes the copy of a Secret for a namespace; it belongs to no single App. */
export const buildSecretCopy = (namespace: string, name: string, { type, data }: CopySource): Intent => ({
  apiVersion: apiVersionOf(Secret),
  kind: Secret.kind,
  metadata: { name, namespace, labels: { [labels.component]: component, [labels.managedBy]: managedBy } },
  type,
  data,
});

/** isSecretCopy tells our copies from Secrets that somebody else made. */
export const isSecretCopy = ({ metadata }: KubeObject): boolean =>
  metadata?.labels?.[labels.managedBy] === managedBy && metadata.labels[labels.component] === component;
