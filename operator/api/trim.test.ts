import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../kube/resource.ts';
import { lean, trimOwn, trimPod } from './trim.ts';

const owner = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop', uid: 'u', controller: true };
const meta = {
  name: 'shop',
  namespace: 'team',
  uid: 'x',
  resourceVersion: '1',
  generation: 2,
  creationTimestamp: '2026-01-01T00:00:00Z',
  deletionTimestamp: '2026-01-02T00:00:00Z',
};

describe('of metadata', () => {
  test('what the operator reads is kept, and nothing else', () => {
    const object: KubeObject = {
      metadata: {
        ...meta,
        labels: { 'epinio.io/app': 'shop', theirs: 'x' },
        annotations: { 'epinio.io/applied': 'hash', theirs: 'x'.repeat(250_000), configured: 'y'.repeat(5000) },
        ownerReferences: [owner, { ...owner, uid: 'other', controller: false }],
        finalizers: ['theirs'],
        managedFields: [{}],
      },
    };
    expect(lean({ annotations: ['configured'] })(object).metadata).toEqual({
      ...meta,
      labels: { 'epinio.io/app': 'shop' },
      annotations: { 'epinio.io/applied': 'hash', configured: 'y'.repeat(5000) },
      ownerReferences: [owner],
    });
  });

  test('finalizers are kept where they are asked for, and only some', () => {
    const finalizers = Array.from({ length: 9 }, (_, i) => `example.org/keep-${i}`);
    expect(lean({ finalizers: 2 })({ metadata: { name: 'a', finalizers } }).metadata).toEqual({
      name: 'a',
      finalizers: ['example.org/keep-0', 'example.org/keep-1'],
    });
  });

  test('what is absent stays absent', () => {
    expect(lean()({ metadata: { name: 'shop', labels: { theirs: 'x' }, annotations: {} } }).metadata).toEqual({
      name: 'shop',
    });
  });

  test('an owner that is none that Kubernetes could have is cut, and still is one', () => {
    const long = (text: string): string => text.repeat(100_000);
    const ownerReferences = [{ ...owner, name: long('n'), uid: long('u'), kind: long('k'), apiVersion: long('a') }];
    const kept = lean()({ metadata: { name: 'x', ownerReferences } }).metadata?.ownerReferences;
    expect(kept).toMatchObject([{ controller: true }]);
    expect(JSON.stringify(kept).length).toBeLessThan(3000);
  });

  test('a value that is too long to be ours is cut', () => {
    const annotations = { 'epinio.io/request-upload': 'x'.repeat(250_000) };
    const { metadata } = lean()({ metadata: { annotations } });
    expect(metadata?.annotations?.['epinio.io/request-upload']).toHaveLength(1024);
  });
});

test('objects of our own kinds keep spec and status, but for the status that only stands in for one', () => {
  const placeholder = { conditions: [{ reason: 'AwaitingOperator' }] };
  expect(trimOwn({ metadata: meta, spec: { a: 1 }, status: placeholder })).toEqual({ metadata: meta, spec: { a: 1 } });
  expect(trimOwn({ metadata: meta, status: { url: 'x' } })).toEqual({ metadata: meta, status: { url: 'x' } });
});

test('a pod keeps its status, its node and the hash of its template', () => {
  const labels = { 'pod-template-hash': 'abc', 'epinio.io/process': 'web', theirs: 'x' };
  const spec = { nodeName: 'n', containers: [{ name: 'app', env: [{ name: 'A', value: 'x'.repeat(100_000) }] }] };
  const pod = { metadata: { ...meta, labels }, spec, status: { phase: 'Running' } };
  expect(trimPod(pod)).toEqual({
    metadata: { ...meta, labels: { 'pod-template-hash': 'abc', 'epinio.io/process': 'web' } },
    spec: { nodeName: 'n' },
    status: { phase: 'Running' },
  });
});
