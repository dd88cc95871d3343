import { expect, it } from 'vitest';
import type { KubeObject } from '../../../operator/kube/resource.ts';
import { manifestFiles } from './files.ts';
import { outdated } from './inventory.ts';
import { idOf, inOrder, parseId } from './kinds.ts';
import { objectsOf } from './settings.ts';

const set = objectsOf(manifestFiles(), { config: {}, images: {} });

it('names every object of the installation so that it is found again', () => {
  for (const object of set) {
    const { apiVersion, kind, metadata } = object;
    const named = { name: metadata?.name, ...(metadata?.namespace !== undefined && { namespace: metadata.namespace }) };
    expect(parseId(idOf(object))).toEqual({ apiVersion, kind, metadata: named });
  }
  expect(new Set(set.map(idOf)).size).toBe(set.length);
});

it.each(['', 'Deployment.apps', 'Widget.example.org a/b', 'Deployment a/b'])('finds nothing in "%s"', (id) =>
  expect(parseId(id)).toBeUndefined(),
);

it('has namespaces and kinds before what is in them, and pods last', () => {
  const kinds = inOrder(set).map(({ kind }) => kind ?? '');
  expect(kinds[0]).toBe('Namespace');
  expect(kinds.lastIndexOf('CustomResourceDefinition')).toBeLessThan(kinds.indexOf('ServiceAccount'));
  expect(kinds.lastIndexOf('ConfigMap')).toBeLessThan(kinds.indexOf('Deployment'));
});

const object = (kind: string, name: string, apiVersion = 'v1'): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'n' },
});

it('takes away what a later set has no more, but no data', () => {
  const earlier = [
    object('Service', 'stays'),
    object('Service', 'goes'),
    object('PersistentVolumeClaim', 'data'),
    object('Namespace', 'n'),
    object('CustomResourceDefinition', 'c', 'apiextensions.k8s.io/v1'),
  ];
  expect(outdated(earlier, [object('Service', 'stays')]).map(idOf)).toEqual(['Service n/goes']);
});
