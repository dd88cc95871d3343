import { resourceId } from '../paths.ts';
import type { KubeObject, Resource } from '../resource.ts';
import type { Refusal } from '../apply/refusal.ts';
import type { Intent, Result } from '../types.ts';

/** Child is one object that a plan wants beside the object that it is about. */
export type Child = AppliedChild | CreatedChild | KeptChild;

/** AppliedChild is brought into the form of the intent, and kept in it. */
export interface AppliedChild {
  readonly type: 'apply';
  readonly resource: Resource;
  readonly intent: Intent;
  /** It serves others too: it has no owner, and stays when it is no longer planned. */
  readonly shared?: boolean;
}

/** CreatedChild is made once, exactly as it is, and never changed: what is there under its name is left as it is. */
export interface CreatedChild {
  readonly type: 'create';
  readonly resource: Resource;
  readonly object: KubeObject;
  /** What belongs to it, and so can only be made when its uid is known. */
  readonly dependents: readonly Dependent[];
}

/** KeptChild is there and stays as it is. */
export interface KeptChild {
  readonly type: 'keep';
  readonly resource: Resource;
  readonly name: string;
  /** What of its dependents is missing. */
  readonly dependents?: { readonly of: KubeObject; readonly create: readonly Dependent[] };
}

/** Dependent is made once, with the child that it belongs to as its owner. */
export interface Dependent {
  readonly resource: Resource;
  readonly objectFor: (owner: KubeObject) => KubeObject;
}

/** Owned is an object that is there and belongs to the one that a plan is about. */
export interface Owned {
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** Note is an event that tells users of a transition. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  /** What was done, CamelCase; default Reconcile. */
  readonly action?: string;
  readonly note: string;
}

/** Plan is what one reconcile does about an object with status S: data, carried out by execute in the order of its fields. */
export interface Plan<S> {
  readonly type: 'act';
  /** Everything that should be there; what is owned and not among them is removed. */
  readonly children: readonly Child[];
  /** The whole status; undefined where there is nothing to say at the moment. */
  readonly status: S | undefined;
  /** Told once the status is written. */
  readonly notes: readonly Note[];
  /** What must go although it is not owned. */
  readonly remove?: readonly Owned[];
  readonly next: Result;
}

/** LookUp is a plan that cannot be made before something outside of the cache was asked. */
export interface LookUp<Q> {
  readonly type: 'lookUp';
  readonly query: Q;
}

/** ChildRefusal is why the API server would not have a child in this very reconcile. */
export interface ChildRefusal extends Refusal {
  readonly kind: string;
  /** Of a dependent: the child that was made before it. */
  readonly owner?: KubeObject;
}

/** Observation is what the observations of all kinds have in common. */
export interface Observation {
  /** What belongs to the object, of every kind that a plan of it may want. */
  readonly owned: readonly Owned[];
  /** What was refused in this very reconcile. */
  readonly refusals: readonly ChildRefusal[];
  readonly now: Date;
}

/** apply wants a child as an intent says. */
export const apply = (resource: Resource, intent: Intent): AppliedChild => ({ type: 'apply', resource, intent });

/** keep wants a child that is there to stay as it is. */
export const keep = (resource: Resource, object: KubeObject): KeptChild => ({
  type: 'keep',
  resource,
  name: object.metadata?.name ?? '',
});

const nameOf = (child: Child): string => {
  switch (child.type) {
    case 'apply':
      return child.intent.metadata.name;
    case 'create':
      return child.object.metadata?.name ?? '';
    case 'keep':
      return child.name;
  }
};

/** unplanned are the owned objects that no child of a plan stands for; what goes already is not among them. */
export const unplanned = (owned: readonly Owned[], children: readonly Child[]): Owned[] => {
  const idOf = (resource: Resource, name: string): string => `${resourceId(resource)} ${name}`;
  const planned = new Set(children.map((child) => idOf(child.resource, nameOf(child))));
  return owned.filter(
    ({ resource, object }) =>
      object.metadata?.deletionTimestamp === undefined && !planned.has(idOf(resource, object.metadata?.name ?? '')),
  );
};
