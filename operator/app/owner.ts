import type { App } from '../api/app.ts';
import { resourceId } from '../kube/paths.ts';
import { Secret, type KubeObject, type Resource } from '../kube/resource.ts';

/** ownerFor: everything belongs to its App and goes with it, but the pull secret, which serves all Apps of the namespace. */
export const ownerFor = (app: App, resource: Resource): { readonly owner?: KubeObject } =>
  resourceId(resource) === resourceId(Secret) ? {} : { owner: app };
