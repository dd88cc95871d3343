import { describe, expect, it } from 'vitest';
import type { KubeObject, ObjectOf, Pod } from '../../../operator/kube/resource.ts';
import { stateOf, troubleOf } from './wait.ts';

const part = (kind: string, status: object, spec: object = {}): KubeObject =>
  ({ kind, metadata: { generation: 2 }, spec, status }) as KubeObject;
const seen = { observedGeneration: 2 };

describe('a part works', () => {
  it.each<[string, KubeObject, boolean, string]>([
    [
      'its pods do',
      part('Deployment', { ...seen, replicas: 1, updatedReplicas: 1, availableReplicas: 1 }),
      true,
      '1 of 1 ready',
    ],
    [
      'not while only those of before do',
      part('Deployment', { ...seen, replicas: 2, updatedReplicas: 1, availableReplicas: 1 }),
      false,
      'new pods are starting',
    ],
    [
      'not before the controller has seen the change',
      part('Deployment', { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 }),
      false,
      'new pods are starting',
    ],
    [
      'not with some of its pods',
      part('Deployment', { ...seen, replicas: 2, updatedReplicas: 2, availableReplicas: 1 }, { replicas: 2 }),
      false,
      '1 of 2 ready',
    ],
    [
      'it does on every node',
      part('DaemonSet', { ...seen, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 3 }),
      true,
      '3 of 3 ready',
    ],
    [
      'not on some nodes',
      part('DaemonSet', { ...seen, desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberReady: 3 }),
      false,
      '2 of 3 ready',
    ],
    ['it is done', part('Job', { succeeded: 1 }), true, 'running'],
    ['not while it runs', part('Job', { active: 1 }), false, 'running'],
    [
      'not when it failed',
      part('Job', { conditions: [{ type: 'Failed', status: 'True', message: 'too often' }] }),
      false,
      'failed: too often',
    ],
    [
      'it is served',
      part('CustomResourceDefinition', { conditions: [{ type: 'Established', status: 'True' }] }),
      true,
      'not served yet',
    ],
    ['not while it is not', part('CustomResourceDefinition', {}), false, 'not served yet'],
    ['it needs no time', part('ConfigMap', {}), true, ''],
  ])('%s', (_, object, ready, text) => expect(stateOf(object)).toEqual({ ready, text }));
});

const pod = (status: object) => ({ status }) as ObjectOf<typeof Pod>;

it.each([
  [
    'no node',
    { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes have room' }] },
    '0/1 nodes have room',
  ],
  [
    'no image',
    { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } }] },
    'ImagePullBackOff: not found',
  ],
  [
    'nothing that is not ordinary',
    { containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] },
    undefined,
  ],
  ['nothing of one that runs', { containerStatuses: [{ state: { running: {} } }] }, undefined],
])('says of a pod: %s', (_, status, told) => expect(troubleOf(pod(status))).toBe(told));
