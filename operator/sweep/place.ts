import type { TaskContext } from '../kube/controller/manager.ts';

/** SweepContext is what one pass may use. */
export interface SweepContext extends Pick<TaskContext, 'kube' | 'cache' | 'log' | 'signal'> {
  readonly now: Date;
  /** Only what was unused in all passes of this time is removed. */
  readonly afterMs: number;
  /** Nothing is removed, only logged. */
  readonly dryRun: boolean;
}

/** Thing is what a place holds for a namespace. */
export interface Thing {
  /** Names it in the memory of the sweep, and to people. */
  readonly id: string;
  readonly namespace: string;
  /** Somebody needs it, as far as can be told without much ado. */
  readonly used: boolean;
  /** What its removal gives back, where that is known. */
  readonly bytes?: number;
  /** Nothing else counts what it holds: no StageRun stands for it. */
  readonly unrecorded?: boolean;
}

/** Visit is one walk through a place. */
export interface Visit<T extends Thing> {
  /** rivals are other installations that use the place. */
  readonly rivals: readonly string[];
  /** things come with those of one namespace together; undefined stands for one that the operator did not make. */
  things(): AsyncIterable<T | undefined>;
  /** unused has a last look, at what the API server itself knows: which of these things of one namespace does nobody need? */
  unused(namespace: string, things: readonly T[]): Promise<readonly T[]>;
  /** remove deletes things of one namespace, and tells which of them are gone. */
  remove(things: readonly T[]): Promise<readonly T[]>;
  /** known is what the next visit is told, where the place cannot be listed. */
  known(): readonly string[];
}

/** Place is somewhere outside the cluster, where no owner reference takes away what nobody needs any more. */
export interface Place<T extends Thing> {
  /** What lies there; its plural is a word of logs and metrics. */
  readonly name: 'archives' | 'logs' | 'images';
  /** How many things have their last look and go together. */
  readonly batch: number;
  /** What to do where another installation uses it too. */
  readonly advice: string;
  visit(ctx: SweepContext, before: Before): Promise<Visit<T>>;
}

/** Before is what earlier visits left. */
export interface Before {
  /** uid of the namespace of this operator. */
  readonly installation: string;
  readonly known: readonly string[];
}
