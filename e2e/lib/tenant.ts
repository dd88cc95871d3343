import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubectlPath } from '../cluster/access.ts';
import { command, kubectl, type Answer } from './cluster.ts';

interface View {
  readonly clusters: readonly { readonly cluster: object }[];
}

/** Tenant is somebody with the role `edit` in one namespace, and nothing else: a real ServiceAccount with its token. */
export interface Tenant extends Disposable {
  readonly namespace: string;
  /** kubectl as this tenant; never rejects for a refusal. */
  kubectl(this: void, args: readonly string[], input?: string): Promise<Answer>;
}

const apply = (object: object): Promise<string> => kubectl(['apply', '-f', '-'], JSON.stringify(object));

/** asTenant makes the tenant of a namespace that is there. */
export const asTenant = async (namespace: string): Promise<Tenant> => {
  const metadata = { name: 'tenant', namespace };
  await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  await apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  });
  const token = (await kubectl(['create', 'token', 'tenant', '-n', namespace, '--duration=1h'])).trim();
  const view = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json'])) as View;
  const folder = mkdtempSync(join(tmpdir(), 'epinio-tenant-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'tenant',
    clusters: [{ name: 'tenant', cluster: view.clusters[0]?.cluster }],
    users: [{ name: 'tenant', user: { token } }],
    contexts: [{ name: 'tenant', context: { cluster: 'tenant', user: 'tenant', namespace } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  return {
    namespace,
    kubectl: (args, input = '') => command(kubectlPath(), args, input, { KUBECONFIG: kubeconfig }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
};
