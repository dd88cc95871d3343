import { App } from '../../operator/api/app.ts';
import { labels } from '../../operator/api/names.ts';
import { StageRun } from '../../operator/api/stagerun.ts';
import { kubeconfigPath } from '../../operator/testing/apiserver.ts';
import { start, type Ended } from './process.ts';
import type { World } from './world.ts';

/** inWorld runs a command in the namespace of a world to its end. */
export const inWorld = async (world: World, args: readonly string[], kubeconfig = kubeconfigPath()): Promise<Ended> =>
  (await start([...args, '--namespace', world.namespace], { kubeconfig })).ended;

/** applyApp applies an App as a tool of that name does. */
export const applyApp = (world: World, name: string, spec: object, fieldManager = 'kubectl'): Promise<App> =>
  world.kube.apply(
    App,
    { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { name, namespace: world.namespace }, spec },
    { fieldManager },
  );

/** readApp reads an App that is there. */
export const readApp = async (world: World, name: string): Promise<App> => {
  const app = await world.kube.get(App, { namespace: world.namespace, name });
  if (app === undefined) throw new Error(`no App ${name}`);
  return app;
};

/** archive is a source of which nothing is there. */
export const archive = { blob: { sha256: 'a'.repeat(64), size: 10 } };

/** makeRun makes a StageRun of an App that ended so, as the operator does. */
export const makeRun = async (world: World, app: App, run: string, status: object): Promise<void> => {
  const { namespace } = world;
  const { name, uid } = app.metadata;
  const owner = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name, uid, controller: true };
  const metadata = { name: run, namespace, labels: { [labels.app]: name }, ownerReferences: [owner] };
  const spec = { appRef: { name }, inputs: '0'.repeat(64), source: app.spec.source, reason: 'Source' };
  await world.kube.create(StageRun, { metadata, spec } as unknown as StageRun);
  const intent = { apiVersion: 'epinio.io/v1alpha1', kind: 'StageRun', metadata: { name: run, namespace }, status };
  await world.kube.apply(StageRun, intent, { subresource: 'status' });
};
