import { describe, expect, it } from 'vitest';
import { allows, editorGrants, homeGrants, operatorGrants, rbac, requestsOf, viewerGrants } from './rbac.ts';

describe('allows', () => {
  it.each([
    ['patch', 'epinio.io', 'apps/status', 'team'],
    ['create', 'batch', 'jobs', 'team'],
    ['watch', 'epinio.io', 'apps', undefined],
    ['get', '', 'pods/log', 'team'],
    ['create', 'coordination.k8s.io', 'leases', 'epinio-system'],
    ['get', 'coordination.k8s.io', 'leases', 'epinio-system', 'epinio-operator'],
    ['patch', 'coordination.k8s.io', 'leases', 'epinio-system', 'epinio-operator'],
  ])('lets the operator %s %s %s in %s', (verb, group, resource, namespace, name?: string) => {
    expect(
      allows({ verb, group, resource, ...(namespace !== undefined && { namespace }), ...(name && { name }) }),
    ).toBe(true);
  });

  it.each([
    ['patch', 'epinio.io', 'apps', 'team'],
    ['update', 'epinio.io', 'apps/status', 'team'],
    ['create', '', 'pods/exec', 'team'],
    ['patch', '', 'configmaps', 'team'],
    ['list', '', 'namespaces', undefined],
    ['get', '', 'pods', 'team'],
    ['patch', 'batch', 'jobs', 'team'],
    ['delete', '', 'services', 'team'],
    ['patch', 'coordination.k8s.io', 'leases', 'epinio-system'],
    ['patch', 'coordination.k8s.io', 'leases', 'epinio-system', 'cert-manager-controller'],
    ['get', 'coordination.k8s.io', 'leases', 'epinio-system', 'cert-manager-controller'],
    ['patch', 'coordination.k8s.io', 'leases', 'team', 'epinio-operator'],
    ['patch', 'coordination.k8s.io', 'leases', undefined],
    ['get', 'rbac.authorization.k8s.io', 'clusterroles', undefined],
  ])('does not let the operator %s %s %s in %s', (verb, group, resource, namespace, name?: string) => {
    expect(
      allows({ verb, group, resource, ...(namespace !== undefined && { namespace }), ...(name && { name }) }),
    ).toBe(false);
  });
});

describe('requestsOf', () => {
  it.each([
    [{ verb: 'apply', resource: 'deployments.apps' }, ['patch apps deployments', 'create apps deployments']],
    [{ verb: 'apply', resource: 'apps.epinio.io/status' }, ['patch epinio.io apps/status']],
    [{ verb: 'get', resource: 'pods/log' }, ['get  pods/log']],
    [{ verb: 'create', resource: 'events.events.k8s.io' }, ['create events.k8s.io events']],
  ])('%o is %o', (counted, wanted) => {
    expect(requestsOf(counted).map(({ verb, group, resource }) => `${verb} ${group} ${resource}`)).toEqual(wanted);
    expect(requestsOf(counted, 'team').every((request) => request.namespace === 'team' && allows(request))).toBe(true);
  });
});

describe('the tables of verbs', () => {
  const tables = { operatorGrants, homeGrants, editorGrants, viewerGrants };

  it.each(Object.entries(tables))(
    '%s has no wildcard and names each resource once, but for what is limited to names',
    (_name, grants) => {
      expect(JSON.stringify(grants)).not.toContain('*');
      const named = grants.flatMap(({ group, resources, names = [] }) =>
        resources.map((resource) => `${group}/${[resource, ...names].join(' ')}`),
      );
      expect(named).toEqual([...new Set(named)]);
    },
  );

  it('let users write no status, and viewers write nothing', () => {
    const writes = (grants: typeof editorGrants): string[] =>
      grants
        .filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)))
        .flatMap(({ resources }) => resources);
    expect(writes(editorGrants)).toEqual(['apps', 'approutes', 'apps/scale', 'stageruns']);
    expect(writes(viewerGrants)).toEqual([]);
  });
});

describe('the rendered roles', () => {
  it('are the operator’s account with its roles, and one role each for those who may edit and view', () => {
    const rendered = [...rbac().values()].flat() as { kind: string; metadata: { name: string } }[];
    expect(rendered.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ServiceAccount epinio-operator',
      'ClusterRole epinio-operator',
      'ClusterRoleBinding epinio-operator',
      'Role epinio-operator',
      'RoleBinding epinio-operator',
      'ClusterRole epinio-editor',
      'ClusterRole epinio-viewer',
    ]);
  });
});
