import { describe, expect, it } from 'vitest';
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
import { kubectl, read, traffic, until, visit, type Traffic } from './lib/cluster.ts';
import type { KubeObject } from '../../operator/kube/resource.ts';

interface Stage {
  readonly namespace: string;
  readonly app: string;
  readonly host: string;
  readonly requests: Traffic;
  /** Changes the spec of the App as kubectl does. */
  readonly patch: (spec: object) => Promise<unknown>;
}

/** underTraffic runs an App of one replica, asks it without a pause, and lets no request fail. */
const underTraffic = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace('traffic', async (namespace) => {
    const app = `busy-${namespace}`;
    const host = `${app}.apps.localhost`;
    await withArchive(page('busy'), async (archive) => {
      await applyApp(namespace, app, { source: blob(archive) });
      await curlUpload(await awaitUpload(namespace, app, archive), archive.file);
    });
    await waitFor(namespace, app, 'True/Ready');
    const requests = traffic(host);
    const patch = (spec: object) =>
      kubectl(['patch', 'apps.epinio.io', app, '-n', namespace, '--type=merge', '-p', JSON.stringify({ spec })]);
    try {
      await scene({ namespace, app, host, requests, patch });
    } finally {
      await requests.stop();
    }
    expect(requests.failures).toEqual([]);
    expect(requests.requests).toBeGreaterThan(30);
    expect([...requests.seen.keys()]).toEqual(['busy']);
  });

const podsOf = async ({ namespace, app }: Stage): Promise<KubeObject[]> =>
  (await read<{ items: KubeObject[] }>(['pods', '-n', namespace, '-l', `epinio.io/app=${app},epinio.io/process`]))
    ?.items ?? [];

const untilPods = (stage: Stage, what: string, wished: (pods: KubeObject[]) => boolean): Promise<KubeObject[]> =>
  until(what, () => podsOf(stage), wished, 90);

/** versionsOf tells whether anything was written. */
const versionsOf = async (namespace: string): Promise<unknown> => {
  const kinds = 'apps.epinio.io,approutes.epinio.io,stageruns.epinio.io,deployments,services,ingresses';
  const found = await read<{ items: KubeObject[] }>([kinds, '-n', namespace]);
  return found?.items.map(({ kind, metadata }) => `${kind} ${metadata?.name} ${metadata?.resourceVersion}`);
};

describe('an App of one replica answers every request while', () => {
  it('it is scaled to three pods and back to one', () =>
    underTraffic(async (stage) => {
      const scale = (replicas: number) =>
        kubectl(['scale', `apps.epinio.io/${stage.app}`, `--replicas=${replicas}`, '-n', stage.namespace]);
      await scale(3);
      await until(
        'three pods are ready',
        () => getApp(stage.namespace, stage.app),
        (seen) => seen?.status?.readyReplicas === 3,
        90,
      );
      await scale(1);
      await untilPods(stage, 'one pod is left', (pods) => pods.length === 1);
    }));

  it('a route beside its own is added, changed and removed', () =>
    underTraffic(async (stage) => {
      const { host, patch, namespace, app } = stage;
      const more = `more-${namespace}.apps.localhost`;
      const own = { host, path: '/' };
      const answers = (at: string, path: string, status: number) =>
        until(
          `${at}${path} answers ${status}`,
          () => visit(at, path),
          (seen) => seen.status === status,
          30,
        );
      await patch({ routes: [own, { host: more, path: '/' }] });
      await answers(more, '/', 200);
      await patch({ routes: [own, { host, path: '/sub' }] });
      await answers(more, '/', 404);
      await patch({ routes: null });
      await waitFor(namespace, app, 'True/Ready');
    }));

  it('its pod is replaced by a restart', () =>
    underTraffic(async (stage) => {
      const [before] = await podsOf(stage);
      await stage.patch({ restart: 'now' });
      await untilPods(
        stage,
        'another pod has taken its place',
        (pods) => pods.length === 1 && pods[0]?.metadata?.uid !== before?.metadata?.uid,
      );
    }));

  it('the operator is restarted and killed, which writes nothing', () =>
    underTraffic(async ({ namespace, app }) => {
      const operator = ['-n', 'epinio-system'];
      const before = await versionsOf(namespace);
      await kubectl(['rollout', 'restart', 'deployment/epinio-operator', ...operator]);
      await kubectl(['rollout', 'status', 'deployment/epinio-operator', ...operator, '--timeout=120s']);
      const pods = ['pods', ...operator, '-l', 'app.kubernetes.io/name=epinio-operator'];
      await kubectl(['delete', ...pods, '--force', '--grace-period=0']);
      await kubectl(['rollout', 'status', 'deployment/epinio-operator', ...operator, '--timeout=120s']);
      expect(await versionsOf(namespace)).toEqual(before);
      // The one that came last works.
      const annotated = await getApp(namespace, app);
      await kubectl(['scale', `apps.epinio.io/${app}`, '--replicas=2', '-n', namespace]);
      await until(
        'the new operator scales',
        () => getApp(namespace, app),
        (seen) => seen?.status?.readyReplicas === 2,
        90,
      );
      expect(annotated?.status?.readyReplicas).toBe(1);
    }));

  it('a rollout fails, which is told at once and given up after progressDeadlineSeconds', () =>
    underTraffic(async ({ namespace, app, patch }) => {
      const begun = Date.now();
      await patch({
        progressDeadlineSeconds: 60,
        readinessProbe: { httpGet: { path: '/missing', port: 'http' }, periodSeconds: 2 },
      });
      await waitFor(namespace, app, /\/ProbeFailed$/, 'Deployed', 45);
      const told = await getApp(namespace, app);
      expect(told?.status?.conditions?.find(({ type }) => type === 'Deployed')?.message).toMatch(
        /statuscode: 404\. The pods that are ready serve on\.$/,
      );
      const stalled = await waitFor(namespace, app, 'True/ProbeFailed', 'Stalled', 90);
      expect(Date.now() - begun).toBeGreaterThan(50_000);
      expect(stalled?.status?.readyReplicas).toBe(1);
    }));
});
