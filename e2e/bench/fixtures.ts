import { App, type AppSpec } from '../../operator/api/app.ts';
import { AppRoute } from '../../operator/api/approute.ts';
import { appRouteName, deploymentName, group, version } from '../../operator/api/names.ts';
import { imageAsWritten } from '../../operator/app/image.ts';
import { buildAppRoute } from '../../operator/app/resources/approute.ts';
import { buildDeployment } from '../../operator/app/resources/deployment.ts';
import { webOf } from '../../operator/app/resources/process.ts';
import { buildService } from '../../operator/app/resources/service.ts';
import { wantedRoutes } from '../../operator/app/routes.ts';
import { buildIngress } from '../../operator/approute/resources/ingress.ts';
import type { Config } from '../../operator/config.ts';
import { registryAddresses } from '../../operator/registry/index.ts';
import { stamped } from '../../operator/kube/apply/apply.ts';
import type { KubeClient } from '../../operator/kube/client/client.ts';
import {
  Deployment,
  Ingress,
  Service,
  type Key,
  type KubeObject,
  type Resource,
} from '../../operator/kube/resource.ts';
import type { Intent } from '../../operator/kube/types.ts';

const apiVersion = `${group}/${version}`;

/** image that all Apps of the benchmark run; nobody pulls it. */
export const image = 'registry.k8s.io/pause:3.10';

/** specOf is the spec of a benchmark App: an image, and as many pods as there are nodes to run them on. */
export const specOf = (replicas: number): Partial<AppSpec> => ({
  source: { image },
  replicas,
  env: [{ name: 'GREETING', value: 'hello' }],
});

/** createApp is the user's own write: everything else follows from it. */
export const createApp = (kube: KubeClient, key: Key, replicas: number): Promise<App> =>
  kube.apply(
    App,
    { apiVersion, kind: 'App', metadata: { ...key }, spec: specOf(replicas) },
    { fieldManager: 'user', force: true },
  );

/** Written is what the operator once made of an App: the model of the statuses that are written raw. */
export interface Written {
  readonly key: Key;
  readonly app: App;
  readonly route: AppRoute;
}

/** readWritten reads the model of raw writes: an App that the operator has brought to its end. */
export const readWritten = async (kube: KubeClient, key: Key, config: Config): Promise<Written> => {
  const app = await kube.get(App, key);
  const [wanted] = app === undefined ? [] : wantedRoutes(app, config);
  const name = wanted && appRouteName(key.name, wanted);
  const route = name && (await kube.get(AppRoute, { ...key, name }));
  if (app === undefined || !route) throw new Error(`${key.name} is not complete`);
  return { key, app, route };
};

const statusLike = (
  model: KubeObject & { status?: unknown },
  { key, route }: Written,
  to: Key,
  name: string,
): unknown =>
  JSON.parse(
    JSON.stringify(model.status)
      .replaceAll(route.metadata.name, name)
      .replaceAll(key.name, to.name)
      .replaceAll(key.namespace, to.namespace),
  ) as unknown;

const status = (kube: KubeClient, r: Resource, key: Key, value: unknown, fieldManager: string): Promise<KubeObject> =>
  kube.apply(
    r,
    {
      apiVersion: r.group === '' ? r.version : `${r.group}/${r.version}`,
      kind: r.kind,
      metadata: { ...key },
      status: value,
    },
    { subresource: 'status', fieldManager },
  );

/** observeDeployment says of a Deployment without pods what Kubernetes' controller would. */
export const observeDeployment = (kube: KubeClient, key: Key, generation: number): Promise<KubeObject> => {
  const at = new Date().toISOString().replace(/\.\d+/, '');
  const condition = (type: string, reason: string): object => ({
    type,
    status: 'True',
    reason,
    message: 'ok',
    lastUpdateTime: at,
    lastTransitionTime: at,
  });
  const conditions = [
    condition('Available', 'MinimumReplicasAvailable'),
    condition('Progressing', 'NewReplicaSetAvailable'),
  ];
  return status(kube, Deployment, key, { observedGeneration: generation, conditions }, 'kube-controller-manager');
};

/**
 * writeRaw writes an App of no replicas and all that belongs to it, each object and each status once, as the operator leaves
 * them; but for the status of the Deployment, which is another's.
 */
export const writeRaw = async (kube: KubeClient, key: Key, model: Written, config: Config): Promise<App> => {
  const app = await createApp(kube, key, 0);
  const [wanted] = wantedRoutes(app, config);
  if (wanted === undefined) throw new Error('an App without a route');
  const child = async <T extends KubeObject>(r: Resource<T>, intent: Intent, owner: KubeObject): Promise<T> =>
    kube.apply(r, stamped(intent, owner).wanted);
  const route = await child(AppRoute, buildAppRoute(app, wanted), app);
  await child(Service, buildService(app), app);
  await child(
    Deployment,
    buildDeployment(app, webOf(app), {
      image: imageAsWritten(image, { ...config, addresses: registryAddresses(config.registry) }),
      pullSecret: undefined,
    }),
    app,
  );
  await child(Ingress, buildIngress(route, config, undefined), route);
  const { name } = route.metadata;
  await status(kube, AppRoute, { ...key, name }, statusLike(model.route, model, key, name), 'epinio');
  await status(kube, App, key, statusLike(model.app, model, key, name), 'epinio');
  return app;
};

/** writeSettled writes an App as it is when nothing is left to do. */
export const writeSettled = async (kube: KubeClient, key: Key, model: Written, config: Config): Promise<App> => {
  const app = await writeRaw(kube, key, model, config);
  await observeDeployment(kube, { ...key, name: deploymentName(key.name) }, 1);
  return app;
};
