import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App, type AppStatus } from '../../operator/api/app.ts';
import { labels } from '../../operator/api/names.ts';
import { stepNames } from '../../operator/api/steps.ts';
import { StageRun } from '../../operator/api/stagerun.ts';
import { authFrom } from '../../operator/kube/client/auth.ts';
import { createClient, type KubeClient } from '../../operator/kube/client/client.ts';
import { Namespace, Pod } from '../../operator/kube/resource.ts';
import { connect } from '../../operator/testing/apiserver.ts';
import { conditionOf } from './conditions.ts';

/** World is a namespace of the test run's API server in which the test itself plays the operator, and a folder to push. */
export interface World extends AsyncDisposable {
  readonly kube: KubeClient;
  readonly namespace: string;
  /** folder holds one page; the test may change it. */
  readonly folder: string;
  /** tell writes the status that the operator would write, for the App as it is now. */
  tell(name: string, status: Told): Promise<App>;
  /** ready says that the App serves what its spec names now. */
  ready(name: string): Promise<App>;
  /** run makes the StageRun that the App wants. */
  run(name: string, run: string): Promise<void>;
  /** build makes the StageRun that the App wants and a pod of it, whose step runs on the node. */
  build(name: string, run: string, node: string): Promise<void>;
}

/** Told is what the test, as the operator, says of an App. */
export interface Told {
  /** `Ready=Unknown/Staging: The image is being built.` */
  readonly conditions: readonly string[];
  readonly more?: Partial<Omit<AppStatus, 'conditions' | 'observedGeneration'>>;
}

/** createWorld makes both; the namespace may have a name where that is to be seen. */
export const createWorld = async (namespace = `push-${randomBytes(4).toString('hex')}`): Promise<World> => {
  const kube = createClient({ auth: authFrom(connect) });
  await kube.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const folder = await mkdtemp(join(tmpdir(), 'epinio-push-world-'));
  await write(folder, 'index.html', 'hello');
  const tell: World['tell'] = async (name, { conditions, more = {} }) => {
    const app = await kube.get(App, { namespace, name });
    const generation = app?.metadata.generation ?? 0;
    const status = {
      observedGeneration: generation,
      conditions: conditions.map((c) => conditionOf(c, generation)),
      ...more,
    };
    const intent = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { name, namespace }, status };
    return kube.apply(App, intent, { subresource: 'status' });
  };
  const makeRun = async (name: string, run: string): Promise<void> => {
    const app = await kube.get(App, { namespace, name });
    const spec = { appRef: { name }, inputs: '0'.repeat(64), source: app?.spec.source, reason: 'Source' };
    await kube.create(StageRun, { metadata: { name: run, namespace }, spec } as unknown as StageRun);
  };
  return {
    kube,
    namespace,
    folder,
    tell,
    ready: async (name) => {
      const app = await kube.get(App, { namespace, name });
      const sha256 = app?.spec.source?.blob?.sha256;
      const more = { ...(sha256 && { source: { sha256 } }), url: `http://${name}.example.com` };
      return tell(name, { conditions: ['Ready=True/Ready: It runs.', 'Staged=True/Staged'], more });
    },
    run: makeRun,
    build: async (name, run, node) => {
      await makeRun(name, run);
      await makePod(kube, namespace, run, node);
    },
    async [Symbol.asyncDispose]() {
      await kube.remove(Namespace, { namespace: '', name: namespace }, await uidOf(kube, namespace));
      await kube.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const uidOf = async (kube: KubeClient, name: string): Promise<{ uid: string }> => {
  const live = await kube.get(Namespace, { namespace: '', name });
  return { uid: live?.metadata?.uid ?? '' };
};

/** makePod makes the pod of a run as the kubelet would show it while its step fetch runs. */
export const makePod = async (kube: KubeClient, namespace: string, run: string, node: string): Promise<void> => {
  const image = 'example.org/builder:1';
  const containers = stepNames.map((name) => ({ name, image }));
  await kube
    .create(Pod, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: `${run}-`, namespace, labels: { [labels.stageRun]: run } },
      spec: { nodeName: node, containers, restartPolicy: 'Never', automountServiceAccountToken: false },
    })
    .then((pod) => {
      const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };
      const statuses = [{ name: 'fetch', image, imageID: '', ready: true, restartCount: 0, state }];
      const { name = '' } = pod.metadata ?? {};
      const status = { phase: 'Running', containerStatuses: statuses };
      return kube.apply(
        Pod,
        { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, status },
        { subresource: 'status' },
      );
    });
};

/** write writes a file and the folders above it. */
export const write = async (folder: string, path: string, text: string | Buffer): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
};
