import { KubeConfig } from '@kubernetes/client-node';
import { connectTo, type Call } from '../../e2e/cluster/api.ts';
import { until } from '../../e2e/cluster/shell.ts';
import { home, leaseName, rbac } from '../api/crd/rbac.ts';
import { kubeconfigPath } from './apiserver.ts';

interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const pathOf = ({ apiVersion, kind, metadata }: Rendered): string => {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${kind.toLowerCase()}s/${metadata.name}`;
};

const applied = async (call: Call, path: string, object: object): Promise<void> => {
  const { status, body } = await call('PATCH', `${path}?fieldManager=install&force=true`, object);
  if (status >= 300) throw new Error(`${path}: ${String(body.message)}`);
};

/** installRoles applies the rendered roles and the namespace of the operator, as manifests/ does. Doing it twice is no harm. */
export const installRoles = async (call: Call): Promise<void> => {
  const { namespace } = home;
  await applied(call, `/api/v1/namespaces/${namespace}`, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  for (const object of [...rbac().values()].flat() as Rendered[]) await applied(call, pathOf(object), object);
};

/** asOperator gives a way into the test run's API server with exactly the rights of an installed operator. */
export const asOperator = async (kubeconfig: string = kubeconfigPath()): Promise<KubeConfig> => {
  const { call, close } = connectTo(kubeconfig);
  try {
    await installRoles(call);
    const path = `/api/v1/namespaces/${home.namespace}/serviceaccounts/${home.name}/token`;
    const { body } = await call('POST', path, { spec: { expirationSeconds: 7200 } });
    await until('the roles of the operator are in force', 20, () => isInForce(call));
    return withToken(kubeconfig, (body.status as { token: string }).token);
  } finally {
    await close();
  }
};

/** isInForce asks for a right of the role that is applied last. */
const isInForce = async (call: Call): Promise<boolean> => {
  const resourceAttributes = {
    verb: 'patch',
    group: 'coordination.k8s.io',
    resource: 'leases',
    namespace: home.namespace,
    name: leaseName,
  };
  const user = `system:serviceaccount:${home.namespace}:${home.name}`;
  const { body } = await call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    spec: { user, resourceAttributes },
  });
  return (body.status as { allowed: boolean }).allowed;
};

const withToken = (kubeconfig: string, token: string): KubeConfig => {
  const admin = new KubeConfig();
  admin.loadFromFile(kubeconfig);
  const cluster = admin.getCurrentCluster();
  if (!cluster) throw new Error(`${kubeconfig} names no cluster`);
  const config = new KubeConfig();
  config.loadFromClusterAndUser(cluster, { name: home.name, token });
  return config;
};
