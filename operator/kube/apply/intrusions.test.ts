import { describe, expect, test } from 'vitest';
import { intrusions, placeText } from './intrusions.ts';
import { Deployment, Ingress, Service, type KubeObject, type Resource } from '../resource.ts';
import type { Intent } from '../types.ts';

const places = (r: Resource, wanted: object, live: object): string[] =>
  intrusions(r, { spec: wanted } as unknown as Intent, { spec: live } as KubeObject).map(({ place }) =>
    placeText(place),
  );

const pod = (...containers: object[]) => ({ template: { spec: { containers } } });
const web = (more: object = {}) => ({ name: 'web', ports: [{ name: 'http', containerPort: 80 }], ...more });
const inWeb = 'spec.template.spec.containers[{"name":"web"}]';

describe('what others put in the place of ours', () => {
  test.each<[string, Resource, object, object, string[]]>([
    ['nothing, where all is ours', Deployment, pod(web()), pod(web()), []],
    ['a switch that we leave alone', Deployment, pod(), { ...pod(), paused: true }, ['spec.paused']],
    ['no switch that is off', Deployment, pod(), { ...pod(), paused: false }, []],
    ['a command in our container', Deployment, pod(web()), pod(web({ command: ['x'] })), [`${inWeb}.command`]],
    ['no command that we want', Deployment, pod(web({ command: ['x'] })), pod(web({ command: ['y'] })), []],
    ['no command of a sidecar', Deployment, pod(web()), pod(web(), { name: 'side', command: ['x'] }), []],
    [
      'another source of our variable',
      Deployment,
      pod(web({ env: [{ name: 'A', value: '' }] })),
      pod(web({ env: [{ name: 'A', valueFrom: {} }] })),
      [`${inWeb}.env[{"name":"A"}].valueFrom`],
    ],
    [
      'another handler of our probe',
      Deployment,
      pod(web({ readinessProbe: { tcpSocket: {} } })),
      pod(web({ readinessProbe: { exec: {}, tcpSocket: {} } })),
      [`${inWeb}.readinessProbe.exec`],
    ],
    [
      'our container under another name',
      Deployment,
      pod(web()),
      pod(web({ name: 'old' })),
      ['spec.template.spec.containers[{"name":"old"}]'],
    ],
    [
      'a container with our port’s name',
      Deployment,
      pod(web()),
      pod(web(), { name: 'side', ports: [{ name: 'http', containerPort: 81 }] }),
      ['spec.template.spec.containers[{"name":"side"}]'],
    ],
    [
      'a native sidecar on our port',
      Deployment,
      pod(web()),
      {
        template: { spec: { containers: [web()], initContainers: [{ name: 'side', ports: [{ containerPort: 80 }] }] } },
      },
      ['spec.template.spec.initContainers[{"name":"side"}]'],
    ],
    [
      'our port under another number, and no other port',
      Service,
      { ports: [{ name: 'http', port: 80 }] },
      {
        ports: [
          { name: 'http', port: 81, protocol: 'TCP' },
          { name: 'metrics', port: 90, protocol: 'TCP' },
        ],
      },
      ['spec.ports[{"port":81,"protocol":"TCP"}]'],
    ],
    [
      'hosts beside ours',
      Ingress,
      { rules: [] },
      { rules: [], tls: [{}], defaultBackend: {} },
      ['spec.defaultBackend', 'spec.tls'],
    ],
  ])('is %s', (_, r, wanted, live, expected) => expect(places(r, wanted, live)).toEqual(expected));
});
