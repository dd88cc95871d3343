import { vi } from 'vitest';
import type { KubeClient } from '../kube/client/client.ts';
import { CustomResourceDefinition, resource, type KubeObject } from '../kube/resource.ts';

/** Thing is an object of a kind that takes any JSON. */
export interface Thing extends KubeObject {
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}
export const Thing = resource<Thing>({ group: 'test.epinio.io', version: 'v1', kind: 'Thing', plural: 'things' });

/** installThings lets the API server know the kind. */
export const installThings = async (kube: KubeClient): Promise<void> => {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  await kube.apply(CustomResourceDefinition, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.test.epinio.io' },
    spec: {
      group: 'test.epinio.io',
      names: { kind: 'Thing', plural: 'things', singular: 'thing', listKind: 'ThingList' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } },
        },
      ],
    },
  });
  await vi.waitFor(() => kube.list(Thing), { timeout: 20_000 });
};
