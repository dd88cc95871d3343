import {
  apiVersionOf,
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  Job,
  keyOf,
  Namespace,
  resource,
  Service,
  type KubeObject,
  type Resource,
} from '../../../operator/kube/resource.ts';

const rbac = (kind: string, plural: string, namespaced = true): Resource =>
  resource({ group: 'rbac.authorization.k8s.io', version: 'v1', kind, plural, namespaced });

/** DaemonSet is the part that waits look at. */
export interface DaemonSet extends KubeObject {
  readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady?: number;
  };
}
export const DaemonSet = resource<DaemonSet>({ group: 'apps', version: 'v1', kind: 'DaemonSet', plural: 'daemonsets' });

/** kinds are those of the installation, in the order in which they need each other. */
const kinds: readonly Resource[] = [
  Namespace,
  CustomResourceDefinition,
  resource({ group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' }),
  rbac('ClusterRole', 'clusterroles', false),
  rbac('ClusterRoleBinding', 'clusterrolebindings', false),
  rbac('Role', 'roles'),
  rbac('RoleBinding', 'rolebindings'),
  ConfigMap,
  resource({ group: '', version: 'v1', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims' }),
  resource({ group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy', plural: 'networkpolicies' }),
  Service,
  Job,
  Deployment,
  DaemonSet,
];

/** resourceOf finds the endpoints of an object of the installation. */
export const resourceOf = ({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): Resource => {
  const found = kinds.find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
  if (found === undefined) throw new Error(`${apiVersion} ${kind} is no kind of the installation`);
  return found;
};

const rankOf = (object: KubeObject): number => kinds.indexOf(resourceOf(object));

/** inOrder sorts objects so that each comes after what it needs. */
export const inOrder = <T extends KubeObject>(objects: readonly T[]): T[] =>
  objects.toSorted((a, b) => rankOf(a) - rankOf(b));

/** idOf names an object as people and the inventory do: `Deployment.apps epinio-system/registry`. */
export const idOf = (object: KubeObject): string => {
  const { group, kind } = resourceOf(object);
  const { namespace, name } = keyOf(object);
  return `${kind}${group === '' ? '' : `.${group}`} ${namespace === '' ? '' : `${namespace}/`}${name}`;
};

/** parseId is the inverse of idOf; undefined for what no version of this command writes. */
export const parseId = (id: string): KubeObject | undefined => {
  const [, type = '', namespace, name] = /^(\S+) (?:([a-z0-9.-]+)\/)?(\S+)$/.exec(id) ?? [];
  const found = kinds.find(({ kind, group }) => type === `${kind}${group === '' ? '' : `.${group}`}`);
  if (found === undefined || name === undefined) return undefined;
  return { apiVersion: apiVersionOf(found), kind: found.kind, metadata: { name, ...(namespace && { namespace }) } };
};
