import type { KubeObject } from './resource.ts';

/** controllerOf is the reference to the object's controller, the one owner that made it. */
export const controllerOf = (object: KubeObject) =>
  object.metadata?.ownerReferences?.find((owner) => owner.controller === true);

/** controllerUid is the uid of the object's controller. */
export const controllerUid = (object: KubeObject): string | undefined => controllerOf(object)?.uid;

/**
 * isControlledBy tells whether exactly this object controls the other. A reference is anybody's word: an owner is of the
 * object's own namespace or of none, and only under its own kind and name, or the garbage collector will not know it either.
 */
export const isControlledBy = (object: KubeObject, owner: KubeObject): boolean => {
  const ref = controllerOf(object);
  const { uid, name, namespace } = owner.metadata ?? {};
  return (
    ref !== undefined &&
    ref.uid === uid &&
    ref.name === name &&
    ref.kind === owner.kind &&
    groupOf(ref.apiVersion) === groupOf(owner.apiVersion ?? '') &&
    (namespace === undefined || namespace === object.metadata?.namespace)
  );
};

/** groupOf is the group of an apiVersion: group and kind name an owner, whose version may be an older one of the same kind. */
export const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '');
