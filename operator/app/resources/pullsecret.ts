import { labels, managedBy } from '../../api/names.ts';
import { apiVersionOf, Secret } from '../../kube/resource.ts';
import type { Intent, Metadata } from '../../kube/types.ts';

/** dockerConfigType is the type of Secrets that nodes pull with. */
export const dockerConfigType = 'kubernetes.io/dockerconfigjson';
const dataKey = '.dockerconfigjson';
const component = 'registry-pull';

/** pullSecretData picks from the installation's Secret what nodes need: it may hold the plain password besides. */
export const pullSecretData = (data: Readonly<Record<string, string>> = {}): Record<string, string> | undefined => {
  const config = data[dataKey];
  return config === undefined ? undefined : { [dataKey]: config };
};

/** buildPullSecret makes the copy of the pull secret for a namespace; it belongs to no single App. */
export const buildPullSecret = (namespace: string, name: string, data: Readonly<Record<string, string>>): Intent => ({
  apiVersion: apiVersionOf(Secret),
  kind: Secret.kind,
  metadata: {
    name,
    namespace,
    labels: { [labels.component]: component, [labels.managedBy]: managedBy },
  },
  type: dockerConfigType,
  data,
});

/** isPullSecretCopy tells our copies from Secrets that somebody else made. */
export const isPullSecretCopy = ({ metadata }: Pick<Metadata, 'metadata'>): boolean =>
  metadata.labels?.[labels.managedBy] === managedBy && metadata.labels[labels.component] === component;
