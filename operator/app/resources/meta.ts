import type { App } from '../../api/app.ts';
import { childLabels, type Component } from '../../api/names.ts';
import { isOurs } from '../../kube/apply/apply.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';

/** Part names a child, and what is special about its metadata. */
export interface Part {
  readonly name: string;
  readonly component: Component;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const metaOf = (app: App, part: Part): Intent['metadata'] => ({
  name: part.name,
  namespace: app.metadata.namespace,
  labels: { ...childLabels(app.metadata, part.component), ...part.labels },
  ...(part.annotations === undefined ? {} : { annotations: { ...part.annotations } }),
});

/** childOf makes an intent for an object that belongs to the App; its owner reference is added where it is applied. */
export const childOf = (app: App, resource: Resource, part: Part, spec: Readonly<Record<string, unknown>>): Intent => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  metadata: metaOf(app, part),
  spec,
});

/** isOwnedBy tells whether an object belongs to exactly this App, and not to an earlier one of the same name; what lost its owner counts, if it bears our mark. */
export const isOwnedBy = (app: App, object: KubeObject | undefined): boolean =>
  object !== undefined && isOurs(object, app);
