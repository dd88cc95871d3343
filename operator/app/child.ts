import type { App } from '../api/app.ts';
import type { CacheSpec } from '../kube/cache/cache.ts';
import type { Child } from '../kube/reconcile/plan.ts';
import type { Resource } from '../kube/resource.ts';
import type { Watch } from '../kube/types.ts';
import type { Observed } from './observed.ts';
import type { Staging } from './staging.ts';
import type { Workload } from './workload.ts';

/** Decided is what was observed of an App, and what that means for its image and its pods. */
export interface Decided {
  readonly observed: Observed;
  readonly staging: Staging;
  readonly work: Workload;
}

/** ChildKind says which children of one kind an App wants. What is owned and not among them goes. */
export type ChildKind = (decided: Decided) => readonly Child[];

/** SingleKind is a kind of which an App has one object, and more under names that it can tell beforehand. */
export interface SingleKind {
  readonly resource: Resource;
  /** Under this name it is ours also when it lost its owner; a stranger's is in the way. */
  readonly nameOf: (app: App) => string;
  /** The same of further names. */
  readonly moreNames?: (app: App) => readonly string[];
  readonly children: ChildKind;
  /** What the cache keeps of strangers' objects; default: that they are there. */
  readonly trim?: CacheSpec['trim'];
  /** How else the cache finds them. */
  readonly indexes?: CacheSpec['indexes'];
  /** Which changes of ours matter; default: every one. */
  readonly changed?: Watch['changed'];
}
