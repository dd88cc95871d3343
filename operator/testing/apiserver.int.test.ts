import { BatchV1Api, CoreV1Api } from '@kubernetes/client-node';
import { expect, test, vi } from 'vitest';
import { connect, inNamespace, privateControlPlane } from './apiserver.ts';

const pod = { containers: [{ name: 'main', image: 'none' }], restartPolicy: 'Never' };

test('a Job gets its pod, and both go with their owner', () =>
  inNamespace(async (namespace) => {
    const core = connect().makeApiClient(CoreV1Api);
    const batch = connect().makeApiClient(BatchV1Api);
    const owner = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'owner' } } });
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata?.uid ?? '', controller: true },
    ];
    const body = { metadata: { name: 'job', ownerReferences }, spec: { template: { spec: pod } } };
    await batch.createNamespacedJob({ namespace, body });
    const pods = async () => (await core.listNamespacedPod({ namespace })).items.length;
    await vi.waitFor(async () => expect(await pods()).toBe(1), { timeout: 15_000 });
    await core.deleteNamespacedConfigMap({ namespace, name: 'owner' });
    await vi.waitFor(async () => expect(await pods()).toBe(0), { timeout: 15_000 });
  }));

test('a private API server comes back at the same place with the same data', async () => {
  await using plane = await privateControlPlane();
  const core = connect(plane.kubeconfig).makeApiClient(CoreV1Api);
  const name = 'kept';
  await core.createNamespace({ body: { metadata: { name } } });
  await plane.stopApiServer();
  await expect(core.readNamespace({ name })).rejects.toThrow();
  await plane.startApiServer();
  expect((await core.readNamespace({ name })).metadata?.name).toBe(name);
});
