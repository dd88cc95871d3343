import { expect, it } from 'vitest';
import { staysBecause } from './remains.ts';

const object = (kind: string, name: string, labels?: Record<string, string>) => ({
  kind,
  metadata: { name, namespace: 'epinio-system', ...(labels && { labels }) },
});

it.each<[string, ReturnType<typeof object>, number, RegExp | undefined]>([
  ['CRDs', object('CustomResourceDefinition', 'apps.epinio.io'), 0, /all Apps would go/],
  ['volumes', object('PersistentVolumeClaim', 'minio'), 0, /archives or images/],
  ['the namespace that they are in', object('Namespace', 'epinio-system'), 0, /archives and images/],
  [
    'the roles of people',
    object('ClusterRole', 'epinio-viewer', { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }),
    0,
    /people/,
  ],
  ['the registry while there are Apps', object('Deployment', 'registry'), 3, /nodes pull/],
  ['its configuration', object('ConfigMap', 'registry-config-0123456789'), 3, /nodes pull/],
  ['the door of the nodes', object('DaemonSet', 'registry-node-door'), 3, /nodes pull/],
  ['the namespace of the door', object('Namespace', 'epinio-node'), 3, /nodes pull/],
])('%s stay', (_, one, apps, why) => expect(staysBecause(one, apps)).toMatch(why ?? /never/));

it.each<[string, ReturnType<typeof object>, number]>([
  ['the operator', object('Deployment', 'epinio-operator'), 3],
  ['its rights', object('ClusterRole', 'epinio-operator'), 3],
  ['its configuration', object('ConfigMap', 'epinio-config-0123456789'), 3],
  ['MinIO', object('Deployment', 'minio'), 3],
  ['the registry when there is no App', object('Deployment', 'registry'), 0],
  ['the namespace of the door when there is no App', object('Namespace', 'epinio-node'), 0],
])('%s goes', (_, one, apps) => expect(staysBecause(one, apps)).toBeUndefined());
