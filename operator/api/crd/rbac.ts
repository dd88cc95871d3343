import { group as epinio } from '../names.ts';

/** Verb of a request to the API server. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** Grant allows verbs on resources (with subresource, as RBAC writes it) of one API group; '' is the core group. */
export interface Grant {
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly Verb[];
  /** Only objects of these names. A create has no name yet, so it cannot be limited so. */
  readonly names?: readonly string[];
}

/** home is where manifests/ installs the operator, and its account there. */
export const home = { namespace: 'epinio-system', name: 'epinio-operator' } as const;

/** leaseName is the Lease by which replicas of the operator elect a leader. */
export const leaseName = home.name;

const read = ['get', 'list', 'watch'] as const;
// Server-side apply needs create too, where the object may not be there yet.
const own = [...read, 'create', 'patch', 'delete'] as const;
const write = [...read, 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

/** operatorGrants is what the operator may do in the namespaces that it watches. It is all that it ever asks for. */
export const operatorGrants: readonly Grant[] = [
  // The spec belongs to the user: an App is never written, only its status.
  { group: epinio, resources: ['apps'], verbs: read },
  { group: epinio, resources: ['stageruns', 'approutes'], verbs: own },
  { group: epinio, resources: ['apps/status', 'stageruns/status', 'approutes/status'], verbs: ['patch'] },
  // The admission plugin OwnerReferencesPermissionEnforcement asks for this where blockOwnerDeletion is set.
  { group: epinio, resources: ['apps/finalizers', 'stageruns/finalizers', 'approutes/finalizers'], verbs: ['update'] },
  { group: 'apps', resources: ['deployments'], verbs: own },
  // What may run an image now and then keeps it from being swept.
  { group: 'apps', resources: ['replicasets', 'statefulsets', 'daemonsets'], verbs: ['list'] },
  { group: 'batch', resources: ['cronjobs'], verbs: ['list'] },
  // Jobs are created and never changed.
  { group: 'batch', resources: ['jobs'], verbs: [...read, 'create', 'delete'] },
  { group: 'batch', resources: ['jobs/finalizers'], verbs: ['update'] },
  { group: 'networking.k8s.io', resources: ['ingresses'], verbs: own },
  // Where the Gateway API is installed and the configuration names a Gateway; HTTPRoutes of others may hold hosts in any case.
  { group: 'gateway.networking.k8s.io', resources: ['httproutes'], verbs: own },
  { group: 'gateway.networking.k8s.io', resources: ['gateways'], verbs: read },
  // Services go with their App.
  { group: '', resources: ['services'], verbs: [...read, 'create', 'patch'] },
  { group: 'policy', resources: ['poddisruptionbudgets'], verbs: own },
  { group: 'autoscaling', resources: ['horizontalpodautoscalers'], verbs: own },
  { group: '', resources: ['secrets'], verbs: own },
  // The content of those that an App names: a hash of it rolls the pods.
  { group: '', resources: ['configmaps'], verbs: read },
  // Volumes with the cached layers of builds.
  { group: '', resources: ['persistentvolumeclaims'], verbs: own },
  // Where cert-manager is installed: certificates of routes, and what their issuers say of them.
  { group: 'cert-manager.io', resources: ['certificates'], verbs: own },
  { group: 'cert-manager.io', resources: ['certificaterequests'], verbs: read },
  { group: 'acme.cert-manager.io', resources: ['challenges'], verbs: read },
  // Tells when kinds that need not be there come; only metadata is asked for.
  { group: 'apiextensions.k8s.io', resources: ['customresourcedefinitions'], verbs: ['list', 'watch'] },
  { group: '', resources: ['pods'], verbs: ['list', 'watch'] },
  { group: '', resources: ['pods/log'], verbs: ['get'] },
  { group: 'events.k8s.io', resources: ['events'], verbs: ['create', 'patch', 'list'] },
];

/** homeGrants is what the operator may do in its own namespace. */
export const homeGrants: readonly Grant[] = [
  // It makes the key of its hashes itself, once.
  { group: '', resources: ['secrets'], verbs: [...read, 'create'] },
  // Its own pod tells which image the fetch containers run.
  { group: '', resources: ['pods'], verbs: ['get'] },
  { group: 'coordination.k8s.io', resources: ['leases'], verbs: ['create'] },
  // Leases of others, such as those of controllers beside it, are not its business.
  { group: 'coordination.k8s.io', resources: ['leases'], verbs: ['get', 'patch'], names: [leaseName] },
  // Its uid tells this installation from others that use the same bucket.
  { group: '', resources: ['namespaces'], verbs: ['get'] },
  { group: 'events.k8s.io', resources: ['events'], verbs: ['create', 'patch'] },
];

/** editorGrants come with the role `edit`: who may write an App may run pods with any Secret of the namespace. */
export const editorGrants: readonly Grant[] = [
  { group: epinio, resources: ['apps', 'approutes'], verbs: write },
  { group: epinio, resources: ['apps/scale'], verbs: ['get', 'update', 'patch'] },
  // Only Apps make StageRuns; people cancel them (update, patch) and delete them to build again.
  { group: epinio, resources: ['stageruns'], verbs: [...read, 'update', 'patch', 'delete', 'deletecollection'] },
  { group: epinio, resources: ['apps/status', 'approutes/status', 'stageruns/status'], verbs: ['get'] },
];

/** viewerGrants come with the role `view`. */
export const viewerGrants: readonly Grant[] = [
  { group: epinio, resources: ['apps', 'approutes', 'stageruns'], verbs: read },
  {
    group: epinio,
    resources: ['apps/scale', 'apps/status', 'approutes/status', 'stageruns/status'],
    verbs: ['get'],
  },
];

/** Request is what RBAC looks at in a request to the API server. */
export interface Request {
  readonly verb: string;
  readonly group: string;
  /** Plural, with `/subresource` where there is one. */
  readonly resource: string;
  /** Namespace of the request; absent for all namespaces and for what has none. */
  readonly namespace?: string;
  /** Absent for a create, a list or a watch. */
  readonly name?: string;
}

const grants = (list: readonly Grant[], { verb, group, resource, name }: Request): boolean =>
  list.some(
    (grant) =>
      grant.group === group &&
      grant.resources.includes(resource) &&
      (grant.verbs as readonly string[]).includes(verb) &&
      (grant.names === undefined || (name !== undefined && grant.names.includes(name))),
  );

/** allows tells whether the operator, installed in the namespace `at`, may make a request. */
export const allows = (request: Request, at: string = home.namespace): boolean =>
  grants(operatorGrants, request) || (request.namespace === at && grants(homeGrants, request));

/**
 * requestsOf translates a request as the client counts it (apply, `deployments.apps/status`) into what RBAC is asked: a
 * server-side apply may make the object, so that it needs both patch and create.
 */
export const requestsOf = (
  counted: { readonly verb: string; readonly resource: string },
  namespace?: string,
): Request[] => {
  const [id = '', subresource] = counted.resource.split('/');
  const dot = id.indexOf('.');
  const [plural, group] = dot === -1 ? [id, ''] : [id.slice(0, dot), id.slice(dot + 1)];
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  const verbs = counted.verb !== 'apply' ? [counted.verb] : subresource === undefined ? ['patch', 'create'] : ['patch'];
  return verbs.map((verb) => ({ verb, group, resource, ...(namespace !== undefined && { namespace }) }));
};

const { name, namespace } = home;
const api = 'rbac.authorization.k8s.io';
const labels = { 'app.kubernetes.io/name': name };

const toRules = (list: readonly Grant[]): object[] =>
  list.map(({ group, resources, verbs, names }) => ({
    apiGroups: [group],
    resources,
    ...(names !== undefined && { resourceNames: names }),
    verbs,
  }));

const role = (kind: 'ClusterRole' | 'Role', list: readonly Grant[]): object => ({
  apiVersion: `${api}/v1`,
  kind,
  metadata: { name, ...(kind === 'Role' && { namespace }), labels },
  rules: toRules(list),
});

const binding = (kind: 'ClusterRole' | 'Role'): object => ({
  apiVersion: `${api}/v1`,
  kind: `${kind}Binding`,
  metadata: { name, ...(kind === 'Role' && { namespace }), labels },
  roleRef: { apiGroup: api, kind, name },
  subjects: [{ kind: 'ServiceAccount', name, namespace }],
});

const userRole = (role: string, into: readonly string[], list: readonly Grant[]): object => ({
  apiVersion: `${api}/v1`,
  kind: 'ClusterRole',
  metadata: {
    name: role,
    labels: Object.fromEntries(into.map((target) => [`${api}/aggregate-to-${target}`, 'true'])),
  },
  rules: toRules(list),
});

/** rbac renders the tables: file name → objects. */
export const rbac = (): ReadonlyMap<string, readonly object[]> =>
  new Map<string, readonly object[]>([
    [
      'operator.yaml',
      [
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels } },
        role('ClusterRole', operatorGrants),
        binding('ClusterRole'),
        role('Role', homeGrants),
        binding('Role'),
      ],
    ],
    [
      'users.yaml',
      [
        userRole('epinio-editor', ['edit', 'admin'], editorGrants),
        userRole('epinio-viewer', ['view', 'edit', 'admin'], viewerGrants),
      ],
    ],
  ]);
