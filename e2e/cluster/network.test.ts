import { expect, test } from 'vitest';
import { clusterChains, removalOf } from './network.ts';

const saved = `# Generated
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [1:2]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-A - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:DOCKER - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-A
COMMIT
*filter
:INPUT ACCEPT [0:0]
-A INPUT -s 192.0.2.1/32 -j DROP
COMMIT
`;

test('only chains of the cluster are found', () => {
  expect(clusterChains(saved)).toEqual(['KUBE-SERVICES', 'KUBE-SVC-A', 'CNI-HOSTPORT-DNAT']);
});

test('the removal empties and deletes the chains, takes out the jumps to them, and names no table without any', () => {
  expect(removalOf(saved).split('\n')).toEqual([
    '*nat',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-SVC-A - [0:0]',
    ':CNI-HOSTPORT-DNAT - [0:0]',
    '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-X KUBE-SERVICES',
    '-X KUBE-SVC-A',
    '-X CNI-HOSTPORT-DNAT',
    'COMMIT',
    '',
  ]);
});

test('a machine without a cluster is not touched', () => {
  expect(removalOf('*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n')).toBe('');
});
