import type {
  EventsV1Event,
  V1ConfigMap,
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Ingress,
  V1Job,
  V1Namespace,
  V1Node,
  V1ObjectMeta,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1ReplicaSet,
  V1Secret,
  V1Service,
  V1StatefulSet,
  V1Lease,
  V2HorizontalPodAutoscaler,
  V1CustomResourceDefinition,
} from '@kubernetes/client-node';

/** ObjectMeta is Kubernetes' metadata as the wire has it: plain JSON, so times are RFC 3339 strings and never Date. */
export type ObjectMeta = Omit<V1ObjectMeta, 'creationTimestamp' | 'deletionTimestamp' | 'managedFields'> & {
  creationTimestamp?: string;
  deletionTimestamp?: string;
  managedFields?: unknown[];
};

/** KubeObject is any Kubernetes object as plain JSON. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** Wire turns a generated client-node type into what JSON.parse gives: Date becomes string, all else stays. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer U)[]
    ? Wire<U>[]
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T;

/** Resource names one kind of the API: where its endpoints are, and (by T) what its objects look like. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** API group; '' is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, lower case: the path segment. */
  readonly plural: string;
  readonly namespaced: boolean;
  /**
   * exclusive are fields that, where we apply an object of this kind, nobody else may add: path of an object (`spec`,
   * `spec.template.spec.containers[]`) → names of its fields.
   */
  readonly exclusive?: Readonly<Record<string, readonly string[]>>;
  /** Phantom, never set: carries T through inference. */
  readonly _object?: T;
}

/** ObjectOf is the type of the objects of a Resource. */
export type ObjectOf<R extends Resource> = NonNullable<R['_object']>;

/** Key names an object within its kind; namespace is '' for cluster-scoped kinds. */
export interface Key {
  readonly namespace: string;
  readonly name: string;
}

/** apiVersionOf gives `group/version`, or `v1` for the core group. */
export const apiVersionOf = (r: Resource): string => (r.group === '' ? r.version : `${r.group}/${r.version}`);

/** withKind says what an object is, which the items of a list leave out. */
export const withKind = <T extends KubeObject>(r: Resource<T>, object: T): T => ({
  ...object,
  apiVersion: apiVersionOf(r),
  kind: r.kind,
});

/** keyOf reads the Key of an object. */
export const keyOf = (o: KubeObject): Key => ({ namespace: o.metadata?.namespace ?? '', name: o.metadata?.name ?? '' });

/** keyString gives `namespace/name`, or `name` alone: unique within a kind. */
export const keyString = (k: Key): string => (k.namespace === '' ? k.name : `${k.namespace}/${k.name}`);

/** parseKey is the inverse of keyString: a name has no slash. */
export const parseKey = (text: string): Key => {
  const slash = text.indexOf('/');
  return { namespace: slash < 0 ? '' : text.slice(0, slash), name: text.slice(slash + 1) };
};

/** namespaceOf is the namespace in a keyString; '' for cluster-scoped kinds. */
export const namespaceOf = (text: string): string => text.slice(0, Math.max(0, text.indexOf('/')));

/** resource declares a Resource; namespaced unless said otherwise. */
export const resource = <T extends KubeObject>(
  r: Omit<Resource<T>, 'namespaced' | '_object'> & { readonly namespaced?: boolean },
): Resource<T> => ({ namespaced: true, ...r });

export const Deployment = resource<Wire<V1Deployment>>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  exclusive: {
    spec: ['paused'],
    'spec.template.spec.securityContext.seccompProfile': ['localhostProfile'],
    'spec.template.spec.containers[]': ['command', 'args', 'workingDir', 'livenessProbe', 'startupProbe', 'lifecycle'],
    'spec.template.spec.containers[].lifecycle': ['preStop', 'postStart'],
  },
});
export const ReplicaSet = resource<Wire<V1ReplicaSet>>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
});
export const StatefulSet = resource<Wire<V1StatefulSet>>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
});
export const DaemonSet = resource<Wire<V1DaemonSet>>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
});
export const CronJob = resource<Wire<V1CronJob>>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
});
export const Job = resource<Wire<V1Job>>({ group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs' });
export const Ingress = resource<Wire<V1Ingress>>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  exclusive: { spec: ['defaultBackend', 'tls'] },
});
export const Service = resource<Wire<V1Service>>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  exclusive: { spec: ['externalIPs', 'publishNotReadyAddresses'] },
});
export const Pod = resource<Wire<V1Pod>>({ group: '', version: 'v1', kind: 'Pod', plural: 'pods' });
export const PersistentVolumeClaim = resource<Wire<V1PersistentVolumeClaim>>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
});
export const PodDisruptionBudget = resource<Wire<V1PodDisruptionBudget>>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  exclusive: { spec: ['minAvailable'] },
});
export const HorizontalPodAutoscaler = resource<Wire<V2HorizontalPodAutoscaler>>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
});
export const Secret = resource<Wire<V1Secret>>({ group: '', version: 'v1', kind: 'Secret', plural: 'secrets' });
export const ConfigMap = resource<Wire<V1ConfigMap>>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
});
export const Namespace = resource<Wire<V1Namespace>>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
});
export const Node = resource<Wire<V1Node>>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
});
export const Lease = resource<Wire<V1Lease>>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
});
export const CustomResourceDefinition = resource<Wire<V1CustomResourceDefinition>>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
});
/** Event is an event of events.k8s.io/v1. */
export const Event = resource<Wire<EventsV1Event>>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
});
