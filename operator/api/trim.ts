import type { KubeObject, ObjectMeta } from '../kube/resource.ts';
import { annotations as annotationNames, labels as labelNames, managedBy } from './names.ts';
import { dropPlaceholder } from './placeholder.ts';

/** Also is what a kind needs to keep besides what every kind does. */
export interface Also {
  readonly labels?: readonly string[];
  readonly annotations?: readonly string[];
  /** How many finalizers: who waits for an object to go names what keeps it. */
  readonly finalizers?: number;
}

const ourLabels: readonly string[] = Object.values(labelNames);
const ourAnnotations: readonly string[] = Object.values(annotationNames);

/** A value of ours is shorter; of a longer one so much is kept that it is seen not to be ours. */
const maxValue = 1024;
/** Names and groups of Kubernetes have 253 characters at most. */
const maxOwner = 512;

/** Of a longer text so much is kept that it is seen not to be ours; cut, because a part would keep the whole in memory. */
const cut = (text: string, max: number): string =>
  text.length > max ? Buffer.from(text.slice(0, max)).toString() : text;

type Owner = NonNullable<ObjectMeta['ownerReferences']>[number];

/** An owner that is cut is nobody's: no kind, name or uid of Kubernetes is as long. */
const leanOwner = ({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: Owner): Owner => ({
  apiVersion: cut(apiVersion, maxOwner),
  kind: cut(kind, maxOwner),
  name: cut(name, maxOwner),
  uid: cut(uid, maxOwner),
  ...(controller !== undefined && { controller }),
  ...(blockOwnerDeletion !== undefined && { blockOwnerDeletion }),
});

type Texts = Record<string, string>;

/** pick adds to what was picked what a map has under these names; it makes no map for nothing. */
const pick = (
  picked: Texts | undefined,
  map: Readonly<Texts> | undefined,
  names: readonly string[],
  max: number,
): Texts | undefined => {
  if (map === undefined) return picked;
  let kept = picked;
  for (const name of names) {
    const value = map[name];
    if (value !== undefined) (kept ??= {})[name] = cut(value, max);
  }
  return kept;
};

/** leanMetadata is what the operator reads of metadata: of labels, annotations and owners what it sets itself. */
const leanMetadata = (metadata: ObjectMeta, also: Also): ObjectMeta => {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = metadata;
  // An object has one controller at most.
  const owner = metadata.ownerReferences?.find((one) => one.controller === true);
  const texts = pick(undefined, metadata.labels, ourLabels, maxValue);
  const labels = pick(texts, metadata.labels, also.labels ?? [], maxValue);
  const notes = pick(undefined, metadata.annotations, ourAnnotations, maxValue);
  // Of the configuration, which may be long; all of an object's annotations have 256 KiB at most.
  const annotations = pick(notes, metadata.annotations, also.annotations ?? [], Infinity);
  const finalizers = metadata.finalizers?.slice(0, also.finalizers ?? 0) ?? [];
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(generation !== undefined && { generation }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(owner && { ownerReferences: [leanOwner(owner)] }),
    ...(finalizers.length > 0 && { finalizers }),
  };
};

/**
 * lean makes a trim that keeps of metadata what the operator reads. Whoever may write an object may write a megabyte of labels and
 * a quarter of annotations, into thousands of objects: the cache must not hold them.
 */
export const lean =
  (also: Also = {}) =>
  <T extends KubeObject>(object: T): T =>
    object.metadata === undefined ? object : { ...object, metadata: leanMetadata(object.metadata, also) };

const leanObject = lean();

/** trimOwn is the trim of the kinds of this API. */
export const trimOwn = <T extends KubeObject>(object: T): T => {
  dropPlaceholder(object);
  return leanObject(object);
};

/** trimMetadata is the trim of kinds of which only metadata is cached. */
export const trimMetadata = leanObject;

/** isOfApp: somebody may have taken one of the signs away, and then it is to be mended. */
const isOfApp = (object: KubeObject): boolean =>
  object.metadata?.labels?.[labelNames.app] !== undefined ||
  object.metadata?.annotations?.[annotationNames.applied] !== undefined;

/** trimStrangers keeps strangers' objects by name alone: so much is needed to see that a name is taken, and when it is free again. */
export const trimStrangers = <T extends KubeObject>(object: T): T => {
  const { apiVersion, kind, metadata } = object;
  return trimMetadata(isOfApp(object) ? object : ({ apiVersion, kind, metadata } as T));
};

const leanPod = lean({ labels: ['pod-template-hash'] });

/** ownJobs selects the Jobs that we make. */
export const ownJobs = `${labelNames.app},${labelNames.managedBy}=${managedBy}`;

const leanJob = lean({ finalizers: 5 });

type JobLike = KubeObject & {
  readonly spec?: { readonly suspend?: boolean; readonly parallelism?: number; readonly managedBy?: string };
};

/** trimJob keeps of a Job only what is read: whoever may edit it can write much more into it. */
export const trimJob = <T extends JobLike>({ spec, ...rest }: T): T => {
  const { suspend, parallelism, managedBy: by } = spec ?? {};
  return leanJob({ ...rest, spec: { suspend, parallelism, managedBy: by } } as T);
};

type PodLike = KubeObject & { readonly spec?: { readonly nodeName?: string }; readonly status?: unknown };

/** trimPod keeps of a pod what tells how it fares: the status, which only the cluster writes. */
export const trimPod = <T extends PodLike>(pod: T): T => {
  const { nodeName } = pod.spec ?? {};
  return leanPod({ ...pod, spec: { ...(nodeName !== undefined && { nodeName }) } });
};
