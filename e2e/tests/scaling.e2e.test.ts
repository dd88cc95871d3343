import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '../../operator/api/app.ts';
import type { Archive } from '../../cli/pack.ts';
import { addMetricsServer, removeMetricsServer } from '../cluster/metrics-server.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  getApp,
  inNamespace,
  page,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { kubectl, read, traffic, until } from './lib/cluster.ts';

beforeAll(addMetricsServer);
afterAll(removeMetricsServer);

const web = 'epinio.io/process=web';
const operator = ['-n', 'epinio-system', 'deployment/epinio-operator'];

interface Versions {
  readonly items: readonly { readonly kind: string; readonly metadata: { readonly generation?: number } }[];
}

/** generations tell whether somebody changed what an App or one of its objects wants. */
const generations = async (namespace: string): Promise<unknown[]> =>
  (await read<Versions>(['apps.epinio.io,deployments,hpa,pdb,approutes.epinio.io', '-n', namespace]))?.items.map(
    ({ kind, metadata }) => [kind, metadata.generation],
  ) ?? [];

/** What the pods use is measured by the kubelet, told by metrics-server, and judged by Kubernetes' autoscaler. */
test(
  'the load scales an App up and down; neither the same manifest nor another operator nor a stop is in its way',
  { timeout: 600_000 },
  () =>
    inNamespace('load', async (namespace) => {
      const name = `load-${namespace}`;
      const spec = (archive: Archive): object => ({
        source: blob(archive),
        pod: { terminationGracePeriodSeconds: 10 },
        // Far more than the requests of the test take, which must not hold a second pod.
        resources: { requests: { cpu: '200m' }, limits: { cpu: '400m' } },
        autoscaling: { minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
      });
      const serving = (n: number, seconds: number): Promise<App | undefined> =>
        until(
          `${n} pods serve`,
          () => getApp(namespace, name),
          (app) => app?.spec.replicas === n && app.status?.readyReplicas === n && app.status.replicas === n,
          seconds,
        );
      await withArchive(page('one'), async (archive) => {
        await applyApp(namespace, name, spec(archive));
        await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
        await waitFor(namespace, name, 'True/Ready');
        await waitFor(namespace, name, 'True/Autoscaled', 'Scaled', 120);
        // Pods go as soon as they may: what others add to our objects stays.
        const behavior = { spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } } };
        await kubectl(['patch', 'hpa', name, '-n', namespace, '--type=merge', '-p', JSON.stringify(behavior)]);

        const requests = traffic(`${name}.apps.localhost`);
        const [pod = ''] = (await kubectl(['get', 'pods', '-n', namespace, '-l', web, '-o', 'name'])).split('\n');
        const inPod = (script: string) =>
          kubectl(['exec', pod, '-n', namespace, '-c', 'app', '--', 'sh', '-c', script]);
        const burning = inPod('touch /tmp/burn; while [ -e /tmp/burn ]; do :; done').catch(() => '');
        await serving(3, 120);
        expect(await kubectl(['top', 'pod', '-n', namespace])).toContain(name);

        const before = await generations(namespace);
        await applyApp(namespace, name, spec(archive));
        await kubectl(['rollout', 'restart', ...operator]);
        await kubectl(['rollout', 'status', ...operator, '--timeout=120s']);
        await waitFor(namespace, name, 'True/Ready');
        expect((await getApp(namespace, name))?.spec.replicas).toBe(3);
        expect(await generations(namespace)).toEqual(before);

        await inPod('rm /tmp/burn');
        await burning;
        await serving(1, 180);
        await requests.stop();
        expect(requests.failures).toEqual([]);

        await kubectl(['scale', `apps.epinio.io/${name}`, '-n', namespace, '--replicas=0']);
        await waitFor(namespace, name, 'True/Stopped');
        expect((await serving(0, 60))?.spec.replicas).toBe(0);
      });
    }),
);
