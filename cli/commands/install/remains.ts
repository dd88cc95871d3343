import { home } from '../../../operator/api/crd/rbac.ts';
import type { KubeObject } from '../../../operator/kube/resource.ts';

/** Stays is why an object outlives an uninstallation; undefined where it goes. */
export type Stays = string | undefined;

const isNamed = (object: KubeObject, name: string): boolean => object.metadata?.name?.startsWith(name) === true;

const aggregated = (object: KubeObject): boolean =>
  Object.keys(object.metadata?.labels ?? {}).some((label) =>
    label.startsWith('rbac.authorization.k8s.io/aggregate-to-'),
  );

/**
 * staysBecause decides, for an uninstallation that takes no data away. What Apps need to go on serving stays: their objects, and
 * the registry, of which nodes pull their images when a pod moves.
 */
export const staysBecause = (object: KubeObject, apps: number): Stays => {
  const { kind = '' } = object;
  switch (kind) {
    case 'CustomResourceDefinition':
      return 'with it all Apps would go';
    case 'Namespace':
      return object.metadata?.name === home.namespace
        ? 'it holds the archives and images'
        : apps > 0
          ? 'nodes pull the images of Apps there'
          : undefined;
    case 'PersistentVolumeClaim':
      return 'it holds archives or images';
    case 'ClusterRole':
      return aggregated(object) ? 'by it people may see and delete their Apps' : undefined;
    default:
      return apps > 0 && isNamed(object, 'registry') ? 'nodes pull the images of Apps there' : undefined;
  }
};
