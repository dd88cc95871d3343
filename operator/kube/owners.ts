import type { KubeObject } from './resource.ts';

/** controllerOf is the reference to the object's controller, the one owner that made it. */
export const controllerOf = (object: KubeObject) =>
  object.metadata?.ownerReferences?.find((owner) => owner.controller === true);

/** controllerUid is the uid of the object's controller. */
export const controllerUid = (object: KubeObject): string | undefined => controllerOf(object)?.uid;

/** groupOf is the group of an apiVersion: group and kind name an owner, whose version may be an older one of the same kind. */
export const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '');
