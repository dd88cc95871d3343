import { expect, it } from 'vitest';
import { ConfigMap, Deployment, Job, Namespace, Node, Secret } from '../resource.ts';
import type { Cache } from '../types.ts';
import { owned, refers, specChanged } from './watches.ts';

const cache = {} as Cache;
const child = (ref: object | undefined) => ({
  metadata: { name: 'child', namespace: 'team', ...(ref && { ownerReferences: [ref as never] }) },
});
const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true };

it.each([
  ['its controller', ref, [{ namespace: 'team', name: 'web' }]],
  ['its controller of an older version', { ...ref, apiVersion: 'apps/v1beta1' }, [{ namespace: 'team', name: 'web' }]],
  ['nobody for an owner that is not the controller', { ...ref, controller: false }, []],
  ['nobody for another kind', { ...ref, kind: 'StatefulSet' }, []],
  ['nobody for the same kind of another group', { ...ref, apiVersion: 'example.com/v1' }, []],
  ['nobody for an object without an owner', undefined, []],
])('owned wakes %s', (_, owner, keys) => {
  expect([...owned(Secret, Deployment).map(child(owner), cache)]).toEqual(keys);
});

it('owned knows owners of the core group and cluster-scoped owners', () => {
  const core = { ...ref, apiVersion: 'v1', kind: 'ConfigMap' };
  expect([...owned(Job, ConfigMap).map(child(core), cache)]).toEqual([{ namespace: 'team', name: 'web' }]);
  const node = { ...ref, apiVersion: 'v1', kind: 'Node' };
  expect([...owned(Secret, Node).map(child(node), cache)]).toEqual([{ namespace: '', name: 'web' }]);
});

it('refers hands the cache to its function', () => {
  const watch = refers(Namespace, (o, c) => (c === cache ? [{ namespace: o.metadata?.name ?? '', name: 'x' }] : []));
  expect([...watch.map({ metadata: { name: 'team' } }, cache)]).toEqual([{ namespace: 'team', name: 'x' }]);
});

it.each([
  ['a status', { generation: 1, resourceVersion: '1' }, { generation: 1, resourceVersion: '2' }, false],
  ['a label', { generation: 1 }, { generation: 1, labels: { a: 'b' } }, false],
  ['a spec', { generation: 1 }, { generation: 2 }, true],
  ['a deletion', { generation: 1 }, { generation: 1, deletionTimestamp: 'now' }, true],
  ['another object of the same name', { uid: 'a', generation: 1 }, { uid: 'b', generation: 1 }, true],
])('specChanged tells %s', (_, before, after, want) => {
  expect(specChanged({ before: { metadata: before }, after: { metadata: after } })).toBe(want);
});

it('specChanged lets what comes and goes through', () => {
  expect([specChanged({ after: {} }), specChanged({ before: {} })]).toEqual([true, true]);
});
