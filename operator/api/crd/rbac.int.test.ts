import { AuthenticationV1Api, CoreV1Api } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, type Call } from '../../../e2e/cluster/api.ts';
import { until } from '../../../e2e/cluster/shell.ts';
import { privateControlPlane } from '../../testing/apiserver.ts';
import { asOperator, installRoles } from '../../testing/role.ts';
import { allows, editorGrants, homeGrants, operatorGrants, viewerGrants, type Grant, type Request } from './rbac.ts';

const operator = 'system:serviceaccount:epinio-system:epinio-operator';
const team = 'team';
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

/** foreign are things that the operator has no business with; the API server must say so, too. */
const foreign: readonly Grant[] = [
  {
    group: '',
    resources: ['nodes', 'pods/exec', 'pods/eviction', 'serviceaccounts', 'serviceaccounts/token'],
    verbs: [],
  },
  { group: 'rbac.authorization.k8s.io', resources: ['roles', 'rolebindings', 'clusterroles'], verbs: [] },
  { group: 'apiextensions.k8s.io', resources: ['customresourcedefinitions'], verbs: [] },
  { group: 'epinio.io', resources: ['apps/scale'], verbs: [] },
];

let plane: Awaited<ReturnType<typeof privateControlPlane>>;
let call: Call;
let close: () => Promise<void>;

beforeAll(async () => {
  plane = await privateControlPlane({ controllers: ['clusterrole-aggregation-controller'] });
  ({ call, close } = connectTo(plane.kubeconfig));
  await installRoles(call);
  const made = async (path: string, object: object): Promise<void> => {
    const { status, body } = await call('POST', path, object);
    expect(status, String(body.message)).toBe(201);
  };
  await made('/api/v1/namespaces', { metadata: { name: team } });
  const api = '/apis/rbac.authorization.k8s.io/v1';
  for (const name of ['edit', 'view'])
    await made(`${api}/namespaces/${team}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    });
});

afterAll(async () => {
  await close();
  await plane.stop();
});

/** mayOnServer asks the API server itself. */
const mayOnServer = async (
  user: string,
  { verb, group, resource: path, namespace, name }: Request,
): Promise<boolean> => {
  const [resource, subresource] = path.split('/');
  const { body } = await call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    spec: { user, resourceAttributes: { verb, group, resource, subresource, namespace, name } },
  });
  return (body.status as { allowed: boolean }).allowed;
};

const requests = (grants: readonly Grant[], namespace?: string): Request[] =>
  grants.flatMap(({ group, resources, names = [] }) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        [undefined, ...(names.length > 0 ? [...names, 'another'] : [])].map((name) => ({
          ...{ verb, group, resource },
          ...(namespace !== undefined && { namespace }),
          ...(name !== undefined && { name }),
        })),
      ),
    ),
  );

const written = ({ verb, group, resource, namespace = 'all namespaces', name = '' }: Request): string =>
  `${verb} ${resource}.${group} ${name} in ${namespace}`;

const whatMay = async (user: string, list: readonly Request[]): Promise<string[]> => {
  const answers = await Promise.all(list.map(async (request) => ({ request, may: await mayOnServer(user, request) })));
  return answers.filter(({ may }) => may).map(({ request }) => written(request));
};

describe('on a real API server', () => {
  it('the operator may do exactly what `allows` says', async () => {
    const grants = [...operatorGrants, ...homeGrants, ...foreign];
    const all = [...requests(grants), ...requests(grants, team), ...requests(grants, 'epinio-system')];
    const list = [...new Map(all.map((request) => [written(request), request])).values()];
    const name = 'epinio-operator';
    const last = { verb: 'patch', group: 'coordination.k8s.io', resource: 'leases', namespace: 'epinio-system', name };
    await until('the roles are in force', 20, () => mayOnServer(operator, last));
    const wanted = list.filter((request) => allows(request)).map(written);
    expect(wanted.length).toBeGreaterThan(100);
    expect(await whatMay(operator, list)).toEqual(wanted);
  });

  it('a token of the installed operator opens what the role says, and no more', async () => {
    const config = await asOperator(plane.kubeconfig);
    const { status } = await config.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} });
    expect(status?.userInfo?.username).toBe(operator);
    const core = config.makeApiClient(CoreV1Api);
    await expect(core.listSecretForAllNamespaces()).resolves.toBeDefined();
    await expect(core.listNode()).rejects.toMatchObject({ code: 403 });
  });

  it.each([
    ['edit', editorGrants],
    ['view', viewerGrants],
  ])('who may %s a namespace may do the same with its Apps', async (user, grants) => {
    const list = requests(
      [...editorGrants, ...viewerGrants].filter(({ group }) => group === 'epinio.io'),
      team,
    );
    const wanted = grants.flatMap(({ group, resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => written({ verb, group, resource, namespace: team }))),
    );
    await until('the roles are aggregated', 20, () =>
      mayOnServer(user, { verb: 'get', group: 'epinio.io', resource: 'apps', namespace: team }),
    );
    expect([...new Set(await whatMay(user, list))].sort()).toEqual(wanted.sort());
    expect(await whatMay(user, requests([{ group: 'epinio.io', resources: ['apps'], verbs: [] }], 'other'))).toEqual(
      [],
    );
  });
});
