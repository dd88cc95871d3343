import { livingConditions, batchConditions, findCondition, type ReadCondition, type Scene } from '../conditions.ts';
import { isAlreadyExists, isConflict, isNamespaceTerminating, isTransient, Stopped } from '../errors.ts';
import { applyStatusIfChanged } from '../apply/statuswrites.ts';
import { keyString, type Key, type KubeObject, type Resource } from '../resource.ts';
import { oneLine } from '../../telemetry/oneline.ts';
import type { Context } from '../types.ts';

/** reconcileError is the reason of a condition that tells what a reconcile did not foresee. */
export const reconcileError = 'ReconcileError';

/** WithConditions is an object whose status has conditions. */
export type WithConditions = KubeObject & {
  readonly status?: { readonly conditions?: readonly ReadCondition[] | undefined };
};

/** Control flow, or the end of everything: nothing that a person should hear of. */
const isOrdinary = (error: unknown, { signal }: Context): boolean =>
  signal.aborted ||
  error instanceof Stopped ||
  isConflict(error) ||
  isAlreadyExists(error) ||
  isNamespaceTerminating(error);

interface Failing {
  failures: number;
  message: string;
  toldAt: number;
}

/** The words of a server may differ from try to try, by an address or an id: other words are told this often. */
const newWordsMs = 60_000;

const messageOf = (error: unknown): string => {
  const words = oneLine(error instanceof Error ? error.message : String(error), 1024).replace(/[.\s]+$/, '');
  return `The operator cannot go on and tries again by itself: ${words || 'no reason is known'}.`;
};

type Status = WithConditions['status'];

interface Telling {
  readonly message: string;
  readonly now: Date;
}

/**
 * withError is the status as it was, but for its summary: what the plan would say speaks of children that are not there. What
 * ended stays ended. Undefined: there is nothing to tell.
 */
const withError = (object: WithConditions, ends: boolean, { message, now }: Telling): Status => {
  const scene: Scene = {
    previous: object.status?.conditions,
    generation: object.metadata?.generation ?? 0,
    now,
  };
  const conditions = object.status?.conditions ?? [];
  const fact = { status: 'Unknown', reason: reconcileError, message } as const;
  const succeeded = findCondition(object.status?.conditions, 'Succeeded');
  if (succeeded !== undefined && succeeded.status !== 'Unknown') return undefined;
  const summary = ends
    ? batchConditions(scene, fact)
    : livingConditions(scene, [], { ...fact, progress: 'Reconciling' });
  const types = new Set(['Stalled', ...summary.map(({ type }) => type)]);
  return { ...object.status, conditions: [...summary, ...conditions.filter(({ type }) => !types.has(type ?? ''))] };
};

/** ErrorTeller writes into the status of objects what their reconciles did not foresee. */
export interface ErrorTeller {
  /** tell never throws. */
  tell(key: Key, ctx: Context, error: unknown): Promise<void>;
  /** recovered: the next error is a first one. */
  recovered(key: Key): void;
}

/**
 * errorTeller makes the ErrorTeller of a kind: a webhook that fails, a right that is missing, a mistake in the program. What may
 * pass by itself is told when it comes a second time; the same words are written once. ends: the kind has `Succeeded`.
 */
export const errorTeller = <T extends WithConditions>(kind: Resource<T>, ends: boolean): ErrorTeller => {
  const failing = new Map<string, Failing>();

  const write = async (key: Key, ctx: Context, error: unknown): Promise<void> => {
    const id = keyString(key);
    const known = failing.get(id) ?? { failures: 0, message: '', toldAt: -Infinity };
    failing.set(id, known);
    known.failures++;
    const object: WithConditions | undefined = ctx.cache.get(kind, key);
    if (object === undefined || object.metadata?.deletionTimestamp !== undefined) return void failing.delete(id);
    if (isTransient(error) && known.failures < 2) return;
    const message = messageOf(error);
    const now = ctx.now();
    if (message === known.message || now.getTime() - known.toldAt < newWordsMs) return;
    const status = withError(object, ends, { message, now });
    if (status === undefined) return;
    await applyStatusIfChanged(ctx, kind as Resource<WithConditions>, object, status);
    Object.assign(known, { message, toldAt: now.getTime() });
  };

  return {
    tell: async (key, ctx, error) => {
      if (isOrdinary(error, ctx)) return;
      await write(key, ctx, error).catch((err: unknown) => ctx.log.debug({ err }, 'the error is not told'));
    },
    recovered: (key) => void failing.delete(keyString(key)),
  };
};
