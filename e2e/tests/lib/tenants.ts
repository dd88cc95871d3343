import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { kubeconfigPath, kubectlPath } from '../../cluster/access.ts';
import { readFileSync } from 'node:fs';
import { inNamespace } from './apps.ts';
import { command, kubectl, type Answer } from './cluster.ts';

/** Tenant is a person with `edit` in one namespace and no right elsewhere: a real ServiceAccount, by its own token. */
export interface Tenant {
  readonly namespace: string;
  /** File with the tenant's credential. */
  readonly kubeconfig: string;
  /** can runs kubectl as the tenant, who may be refused. */
  can(this: void, args: readonly string[], input?: string): Promise<Answer>;
  /** does runs kubectl as the tenant; rejects where it is refused. */
  does(this: void, args: readonly string[], input?: string): Promise<string>;
}

interface Kubeconfig {
  readonly clusters: unknown[];
  readonly contexts: { readonly name: string; readonly context: { readonly cluster: string } }[];
  readonly 'current-context': string;
}

/** kubeconfigOf is the cluster of the administrator's kubeconfig with nobody's credential but the token. */
const kubeconfigOf = (token: string, namespace: string): string => {
  const admin = parse(readFileSync(kubeconfigPath(), 'utf8')) as Kubeconfig;
  const { cluster } = admin.contexts.find(({ name }) => name === admin['current-context'])?.context ?? {};
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: admin.clusters,
    users: [{ name: 'tenant', user: { token } }],
    contexts: [{ name: 'tenant', context: { cluster, namespace, user: 'tenant' } }],
    'current-context': 'tenant',
  });
};

const tenantOf = (namespace: string, kubeconfig: string): Tenant => {
  const can: Tenant['can'] = (args, input) => command(kubectlPath(), args, input, { KUBECONFIG: kubeconfig });
  return {
    namespace,
    kubeconfig,
    can,
    does: async (args, input) => {
      const answer = await can(args, input);
      if (answer.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${answer.stderr}`);
      return answer.stdout;
    },
  };
};

/** withTenant makes a namespace with a person who may edit it, and removes both. */
export const withTenant = <T>(prefix: string, use: (tenant: Tenant) => Promise<T>): Promise<T> =>
  inNamespace(prefix, async (namespace) => {
    await kubectl(['create', 'serviceaccount', 'tenant', '-n', namespace]);
    const binding = ['tenant-edits', '--clusterrole=edit', `--serviceaccount=${namespace}:tenant`];
    await kubectl(['create', 'rolebinding', ...binding, '-n', namespace]);
    const token = await kubectl(['create', 'token', 'tenant', '-n', namespace, '--duration=1h']);
    const folder = await mkdtemp(join(tmpdir(), 'epinio-tenant-'));
    try {
      const kubeconfig = join(folder, 'kubeconfig');
      await writeFile(kubeconfig, kubeconfigOf(token.trim(), namespace), { mode: 0o600 });
      return await use(tenantOf(namespace, kubeconfig));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

/** withTwoTenants: what the second does must not reach the first. */
export const withTwoTenants = <T>(use: (victim: Tenant, neighbour: Tenant) => Promise<T>): Promise<T> =>
  withTenant('victim', (victim) => withTenant('neighbour', (neighbour) => use(victim, neighbour)));
